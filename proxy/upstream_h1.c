/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream_h1.c - HTTP/1 to an endpoint: one request and its answer at a time.
 */
#include "core/check.h"
#include "proxy/framer.h"
#include "proxy/pool.h"
#include "proxy/relay.h"
#include "proxy/stream.h"
#include "proxy/upstream.h"

#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_FINAL_FIRST         200

/* ---- connecting ---- */

static void on_open(struct upstream *upstream)
{
    stream_on_connected(upstream->stream);
}

static void on_open_failed(struct upstream *upstream, enum failure why)
{
    stream_on_connect_failed(upstream->stream, why);
}

static void fini(struct upstream *upstream)
{
    (void)upstream;
}

/* ---- the request ---- */

static enum body_framing framing_of(const struct stream *stream)
{
    return stream->step == STREAM_TUNNEL ? BODY_NONE : stream->request.framing;
}

/* Anew for each attempt, all of which get the same. */
static struct bytes build_head(struct stream *stream)
{
    struct text *out = &stream->worker->scratch;
    struct forward_request how MEM_UNCLEARED;

    relay_describe_request(stream, &how);
    text_clear(out);
    forward_request_head(out, &stream->request, &how);
    return text_bytes(out);
}

/* Add what waits of the body; false when it has more runs than fit one batch. */
static bool gather_waiting(const struct stream *stream, struct batch *batch)
{
    struct iovec queued[BATCH_RUNS_MAX] MEM_UNCLEARED;
    size_t count = bufq_peek(&stream->waiting, queued, BATCH_RUNS_MAX);

    for (size_t i = 0; i < count; i++)
        batch_add(batch, bytes_from(queued[i].iov_base, queued[i].iov_len));
    return batch->bytes_count == stream->waiting.len;
}

static enum status send_head(struct stream *stream)
{
    struct framer framer MEM_UNCLEARED;
    struct batch batch MEM_UNCLEARED;
    enum status status;

    batch_init(&batch, NULL);
    if (!stream->request.wants_websocket) { /* else what waits is the tunnel's: hostile-input 50 */
        CHECK(bufq_is_empty(&stream->waiting) || gather_waiting(stream, &batch));
        batch.is_end = stream->request_is_complete;
    }
    framer_init(&framer);
    framer_add_head(&framer, build_head(stream));
    framer_add_batch(&framer, stream->request.framing, &batch);
    status = transport_write(stream->upstream->transport, framer.parts, framer.count);
    if (status != STATUS_OK && status != STATUS_AGAIN)
        return status;
    if (batch.bytes_count > 0) {
        relay_keep_for_replay(stream, &batch);
        bufq_consume(&stream->waiting, batch.bytes_count);
    }
    return status;
}

static enum status send_body(struct stream *stream, const struct batch *batch)
{
    struct transport *transport = stream->upstream->transport;
    struct framer framer MEM_UNCLEARED;
    enum status status;

    framer_init(&framer);
    framer_add_batch(&framer, framing_of(stream), batch);
    status = framer.count > 0 ? transport_write(transport, framer.parts, framer.count) : STATUS_OK;
    relay_keep_for_replay(stream, batch);
    if (batch->is_end && stream->step == STREAM_TUNNEL)
        transport_finish(transport);
    return status;
}

static void on_drained(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_BUSY)
        stream_on_upstream_drained(upstream->stream);
}

/* ---- the answer ---- */

/* Take one head off *data. False when more is needed, or the stream failed. */
static bool read_head(struct stream *stream, struct bytes *data, struct response *response)
{
    struct h1_scan *scan = &stream->upstream->scan;
    const struct h1_limits *limits = &stream->worker->config->limits;
    enum method_id method = stream->request.method_id;
    bool wants_upgrade = stream->request.wants_websocket;
    enum h1_fault fault = H1_FINE;
    size_t head_len = 0;
    enum status status;

    if (scan->seen == 0 &&
        h1_take_response(data, limits, method, wants_upgrade, &stream->arena, response))
        return true;
    status = h1_scan_response(scan, *data, limits, &head_len, &fault);
    if (status == STATUS_AGAIN)
        return false;
    if (status == STATUS_OK)
        fault = h1_parse_response(bytes_slice(*data, scan->start, head_len - scan->start), limits,
                                  method, wants_upgrade, &stream->arena, response);
    if (status != STATUS_OK || fault != H1_FINE) {
        stream_fail(stream, FAILURE_BAD_RESPONSE);
        return false;
    }
    *scan = (struct h1_scan){0};
    *data = bytes_skip(*data, head_len);
    return true;
}

/* Take heads off *data until the final one. True when *response is it. */
static bool read_heads(struct stream *stream, struct bytes *data, struct response *response)
{
    while (read_head(stream, data, response)) {
        if (response->status >= STATUS_FINAL_FIRST ||
            response->status == STATUS_SWITCHING_PROTOCOLS)
            return true;
        if (!relay_interim(stream, response))
            return false;
    }
    return false;
}

/* Decode `data` into batches. `head`: of the answer, if the body begins here. `rest` are bytes
 * after the answer: then the connection is not to be trusted any more (hostile-input 54). */
static void read_body(struct stream *stream, const struct response *head, struct bytes data)
{
    struct batch batch MEM_UNCLEARED;
    struct bytes payload;
    enum h1_fault fault = H1_FINE;
    enum h1_body_result result;

    batch_init(&batch, head);
    while ((result = h1_body_next(&stream->response_body, &data, &payload, &fault)) ==
           H1_BODY_DATA) {
        batch_add(&batch, payload);
        if (!batch_is_full(&batch))
            continue;
        if (!relay_answer(stream, &batch))
            return;
        batch_init(&batch, NULL);
    }
    batch.is_end = result == H1_BODY_END;
    if (batch.is_end && data.len > 0)
        stream->upstream->keeps = false;
    if (!batch_is_empty(&batch) && !relay_answer(stream, &batch))
        return;
    if (result == H1_BODY_BAD)
        stream_fail(stream, FAILURE_RESPONSE_TRUNCATED);
}

static void read_answer(struct stream *stream, struct bytes *data)
{
    struct response response;

    if (!read_heads(stream, data, &response))
        return;
    if (response.status == STATUS_SWITCHING_PROTOCOLS) {
        relay_switch(stream, &response, *data);
    } else {
        stream->upstream->keeps = response.keep_alive;
        h1_body_init(&stream->response_body, response.framing, response.content_length,
                     &stream->worker->config->limits, &stream->arena);
        read_body(stream, &response, *data);
    }
    *data = BYTES_NONE;
}

/* Heads may come in pieces; the pieces are kept until the final head is whole. */
static void read_head_bytes(struct stream *stream, struct bytes data)
{
    struct upstream *upstream = stream->upstream;
    struct text held = upstream->partial;
    bool was_empty = held.len == 0;

    text_init(&upstream->partial);
    if (!was_empty) {
        text_add(&held, data);
        data = text_bytes(&held);
    }
    read_answer(stream, &data);
    if (data.len > 0 && stream->upstream == upstream)
        text_add(&upstream->partial, data);
    text_fini(&held);
}

static void read_tunnel(struct stream *stream, struct bytes data)
{
    struct batch batch MEM_UNCLEARED;

    batch_init(&batch, NULL);
    batch_add(&batch, data);
    (void)relay_answer(stream, &batch);
}

static void on_bytes(struct upstream *upstream, struct bytes data)
{
    struct stream *stream = upstream->stream;

    if (upstream->state != UPSTREAM_BUSY) {
        upstream->worker->stats.upstream_unexpected++;
        upstream_close(upstream);
        return;
    }
    if (stream->step == STREAM_TUNNEL) {
        read_tunnel(stream, data);
    } else if (stream->step != STREAM_RELAY) {
        stream_fail(stream, FAILURE_BAD_RESPONSE); /* to a request that was not sent: no answer */
    } else {
        stream->any_byte_came = true;
        if (stream->head_is_out)
            read_body(stream, NULL, data);
        else
            read_head_bytes(stream, data);
    }
    stream_run(stream);
}

/* The write that met a reset has taken it away from the read: it looks like an end then. */
static bool is_cut(struct stream *stream, bool is_reset)
{
    if (is_reset || stream->step == STREAM_TUNNEL)
        return is_reset;
    return h1_body_finish(&stream->response_body) != STATUS_OK ||
           (stream->is_unsendable && stream->response_body.framing == BODY_UNTIL_CLOSE);
}

static void end_answer(struct stream *stream, bool is_reset)
{
    struct batch batch MEM_UNCLEARED;

    if (!stream->head_is_out && stream->step != STREAM_TUNNEL) {
        relay_attempt_died(stream);
        return;
    }
    if (is_cut(stream, is_reset)) {
        relay_answer_broke(stream);
        return;
    }
    stream->upstream->keeps = false;
    batch_init(&batch, NULL);
    batch.is_end = true;
    (void)relay_answer(stream, &batch);
}

static void on_end(struct upstream *upstream, bool is_reset)
{
    struct stream *stream = upstream->stream;

    if (upstream->state != UPSTREAM_BUSY) {
        upstream_close(upstream);
        return;
    }
    end_answer(stream, is_reset);
    stream_run(stream);
}

static void pause_reading(struct stream *stream)
{
    transport_pause(stream->upstream->transport);
}

static void resume_reading(struct stream *stream)
{
    transport_resume(stream->upstream->transport);
}

static size_t queued_bytes(const struct stream *stream)
{
    return transport_queued_bytes(stream->upstream->transport);
}

/* ---- afterwards ---- */

void upstream_lend(struct upstream *upstream, struct stream *stream)
{
    CHECK(upstream->state == UPSTREAM_IDLE);
    list_remove(&upstream->link);
    upstream->state = UPSTREAM_BUSY;
    upstream->stream = stream;
    upstream->worker->stats.upstream_idle--;
    upstream->worker->stats.upstream_reused++;
}

static bool is_clean(const struct stream *stream)
{
    const struct upstream *upstream = stream->upstream;

    return upstream->keeps && stream->request_is_complete && !stream->is_unsendable &&
           bufq_is_empty(&stream->waiting) && transport_queued_bytes(upstream->transport) == 0;
}

static void give_back(struct stream *stream)
{
    struct upstream *upstream = stream->upstream;

    CHECK(upstream->state == UPSTREAM_BUSY);
    if (!is_clean(stream) || !upstream_may_be_kept(upstream)) {
        upstream_close(upstream);
        return;
    }
    upstream->stream = NULL;
    upstream->scan = (struct h1_scan){0};
    upstream->requests_count++;
    list_push_front(&upstream->pool->idle, &upstream->link);
    upstream_keep_until_idle(upstream);
    transport_resume(upstream->transport);
    pool_wake(upstream->cluster);
}

static void drop(struct stream *stream)
{
    upstream_close(stream->upstream);
}

const struct upstream_ops upstream_h1_ops = {
    .on_open = on_open,
    .on_open_failed = on_open_failed,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .fini = fini,
    .send_head = send_head,
    .send = send_body,
    .pause = pause_reading,
    .resume = resume_reading,
    .queued_bytes = queued_bytes,
    .give_back = give_back,
    .drop = drop,
};
