/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_buffer.c - a growing queue of bytes.
 */
#include "echo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

char *buffer_reserve(struct buffer *buffer, size_t count)
{
    if (buffer->start > 0 && buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
    if (buffer->size - buffer->end < count && buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer_length(buffer));
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    if (buffer->size - buffer->end < count) {
        size_t size = buffer->size < 4096 ? 4096 : buffer->size * 2;

        if (size - buffer->end < count)
            size = buffer->end + count;
        char *bytes = realloc(buffer->bytes, size);
        if (bytes == NULL)
            die("memory");
        buffer->bytes = bytes;
        buffer->size = size;
    }
    return buffer->bytes + buffer->end;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t count)
{
    memcpy(buffer_reserve(buffer, count), bytes, count);
    buffer->end += count;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    char *room = buffer_reserve(buffer, 1024);

    va_start(arguments, format);
    int length = vsnprintf(room, 1024, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= 1024)
        die("a line too long");
    buffer->end += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    buffer->start += count;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
