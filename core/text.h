/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - a growing run of bytes to write into: heads, log lines, dumps, metrics.
 *
 * A text that is cleared and reused allocates nothing once it has reached its size.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/bytes.h"
#include "core/mem.h"

#include <stdarg.h>

struct text {
    char *at; /* owned */
    size_t len;
    size_t capacity;
};

void text_init(struct text *text); /* allocates nothing yet */
void text_fini(struct text *text);
void text_reserve(struct text *text, size_t more); /* room for `more` bytes past len */
void text_add_uint(struct text *text, uint64_t value);
void text_add_hex(struct text *text, uint64_t value); /* lower case, no leading zeros */
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As the inside of a JSON string (RFC 8259 section 7); bytes that are no UTF-8 become U+FFFD. */
void text_add_json(struct text *text, struct bytes value);
/* As a JSON string with its quotes. */
void text_add_json_string(struct text *text, struct bytes value);
/* As a part of a URL: all but unreserved characters as %HH (RFC 3986 section 2.3). */
void text_add_percent(struct text *text, struct bytes value);
/* For logs: control bytes, quote, backslash and bytes over 0x7E as \xHH (hostile-input 52). */
void text_add_escaped(struct text *text, struct bytes value);

static inline void text_clear(struct text *text)
{
    text->len = 0;
}

static inline struct bytes text_bytes(const struct text *text)
{
    return (struct bytes){text->at, text->len};
}

static inline void text_add(struct text *text, struct bytes value)
{
    if (text->capacity - text->len < value.len)
        text_reserve(text, value.len);
    if (value.len > 0)
        memcpy(text->at + text->len, value.at, value.len);
    text->len += value.len;
}

static inline void text_add_byte(struct text *text, char byte)
{
    if (text->capacity == text->len)
        text_reserve(text, 1);
    text->at[text->len++] = byte;
}

/* text_add_str(text, "literal or any C string") */
static inline void text_add_str(struct text *text, const char *value)
{
    text_add(text, bytes_of(value));
}

#endif
