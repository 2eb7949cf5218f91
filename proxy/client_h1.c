/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_h1.c - HTTP/1 from a client: finds heads in its bytes, lets one stream at a time run, and
 * writes what that has to say.
 *
 *     IDLE <-> HEAD -> STREAM -> IDLE ...
 *                         \-> FLUSH -> IDLE
 *                         \-> LINGER -> CLOSING
 *
 * One loop, read_bytes(), takes requests out of whatever bytes there are; streams that finish at
 * once come back to it instead of calling it again, so pipelining does not deepen the stack.
 */
#include "proxy/client.h"
#include "proxy/framer.h"
#include "proxy/limits.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

#define HEAD_AT_ONCE_BYTES_MAX 4096u /* half of what a stream's arena has at first */

#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_FINAL_FIRST         200

static void enter_idle(struct conn *conn)
{
    conn->state = CONN_IDLE;
    conn->scan = (struct h1_scan){0};
    conn_arm(conn, conn->worker->state == WORKER_SERVING
                       ? conn->worker->config->timeouts.keep_alive_ms
                       : DRAIN_IDLE_MS);
}

void client_h1_begin(struct conn *conn)
{
    conn->ops = &client_h1_ops;
    enter_idle(conn);
}

/* ---- a request ---- */

/* Decode the request's body off *data into batches; what is left is the next request's. */
static void read_body(struct stream *stream, struct bytes *data)
{
    struct batch batch MEM_UNCLEARED;
    struct bytes payload;
    enum h1_fault fault = H1_FINE;
    enum h1_body_result result;

    batch_init(&batch, NULL);
    while ((result = h1_body_next(&stream->request_body, data, &payload, &fault)) == H1_BODY_DATA) {
        batch_add(&batch, payload);
        if (!batch_is_full(&batch))
            continue;
        relay_request(stream, &batch);
        batch_init(&batch, NULL);
    }
    batch.is_end = result == H1_BODY_END;
    if (!batch_is_empty(&batch))
        relay_request(stream, &batch);
    if (result == H1_BODY_BAD)
        stream_fail(stream, failure_of_h1(fault));
}

/* The head was read. What belongs to its body is taken off *rest, so that head and first body bytes
 * go out in one write. */
static void start_stream(struct stream *stream, struct bytes *rest)
{
    h1_body_init(&stream->request_body, stream->request.framing, stream->request.content_length,
                 &stream->worker->config->limits, &stream->arena);
    stream->request_is_complete = stream->request_body.is_done;
    if (rest->len > 0 && !stream->request_is_complete)
        read_body(stream, rest);
    stream_begin(stream);
}

/* The head is copied. */
static void begin_stream(struct conn *conn, struct bytes head, struct bytes *rest)
{
    struct stream *stream = stream_open(conn, conn->head_started_us);
    const struct h1_limits *limits = &conn->worker->config->limits;
    enum h1_fault fault = h1_parse_request(arena_copy(&stream->arena, head), limits, &stream->arena,
                                           &stream->request);

    conn->stream = stream;
    if (fault != H1_FINE) {
        conn->ends_after = true;
        conn->must_linger = true;
        stream_fail(stream, failure_of_h1(fault));
        stream_run(stream);
        return;
    }
    start_stream(stream, rest);
}

/* Bytes after the head. */
static void read_stream(struct stream *stream, struct bytes *data)
{
    struct batch batch MEM_UNCLEARED;

    if (stream->step == STREAM_TUNNEL) {
        batch_init(&batch, NULL);
        batch_add(&batch, *data);
        *data = BYTES_NONE;
        tunnel_request(stream, &batch);
    } else if (!stream->request_is_complete) {
        read_body(stream, data);
    } else {
        return;
    }
    stream_run(stream);
}

/* ---- reading ---- */

/* Answer a head that cannot be read, or just close. */
static void refuse(struct conn *conn, enum failure failure)
{
    conn->ends_after = true;
    conn->must_linger = true;
    if (failure_row(failure)->code == 0) {
        conn->worker->stats.failures[failure]++;
        conn_close(conn);
        return;
    }
    conn->state = CONN_STREAM;
    conn->stream = stream_open(conn, conn->head_started_us);
    stream_fail(conn->stream, failure);
    stream_run(conn->stream);
}

static void keep_pending(struct conn *conn, struct bytes data)
{
    text_add(&conn->pending, data);
    if (conn->pending.len > PIPELINED_BYTES_MAX)
        conn->worker->stats.limit_pipeline++;
}

static bool wants_bytes(const struct conn *conn)
{
    if (conn->client_ended)
        return false;
    switch (conn->state) {
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_LINGER:
        return true;
    case CONN_STREAM:
        return !conn->stream->client_is_paused && conn->pending.len <= PIPELINED_BYTES_MAX;
    case CONN_FLUSH:
        return conn->pending.len <= PIPELINED_BYTES_MAX;
    case CONN_PROXY_HEADER:
    case CONN_HANDSHAKE:
    case CONN_SESSION:
    case CONN_RELAY:
    case CONN_CLOSING:
        break;
    }
    return false;
}

static void update_reading(struct conn *conn)
{
    if (wants_bytes(conn))
        transport_resume(conn->transport);
    else
        transport_pause(conn->transport);
}

/* HTTP/2 with prior knowledge, where the first request of a plain connection would begin (RFC 9113
 * section 3.3). */
static bool is_h2(const struct conn *conn, enum h1_fault fault)
{
    return fault == H1_HTTP2_PREFACE && conn->requests_count == 0 && !conn_is_admin(conn) &&
           !conn_is_secure(conn);
}

/* Begin the request that *data begins with, if all of its head is there and there is nothing to say
 * against it. What is copied is all there is, and small, since much of it may be the next requests.
 */
static bool begin_at_once(struct conn *conn, struct bytes *data)
{
    struct stream *stream;
    struct bytes rest;

    if (conn->scan.seen > 0 || data->len > HEAD_AT_ONCE_BYTES_MAX)
        return false;
    stream = stream_open(conn, conn->head_started_us);
    rest = arena_copy(&stream->arena, *data);
    if (!h1_take_request(&rest, &conn->worker->config->limits, &stream->arena, &stream->request)) {
        stream_discard(stream);
        return false;
    }
    *data = bytes_skip(*data, data->len - rest.len);
    conn->state = CONN_STREAM;
    conn->requests_count++;
    conn->stream = stream;
    start_stream(stream, data);
    return true;
}

/* Find and begin one request in *data. False when it took the bytes and waits for more. */
static bool read_head(struct conn *conn, struct bytes *data)
{
    struct worker *worker = conn->worker;
    enum h1_fault fault = H1_FINE;
    size_t head_len = 0;
    struct bytes head;
    enum status status;

    if (conn->state == CONN_IDLE)
        conn->head_started_us = worker_now_us(worker);
    if (begin_at_once(conn, data))
        return true;
    status = h1_scan_request(&conn->scan, *data, &worker->config->limits, &head_len, &fault);
    if (status == STATUS_AGAIN) {
        if (conn->state == CONN_IDLE) {
            conn->state = CONN_HEAD;
            conn_arm(conn, worker->config->timeouts.head_ms);
        }
        return false;
    }
    if (status != STATUS_OK) {
        if (is_h2(conn, fault))
            client_h2_begin(conn, *data);
        else
            refuse(conn, failure_of_h1(fault));
        *data = BYTES_NONE;
        return true;
    }
    conn->state = CONN_STREAM; /* its old deadline passes by while the stream has its own */
    conn->requests_count++;
    head = bytes_slice(*data, conn->scan.start, head_len - conn->scan.start);
    *data = bytes_skip(*data, head_len);
    begin_stream(conn, head, data);
    return true;
}

/* Take requests out of `data` as long as streams finish at once. Returns the rest, which is the
 * beginning of a head or follows the request that runs. */
static struct bytes read_requests(struct conn *conn, struct bytes data)
{
    while (data.len > 0) {
        if (conn->state == CONN_STREAM) {
            size_t before = data.len;

            read_stream(conn->stream, &data);
            if (conn->state == CONN_STREAM && data.len == before)
                break;
        } else if (conn->state == CONN_IDLE || conn->state == CONN_HEAD) {
            if (!read_head(conn, &data))
                break;
        } else {
            if (conn->state == CONN_LINGER)
                conn_linger_bytes(conn, data.len);
            if (conn->state == CONN_FLUSH)
                break;
            return BYTES_NONE;
        }
    }
    return data;
}

static bool keeps_bytes(const struct conn *conn)
{
    return conn->state != CONN_CLOSING && conn->state != CONN_SESSION;
}

/* Fresh bytes, not yet part of pending. */
static void read_bytes(struct conn *conn, struct bytes data)
{
    struct bytes rest;

    conn->is_parsing = true;
    if (conn->pending.len == 0) {
        rest = read_requests(conn, data);
        if (rest.len > 0 && keeps_bytes(conn))
            keep_pending(conn, rest);
    } else if (conn->state == CONN_STREAM || conn->state == CONN_FLUSH) {
        keep_pending(conn, data);
    } else {
        struct text held = conn->pending;

        text_add(&held, data);
        text_init(&conn->pending);
        rest = read_requests(conn, text_bytes(&held));
        if (rest.len == held.len && keeps_bytes(conn)) {
            conn->pending = held; /* nothing was taken: go on collecting */
            text_init(&held);
        } else if (rest.len > 0 && keeps_bytes(conn)) {
            keep_pending(conn, rest);
        }
        text_fini(&held);
    }
    conn->is_parsing = false;
    if (conn->state == CONN_SESSION)
        return;
    if (conn->client_ended && (conn->state == CONN_IDLE || conn->state == CONN_HEAD))
        conn_close(conn); /* half a request will not become a whole one */
    update_reading(conn);
    if (conn->client_ended && conn->state == CONN_STREAM && conn->pending.len == 0)
        stream_client_ended(conn->stream); /* it may have begun after the end was seen */
}

/* ---- what the transport tells ---- */

/* A client may stop sending and still wait for its answer, so this ends only what is idle. */
static void on_end(struct conn *conn)
{
    if (conn->state == CONN_STREAM)
        stream_client_ended(conn->stream);
    else if (conn->state != CONN_FLUSH)
        conn_close(conn);
}

static void on_drained(struct conn *conn)
{
    if (conn->state == CONN_STREAM) {
        stream_client_drained(conn->stream);
    } else if (conn->state == CONN_FLUSH) {
        enter_idle(conn);
        read_bytes(conn, BYTES_NONE);
    }
}

static void on_deadline(struct conn *conn)
{
    struct stats *stats = &conn->worker->stats;

    if (conn->state == CONN_IDLE) {
        conn_count_idle_end(conn);
        conn_close(conn);
    } else if (conn->state == CONN_HEAD) {
        stats->timeout_head++;
        refuse(conn, FAILURE_HEAD_TIMEOUT);
    } else if (conn->state == CONN_FLUSH && !conn_is_read(conn)) {
        stats->timeout_client_write++;
        conn_abort(conn);
    }
}

static void on_gone(struct conn *conn, enum failure why)
{
    if (conn->stream != NULL)
        stream_client_gone(conn->stream, why);
}

static void drain(struct conn *conn)
{
    if (conn->state == CONN_IDLE)
        conn_arm(conn, DRAIN_IDLE_MS);
}

static bool is_idle(const struct conn *conn)
{
    return conn->state == CONN_IDLE && conn->pending.len == 0;
}

static void fini(struct conn *conn)
{
    (void)conn;
}

/* ---- what a stream has to say ---- */

static enum body_framing framing_of(const struct stream *stream, const struct response *head)
{
    if (head->framing == BODY_NONE || head->framing == BODY_LENGTH)
        return head->framing;
    return stream->request.version_minor == 0 ? BODY_UNTIL_CLOSE : BODY_CHUNKED;
}

static bool may_keep_alive(const struct stream *stream)
{
    return stream->request.keep_alive && stream->request_is_complete && !stream->conn->ends_after &&
           stream->client_framing != BODY_UNTIL_CLOSE && stream->worker->state == WORKER_SERVING;
}

/* Interim heads say nothing about body or connection; a 101 is the last thing that is HTTP. */
static void add_head(struct stream *stream, const struct response *head, struct framer *framer)
{
    struct text *out = &stream->worker->scratch;
    struct forward_response how = {.client_version_minor = 1,
                                   .keep_alive = true,
                                   .upgrade = head->status == STATUS_SWITCHING_PROTOCOLS,
                                   .framing = BODY_NONE};

    if (head->status >= STATUS_FINAL_FIRST) {
        stream->client_framing = framing_of(stream, head);
        if (!may_keep_alive(stream))
            stream->conn->ends_after = true;
        stream_describe_answer(stream, &how);
        how.client_version_minor = stream->request.version_minor;
        how.keep_alive = !stream->conn->ends_after;
        how.client_wants_keep_alive_1_0 =
            stream->request.version_minor == 0 && stream->request.keep_alive;
        how.framing = stream->client_framing;
    } else if (how.upgrade) {
        stream->client_framing = BODY_UNTIL_CLOSE;
        stream->conn->ends_after = true;
    }
    text_clear(out);
    forward_response_head(out, head, &how);
    framer_add_head(framer, text_bytes(out));
}

static enum status stream_send(struct stream *stream, const struct batch *batch)
{
    struct transport *transport = stream->conn->transport;
    struct framer framer MEM_UNCLEARED;
    enum status status;

    framer_init(&framer);
    if (batch->head != NULL) {
        if (batch->head->status < STATUS_FINAL_FIRST && stream->request.version_minor == 0)
            return STATUS_OK; /* it would not know what that is: RFC 9110 section 15.2 */
        add_head(stream, batch->head, &framer);
    }
    framer_add_batch(&framer, stream->client_framing, batch);
    status = framer.count > 0 ? transport_write(transport, framer.parts, framer.count) : STATUS_OK;
    if (status != STATUS_OK && status != STATUS_AGAIN)
        conn_close(stream->conn);
    else if (batch->is_end && stream->step == STREAM_TUNNEL)
        transport_finish(transport);
    return status;
}

static void stream_update_reading(struct stream *stream)
{
    update_reading(stream->conn);
}

/* Bytes that came before the client knew of the tunnel stand behind the head that asked for it. */
static void begin_tunnel(struct stream *stream)
{
    struct conn *conn = stream->conn;
    struct text early = conn->pending;
    struct batch batch MEM_UNCLEARED;

    text_init(&conn->pending);
    if (early.len > 0) { /* who opened the tunnel runs the stream: it may be over by this */
        batch_init(&batch, NULL);
        batch_add(&batch, text_bytes(&early));
        tunnel_request(stream, &batch);
    }
    text_fini(&early);
    if (conn->client_ended && stream->step == STREAM_TUNNEL)
        tunnel_client_ended(stream);
    update_reading(conn); /* so many may have come that reading stopped */
}

/* What came of a truncated answer is delivered where its framing shows that it is not all. */
static void stream_abort(struct stream *stream)
{
    if (stream->failure == FAILURE_RESPONSE_TRUNCATED && stream->client_framing != BODY_UNTIL_CLOSE)
        stream->conn->ends_after = true;
    else
        conn_abort(stream->conn);
}

/* Either the next request, or the end. */
static void after_stream(struct conn *conn)
{
    if (conn->ends_after || conn->worker->state == WORKER_CUTTING) {
        conn->worker->stats.connections_closed_asked++;
        conn_linger(conn);
        return;
    }
    if (transport_queued_bytes(conn->transport) > 0) {
        conn->state = CONN_FLUSH;
        conn_arm_write(conn);
        return;
    }
    enter_idle(conn);
    if (!conn->is_parsing)
        read_bytes(conn, BYTES_NONE);
}

static void stream_finished(struct stream *stream)
{
    struct conn *conn = stream->conn;

    if (!stream->request_is_complete) {
        conn->ends_after = true;
        conn->must_linger = true;
    }
    if (conn->ends_after && conn->pending.len > 0)
        conn->must_linger = true;
    conn->stream = NULL;
    stream_keep(stream);
    if (conn->state == CONN_STREAM)
        after_stream(conn);
}

static size_t stream_unread_bytes(const struct stream *stream)
{
    return transport_unread_bytes(stream->conn->transport);
}

const struct client_ops client_h1_ops = {
    .on_bytes = read_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_gone = on_gone,
    .drain = drain,
    .is_idle = is_idle,
    .fini = fini,
    .send = stream_send,
    .update_reading = stream_update_reading,
    .begin_tunnel = begin_tunnel,
    .abort = stream_abort,
    .finish = stream_finished,
    .unread_bytes = stream_unread_bytes,
};
