/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - writing numbers, formats and escaped values into a growing run of bytes.
 */
#include "core/text.h"

#include "core/check.h"

#include <stdio.h>

#define TEXT_FIRST_BYTES 256

void text_init(struct text *text)
{
    *text = (struct text){0};
}

void text_fini(struct text *text)
{
    mem_free(text->at);
    *text = (struct text){0};
}

void text_reserve(struct text *text, size_t more)
{
    size_t capacity = text->capacity == 0 ? TEXT_FIRST_BYTES : text->capacity;

    CHECK(more < SIZE_MAX / 4 - text->len);
    if (text->capacity - text->len >= more)
        return;
    while (capacity - text->len < more)
        capacity *= 2;
    text->at = mem_resize(text->at, capacity);
    text->capacity = capacity;
}

void text_add_uint(struct text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_add(text, bytes_from(digits + at, sizeof(digits) - at));
}

static const char hex_digits[] = "0123456789abcdef";

void text_add_hex(struct text *text, uint64_t value)
{
    char digits[16];
    size_t at = sizeof(digits);

    do {
        digits[--at] = hex_digits[value & 15];
        value >>= 4;
    } while (value > 0);
    text_add(text, bytes_from(digits + at, sizeof(digits) - at));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;
    int needed;

    text_reserve(text, 128);
    va_start(arguments, format);
    needed = vsnprintf(text->at + text->len, text->capacity - text->len, format, arguments);
    va_end(arguments);
    CHECK(needed >= 0);
    if ((size_t)needed >= text->capacity - text->len) {
        text_reserve(text, (size_t)needed + 1);
        va_start(arguments, format);
        (void)vsnprintf(text->at + text->len, text->capacity - text->len, format, arguments);
        va_end(arguments);
    }
    text->len += (size_t)needed;
}

/* Length of the well-formed UTF-8 sequence at the start, 0 if there is none (RFC 3629 section 4).
 */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, length;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (at[0] < rows[i].first_min || at[0] > rows[i].first_max)
            continue;
        if (rows[i].length == 1)
            return 1;
        if (left < rows[i].length || at[1] < rows[i].second_min || at[1] > rows[i].second_max)
            return 0;
        for (size_t k = 2; k < rows[i].length; k++)
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].length;
    }
    return 0;
}

static void add_json_byte(struct text *text, unsigned char byte)
{
    switch (byte) {
    case '"':
        text_add(text, BYTES("\\\""));
        break;
    case '\\':
        text_add(text, BYTES("\\\\"));
        break;
    case '\n':
        text_add(text, BYTES("\\n"));
        break;
    case '\t':
        text_add(text, BYTES("\\t"));
        break;
    default:
        if (byte < 0x20)
            text_printf(text, "\\u%04x", byte);
        else
            text_add_byte(text, (char)byte);
    }
}

void text_add_json(struct text *text, struct bytes value)
{
    const unsigned char *at = (const unsigned char *)value.at;

    for (size_t i = 0; i < value.len;) {
        size_t length = utf8_length(at + i, value.len - i);

        if (length == 1) {
            add_json_byte(text, at[i]);
        } else if (length > 1) {
            text_add(text, bytes_slice(value, i, length));
        } else {
            text_add(text, BYTES("\xef\xbf\xbd"));
            length = 1;
        }
        i += length;
    }
}

void text_add_json_string(struct text *text, struct bytes value)
{
    text_add_byte(text, '"');
    text_add_json(text, value);
    text_add_byte(text, '"');
}

static bool is_unreserved(char byte)
{
    char lower = (char)(byte | 0x20);

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_' || byte == '~';
}

void text_add_percent(struct text *text, struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (is_unreserved(value.at[i]))
            text_add_byte(text, value.at[i]);
        else
            text_printf(text, "%%%02X", (unsigned int)(unsigned char)value.at[i]);
    }
}

void text_add_escaped(struct text *text, struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];

        if (byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\') {
            text_add_byte(text, (char)byte);
        } else {
            text_add(text, BYTES("\\x"));
            text_add_byte(text, hex_digits[byte >> 4]);
            text_add_byte(text, hex_digits[byte & 15]);
        }
    }
}
