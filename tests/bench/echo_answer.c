/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_answer.c - what each path answers.
 *
 *     /bytes/N          N bytes of the pattern, with a Content-Length
 *     /chunked/N/SIZE   N chunks of SIZE bytes; /chunked/N/SIZE/trailers adds X-Trailer: N
 *     /close/N          N bytes, no length: the connection's end ends them
 *     /cut/N            says 2N bytes, sends N, closes
 *     /status/CODE      that status, the default text (no body for 204 and 304)
 *     /delay/MS         the default text, so many milliseconds late
 *     /drip/N/MS        N bytes, one every MS milliseconds
 *     /echo             the request body, streamed back as it was framed
 *     /early/CODE       answers before the request body, which is then read and thrown away
 *     /continue         100 before the body is read, asked for or not
 *     /interim          103 with a Link, then 200
 *     /ws               WebSocket: text, binary and pings come back, a close is answered
 *     /reset            the connection is reset without an answer
 *     /die              the connection is closed without an answer
 *
 * A path may stand behind others: /api/bytes/100 works like /bytes/100. All else is the default:
 * a text that names the server, what was asked and every field line as it was received. The
 * pattern is abc...z over and over. All but /reset and /die take in the whole request body.
 */
#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_SIZE (64u * 1024)
#define LETTERS      26u
#define FAST_PATH    "/bytes/1024"
#define FAST_BYTES   1024u

typedef void path_fn(struct conn *conn, uint64_t first, uint64_t second);

static const char *pattern_at(uint64_t offset)
{
    static char pattern[PATTERN_SIZE + LETTERS];

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
static void begin_head(struct conn *conn, int status)
{
    buffer_printf(&conn->out, "HTTP/1.1 %d %s\r\nX-Server: %s\r\n", status, reason(status),
                  echo_name);
    if (conn->ending != END_KEEP)
        buffer_printf(&conn->out, "Connection: close\r\n");
    else if (conn->request.is_1_0)
        buffer_printf(&conn->out, "Connection: keep-alive\r\n");
}

static void end_head_with_length(struct conn *conn, uint64_t length)
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

static void answer_text(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct buffer text = {0};

    buffer_printf(&text, "server: %s\nrequest: %s ", echo_name, request->method);
    buffer_append(&text, request->target, strlen(request->target));
    buffer_printf(&text, " HTTP/1.%d\nconnection: %llu\nnumber: %llu\nbody: %llu\n\n",
                  request->is_1_0 ? 0 : 1, (unsigned long long)conn->number,
                  (unsigned long long)conn->requests, (unsigned long long)request->body_bytes);
    append_lines(&text, request->fields, request->fields_length);
    begin_head(conn, conn->status);
    if (conn->status == 204 || conn->status == 304)
        buffer_append(&conn->out, "\r\n", 2);
    else
        end_head_with_length(conn, buffer_length(&text));
    if (!request->is_head && conn->status != 204 && conn->status != 304)
        buffer_append(&conn->out, text.bytes, buffer_length(&text));
    buffer_fini(&text);
}

/* ---- paths ---- */

static void path_default(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)first;
    (void)second;
    conn->produce = PRODUCE_TEXT;
}

static void path_status(struct conn *conn, uint64_t first, uint64_t second)
{
    path_default(conn, first, second);
    if (first >= 200 && first <= 999)
        conn->status = (int)first;
}

static void path_bytes(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)second;
    conn->produce = PRODUCE_BYTES;
    conn->left = first;
    begin_head(conn, conn->status);
    end_head_with_length(conn, first);
}

static void path_close(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)second;
    conn->produce = PRODUCE_BYTES;
    conn->left = first;
    conn->ending = END_CLOSE;
    begin_head(conn, conn->status);
    buffer_append(&conn->out, "\r\n", 2);
}

static void path_cut(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)second;
    conn->produce = PRODUCE_BYTES;
    conn->left = first;
    begin_head(conn, conn->status);
    end_head_with_length(conn, first * 2);
    conn->ending = END_CLOSE;
}

static void path_chunked(struct conn *conn, uint64_t first, uint64_t second)
{
    conn->produce = PRODUCE_CHUNKS;
    conn->left = second == 0 ? 0 : first;
    conn->chunk_size = second > PATTERN_SIZE ? PATTERN_SIZE : (uint32_t)second;
    conn->trailers = strstr(conn->request.target, "/trailers") != NULL;
    begin_head(conn, conn->status);
    buffer_printf(&conn->out, "Transfer-Encoding: chunked\r\n%s\r\n",
                  conn->trailers ? "Trailer: X-Trailer\r\n" : "");
}

static void path_drip(struct conn *conn, uint64_t first, uint64_t second)
{
    path_bytes(conn, first, 0);
    conn->produce = PRODUCE_DRIP;
    conn->pause_ms = (uint32_t)second;
}

static void path_delay(struct conn *conn, uint64_t first, uint64_t second)
{
    path_default(conn, first, second);
    conn_sleep(conn, (uint32_t)first);
}

static void path_interim(struct conn *conn, uint64_t first, uint64_t second)
{
    path_default(conn, first, second);
    buffer_printf(&conn->out,
                  "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
}

static void path_end(struct conn *conn, enum ending ending)
{
    conn->ending = ending;
    conn->state = CONN_FLUSH;
}

static void path_reset(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)first;
    (void)second;
    path_end(conn, END_RESET);
}

static void path_die(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)first;
    (void)second;
    path_end(conn, END_CLOSE);
}

/* When a path's answer begins. */
enum begins { AFTER_BODY, BEFORE_BODY, WITH_BODY };

static const struct path {
    const char *prefix;
    path_fn *run;
    enum begins begins;
    bool sends_continue;
} paths[] = {
    {"/bytes/", path_bytes, AFTER_BODY, false},    {"/chunked/", path_chunked, AFTER_BODY, false},
    {"/close/", path_close, AFTER_BODY, false},    {"/cut/", path_cut, AFTER_BODY, false},
    {"/status/", path_status, AFTER_BODY, false},  {"/delay/", path_delay, AFTER_BODY, false},
    {"/drip/", path_drip, AFTER_BODY, false},      {"/echo", NULL, WITH_BODY, false},
    {"/early/", path_status, BEFORE_BODY, false},  {"/continue", path_default, AFTER_BODY, true},
    {"/interim", path_interim, AFTER_BODY, false}, {"/reset", path_reset, BEFORE_BODY, false},
    {"/die", path_die, BEFORE_BODY, false},        {"/ws", NULL, BEFORE_BODY, false},
};
static const struct path path_none = {"", path_default, AFTER_BODY, false};

/* The path and its numbers, wherever in the target it stands. */
static const struct path *path_of(const struct request *request, uint64_t *first, uint64_t *second)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *at = strstr(request->target, paths[i].prefix);
        char *end;

        if (at == NULL)
            continue;
        *first = strtoull(at + strlen(paths[i].prefix), &end, 10);
        if (*end == '/')
            *second = strtoull(end + 1, NULL, 10);
        return &paths[i];
    }
    return &path_none;
}

static void run_path(struct conn *conn, const struct path *path, uint64_t first, uint64_t second)
{
    conn->state = CONN_ANSWER;
    path->run(conn, first, second);
}

/* The one answer that must cost next to nothing, so that a bench measures the proxy. */
static bool answer_fast(struct conn *conn)
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

static void begin_echo(struct conn *conn)
{
    const struct request *request = &conn->request;

    begin_head(conn, conn->status);
    if (request->chunked)
        buffer_printf(&conn->out, "Transfer-Encoding: chunked\r\n\r\n");
    else
        end_head_with_length(conn, request->length_left);
    conn->produce = PRODUCE_ECHO;
}

void answer_begin(struct conn *conn)
{
    uint64_t first = 0;
    uint64_t second = 0;

    conn->status = 200;
    if (answer_fast(conn))
        return;
    const struct path *path = path_of(&conn->request, &first, &second);
    if (path->run == NULL && path->begins == BEFORE_BODY && conn->request.websocket) {
        websocket_begin(conn);
        return;
    }
    bool has_body = request_has_body(&conn->request);
    if (path->sends_continue ||
        (has_body && conn->request.expects_continue && path->begins != BEFORE_BODY))
        buffer_printf(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
    if (path->begins == WITH_BODY)
        begin_echo(conn);
    else if (path->begins == BEFORE_BODY && path->run != NULL)
        run_path(conn, path, first, second);
    if (conn->state == CONN_FLUSH)
        return;
    if (conn->state == CONN_ANSWER && conn->produce == PRODUCE_TEXT) {
        answer_text(conn); /* /early: all of it goes out before the body is looked at */
        conn->produce = PRODUCE_NOTHING;
    }
    conn->state = CONN_BODY;
    if (!has_body)
        answer_body_ended(conn);
}

void answer_body_ended(struct conn *conn)
{
    uint64_t first = 0;
    uint64_t second = 0;
    const struct path *path = path_of(&conn->request, &first, &second);

    if (conn->produce == PRODUCE_ECHO && conn->request.chunked && !conn->request.is_head)
        buffer_printf(&conn->out, "0\r\n\r\n");
    conn->produce = PRODUCE_NOTHING;
    if (path->begins == AFTER_BODY)
        run_path(conn, path, first, second);
    else if (path->run == NULL && path->begins == BEFORE_BODY) /* /ws without an upgrade */
        run_path(conn, &path_none, 0, 0);
    else
        conn->state = CONN_ANSWER;
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
        append_pattern(conn, conn->left < PATTERN_SIZE ? (size_t)conn->left : PATTERN_SIZE);
        conn->left -= conn->left < PATTERN_SIZE ? conn->left : PATTERN_SIZE;
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
