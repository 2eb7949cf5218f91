/* SPDX-License-Identifier: Apache-2.0 */
/*
 * head_writer.h - writing a head into room that was reserved for it, without a check per piece.
 *
 *     at = head_writer_open(out, bound);  at = put...(at, ...);  head_writer_close(out, at);
 */
#ifndef PROXY_HTTP_HEAD_WRITER_H
#define PROXY_HTTP_HEAD_WRITER_H

#include "core/check.h"
#include "core/text.h"

#define UINT64_DIGITS_MAX 20

static inline char *head_writer_open(struct text *out, size_t bound)
{
    text_reserve(out, bound);
    return out->at + out->len;
}

static inline void head_writer_close(struct text *out, const char *at)
{
    out->len = (size_t)(at - out->at);
    CHECK(out->len <= out->capacity);
}

/* A literal is copied by a few moves of known size. */
#define PUT_LITERAL(at, literal)                                                                   \
    ((char *)memcpy((at), "" literal, sizeof(literal) - 1) + sizeof(literal) - 1)

static inline char *put(char *at, struct bytes value)
{
    if (value.len > 0)
        memcpy(at, value.at, value.len);
    return at + value.len;
}

static inline char *put_field(char *at, struct bytes name, struct bytes value)
{
    at = put(at, name);
    at = PUT_LITERAL(at, ": ");
    at = put(at, value);
    return PUT_LITERAL(at, "\r\n");
}

static inline char *put_uint(char *at, uint64_t value)
{
    char digits[UINT64_DIGITS_MAX] MEM_UNCLEARED;
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(at, digits + first, sizeof(digits) - first);
    return at + sizeof(digits) - first;
}

#endif
