/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_web.c - translates the messages of one stream.
 */
#include "proxy/grpc_web.h"

#include "proxy/upstream.h"
#include "proxy/worker.h"

static void replace_type(struct stream *stream, struct field *fields, uint32_t count, bool to_web)
{
    struct text text;

    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].id != FIELD_CONTENT_TYPE)
            continue;
        text_init(&text);
        if (to_web)
            grpc_type_to_web(fields[i].value, stream->grpc_web->kind, &text);
        else
            grpc_type_to_plain(fields[i].value, &text);
        fields[i].value = arena_copy(&stream->arena, text_bytes(&text));
        text_fini(&text);
    }
}

/* What came of the body before the cluster was known has been queued as it was. */
static bool translate_waiting(struct stream *stream)
{
    struct bufq raw = stream->waiting;
    struct text decoded;
    struct iovec part;
    bool is_fine = true;

    if (stream->grpc_web->kind != GRPC_WEB_TEXT || bufq_is_empty(&raw))
        return true;
    bufq_init(&stream->waiting, &stream->worker->net.chunks, BODY_WAITING_BYTES);
    text_init(&decoded);
    while (is_fine && bufq_peek(&raw, &part, 1) == 1) {
        text_clear(&decoded);
        is_fine =
            grpc_web_text_decode(&stream->grpc_web->request,
                                 bytes_from(part.iov_base, part.iov_len), &decoded) == STATUS_OK;
        bufq_append(&stream->waiting, text_bytes(&decoded));
        bufq_consume(&raw, part.iov_len);
    }
    text_fini(&decoded);
    bufq_fini(&raw);
    return is_fine && !(stream->request_is_complete && stream->grpc_web->request.held_count > 0);
}

bool grpc_web_begin(struct stream *stream)
{
    enum grpc_kind kind;

    if (stream->grpc_web != NULL || !cluster_speaks_h2(stream->cluster))
        return true;
    kind = grpc_kind_of_request(&stream->request);
    stream->is_grpc = kind != GRPC_NONE;
    if (kind != GRPC_WEB && kind != GRPC_WEB_TEXT)
        return true;
    stream->grpc_web = arena_new(&stream->arena, struct grpc_web);
    stream->grpc_web->kind = kind;
    text_init(&stream->grpc_web->out);
    replace_type(stream, stream->request.fields, stream->request.fields_count, false);
    stream->request.takes_trailers = true;
    if (stream->request.framing == BODY_LENGTH)
        stream->request.framing = BODY_CHUNKED; /* its length is another one now */
    if (translate_waiting(stream))
        return true;
    stream_fail(stream, FAILURE_BAD_GRPC_WEB);
    return false;
}

bool grpc_web_request(struct stream *stream, const struct batch *batch, struct batch *out)
{
    struct grpc_web *web = stream->grpc_web;

    *out = *batch;
    if (web->kind != GRPC_WEB_TEXT)
        return true;
    batch_init(out, NULL);
    out->is_end = batch->is_end;
    text_clear(&web->out);
    for (uint32_t i = 0; i < batch->runs_count; i++) {
        if (grpc_web_text_decode(&web->request, batch->runs[i], &web->out) != STATUS_OK) {
            stream_fail(stream, FAILURE_BAD_GRPC_WEB);
            return false;
        }
    }
    if (batch->is_end && web->request.held_count > 0) { /* cut within a group */
        stream_fail(stream, FAILURE_BAD_GRPC_WEB);
        return false;
    }
    if (web->out.len > 0)
        batch_add(out, text_bytes(&web->out));
    return true;
}

static void translate_head(struct stream *stream, const struct response *from,
                           struct response *head)
{
    struct field *fields = arena_alloc(&stream->arena, (from->fields_count + 1) * sizeof(*fields));

    if (from->fields_count > 0)
        memcpy(fields, from->fields, from->fields_count * sizeof(*fields));
    *head = *from;
    head->fields = fields;
    replace_type(stream, fields, from->fields_count, true);
    if (head->framing == BODY_LENGTH)
        head->framing = BODY_CHUNKED;
    head->content_length = UINT64_MAX;
}

/* Padded where the batch ends: bytes that do not fill a group would else wait for the next message,
 * and this one would not be whole until then. Clients have to take padding anywhere. */
void grpc_web_answer(struct stream *stream, const struct batch *batch, struct response *head,
                     struct batch *out)
{
    struct grpc_web *web = stream->grpc_web;
    struct grpc_web_text encoding = {{0}, 0};
    struct text trailers;

    batch_init(out, NULL);
    out->is_end = batch->is_end;
    if (batch->head != NULL) {
        translate_head(stream, batch->head, head);
        out->head = head;
    }
    text_clear(&web->out);
    text_init(&trailers);
    if (batch->trailers_count > 0)
        grpc_web_trailers(batch->trailers, batch->trailers_count, &trailers);
    for (uint32_t i = 0; i < batch->runs_count; i++) {
        if (web->kind == GRPC_WEB_TEXT)
            grpc_web_text_encode(&encoding, batch->runs[i], false, &web->out);
        else
            text_add(&web->out, batch->runs[i]);
    }
    if (web->kind == GRPC_WEB_TEXT)
        grpc_web_text_encode(&encoding, text_bytes(&trailers), true, &web->out);
    else
        text_add(&web->out, text_bytes(&trailers));
    text_fini(&trailers);
    if (web->out.len > 0)
        batch_add(out, text_bytes(&web->out));
}

void grpc_web_end(struct stream *stream)
{
    if (stream->grpc_web != NULL)
        text_fini(&stream->grpc_web->out);
}

enum grpc_kind grpc_kind_of_client(const struct stream *stream)
{
    return stream->grpc_web != NULL ? stream->grpc_web->kind
                                    : grpc_kind_of_request(&stream->request);
}

struct bytes grpc_type_of_client(struct stream *stream)
{
    const struct field *field = request_field(&stream->request, FIELD_CONTENT_TYPE);
    struct bytes type = field == NULL ? BYTES_NONE : field->value;
    struct text text;

    if (stream->grpc_web == NULL)
        return type;
    text_init(&text);
    grpc_type_to_web(type, stream->grpc_web->kind, &text);
    type = arena_copy(&stream->arena, text_bytes(&text));
    text_fini(&text);
    return type;
}
