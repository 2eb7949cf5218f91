/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - one head and one short body, in one write.
 *
 * Nothing a client sent is repeated in them but the host and path of a redirect, both in their
 * normal form (hostile-input 52).
 */
#include "proxy/answer.h"

#include "proxy/client.h"
#include "proxy/grpc_web.h"
#include "proxy/worker.h"

#include <stdio.h>

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

/* Head and body, which is empty where there is none. */
static void send_answer(struct stream *stream, const struct response *head, struct bytes body)
{
    struct batch batch MEM_UNCLEARED;

    if (!stream->request_is_complete)
        stream->conn->must_linger = true;
    batch_init(&batch, head);
    if (body.len > 0)
        batch_add(&batch, body);
    batch.is_end = true;
    stream->status = head->status;
    stream->head_is_out = true;
    stream->response_is_complete = true;
    stream->response_bytes = body.len;
    if (client_send(stream, &batch) == STATUS_CLOSED)
        stream->client_is_gone = true;
}

void answer_send(struct stream *stream, const struct answer *answer)
{
    struct field fields[FIELDS_MAX + 1];
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

    send_answer(stream, &head, has_body ? answer->body : BYTES_NONE);
}

/* Who set a deadline and was let down after it wants to hear of the deadline: endpoints often just
 * reset a request whose time is over. */
static bool is_past_deadline(const struct stream *stream)
{
    const struct field *field = request_field(&stream->request, FIELD_GRPC_TIMEOUT);
    uint64_t span_us;

    return field != NULL && grpc_timeout_parse(field->value, &span_us) == STATUS_OK &&
           worker_now_us(stream->worker) - stream->started_us >= span_us;
}

/* A client of gRPC looks for its answer in fields of a 200; it comes without body or trailers. */
static void answer_grpc(struct stream *stream, enum failure failure)
{
    const struct failure_row *row = failure_row(failure);
    enum grpc_status status = failure == FAILURE_RESPONSE_TIMEOUT || is_past_deadline(stream)
                                  ? GRPC_DEADLINE_EXCEEDED
                                  : grpc_status_of_http(row->code);
    char number[3];
    int length = snprintf(number, sizeof(number), "%d", (int)status);
    struct field fields[] = {
        {BYTES("content-type"), grpc_type_of_client(stream), FIELD_CONTENT_TYPE, false},
        {BYTES("grpc-status"), bytes_from(number, (size_t)length), FIELD_OTHER, false},
        {BYTES("grpc-message"), bytes_of(row->reason), FIELD_OTHER, false},
    };
    const struct response head = {.status = 200,
                                  .reason = bytes_of(status_code_text(200)),
                                  .version_minor = 1,
                                  .fields = fields,
                                  .fields_count = sizeof(fields) / sizeof(fields[0]),
                                  .framing = BODY_NONE,
                                  .content_length = 0};

    send_answer(stream, &head, BYTES_NONE);
}

/* 421 is meant for the client's HTTP: it asks again on another connection. */
static bool is_for_grpc(const struct stream *stream, enum failure failure)
{
    enum grpc_kind kind = grpc_kind_of_client(stream);

    if (kind == GRPC_NONE || failure == FAILURE_MISDIRECTED || stream->is_admin)
        return false;
    return kind != GRPC_PLAIN || stream->request.version_major == 2;
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

    if (is_for_grpc(stream, failure)) {
        answer_grpc(stream, failure);
        return;
    }
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
