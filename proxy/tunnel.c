/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.c - relays an upgraded connection.
 */
#include "proxy/tunnel.h"

#include "proxy/client.h"
#include "proxy/http/websocket.h"
#include "proxy/session.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

#define STATUS_SWITCHING_PROTOCOLS 101

static void arm(struct stream *stream)
{
    stream->total_due_ms = 0;
    stream->try_due_ms = 0;
    stream_arm(stream, stream->worker->config->timeouts.tunnel_idle_ms, FAILURE_TUNNEL_IDLE);
}

struct bytes tunnel_key_to_send(struct stream *stream)
{
    uint64_t random[2] = {0, 0};
    char *key;

    if (!stream->request.wants_websocket || stream->request.websocket_key.len > 0)
        return BYTES_NONE;
    if (stream->made_key.len == 0) {
        random[0] = random_next(&stream->worker->random);
        random[1] = random_next(&stream->worker->random);
        key = arena_alloc(&stream->arena, WEBSOCKET_KEY_LENGTH);
        websocket_key_make((const char *)random, key);
        stream->made_key = bytes_from(key, WEBSOCKET_KEY_LENGTH);
    }
    return stream->made_key;
}

/* An endpoint over HTTP/2 accepts by its status; one over HTTP/1 has to prove that it read the key.
 */
static bool is_the_answer_to(const struct stream *stream, const struct response *response)
{
    char expected[WEBSOCKET_ACCEPT_LENGTH];

    if (!response->websocket_accepted)
        return false;
    if (response->status != STATUS_SWITCHING_PROTOCOLS)
        return true;
    websocket_accept(stream->made_key.len > 0 ? stream->made_key : stream->request.websocket_key,
                     expected);
    return bytes_equal(response->websocket_accept, bytes_from(expected, sizeof(expected)));
}

/* The 101 for the client: with the key's answer if it sent a key. Its own protocol makes of it what
 * it says there. */
static void describe_switch(struct stream *stream, const struct response *response,
                            struct response *head)
{
    uint32_t count = response->fields_count;
    struct field *fields = arena_alloc(&stream->arena, (count + 3) * sizeof(*fields));
    uint32_t kept = 0;
    char *accept = arena_alloc(&stream->arena, WEBSOCKET_ACCEPT_LENGTH);

    for (uint32_t i = 0; i < count; i++) {
        enum field_id id = response->fields[i].id;

        if (id != FIELD_SEC_WEBSOCKET_ACCEPT && id != FIELD_UPGRADE && id != FIELD_CONTENT_LENGTH)
            fields[kept++] = response->fields[i];
    }
    fields[kept++] = (struct field){BYTES("Upgrade"), BYTES("websocket"), FIELD_UPGRADE, true};
    if (stream->request.websocket_key.len > 0) {
        websocket_accept(stream->request.websocket_key, accept);
        fields[kept++] = (struct field){BYTES("Sec-WebSocket-Accept"),
                                        bytes_from(accept, WEBSOCKET_ACCEPT_LENGTH),
                                        FIELD_SEC_WEBSOCKET_ACCEPT, false};
    }
    if (session_is_new(stream))
        fields[kept++] = session_field(stream);
    *head = *response;
    head->status = STATUS_SWITCHING_PROTOCOLS;
    head->reason = BYTES("Switching Protocols");
    head->fields = fields;
    head->fields_count = kept;
    head->framing = BODY_NONE;
}

/* False when the client is gone; the stream is failed then. */
static bool write_to_client(struct stream *stream, const struct batch *batch)
{
    enum status status = client_send(stream, batch);

    if (status == STATUS_AGAIN) {
        if (!stream->upstream_is_paused)
            upstream_pause(stream);
        stream->upstream_is_paused = true;
    } else if (status != STATUS_OK) {
        stream->client_is_gone = true;
        stream_fail(stream, FAILURE_CLIENT_GONE);
        return false;
    }
    return true;
}

/* What the client sent before it knew of the tunnel: hostile-input 50. */
static void send_early_bytes(struct stream *stream)
{
    struct iovec queued[BATCH_RUNS_MAX] MEM_UNCLEARED;
    struct batch batch MEM_UNCLEARED;
    struct bufq early = stream->waiting;

    bufq_init(&stream->waiting, &stream->worker->net.chunks, BODY_WAITING_BYTES);
    while (!bufq_is_empty(&early) && stream->step == STREAM_TUNNEL) {
        size_t count = bufq_peek(&early, queued, BATCH_RUNS_MAX);

        batch_init(&batch, NULL);
        for (size_t i = 0; i < count; i++)
            batch_add(&batch, bytes_from(queued[i].iov_base, queued[i].iov_len));
        tunnel_request(stream, &batch);
        bufq_consume(&early, batch.bytes_count);
    }
    bufq_fini(&early);
    if (stream->step == STREAM_TUNNEL)
        client_begin_tunnel(stream);
}

void tunnel_begin(struct stream *stream, const struct response *response, struct bytes data)
{
    struct batch batch MEM_UNCLEARED;
    struct response head;

    if (!stream->request.wants_websocket || !is_the_answer_to(stream, response)) {
        stream_fail(stream, FAILURE_BAD_UPGRADE);
        return;
    }
    describe_switch(stream, response, &head);
    batch_init(&batch, &head);
    if (data.len > 0)
        batch_add(&batch, data);
    stream->status = STATUS_SWITCHING_PROTOCOLS;
    stream->head_is_out = true;
    stream->step = STREAM_TUNNEL;
    stream->response_bytes += data.len;
    stream->worker->stats.tunnels_now++;
    arm(stream);
    if (write_to_client(stream, &batch))
        send_early_bytes(stream);
}

/* The connection to the endpoint closes with the stream, so what waits for the endpoint goes first;
 * what waits for the client is flushed by the client's end. */
static void end_if_both(struct stream *stream)
{
    if (stream->client_finished && stream->upstream_finished && upstream_queued_bytes(stream) == 0)
        stream->step = STREAM_FINISH;
}

void tunnel_request(struct stream *stream, const struct batch *batch)
{
    enum status status = upstream_send(stream, batch);

    stream->request_bytes += batch->bytes_count;
    if (status == STATUS_AGAIN) {
        stream->client_is_paused = true;
        client_update_reading(stream);
    } else if (status != STATUS_OK) {
        stream_fail(stream, FAILURE_UPSTREAM_RESET);
        return;
    }
    arm(stream);
    if (!batch->is_end)
        return;
    stream->client_finished = true;
    end_if_both(stream);
}

void tunnel_client_ended(struct stream *stream)
{
    struct batch end MEM_UNCLEARED;

    batch_init(&end, NULL);
    end.is_end = true;
    tunnel_request(stream, &end);
}

bool tunnel_answer(struct stream *stream, const struct batch *batch)
{
    stream->response_bytes += batch->bytes_count;
    if (!write_to_client(stream, batch))
        return false;
    arm(stream);
    if (batch->is_end) {
        stream->upstream_finished = true;
        end_if_both(stream);
    }
    return true;
}

bool tunnel_is_emptying(const struct stream *stream)
{
    return stream->step == STREAM_TUNNEL && stream->client_finished && stream->upstream_finished;
}

void tunnel_drained(struct stream *stream)
{
    arm(stream);
    end_if_both(stream);
}
