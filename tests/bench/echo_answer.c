/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_answer.c - makes answers: heads, the default text, and bodies piece by piece as they drain.
 */
#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS    26u
#define FAST_PATH  "/bytes/1024"
#define FAST_BYTES 1024u

static const char *pattern_at(uint64_t offset)
{
    static char pattern[CHUNK_BYTES_MAX + LETTERS];

    if (pattern[0] == '\0')
        for (size_t i = 0; i < sizeof(pattern); i++)
            pattern[i] = (char)('a' + i % LETTERS);
    return pattern + offset % LETTERS;
}

static void append_pattern(struct conn *conn, size_t count)
{
    buffer_append(&conn->out, pattern_at(conn->made), count);
    conn->made += count;
}

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 304:
        return "Not Modified";
    case 404:
        return "Not Found";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

/* The status line and the fields every answer has; what ends the head is the caller's. */
void answer_head(struct conn *conn, int status)
{
    buffer_printf(&conn->out, "HTTP/1.1 %d %s\r\nX-Server: %s\r\n", status, reason(status),
                  echo_name);
    if (conn->ending != END_KEEP)
        buffer_printf(&conn->out, "Connection: close\r\n");
    else if (conn->request.is_1_0)
        buffer_printf(&conn->out, "Connection: keep-alive\r\n");
}

void answer_head_end(struct conn *conn, uint64_t length)
{
    buffer_printf(&conn->out, "Content-Type: text/plain\r\nContent-Length: %llu\r\n\r\n",
                  (unsigned long long)length);
}

/* The field lines as they came, with plain line feeds. */
static void append_lines(struct buffer *text, const char *at, size_t length)
{
    for (const char *end = at + length; at < end;) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));

        if (line_end == NULL)
            line_end = end;
        buffer_append(text, at, (size_t)(line_end - at));
        buffer_append(text, "\n", 1);
        at = line_end + 2;
    }
}

void answer_text(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct buffer text = {0};

    buffer_printf(&text, "server: %s\nrequest: %s ", echo_name, request->method);
    buffer_append(&text, request->target, strlen(request->target));
    buffer_printf(&text, " HTTP/1.%d\nconnection: %llu\nnumber: %llu\nbody: %llu\n\n",
                  request->is_1_0 ? 0 : 1, (unsigned long long)conn->number,
                  (unsigned long long)conn->requests, (unsigned long long)request->body_bytes);
    append_lines(&text, request->fields, request->fields_length);
    answer_head(conn, conn->status);
    if (conn->status == 204 || conn->status == 304)
        buffer_append(&conn->out, "\r\n", 2);
    else
        answer_head_end(conn, buffer_length(&text));
    if (!request->is_head && conn->status != 204 && conn->status != 304)
        buffer_append(&conn->out, text.bytes, buffer_length(&text));
    buffer_fini(&text);
}

/* The one answer that must cost next to nothing, so that a bench measures the proxy. */
bool answer_fast(struct conn *conn)
{
    static char head[256];
    static size_t head_length;

    size_t length = strlen(conn->request.target);

    if (length < sizeof(FAST_PATH) - 1 ||
        memcmp(conn->request.target + length - (sizeof(FAST_PATH) - 1), FAST_PATH,
               sizeof(FAST_PATH) - 1) != 0)
        return false;
    if (conn->ending != END_KEEP || conn->request.is_1_0 || conn->request.is_head ||
        request_has_body(&conn->request))
        return false;
    if (head_length == 0)
        head_length = (size_t)snprintf(head, sizeof(head),
                                       "HTTP/1.1 200 OK\r\nX-Server: %.64s\r\n"
                                       "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n",
                                       echo_name, FAST_BYTES);
    buffer_append(&conn->out, head, head_length);
    buffer_append(&conn->out, pattern_at(0), FAST_BYTES);
    conn->state = CONN_HEAD;
    return true;
}

void answer_echo(struct conn *conn, const char *bytes, size_t count)
{
    if (conn->request.is_head)
        return;
    if (conn->request.chunked)
        buffer_printf(&conn->out, "%zx\r\n", count);
    buffer_append(&conn->out, bytes, count);
    if (conn->request.chunked)
        buffer_append(&conn->out, "\r\n", 2);
}

static void answer_end(struct conn *conn)
{
    conn->produce = PRODUCE_NOTHING;
    conn->state = conn->ending == END_KEEP ? CONN_HEAD : CONN_FLUSH;
}

static void produce_chunk(struct conn *conn)
{
    if (conn->left > 0) {
        buffer_printf(&conn->out, "%x\r\n", conn->chunk_size);
        append_pattern(conn, conn->chunk_size);
        buffer_append(&conn->out, "\r\n", 2);
        conn->left--;
        return;
    }
    buffer_printf(&conn->out, "0\r\n");
    if (conn->trailers)
        buffer_printf(&conn->out, "X-Trailer: %llu\r\n", (unsigned long long)conn->made);
    buffer_append(&conn->out, "\r\n", 2);
    answer_end(conn);
}

bool answer_produce(struct conn *conn)
{
    if (buffer_length(&conn->out) >= OUT_BYTES_MARK)
        return false;
    if (conn->request.is_head && conn->produce != PRODUCE_TEXT)
        conn->produce = PRODUCE_NOTHING;
    switch (conn->produce) {
    case PRODUCE_TEXT:
        answer_text(conn);
        break;
    case PRODUCE_CHUNKS:
        produce_chunk(conn);
        return true;
    case PRODUCE_BYTES:
        append_pattern(conn, conn->left < CHUNK_BYTES_MAX ? (size_t)conn->left : CHUNK_BYTES_MAX);
        conn->left -= conn->left < CHUNK_BYTES_MAX ? conn->left : CHUNK_BYTES_MAX;
        if (conn->left > 0)
            return true;
        break;
    case PRODUCE_DRIP:
        if (conn->left > 0) {
            append_pattern(conn, 1);
            conn->left--;
            conn_sleep(conn, conn->pause_ms);
            return true;
        }
        break;
    case PRODUCE_ECHO:
    case PRODUCE_NOTHING:
        break;
    }
    answer_end(conn);
    return true;
}
