/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - one head and one short body, in one write.
 *
 * Nothing a client sent is repeated in them but the host and path of a redirect, both in their
 * normal form (hostile-input 52).
 */
#include "proxy/answer.h"

#include "proxy/client.h"
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

#define FIELDS_MAX 3

/* Its fields, as an endpoint would have sent them. */
static uint32_t describe_fields(const struct answer *answer, struct field fields[FIELDS_MAX])
{
    uint32_t count = 0;

    if (answer->type != NULL)
        fields[count++] = (struct field){BYTES("content-type"), bytes_of(answer->type),
                                         FIELD_CONTENT_TYPE, false};
    if (answer->location.len > 0)
        fields[count++] =
            (struct field){BYTES("location"), answer->location, FIELD_LOCATION, false};
    if (answer->allow.len > 0)
        fields[count++] = (struct field){BYTES("allow"), answer->allow, FIELD_OTHER, false};
    if (answer->retry_after)
        fields[count++] = (struct field){BYTES("retry-after"), BYTES("1"), FIELD_OTHER, false};
    return count;
}

void answer_send(struct stream *stream, const struct answer *answer)
{
    struct field fields[FIELDS_MAX + 1];
    struct batch batch MEM_UNCLEARED;
    bool has_body = stream->request.method_id != METHOD_HEAD && answer->body.len > 0;
    const struct response head = {
        .status = answer->code,
        .reason = bytes_of(status_code_text(answer->code)),
        .version_minor = 1,
        .fields = fields,
        .fields_count = describe_fields(answer, fields),
        .framing = has_body ? BODY_LENGTH : BODY_NONE,
        .content_length = answer->body.len,
    };

    if (!stream->request_is_complete)
        stream->conn->must_linger = true;
    batch_init(&batch, &head);
    if (has_body)
        batch_add(&batch, answer->body);
    batch.is_end = true;
    stream->status = answer->code;
    stream->head_is_out = true;
    stream->response_is_complete = true;
    stream->response_bytes = has_body ? answer->body.len : 0;
    if (client_send(stream, &batch) == STATUS_CLOSED)
        stream->client_is_gone = true;
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
