/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.c - relays an upgraded connection.
 */
#include "proxy/tunnel.h"

#include "proxy/upstream.h"
#include "proxy/worker.h"

static void arm(struct stream *stream)
{
    stream->total_due_ms = 0;
    stream->try_due_ms = 0;
    stream_arm(stream, stream->worker->config->timeouts.tunnel_idle_ms, FAILURE_TUNNEL_IDLE);
}

static bool is_the_answer_to(const struct request *request, const struct response *response)
{
    char expected[28];

    websocket_accept(request->websocket_key, expected);
    return response->websocket_accepted &&
           bytes_equal(response->websocket_accept, bytes_from(expected, sizeof(expected)));
}

/* Bytes the client sent before it knew of the tunnel: hostile-input 50. */
static void send_early_bytes(struct stream *stream)
{
    struct text early = stream->conn->pending;

    text_init(&stream->conn->pending);
    if (early.len > 0)
        tunnel_client_bytes(stream, text_bytes(&early));
    text_fini(&early);
    conn_update_reading(stream->conn); /* so many may have come that reading stopped */
}

/* False when the client is gone; the stream is failed then. */
static bool write_to_client(struct stream *stream, const struct bytes *parts, size_t count)
{
    enum status status = conn_write(stream->conn, parts, count);

    if (status == STATUS_AGAIN) {
        stream->upstream_is_paused = true;
        transport_pause(&stream->upstream->tcp.transport);
    } else if (status != STATUS_OK) {
        conn_close(stream->conn);
        stream_fail(stream, FAILURE_CLIENT_GONE);
        return false;
    }
    return true;
}

void tunnel_begin(struct stream *stream, const struct response *response, struct bytes data)
{
    struct text *out = &stream->worker->scratch;
    const struct forward_response how = {
        .client_version_minor = 1, .keep_alive = true, .upgrade = true, .framing = BODY_NONE};
    struct bytes parts[2];

    if (!stream->request.wants_websocket || !is_the_answer_to(&stream->request, response)) {
        stream_fail(stream, FAILURE_BAD_UPGRADE);
        return;
    }
    text_clear(out);
    forward_response_head(out, response, &how);
    parts[0] = text_bytes(out);
    parts[1] = data;
    stream->status = 101;
    stream->head_is_out = true;
    stream->conn->ends_after = true;
    stream->step = STREAM_TUNNEL;
    stream->response_bytes += data.len;
    stream->worker->stats.tunnels_now++;
    arm(stream);
    if (!write_to_client(stream, parts, 2))
        return;
    send_early_bytes(stream);
    if (stream->conn->client_ended && stream->step == STREAM_TUNNEL)
        tunnel_client_ended(stream);
}

void tunnel_client_bytes(struct stream *stream, struct bytes data)
{
    enum status status = transport_write(&stream->upstream->tcp.transport, &data, 1);

    stream->request_bytes += data.len;
    if (status == STATUS_AGAIN) {
        stream->client_is_paused = true;
        conn_update_reading(stream->conn);
    } else if (status != STATUS_OK) {
        stream_fail(stream, FAILURE_UPSTREAM_RESET);
        return;
    }
    arm(stream);
}

void tunnel_upstream_bytes(struct stream *stream, struct bytes data)
{
    stream->response_bytes += data.len;
    if (write_to_client(stream, &data, 1))
        arm(stream);
}

/* The connection to the endpoint closes with the stream, so what waits for the endpoint goes first;
 * what waits for the client is flushed by the conn. */
static void end_if_both(struct stream *stream)
{
    if (stream->client_finished && stream->upstream_finished &&
        transport_queued_bytes(&stream->upstream->tcp.transport) == 0)
        stream->step = STREAM_FINISH;
}

void tunnel_client_ended(struct stream *stream)
{
    stream->client_finished = true;
    transport_finish(&stream->upstream->tcp.transport);
    end_if_both(stream);
}

void tunnel_upstream_ended(struct stream *stream, bool is_reset)
{
    if (is_reset) {
        stream_fail(stream, FAILURE_UPSTREAM_RESET);
        return;
    }
    stream->upstream_finished = true;
    transport_finish(&stream->conn->tcp.transport);
    end_if_both(stream);
}

void tunnel_drained(struct stream *stream)
{
    arm(stream);
    end_if_both(stream);
}
