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

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Sixteen bytes at once where that is so quick: then a bit for each byte at which a name or a value
 * ends. The loops below do the rest, and all of it elsewhere. */
#ifdef __SSE2__
#define RUN_BYTES 16

static __m128i all(char byte)
{
    return _mm_set1_epi8(byte);
}

static __m128i is_at_most(__m128i run, char byte)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(run, all(byte)), run);
}

static unsigned name_ends(const char *at)
{
    __m128i run = _mm_loadu_si128((const void *)at);

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(is_at_most(run, ' '), _mm_cmpeq_epi8(run, all(':'))));
}

static unsigned value_ends(const char *at)
{
    __m128i run = _mm_loadu_si128((const void *)at);
    __m128i controls = _mm_or_si128(is_at_most(run, 0x1f), _mm_cmpeq_epi8(run, all(0x7f)));

    return (unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(run, all('\t')), controls));
}
#endif

/* Where the name ends: its colon, or a byte that is in no name. Bytes over 0x20 that are in no
 * token are let pass here. `at` is in `lines`, as is what is returned, or their end. */
static const char *name_end(struct bytes lines, const char *at)
{
    const char *stop = lines.at + lines.len;

#ifdef __SSE2__
    for (; stop - at >= RUN_BYTES; at += RUN_BYTES) {
        unsigned ends = name_ends(at);

        if (ends != 0)
            return at + __builtin_ctz(ends);
    }
#endif
    while (at < stop && (unsigned char)*at > ' ' && *at != ':')
        at++;
    return at;
}

/* Where the value ends: its CR, or the byte that may not be there. As name_end(). */
static const char *value_end(struct bytes lines, const char *at)
{
    const char *stop = lines.at + lines.len;

#ifdef __SSE2__
    for (; stop - at >= RUN_BYTES; at += RUN_BYTES) {
        unsigned ends = value_ends(at);

        if (ends != 0)
            return at + __builtin_ctz(ends);
    }
    if (lines.len >= RUN_BYTES) { /* the last value of a head: the run that ends with the lines */
        unsigned ends = value_ends(stop - RUN_BYTES) >> (RUN_BYTES - (stop - at));

        return ends != 0 ? at + __builtin_ctz(ends) : stop;
    }
#endif
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

/* False when the name is no token. Known names are looked at no further: all their bytes are known.
 */
static bool identify(struct bytes name, enum field_id *id)
{
    *id = field_identify(name);
    return field_is_known(*id) || syntax_is_all(name, SYNTAX_TOKEN);
}

/* One line that was well formed. */
static void fields_add(struct field_list *fields, struct arena *arena, struct bytes name,
                       enum field_id id, struct bytes value, bool underscores_allowed)
{
    if (id == FIELD_OTHER && field_name_is_dropped(name, id, underscores_allowed))
        fields->dropped_count++;
    else
        field_list_add(fields, arena, name, id, without_blanks_after(value));
}

enum h1_fault h1_fields_parse(struct bytes *lines, const struct h1_limits *limits,
                              bool underscores_allowed, struct arena *arena,
                              struct field_list *fields)
{
    const char *at = lines->at;
    const char *stop = at + lines->len;

    *fields = (struct field_list){NULL, 0, 0, 0};
    for (;;) {
        const char *name = at;
        const char *colon, *value, *end;
        enum field_id id;

        if (stop - at >= 2 && at[0] == '\r' && at[1] == '\n') {
            *lines = bytes_from(at + 2, (size_t)(stop - at - 2));
            return H1_FINE;
        }
        colon = name_end(*lines, name);
        if (colon == name || colon == stop || *colon != ':')
            return H1_BAD_FIELD;
        if (!identify(bytes_from(name, (size_t)(colon - name)), &id))
            return H1_BAD_FIELD;
        for (at = colon + 1; at < stop && is_blank(*at); at++)
            ;
        value = at;
        end = value_end(*lines, at);
        if (stop - end < 2 || end[0] != '\r' || end[1] != '\n')
            return end < stop && (*end == '\r' || *end == '\n') ? H1_BAD_LINE_END : H1_BAD_FIELD;
        if (fields->count + fields->dropped_count >= limits->fields_max)
            return H1_TOO_MANY_FIELDS;
        fields_add(fields, arena, bytes_from(name, (size_t)(colon - name)), id,
                   bytes_from(value, (size_t)(end - value)), underscores_allowed);
        at = end + 2;
    }
}
