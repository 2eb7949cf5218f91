/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known.c - the files by path, and the log lines about them.
 */
#include "controller/kube/known.h"

#include "core/mem.h"

void known_init(struct known *known)
{
    *known = (struct known){0};
}

static void free_all(struct map *map)
{
    void *value;
    size_t at = 0;

    while ((value = map_next(map, &at)) != NULL)
        mem_free(value);
    map_fini(map);
}

void known_fini(struct known *known)
{
    free_all(&known->files);
    free_all(&known->kinds);
}

struct known_file *known_get(const struct known *known, struct bytes path)
{
    return map_get(&known->files, path);
}

struct known_file *known_add(struct known *known, struct bytes path)
{
    struct known_file *file = mem_alloc(sizeof(struct known_file) + path.len + 1);

    if (path.len > 0)
        memcpy(file->text, path.at, path.len);
    file->path = bytes_from(file->text, path.len);
    map_put(&known->files, file->path, file);
    known->stats.files = known->files.count;
    return file;
}

void known_remove(struct known *known, struct known_file *file)
{
    known_set_broken(known, file, false);
    map_remove(&known->files, file->path);
    known->stats.files = known->files.count;
    mem_free(file);
}

/* The objects of the last reading that parsed are still there: no other reading touches them. */
static bool has_good_objects(const struct known_file *file)
{
    return file->objects_count > 0;
}

void known_set_broken(struct known *known, struct known_file *file, bool is_broken)
{
    if (is_broken && !file->is_broken) {
        known->stats.files_broken++;
        known->stats.files_kept += has_good_objects(file);
    }
    if (!is_broken && file->is_broken) {
        known->stats.files_broken--;
        known->stats.files_kept -= has_good_objects(file);
    }
    file->is_broken = is_broken;
}

/* Manifests are full of kinds for others, so each kind is told once and not once a file. */
static bool is_new_kind(struct known *known, struct bytes kind)
{
    char *copy;

    if (map_get(&known->kinds, kind) != NULL || known->kinds.count >= KNOWN_KINDS_MAX)
        return false;
    copy = mem_string(kind);
    map_put(&known->kinds, bytes_from(copy, kind.len), copy);
    return true;
}

static void tell_unknown_kind(struct log *log, struct bytes path, const struct decode_note *note)
{
    log_warn(log, "manifests have a kind that is not served", LOG_BYTES("kind", note->unknown_kind),
             LOG_BYTES("first_file", path), LOG_UINT("line", note->line),
             LOG_BYTES("text", note->text));
}

static void tell_broken(struct log *log, const struct known_file *file,
                        const struct decode_note *note)
{
    log_error(log,
              has_good_objects(file) ? "a manifest can not be used, its last good objects stay"
                                     : "a manifest can not be used, nothing of it is served",
              LOG_BYTES("file", file->path), LOG_UINT("line", note->line),
              LOG_UINT("column", note->column), LOG_BYTES("text", note->text));
}

static void tell_note(struct log *log, struct bytes path, const struct decode_note *note)
{
    if (note->is_error)
        log_error(log, "an object of a manifest is left out", LOG_BYTES("file", path),
                  LOG_UINT("line", note->line), LOG_BYTES("object", note->object),
                  LOG_BYTES("text", note->text));
    else
        log_warn(log, "an object of a manifest is not what it seems", LOG_BYTES("file", path),
                 LOG_UINT("line", note->line), LOG_BYTES("object", note->object),
                 LOG_BYTES("text", note->text));
}

void known_tell(struct known *known, struct log *log, const struct known_file *file,
                const struct decoded *decoded)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < decoded->notes_count; i++) {
        const struct decode_note *note = &decoded->notes[i];

        if (note->unknown_kind.len > 0) {
            if (is_new_kind(known, note->unknown_kind))
                tell_unknown_kind(log, file->path, note);
        } else if (decoded->is_broken && i + 1 == decoded->notes_count) {
            tell_broken(log, file, note); /* the fault comes last */
        } else {
            tell_note(log, file->path, note);
        }
    }
}
