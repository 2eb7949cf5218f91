/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - one head and one short body, in one write.
 *
 * Nothing a client sent is repeated in them but the host and path of a redirect, both in their
 * normal form (hostile-input 52).
 */
#include "proxy/answer.h"

#include "proxy/worker.h"

#define METHODS_ALLOWED "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

const char *status_code_text(uint16_t code)
{
    static const struct {
        uint16_t code;
        const char *text;
    } rows[] = {
        {200, "OK"},
        {301, "Moved Permanently"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].code == code)
            return rows[i].text;
    return "Unknown";
}

static void add_line(struct text *out, const char *name, struct bytes value)
{
    text_add_str(out, name);
    text_add(out, BYTES(": "));
    text_add(out, value);
    text_add(out, BYTES("\r\n"));
}

static bool may_keep_alive(const struct stream *stream)
{
    return stream->request.keep_alive && stream->request_is_complete && !stream->conn->ends_after &&
           stream->worker->state == WORKER_SERVING;
}

static void add_head(struct stream *stream, const struct answer *answer, struct text *out)
{
    text_add(out, BYTES("HTTP/1.1 "));
    text_add_uint(out, answer->code);
    text_add_byte(out, ' ');
    text_add_str(out, status_code_text(answer->code));
    text_add(out, BYTES("\r\n"));
    add_line(out, "Date", worker_date(stream->worker));
    if (answer->type != NULL)
        add_line(out, "Content-Type", bytes_of(answer->type));
    if (answer->location.len > 0)
        add_line(out, "Location", answer->location);
    if (answer->allow.len > 0)
        add_line(out, "Allow", answer->allow);
    if (answer->retry_after)
        add_line(out, "Retry-After", BYTES("1"));
    text_add(out, BYTES("Content-Length: "));
    text_add_uint(out, answer->body.len);
    if (stream->conn->ends_after)
        text_add(out, BYTES("\r\nConnection: close"));
    else if (stream->request.version_minor == 0)
        text_add(out, BYTES("\r\nConnection: keep-alive"));
    text_add(out, BYTES("\r\n\r\n"));
}

void answer_send(struct stream *stream, const struct answer *answer)
{
    struct text *out = &stream->worker->scratch;
    struct bytes parts[2];
    bool has_body = stream->request.method_id != METHOD_HEAD && answer->body.len > 0;

    if (!may_keep_alive(stream))
        stream->conn->ends_after = true;
    if (!stream->request_is_complete)
        stream->conn->must_linger = true;
    text_clear(out);
    add_head(stream, answer, out);
    parts[0] = text_bytes(out);
    parts[1] = answer->body;
    stream->status = answer->code;
    stream->head_is_out = true;
    stream->response_is_complete = true;
    stream->response_bytes = has_body ? answer->body.len : 0;
    if (conn_write(stream->conn, parts, has_body ? 2 : 1) == STATUS_CLOSED)
        conn_close(stream->conn);
}

void answer_failure(struct stream *stream, enum failure failure)
{
    const struct failure_row *row = failure_row(failure);
    struct text body;
    struct answer answer = {
        .code = row->code,
        .type = "text/plain; charset=utf-8",
        .allow = row->code == 405 ? BYTES(METHODS_ALLOWED) : BYTES_NONE,
        .retry_after = failure == FAILURE_OVER_MEMORY,
    };

    text_init(&body);
    text_printf(&body, "%u %s: %s\n", row->code, row->reason, row->sentence);
    answer.body = text_bytes(&body);
    answer_send(stream, &answer);
    text_fini(&body);
}

void answer_redirect_https(struct stream *stream)
{
    uint16_t port = stream->worker->config->public_https_port;
    struct text location;
    struct answer answer = {.code = 301};

    text_init(&location);
    text_add(&location, BYTES("https://"));
    text_add(&location, stream->host);
    if (port != 443) {
        text_add_byte(&location, ':');
        text_add_uint(&location, port);
    }
    text_add(&location, stream->path);
    text_add(&location, stream->request.query);
    answer.location = text_bytes(&location);
    stream->is_redirect = true;
    answer_send(stream, &answer);
    text_fini(&location);
}

void answer_options(struct stream *stream)
{
    struct answer answer = {.code = 200, .allow = BYTES(METHODS_ALLOWED)};

    answer_send(stream, &answer);
}
