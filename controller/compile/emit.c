/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - findings: kept by owner, written into the table.
 */
#include "controller/compile/emit.h"

#include "core/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_add_plain(struct text *out, struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];

        if (byte < 0x20 || byte == 0x7f)
            text_printf(out, "\\x%02X", byte);
        else
            text_add_byte(out, (char)byte);
    }
}

void text_add_quoted(struct text *out, struct bytes value)
{
    static const char bytes[] = "\a\b\f\n\r\t\v\"\\", letters[] = "abfnrtv\"\\";

    text_add_byte(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        const char *at = byte == '\0' ? NULL : strchr(bytes, byte);

        if (at != NULL) {
            text_add_byte(out, '\\');
            text_add_byte(out, letters[at - bytes]);
        } else if (byte < 0x20 || byte == 0x7f) {
            text_printf(out, "\\x%02x", byte);
        } else {
            text_add_byte(out, value.at[i]);
        }
    }
    text_add_byte(out, '"');
}

static bool is_plain(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];

        if (byte < 0x20 || byte == 0x7f)
            return false;
    }
    return true;
}

struct bytes plain_copy(struct arena *arena, struct bytes value)
{
    struct text text;
    struct bytes copy;

    text_init(&text);
    text_add_plain(&text, value);
    copy = arena_copy(arena, text_bytes(&text));
    text_fini(&text);
    return copy;
}

/* Values of objects are quoted in findings, and may be as long as their author liked. */
#define FINDING_BYTES_MAX 1024

struct bytes plain_vprintf(struct arena *arena, const char *format, va_list args)
{
    char text[FINDING_BYTES_MAX + 1];
    struct bytes result;
    int len = vsnprintf(text, sizeof(text), format, args);

    CHECK(len >= 0);
    if (len > FINDING_BYTES_MAX) {
        len = FINDING_BYTES_MAX;
        memcpy(text + len - 3, "...", 3);
    }
    result = bytes_from(text, (size_t)len);
    return is_plain(result) ? arena_copy(arena, result) : plain_copy(arena, result);
}

struct bytes plain_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    struct bytes result;

    va_start(args, format);
    result = plain_vprintf(arena, format, args);
    va_end(args);
    return result;
}

static struct bytes title(enum object_kind kind, struct bytes ns, struct bytes name,
                          struct arena *arena)
{
    if (ns.len == 0)
        return plain_printf(arena, "%s %.*s", object_kind_name(kind), BYTES_ARG(name));
    return plain_printf(arena, "%s %.*s/%.*s", object_kind_name(kind), BYTES_ARG(ns),
                        BYTES_ARG(name));
}

struct bytes object_title(const struct object *object, struct arena *arena)
{
    return title(object->kind, object->ns, object->name, arena);
}

void emit_init(struct emit *emit)
{
    *emit = (struct emit){0};
    list_init(&emit->sets);
    map_init(&emit->by_key);
    map_init(&emit->told);
}

static void set_destroy(struct emit *emit, struct finding_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        told_unref(&emit->told, set->told[i]);
    emit->left_out_now -= set->left_out;
    list_remove(&set->link);
    mem_free(set);
}

void emit_fini(struct emit *emit)
{
    LIST_EACH (&emit->sets, link)
        set_destroy(emit, LIST_ENTRY(link, struct finding_set, link));
    map_fini(&emit->by_key);
    map_fini(&emit->told);
}

/* NULL when there is nothing to say. The key stands behind what is told. */
static struct finding_set *set_create(struct emit *emit, struct bytes key,
                                      struct findings *findings)
{
    struct finding_set *set;
    size_t told_len;
    char *at;

    findings_finish(findings);
    if (findings->count == 0)
        return NULL;
    told_len = findings->count * sizeof(struct told *);
    set = mem_alloc(sizeof(*set) + told_len + key.len);
    at = (char *)set + sizeof(*set) + told_len;
    set->key = bytes_pack(&at, key);
    set->count = findings->count;
    set->left_out = findings->left_out;
    emit->left_out_now += set->left_out;
    for (size_t i = 0; i < findings->count; i++)
        set->told[i] = told_ref(&emit->told, &findings->drafts[i]);
    list_push_back(&emit->sets, &set->link);
    return set;
}

/* Takes `old` out and puts the new set in; returns it. */
static struct finding_set *replace(struct emit *emit, struct finding_set *old, struct bytes key,
                                   struct findings *findings)
{
    struct finding_set *set = set_create(emit, key, findings);

    if (old != NULL || set != NULL)
        emit->is_changed = true;
    if (old != NULL)
        set_destroy(emit, old);
    return set;
}

void emit_replace(struct emit *emit, struct finding_set **place, struct findings *findings)
{
    *place = replace(emit, *place, BYTES_NONE, findings);
}

void emit_replace_keyed(struct emit *emit, struct bytes key, struct findings *findings)
{
    struct finding_set *old, *set;

    if (findings->count == 0 && emit->by_key.count == 0)
        return;
    old = map_remove(&emit->by_key, key);
    set = replace(emit, old, key, findings);
    if (set != NULL)
        (void)map_put(&emit->by_key, set->key, set);
}

/* The list for the table while it is put together. */
struct writer {
    const struct cache *cache;
    struct arena *arena;
    struct finding *findings; /* mem_resize()d */
    size_t count;
    size_t capacity;
    size_t left_out;
    bool is_about_files; /* what comes now: an error there leaves out what it is about */
};

static void writer_add(struct writer *writer, bool is_error, struct bytes location,
                       struct bytes object, struct bytes text)
{
    if (writer->count == writer->capacity) {
        writer->capacity = writer->capacity * 2 + 64;
        writer->findings =
            mem_resize(writer->findings, writer->capacity * sizeof(*writer->findings));
    }
    writer->findings[writer->count++] =
        (struct finding){is_error, location, object, text, is_error && writer->is_about_files};
}

static struct bytes place_of(const struct object *object, struct arena *arena)
{
    if (object == NULL || object->file.len == 0)
        return BYTES_NONE;
    return plain_printf(arena, "%.*s:%u", BYTES_ARG(object->file), object->line);
}

static void write_told(struct writer *writer, const struct draft *draft)
{
    const struct object *object;

    if (draft->has_location) {
        writer_add(writer, draft->is_error, draft->location, draft->object, draft->text);
        return;
    }
    object = cache_get(writer->cache, draft->kind, draft->ns, draft->name);
    writer_add(writer, draft->is_error, place_of(object, writer->arena),
               title(draft->kind, draft->ns, draft->name, writer->arena), draft->text);
}

static void write_shadowed(struct writer *writer)
{
    const struct object *object, *winner;
    size_t at = 0;

    while ((object = cache_next_shadowed(writer->cache, &at, &winner)) != NULL) {
        struct bytes place = place_of(winner, writer->arena);

        writer_add(writer, false, place_of(object, writer->arena),
                   object_title(object, writer->arena),
                   plain_printf(writer->arena,
                                "defined a second time and left out; the one at %.*s counts",
                                BYTES_ARG(place)));
        writer->findings[writer->count - 1].is_left_out = true;
    }
}

static void write_all(struct writer *writer, const struct emit *emit)
{
    const struct told *told;
    size_t at = 0;

    while ((told = map_next(&emit->told, &at)) != NULL)
        write_told(writer, &told->draft);
    writer->left_out += emit->left_out_now;
}

static int compare_findings(const void *a, const void *b)
{
    const struct finding *left = a, *right = b;
    int order = bytes_compare(left->location, right->location);

    if (order == 0)
        order = bytes_compare(left->object, right->object);
    return order != 0 ? order : bytes_compare(left->text, right->text);
}

/* Of two owners that left out as much about one object, one says so. */
static void drop_repeats(struct writer *writer)
{
    size_t kept = 0;

    if (writer->count > 1)
        qsort(writer->findings, writer->count, sizeof(*writer->findings), compare_findings);
    for (size_t i = 0; i < writer->count; i++) {
        const struct finding *finding = &writer->findings[i];

        if (kept == 0 || compare_findings(&writer->findings[kept - 1], finding) != 0)
            writer->findings[kept++] = *finding;
    }
    writer->count = kept;
}

static uint64_t count_errors(const struct writer *writer)
{
    uint64_t errors = 0;

    for (size_t i = 0; i < writer->count; i++)
        errors += writer->findings[i].is_error;
    return errors;
}

void emit_write(struct emit *emit, const struct emit *files, const struct cache *cache,
                struct builder *builder, struct arena *scratch)
{
    struct writer writer = {.cache = cache, .arena = scratch};

    write_all(&writer, emit);
    writer.is_about_files = true;
    write_all(&writer, files);
    write_shadowed(&writer);
    drop_repeats(&writer);
    builder_set_findings(builder, writer.findings, writer.count);
    emit->errors = count_errors(&writer);
    emit->warnings = writer.count - emit->errors;
    emit->left_out = writer.left_out;
    emit->is_changed = false;
    mem_free(writer.findings);
}

bool emit_is_about_file(const struct emit *files, const struct finding *finding)
{
    size_t colon = bytes_find_last(finding->location, ':');
    const struct finding_set *set =
        map_get(&files->by_key, bytes_slice(finding->location, 0, colon));

    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (bytes_equal(set->told[i]->draft.text, finding->text) &&
            bytes_equal(set->told[i]->draft.object, finding->object))
            return true;
    }
    return false;
}
