/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_request.c - bytes to requests: the head, then the body with a length or in chunks.
 *
 * Strict where the proxy must be right (framing), careless elsewhere: it shows what it was sent.
 */
#include "echo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_field(const char *line, size_t length, const char *name, const char **value)
{
    size_t name_length = strlen(name);

    if (length <= name_length || line[name_length] != ':' ||
        strncasecmp(line, name, name_length) != 0)
        return false;
    *value = line + name_length + 1;
    while (**value == ' ' || **value == '\t')
        (*value)++;
    return true;
}

/* Is `word` somewhere in the rest of this line? Good enough for Connection and Upgrade. */
static bool line_has(const char *value, const char *end, const char *word)
{
    size_t length = strlen(word);

    for (; value + length <= end; value++)
        if (strncasecmp(value, word, length) == 0)
            return true;
    return false;
}

/* False when the field makes the framing wrong. */
static bool take_field(struct request *request, const char *line, const char *end)
{
    const char *value;
    size_t length = (size_t)(end - line);

    if (is_field(line, length, "content-length", &value)) {
        char *digits_end;

        if (request->has_length || *value < '0' || *value > '9')
            return false;
        request->length_left = strtoull(value, &digits_end, 10);
        request->has_length = true;
        return digits_end == end;
    }
    if (is_field(line, length, "transfer-encoding", &value)) {
        request->chunked = true;
        return end - value == 7 && strncasecmp(value, "chunked", 7) == 0;
    }
    if (is_field(line, length, "connection", &value)) {
        if (line_has(value, end, "close"))
            request->keep_alive = false;
        if (line_has(value, end, "keep-alive"))
            request->keep_alive = true;
    } else if (is_field(line, length, "expect", &value)) {
        request->expects_continue = line_has(value, end, "100-continue");
    } else if (is_field(line, length, "upgrade", &value)) {
        request->websocket = line_has(value, end, "websocket");
    } else if (is_field(line, length, "sec-websocket-key", &value)) {
        size_t count = (size_t)(end - value);

        if (count >= sizeof(request->websocket_key))
            return false;
        memcpy(request->websocket_key, value, count);
        request->websocket_key[count] = '\0';
    }
    return true;
}

static bool take_fields(struct request *request, const char *at, const char *end)
{
    while (at < end) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));

        if (line_end == NULL || line_end + 1 >= end || line_end[1] != '\n' || line_end == at)
            return false;
        if (memchr(at, ':', (size_t)(line_end - at)) == NULL)
            return false;
        if (!take_field(request, at, line_end))
            return false;
        at = line_end + 2;
    }
    return !(request->chunked && request->has_length);
}

/* "GET /path HTTP/1.1\r\n"; returns where the fields begin, or NULL. */
static char *take_line(struct request *request, char *at, char *end)
{
    char *line_end = memchr(at, '\r', (size_t)(end - at));
    char *space = memchr(at, ' ', (size_t)(end - at));

    if (line_end == NULL || space == NULL || space > line_end || line_end[1] != '\n' ||
        (size_t)(space - at) >= sizeof(request->method) || line_end - space < 11)
        return NULL;
    if (memcmp(line_end - 9, " HTTP/1.", 8) != 0 || (line_end[-1] != '0' && line_end[-1] != '1'))
        return NULL;
    memcpy(request->method, at, (size_t)(space - at));
    request->method[space - at] = '\0';
    request->is_head = strcmp(request->method, "HEAD") == 0;
    request->is_1_0 = line_end[-1] == '0';
    request->keep_alive = !request->is_1_0;
    request->target = space + 1;
    line_end[-9] = '\0';
    return line_end + 2;
}

enum took request_take_head(struct conn *conn)
{
    struct request *request = &conn->request;
    size_t waiting = buffer_length(&conn->in);
    struct buffer head = request->head;

    if (waiting == 0)
        return TOOK_NOTHING;
    char *start = conn->in.bytes + conn->in.start;
    char *end = memmem(start, waiting, "\r\n\r\n", 4);
    if (end == NULL)
        return waiting >= HEAD_BYTES_MAX ? TOOK_BAD : TOOK_NOTHING;
    size_t length = (size_t)(end - start) + 4;
    memset(request, 0, sizeof(*request));
    head.start = head.end = 0;
    buffer_append(&head, start, length);
    request->head = head;
    buffer_consume(&conn->in, length);

    char *fields_end = head.bytes + length - 2;
    request->fields = take_line(request, head.bytes, fields_end);
    if (request->fields == NULL)
        return TOOK_BAD;
    request->fields_length = (size_t)(fields_end - request->fields);
    return take_fields(request, request->fields, fields_end) ? TOOK_ALL : TOOK_BAD;
}

bool request_has_body(const struct request *request)
{
    return request->chunked || request->length_left > 0;
}

static void give(struct conn *conn, size_t count)
{
    conn->request.body_bytes += count;
    if (conn->produce == PRODUCE_ECHO)
        answer_echo(conn, conn->in.bytes + conn->in.start, count);
    buffer_consume(&conn->in, count);
}

static enum took take_length(struct conn *conn)
{
    struct request *request = &conn->request;
    size_t count = buffer_length(&conn->in);

    if (count > request->length_left)
        count = (size_t)request->length_left;
    if (count == 0)
        return TOOK_NOTHING;
    give(conn, count);
    request->length_left -= count;
    return request->length_left == 0 ? TOOK_ALL : TOOK_SOME;
}

/* A line of the chunked coding, or NULL while it is not whole. Sets *length without its end. */
static char *whole_line(struct conn *conn, size_t *length)
{
    size_t waiting = buffer_length(&conn->in);
    char *start = conn->in.bytes + conn->in.start;
    char *end = waiting == 0 ? NULL : memmem(start, waiting, "\r\n", 2);

    if (end == NULL)
        return NULL;
    *length = (size_t)(end - start);
    return start;
}

static enum took take_chunk_line(struct conn *conn)
{
    size_t length = 0;
    char *end;
    char *line = whole_line(conn, &length);

    if (line == NULL)
        return buffer_length(&conn->in) > 4096 ? TOOK_BAD : TOOK_NOTHING;
    if (conn->chunk_state == CHUNK_DATA_END) {
        conn->chunk_state = CHUNK_SIZE;
        buffer_consume(&conn->in, 2);
        return length == 0 ? TOOK_SOME : TOOK_BAD;
    }
    if (conn->chunk_state == CHUNK_TRAILERS) {
        buffer_consume(&conn->in, length + 2);
        return length == 0 ? TOOK_ALL : TOOK_SOME;
    }
    conn->chunk_left = strtoull(line, &end, 16);
    if (end == line || (*end != '\r' && *end != ';'))
        return TOOK_BAD;
    conn->chunk_state = conn->chunk_left == 0 ? CHUNK_TRAILERS : CHUNK_DATA;
    buffer_consume(&conn->in, length + 2);
    return TOOK_SOME;
}

enum took request_take_body(struct conn *conn)
{
    if (!conn->request.chunked)
        return take_length(conn);
    if (conn->chunk_state != CHUNK_DATA)
        return take_chunk_line(conn);
    size_t count = buffer_length(&conn->in);
    if (count > conn->chunk_left)
        count = (size_t)conn->chunk_left;
    if (count == 0)
        return TOOK_NOTHING;
    give(conn, count);
    conn->chunk_left -= count;
    if (conn->chunk_left == 0)
        conn->chunk_state = CHUNK_DATA_END;
    return TOOK_SOME;
}
