/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_fields.c - header lines: a token, a colon, a value, CR LF, and nothing else.
 *
 *     scan -> first line -> [fields] -> judgement -> body
 *
 * No leniency at all, so there is little to get wrong; fuzz_h1_fields holds it against llhttp,
 * which must read whatever is accepted here in the same way (docs/decisions/0011).
 */
#include "proxy/http/h1_fields.h"

#include "proxy/http/field.h"
#include "proxy/http/syntax.h"

#define FIELDS_FIRST_CAPACITY 16
#define ALIAS_LENGTH_MAX      64 /* longer than any name that means something to us */

static void fields_grow(struct h1_fields *fields, struct arena *arena)
{
    uint32_t capacity = fields->capacity == 0 ? FIELDS_FIRST_CAPACITY : fields->capacity * 2;
    struct field *grown = arena_alloc(arena, capacity * sizeof(*grown));

    if (fields->count > 0)
        memcpy(grown, fields->at, fields->count * sizeof(*grown));
    fields->at = grown;
    fields->capacity = capacity;
}

/* Programs behind us read X_Real_IP and X-Real-IP as one name. So even where underscores are
 * allowed, a name that would mean something to us with dashes in their place is dropped. */
static bool is_alias(struct bytes name)
{
    char dashed[ALIAS_LENGTH_MAX];
    struct bytes start = bytes_slice(name, 0, ALIAS_LENGTH_MAX);

    for (size_t i = 0; i < start.len; i++)
        dashed[i] = start.at[i] == '_' ? '-' : start.at[i];
    return field_flags(field_identify(bytes_from(dashed, start.len))) != 0;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The first byte of eight that no value may have unseen: below 0x20, or 0x7F; 8 if there is none.
 * The usual tests of all bytes of a word at once; they may also flag a byte behind a true one. */
static size_t first_control(const char *at)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    uint64_t word, deleted, flags;

    memcpy(&word, at, sizeof(word));
    deleted = word ^ (ones * 0x7f);
    flags = (((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted)) & highs;
    return flags == 0 ? sizeof(word) : (size_t)__builtin_ctzll(flags) / 8;
}

/* Where the value ends: its CR, or the byte that may not be there. Never past `stop`. */
static const char *value_end(const char *at, const char *stop)
{
    while (stop - at >= 8) {
        size_t clean = first_control(at);

        at += clean;
        if (clean < 8 && *at != '\t')
            return at;
        if (clean < 8)
            at++;
    }
    while (at < stop && (*at == '\t' || ((unsigned char)*at >= 0x20 && *at != 0x7f)))
        at++;
    return at;
}

static struct bytes without_blanks_after(struct bytes value)
{
    while (value.len > 0 && is_blank(value.at[value.len - 1]))
        value.len--;
    return value;
}

/* One line that was well formed. */
static void fields_add(struct h1_fields *fields, struct arena *arena, struct bytes name,
                       struct bytes value, bool underscores_allowed)
{
    enum field_id id = field_identify(name);

    if (id == FIELD_OTHER && bytes_find(name, '_') != BYTES_NOT_FOUND &&
        (!underscores_allowed || is_alias(name))) {
        fields->dropped_count++;
        return;
    }
    if (fields->count == fields->capacity)
        fields_grow(fields, arena);
    fields->at[fields->count++] = (struct field){
        .name = name,
        .value = without_blanks_after(value),
        .id = id,
        .hop_by_hop = (field_flags(id) & FIELD_HOP) != 0,
    };
}

enum h1_fault h1_fields_parse(struct bytes lines, const struct h1_limits *limits,
                              bool underscores_allowed, struct arena *arena,
                              struct h1_fields *fields)
{
    const char *at = lines.at;
    const char *stop = lines.at + lines.len;

    *fields = (struct h1_fields){NULL, 0, 0, 0};
    for (;;) {
        const char *name = at;
        const char *colon, *value, *end;

        if (stop - at >= 2 && at[0] == '\r' && at[1] == '\n')
            return at + 2 == stop ? H1_FINE : H1_BAD_FIELD;
        while (at < stop && syntax_is(*at, SYNTAX_TOKEN))
            at++;
        colon = at;
        if (colon == name || colon == stop || *colon != ':')
            return H1_BAD_FIELD;
        for (at++; at < stop && is_blank(*at); at++)
            ;
        value = at;
        end = value_end(at, stop);
        if (stop - end < 2 || end[0] != '\r' || end[1] != '\n')
            return end < stop && (*end == '\r' || *end == '\n') ? H1_BAD_LINE_END : H1_BAD_FIELD;
        if (fields->count + fields->dropped_count >= limits->fields_max)
            return H1_TOO_MANY_FIELDS;
        fields_add(fields, arena, bytes_from(name, (size_t)(colon - name)),
                   bytes_from(value, (size_t)(end - value)), underscores_allowed);
        at = end + 2;
    }
}
