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

#include "proxy/http/syntax.h"

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
static void fields_add(struct field_list *fields, struct arena *arena, struct bytes name,
                       struct bytes value, bool underscores_allowed)
{
    enum field_id id = field_identify(name);

    if (field_name_is_dropped(name, id, underscores_allowed))
        fields->dropped_count++;
    else
        field_list_add(fields, arena, name, id, without_blanks_after(value));
}

enum h1_fault h1_fields_parse(struct bytes lines, const struct h1_limits *limits,
                              bool underscores_allowed, struct arena *arena,
                              struct field_list *fields)
{
    const char *at = lines.at;
    const char *stop = lines.at + lines.len;

    *fields = (struct field_list){NULL, 0, 0, 0};
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
