/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_paths.c - what each path answers.
 *
 *     /bytes/N          N bytes of the pattern, with a Content-Length
 *     /chunked/N/SIZE   N chunks of SIZE bytes; /chunked/N/SIZE/trailers adds X-Trailer: N
 *     /close/N          N bytes, no length: the connection's end ends them
 *     /cut/N            says 2N bytes, sends N, closes
 *     /status/CODE      that status, the default text (no body for 204 and 304)
 *     /health           the default text; 503 while the file of --health is not there
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

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void path_fn(struct conn *conn, uint64_t first, uint64_t second);

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

/* A file, and not a signal or a request, makes it unwell: so all workers are, and stay it. */
static void path_health(struct conn *conn, uint64_t first, uint64_t second)
{
    path_default(conn, first, second);
    if (echo_health_file != NULL && access(echo_health_file, F_OK) != 0)
        conn->status = 503;
}

static void path_bytes(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)second;
    conn->produce = PRODUCE_BYTES;
    conn->left = first;
    answer_head(conn, conn->status);
    answer_head_end(conn, first);
}

static void path_close(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)second;
    conn->produce = PRODUCE_BYTES;
    conn->left = first;
    conn->ending = END_CLOSE;
    answer_head(conn, conn->status);
    buffer_append(&conn->out, "\r\n", 2);
}

static void path_cut(struct conn *conn, uint64_t first, uint64_t second)
{
    (void)second;
    conn->produce = PRODUCE_BYTES;
    conn->left = first;
    answer_head(conn, conn->status);
    answer_head_end(conn, first * 2);
    conn->ending = END_CLOSE;
}

static void path_chunked(struct conn *conn, uint64_t first, uint64_t second)
{
    conn->produce = PRODUCE_CHUNKS;
    conn->left = second == 0 ? 0 : first;
    conn->chunk_size = second > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : (uint32_t)second;
    conn->trailers = strstr(conn->request.target, "/trailers") != NULL;
    answer_head(conn, conn->status);
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
    {"/bytes/", path_bytes, AFTER_BODY, false},
    {"/chunked/", path_chunked, AFTER_BODY, false},
    {"/close/", path_close, AFTER_BODY, false},
    {"/cut/", path_cut, AFTER_BODY, false},
    {"/health", path_health, AFTER_BODY, false},
    {"/status/", path_status, AFTER_BODY, false},
    {"/delay/", path_delay, AFTER_BODY, false},
    {"/drip/", path_drip, AFTER_BODY, false},
    {"/echo", NULL, WITH_BODY, false},
    {"/early/", path_status, BEFORE_BODY, false},
    {"/continue", path_default, AFTER_BODY, true},
    {"/interim", path_interim, AFTER_BODY, false},
    {"/reset", path_reset, BEFORE_BODY, false},
    {"/die", path_die, BEFORE_BODY, false},
    {"/ws", NULL, BEFORE_BODY, false},
};
static const struct path path_none = {"", path_default, AFTER_BODY, false};

/* Where this path stands in the target, before any query and as whole segments; or NULL. */
static const char *find_path(const char *target, const struct path *path)
{
    size_t length = strlen(path->prefix);
    const char *end = target + strcspn(target, "?");
    const char *at = strstr(target, path->prefix);

    if (at == NULL || at + length > end)
        return NULL;
    if (path->prefix[length - 1] != '/' && at + length < end && at[length] != '/')
        return NULL;
    return at;
}

/* The path and its numbers. */
static const struct path *path_of(const struct request *request, uint64_t *first, uint64_t *second)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *at = find_path(request->target, &paths[i]);
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

static void begin_echo(struct conn *conn)
{
    const struct request *request = &conn->request;

    answer_head(conn, conn->status);
    if (request->chunked)
        buffer_printf(&conn->out, "Transfer-Encoding: chunked\r\n\r\n");
    else
        answer_head_end(conn, request->length_left);
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
