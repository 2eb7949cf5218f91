/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - what both readers share: places in the text, and which texts are looked at at all.
 */
#include "controller/object/tree.h"

#include <stdio.h>

void tree_error_set(struct tree_error *error, uint32_t line, uint32_t column, const char *format,
                    ...)
{
    va_list arguments;

    error->line = line;
    error->column = column;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
}

void tree_place_of(struct bytes text, size_t at, uint32_t *line, uint32_t *column)
{
    size_t line_at = 0;

    *line = 1;
    if (at > text.len)
        at = text.len;
    for (size_t i = 0; i < at; i++) {
        if (text.at[i] == '\n') {
            ++*line;
            line_at = i + 1;
        }
    }
    *column = (uint32_t)(at - line_at + 1);
}

/* Length of the sequence that begins with this byte, 0 if none does (RFC 3629 section 4). */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

static bool sequence_is_valid(const unsigned char *at, size_t length)
{
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return false;
    /* Overlong forms, surrogates, and what lies past U+10FFFF. */
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F))
        return false;
    return !((at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F));
}

enum status tree_check_text(struct bytes text, struct tree_error *error)
{
    const unsigned char *bytes = (const unsigned char *)text.at;
    uint32_t line;
    uint32_t column;
    size_t length;

    for (size_t i = 0; i < text.len; i += length) {
        length = sequence_length(bytes[i]);
        if (bytes[i] != '\0' && length == 1)
            continue;
        if (bytes[i] != '\0' && length != 0 && length <= text.len - i &&
            sequence_is_valid(bytes + i, length))
            continue;
        tree_place_of(text, i, &line, &column);
        tree_error_set(error, line, column, "%s: save the file as UTF-8 text",
                       bytes[i] == '\0' ? "a NUL byte" : "a byte that is no UTF-8");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}
