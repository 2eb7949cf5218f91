/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_map.c - reads a flat YAML mapping by libyaml's events, so that nothing deeper is ever built.
 */
#include "controller/object/yaml_map.h"

#include "core/check.h"

#include <yaml.h>

/* Where the reader stands in the document. */
enum place { PLACE_TOP, PLACE_KEY, PLACE_VALUE, PLACE_LIST, PLACE_END };

struct reader {
    yaml_parser_t parser;
    struct yaml_map *map;
    struct text *error;
    size_t capacity;
    enum place place;
    struct bytes key;
};

static enum status fail(struct reader *reader, size_t line, const char *what)
{
    text_printf(reader->error, "line %zu: %s", line, what);
    return STATUS_INVALID;
}

static void add_entry(struct reader *reader, struct bytes value, size_t line)
{
    struct yaml_map *map = reader->map;

    if (map->count == reader->capacity) {
        size_t wanted = reader->capacity * 2 + 16;
        struct yaml_map_entry *entries =
            arena_alloc(&map->arena, wanted * sizeof(struct yaml_map_entry));

        if (map->count > 0)
            memcpy(entries, map->entries, map->count * sizeof(*entries));
        map->entries = entries;
        reader->capacity = wanted;
    }
    map->entries[map->count++] = (struct yaml_map_entry){
        reader->key, arena_copy(&map->arena, value), (uint32_t)line, reader->place == PLACE_LIST};
}

static bool has_key(const struct yaml_map *map, struct bytes key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (bytes_equal(map->entries[i].key, key))
            return true;
    }
    return false;
}

/* A plain ~, null or nothing at all stands for "no value". */
static bool is_null(const yaml_event_t *event, struct bytes value)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (value.len == 0 || bytes_equal(value, BYTES("~")) || bytes_equal(value, BYTES("null")));
}

static enum status on_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct bytes value =
        bytes_from((const char *)event->data.scalar.value, event->data.scalar.length);
    size_t line = event->start_mark.line + 1;

    if (reader->map->count >= YAML_MAP_ENTRIES_MAX)
        return fail(reader, line, "too many entries");
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL)
        return fail(reader, line, "a NUL byte in a value");
    switch (reader->place) {
    case PLACE_KEY:
        if (has_key(reader->map, value))
            return fail(reader, line, "the same key a second time");
        reader->key = arena_copy(&reader->map->arena, value);
        reader->place = PLACE_VALUE;
        return STATUS_OK;
    case PLACE_VALUE:
        add_entry(reader, is_null(event, value) ? BYTES_NONE : value, line);
        reader->place = PLACE_KEY;
        return STATUS_OK;
    case PLACE_LIST:
        add_entry(reader, value, line);
        return STATUS_OK;
    case PLACE_TOP:
        return is_null(event, value) ? STATUS_OK : fail(reader, line, "no mapping of keys");
    case PLACE_END:
        break;
    }
    return fail(reader, line, "text after the mapping");
}

static enum status on_start(struct reader *reader, const yaml_event_t *event, enum place wanted,
                            enum place next, const char *what)
{
    if (reader->place != wanted)
        return fail(reader, event->start_mark.line + 1, what);
    reader->place = next;
    return STATUS_OK;
}

static enum status on_event(struct reader *reader, const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_MAPPING_START_EVENT:
        return on_start(reader, event, PLACE_TOP, PLACE_KEY, "a mapping where a value belongs");
    case YAML_MAPPING_END_EVENT:
        reader->place = PLACE_END;
        return STATUS_OK;
    case YAML_SEQUENCE_START_EVENT:
        return on_start(reader, event, PLACE_VALUE, PLACE_LIST, "a list where none belongs");
    case YAML_SEQUENCE_END_EVENT:
        reader->place = PLACE_KEY;
        return STATUS_OK;
    case YAML_DOCUMENT_START_EVENT:
        return reader->place == PLACE_END
                   ? fail(reader, event->start_mark.line + 1, "a second document")
                   : STATUS_OK;
    case YAML_ALIAS_EVENT:
        return fail(reader, event->start_mark.line + 1, "an alias, which is not taken here");
    default:
        return STATUS_OK;
    }
}

static enum status read_events(struct reader *reader)
{
    for (;;) {
        yaml_event_t event;
        enum status status;
        bool is_last;

        if (!yaml_parser_parse(&reader->parser, &event)) {
            const char *problem = reader->parser.problem;

            return fail(reader, reader->parser.problem_mark.line + 1,
                        problem != NULL ? problem : "not YAML");
        }
        is_last = event.type == YAML_STREAM_END_EVENT;
        status = on_event(reader, &event);
        yaml_event_delete(&event);
        if (status != STATUS_OK || is_last)
            return status;
    }
}

enum status yaml_map_read(struct bytes text, struct yaml_map *map, struct text *error)
{
    struct reader reader = {.map = map, .error = error, .place = PLACE_TOP};
    enum status status;

    *map = (struct yaml_map){0};
    arena_init(&map->arena, 1024);
    CHECK(yaml_parser_initialize(&reader.parser) == 1);
    yaml_parser_set_input_string(&reader.parser,
                                 (const unsigned char *)(text.len > 0 ? text.at : ""), text.len);
    status = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    return status;
}

void yaml_map_fini(struct yaml_map *map)
{
    arena_fini(&map->arena);
    *map = (struct yaml_map){0};
}
