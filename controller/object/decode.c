/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - from the text of a manifest to objects.
 *
 *     text -> document -> [List ->] object: kind, metadata, fields of the kind -> packed
 */
#include "controller/object/decode.h"

#include "controller/object/kind.h"
#include "controller/object/metadata.h"
#include "controller/object/tree.h"
#include "core/map.h"
#include "core/mem.h"

#include <stdlib.h>

#define NOTES_CHUNK_BYTES 512
#define LOOSE_CHUNK_BYTES 4096
#define SHOWN_BYTES_MAX   80 /* of a name that may be anything */

/* The reading of one manifest. */
struct manifest {
    struct bytes file;
    struct decoded *decoded;
    struct lines lines;
    struct arena loose; /* of the object being read */
    struct map unknown; /* kinds that were told about: text -> itself */
    size_t objects_capacity;
    bool holds_secret; /* the current document */
    bool is_over;      /* MANIFEST_OBJECTS_MAX was reached */
};

/* What an item of a list takes from the list when it does not say it itself. */
struct defaults {
    struct bytes api_version;
    struct bytes kind;
    uint32_t line;
};

static struct bytes text_field(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    return bytes_from(json_string_value(value), json_string_length(value));
}

static void add_shown(struct text *out, struct bytes name)
{
    text_add_escaped(out, bytes_slice(name, 0, SHOWN_BYTES_MAX));
}

static void add_note(struct manifest *manifest, uint32_t line, const char *sentence)
{
    decoded_add_note(manifest->decoded, true, line, BYTES_NONE, bytes_of(sentence));
}

static void add_object(struct manifest *manifest, struct object *object)
{
    struct decoded *decoded = manifest->decoded;

    if (decoded->objects_count == manifest->objects_capacity) {
        manifest->objects_capacity =
            manifest->objects_capacity == 0 ? 1 : manifest->objects_capacity * 2;
        decoded->objects =
            mem_resize(decoded->objects, manifest->objects_capacity * sizeof(decoded->objects[0]));
    }
    decoded->objects[decoded->objects_count++] = object;
}

/* "Ingress default/web" */
static struct bytes describe(struct manifest *manifest, const struct kind *kind, const json_t *json)
{
    struct bytes ns, name, described;
    struct text text;

    metadata_peek(json, &ns, &name);
    text_init(&text);
    text_add_str(&text, kind->name);
    if (name.len > 0) {
        text_add_byte(&text, ' ');
        if (!kind->is_cluster_wide) {
            add_shown(&text, ns.len == 0 ? BYTES("default") : ns);
            text_add_byte(&text, '/');
        }
        add_shown(&text, name);
    }
    described = arena_copy(&manifest->loose, text_bytes(&text));
    text_fini(&text);
    return described;
}

static void decode_object(struct manifest *manifest, const json_t *json, enum object_kind which,
                          struct bytes api_version, uint32_t line)
{
    const struct kind *kind = kind_of(which);
    struct decoding decoding = {
        .decoded = manifest->decoded,
        .lines = &manifest->lines,
        .arena = &manifest->loose,
        .object = describe(manifest, kind, json),
        .line = line,
        .hides_values = kind->is_secret,
    };
    struct node root = node_root(&decoding, json);
    struct object *loose = arena_zeroed(&manifest->loose, kind->size), *object;

    loose->kind = which;
    loose->line = line;
    loose->file = manifest->file;
    metadata_decode(&root, kind->is_cluster_wide, loose);
    kind->decode(&root, api_version, loose);
    object = kind_pack(kind, &decoding, loose);
    if (object != NULL)
        add_object(manifest, object);
    if (kind->is_secret) {
        secret_wipe((const struct secret *)loose);
        manifest->holds_secret = true;
    }
    arena_reset(&manifest->loose);
}

static void note_unknown_kind(struct manifest *manifest, struct bytes api_version,
                              struct bytes name, uint32_t line)
{
    struct text text;
    struct bytes unknown;
    struct decode_note *note;
    const char *version = kind_find_version(name);

    text_init(&text);
    add_shown(&text, api_version);
    text_add_byte(&text, ' ');
    add_shown(&text, name);
    unknown = arena_copy(&manifest->decoded->arena, text_bytes(&text));
    if (map_get(&manifest->unknown, unknown) == NULL) {
        map_put(&manifest->unknown, unknown, manifest);
        text_add_str(&text, " is no kind that is served here, so it does nothing");
        if (version != NULL && kind_is_of_our_group(api_version))
            text_printf(&text, ": write it as %s", version);
        note = decoded_add_note(manifest->decoded, false, line, BYTES_NONE, text_bytes(&text));
        if (note != NULL)
            note->unknown_kind = unknown;
    }
    text_fini(&text);
}

static void decode_value(struct manifest *manifest, const json_t *json,
                         const struct defaults *defaults);

/* IngressList gives its items the kind Ingress; List gives them nothing. */
static void decode_list(struct manifest *manifest, const json_t *items, const struct defaults *list)
{
    struct defaults defaults = *list;

    defaults.kind.len -= strlen("List");
    if (defaults.kind.len == 0)
        defaults.kind = defaults.api_version = BYTES_NONE;
    for (size_t i = 0; i < json_array_size(items) && !manifest->is_over; i++) {
        const json_t *item = json_array_get(items, i);
        uint32_t line = lines_find(&manifest->lines, item);

        defaults.line = line != 0 ? line : list->line;
        if (json_is_object(item))
            decode_value(manifest, item, &defaults);
        else
            add_note(manifest, defaults.line, "an item of a list is no object: it is left out");
    }
}

static bool is_list(const json_t *json, struct bytes kind)
{
    const json_t *items = json_object_get(json, "items");

    return bytes_ends_with(kind, BYTES("List")) &&
           (json_is_array(items) || json_is_null(items) || kind.len == strlen("List"));
}

static void decode_value(struct manifest *manifest, const json_t *json,
                         const struct defaults *defaults)
{
    struct defaults here = *defaults;
    enum object_kind kind;

    if (json_object_get(json, "kind") != NULL)
        here.kind = text_field(json, "kind");
    if (json_object_get(json, "apiVersion") != NULL)
        here.api_version = text_field(json, "apiVersion");
    if (here.kind.len == 0 || here.api_version.len == 0) {
        add_note(manifest, here.line,
                 here.kind.len == 0 ? "kind is missing, or no text: the object is left out"
                                    : "apiVersion is missing, or no text: the object is left out");
    } else if (is_list(json, here.kind)) {
        decode_list(manifest, json_object_get(json, "items"), &here);
    } else if (kind_find(here.kind, here.api_version, &kind) != STATUS_OK) {
        note_unknown_kind(manifest, here.api_version, here.kind, here.line);
    } else if (manifest->decoded->objects_count == MANIFEST_OBJECTS_MAX) {
        manifest->is_over = true;
    } else {
        decode_object(manifest, json, kind, here.api_version, here.line);
    }
}

/* The text is refused as a whole: what was read of it before does not count. */
static void break_off(struct manifest *manifest, uint32_t line, uint32_t column,
                      const char *sentence)
{
    struct decoded *decoded = manifest->decoded;
    struct decode_note *note;

    while (decoded->objects_count > 0)
        object_unref(decoded->objects[--decoded->objects_count]);
    if (decoded->notes_count >= MANIFEST_NOTES_MAX)
        decoded->notes_count = MANIFEST_NOTES_MAX - 1; /* this one must be told */
    note = decoded_add_note(decoded, true, line, BYTES_NONE, bytes_of(sentence));
    note->column = column;
    decoded->is_broken = true;
}

/* Half a manifest is often just one word, so a document that is no object breaks the file: its
 * objects stay until the other half has been written. */
static void decode_document(struct manifest *manifest, const struct document *document)
{
    struct defaults defaults = {.line = document->line};

    manifest->holds_secret = false;
    if (json_is_object(document->root))
        decode_value(manifest, document->root, &defaults);
    else if (!json_is_null(document->root))
        break_off(manifest, document->line, 1,
                  "a document must be an object with apiVersion and kind");
    if (manifest->is_over)
        break_off(manifest, document->line, 0, "more objects than one manifest may have");
    if (manifest->holds_secret)
        secret_wipe_tree(document->root);
}

static bool looks_like_json(struct bytes text)
{
    size_t at = bytes_starts_with(text, BYTES("\xEF\xBB\xBF")) ? 3 : 0;

    while (at < text.len && memchr(" \t\r\n", text.at[at], 4) != NULL)
        at++;
    return at < text.len && (text.at[at] == '{' || text.at[at] == '[');
}

/* Returns STATUS_END when all documents have been read. */
static enum status decode_json(struct manifest *manifest, struct bytes text,
                               struct tree_error *error)
{
    struct document document;
    struct json_tree tree;
    enum status status;

    json_tree_open(&tree, text, &manifest->lines, error);
    while ((status = json_tree_next(&tree, &document)) == STATUS_OK) {
        decode_document(manifest, &document);
        json_decref(document.root);
        if (manifest->decoded->is_broken)
            return STATUS_END;
    }
    return status;
}

static enum status decode_yaml(struct manifest *manifest, struct bytes text,
                               struct tree_error *error)
{
    struct document document;
    struct yaml_tree tree;
    enum status status;

    yaml_tree_open(&tree, text, &manifest->lines, error);
    while ((status = yaml_tree_next(&tree, &document)) == STATUS_OK) {
        decode_document(manifest, &document);
        json_decref(document.root);
        if (manifest->decoded->is_broken)
            break;
    }
    yaml_tree_close(&tree);
    return status == STATUS_OK ? STATUS_END : status;
}

static void decode_text(struct manifest *manifest, struct bytes text)
{
    struct tree_error error = {0};
    enum status status;

    if (text.len > MANIFEST_BYTES_MAX) {
        break_off(manifest, 0, 0, "larger than a manifest may be (16 MiB): split it");
        return;
    }
    status = tree_check_text(text, &error);
    if (status == STATUS_OK)
        status = looks_like_json(text) ? decode_json(manifest, text, &error)
                                       : decode_yaml(manifest, text, &error);
    if (status == STATUS_INVALID)
        break_off(manifest, error.line, error.column, error.text);
}

void decode_manifest(struct bytes text, struct bytes file, struct decoded *decoded)
{
    struct manifest manifest = {.file = file, .decoded = decoded};

    *decoded = (struct decoded){0};
    arena_init(&decoded->arena, NOTES_CHUNK_BYTES);
    arena_init(&manifest.loose, LOOSE_CHUNK_BYTES);
    lines_init(&manifest.lines);
    map_init(&manifest.unknown);
    decode_text(&manifest, text);
    map_fini(&manifest.unknown);
    lines_fini(&manifest.lines);
    arena_fini(&manifest.loose);
}

void decoded_refuse(struct decoded *decoded, const char *sentence)
{
    *decoded = (struct decoded){.is_broken = true, .is_unread = true};
    arena_init(&decoded->arena, NOTES_CHUNK_BYTES);
    decoded_add_note(decoded, true, 0, BYTES_NONE, bytes_of(sentence));
}

void decoded_remark(struct decoded *decoded, const char *sentence)
{
    *decoded = (struct decoded){0};
    arena_init(&decoded->arena, NOTES_CHUNK_BYTES);
    decoded_add_note(decoded, false, 0, BYTES_NONE, bytes_of(sentence));
}

void decoded_fini(struct decoded *decoded)
{
    for (size_t i = 0; i < decoded->objects_count; i++)
        object_unref(decoded->objects[i]);
    mem_free(decoded->objects);
    mem_free(decoded->notes);
    arena_fini(&decoded->arena);
    *decoded = (struct decoded){0};
}
