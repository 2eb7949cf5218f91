/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_callbacks.c - what nghttp2 reports, as events.
 *
 * A stream that we have reset is heard of once more, when it closes. Streams that were refused
 * have no struct h2_stream and are not heard of at all.
 */
#include "proxy/http/h2_session.h"

#include <nghttp2/nghttp2.h>

#define STATUS_OK_FIRST 200

/* Of what arrives: NULL when nobody is to hear of it. */
static struct h2_stream *live_stream(const struct h2 *h2, int32_t id)
{
    struct h2_stream *stream = h2_stream_find(h2, id);

    return stream != NULL && !stream->is_reset && stream->owner != NULL ? stream : NULL;
}

/* ---- header blocks ---- */

static struct h2_stream *open_stream(struct h2 *h2, nghttp2_session *session, int32_t id)
{
    void *owner = h2->events->on_stream(h2->context, (uint32_t)id);
    struct h2_stream *stream;

    if (owner == NULL) {
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, H2_REFUSED_STREAM);
        return NULL;
    }
    stream = h2_stream_create(h2, owner);
    stream->id = (uint32_t)id;
    (void)nghttp2_session_set_stream_user_data(session, id, stream);
    return stream;
}

/* Failing for a time only makes nghttp2 throw the block away, decoded. */
static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2 *h2 = context;
    struct h2_stream *stream;

    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        stream = open_stream(h2, session, frame->hd.stream_id);
    else
        stream = live_stream(h2, frame->hd.stream_id);
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h2_head_begin(&h2->head, h2->events->arena_of(stream->owner));
    return 0;
}

/* A response's names are passed on as they are, a request's under the client's rules. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *context)
{
    struct h2 *h2 = context;
    bool underscores = h2->config.side == H2_CLIENT || h2->config.limits.underscores_allowed;

    (void)session;
    (void)frame;
    (void)flags;
    h2_head_add(&h2->head, &h2->config.limits, underscores,
                bytes_from((const char *)name, name_len),
                bytes_from((const char *)value, value_len));
    return 0;
}

/* nghttp2 would leave the field out; hostile-input 61 wants the stream reset. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *context)
{
    (void)session;
    (void)frame;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    (void)context;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void end_request_head(struct h2 *h2, struct h2_stream *stream, bool is_end)
{
    struct request request;

    stream->has_head = true;
    stream->peer_is_done = is_end;
    switch (h2_head_request(&h2->head, &h2->config, is_end, &request)) {
    case H2_HEAD_FINE:
        h2->events->on_request(stream->owner, &request, is_end);
        break;
    case H2_HEAD_ANSWER:
        stream->is_bad = true;
        h2->events->on_bad_request(stream->owner, h2->head.fault);
        break;
    case H2_HEAD_RESET:
        h2_stream_refuse(stream, H2_PROTOCOL_ERROR);
        break;
    }
}

static void end_response_head(struct h2 *h2, struct h2_stream *stream, bool is_end)
{
    struct response response;

    if (h2->head.fault != H1_FINE) {
        h2_stream_refuse(stream, H2_ENHANCE_YOUR_CALM);
        return;
    }
    if (h2_head_response(&h2->head, stream->method_id, stream->wants_websocket, is_end,
                         &response) != H2_HEAD_FINE) {
        h2_stream_refuse(stream, H2_PROTOCOL_ERROR);
        return;
    }
    stream->has_head = response.status >= STATUS_OK_FIRST;
    stream->peer_is_done = is_end;
    h2->events->on_response(stream->owner, &response, is_end);
}

static void end_trailers(struct h2 *h2, struct h2_stream *stream)
{
    stream->peer_is_done = true;
    if (stream->is_bad)
        return;
    if (h2->head.fault != H1_FINE) {
        h2_stream_refuse(stream, H2_ENHANCE_YOUR_CALM);
        return;
    }
    h2_head_trailers(&h2->head);
    h2->events->on_end(stream->owner, h2->head.fields.at, h2->head.fields.count);
}

static void end_headers(struct h2 *h2, const nghttp2_frame *frame)
{
    struct h2_stream *stream = live_stream(h2, frame->hd.stream_id);
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (stream == NULL)
        return;
    if (stream->has_head)
        end_trailers(h2, stream);
    else if (h2->config.side == H2_SERVER)
        end_request_head(h2, stream, is_end);
    else
        end_response_head(h2, stream, is_end);
}

/* ---- other frames ---- */

static void end_data(struct h2 *h2, const nghttp2_frame *frame)
{
    struct h2_stream *stream = live_stream(h2, frame->hd.stream_id);

    if (stream == NULL || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return;
    stream->peer_is_done = true;
    if (!stream->is_bad)
        h2->events->on_end(stream->owner, NULL, 0);
}

static void on_room(struct h2 *h2)
{
    if (h2->config.side == H2_CLIENT && h2->events->on_room != NULL)
        h2->events->on_room(h2->context);
}

static void note_reset(const struct h2 *h2, int32_t id)
{
    struct h2_stream *stream = h2_stream_find(h2, id);

    if (stream != NULL)
        stream->peer_has_reset = true;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2 *h2 = context;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        end_headers(h2, frame);
        break;
    case NGHTTP2_DATA:
        end_data(h2, frame);
        break;
    case NGHTTP2_RST_STREAM:
        note_reset(h2, frame->hd.stream_id);
        break;
    case NGHTTP2_GOAWAY:
        h2->is_going_away = true;
        on_room(h2);
        break;
    case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
            on_room(h2);
        break;
    default:
        break;
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *context)
{
    struct h2 *h2 = context;
    struct h2_stream *stream = live_stream(h2, id);

    (void)flags;
    (void)nghttp2_session_consume_connection(session, len);
    if (stream == NULL)
        return 0;
    if (stream->is_bad)
        (void)nghttp2_session_consume_stream(session, id, len);
    else
        h2->events->on_data(stream->owner, bytes_from((const char *)data, len));
    return 0;
}

/* ---- what was sent ---- */

/* The client's fault, unless its owner wanted it, or we refused to have it. */
static void count_reset(struct h2 *h2, const nghttp2_frame *frame)
{
    const struct h2_stream *stream = h2_stream_find(h2, frame->hd.stream_id);
    enum h2_end flood;

    if (frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM)
        h2->refused_count++;
    if (frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM ||
        (stream != NULL && stream->is_reset && !stream->is_provoked))
        return;
    flood = h2_guard_count_reset(&h2->guard, h2->now_ms);
    if (flood != H2_END_NONE)
        h2_finish(h2, flood, H2_ENHANCE_YOUR_CALM);
}

/* The answer is out, and the rest of a bad request is of no use: RFC 9113 section 8.1. */
static void end_bad_request(struct h2 *h2, const nghttp2_frame *frame)
{
    struct h2_stream *stream;

    if (h2->config.side != H2_SERVER || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return;
    stream = live_stream(h2, frame->hd.stream_id);
    if (stream != NULL && stream->is_bad && !stream->peer_is_done)
        h2_reset(h2, stream->id, H2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2 *h2 = context;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM:
        count_reset(h2, frame);
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        end_bad_request(h2, frame);
        break;
    case NGHTTP2_GOAWAY:
        /* nghttp2 found the fault itself. */
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR)
            h2_finish(h2, H2_END_PROTOCOL, H2_PROTOCOL_ERROR);
        break;
    default:
        break;
    }
    return 0;
}

/* A head that could not be packed; streams that are gone need nothing more. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *context)
{
    struct h2 *h2 = context;

    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS && error != NGHTTP2_ERR_STREAM_CLOSED &&
        error != NGHTTP2_ERR_STREAM_CLOSING && error != NGHTTP2_ERR_SESSION_CLOSING &&
        live_stream(h2, frame->hd.stream_id) != NULL)
        h2_reset(h2, (uint32_t)frame->hd.stream_id, H2_INTERNAL_ERROR);
    return 0;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *context)
{
    (void)session;
    (void)frame;
    (void)source;
    h2_write_data_head(context, head, length);
    return 0;
}

/* ---- the end of a stream ---- */

/* The peer's reset may cross ours. One with NO_ERROR says that nothing went wrong, but not that all
 * has arrived. */
static uint32_t error_of(const struct h2 *h2, const struct h2_stream *stream, uint32_t error)
{
    bool is_complete = stream->peer_is_done;

    if (stream->is_reset)
        return stream->reset_error;
    if (h2->config.side == H2_SERVER &&
        nghttp2_session_get_stream_local_close(h2->session, (int32_t)stream->id) != 1)
        is_complete = false;
    return error == H2_NO_ERROR && !is_complete ? H2_CANCEL : error;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *context)
{
    struct h2 *h2 = context;
    struct h2_stream *stream = h2_stream_find(h2, id);
    bool by_peer;
    void *owner;

    if (stream == NULL)
        return 0;
    owner = stream->owner;
    by_peer = stream->peer_has_reset;
    error = error_of(h2, stream, error);
    if (stream->peer_is_done)
        h2_past_close(&h2->guard.past, stream->id);
    (void)nghttp2_session_set_stream_user_data(session, id, NULL);
    h2_stream_destroy(stream);
    if (owner != NULL)
        h2->events->on_closed(owner, error, by_peer);
    return 0;
}

void h2_callbacks_set(struct nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
