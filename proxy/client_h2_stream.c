/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_h2_stream.c - maps the streams of a client's session onto ours.
 *
 *     h2 session -> events below -> stream
 *     h2 session <- on_pull() <- client_h2_stream.out <- client_h2_stream_send() <- stream
 *
 * The session pulls as windows allow. A stream ends when it has said all; what it said stays here
 * until it is out.
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/client_h2.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_FINAL_FIRST         200
#define ARENA_BYTES                512

/* ---- making and keeping ---- */

static struct client_h2_stream *half_create(struct client_h2 *client, uint32_t id)
{
    struct worker *worker = client->conn->worker;
    struct list *first = list_first(&worker->free_client_streams);
    struct client_h2_stream *half;
    struct arena arena;

    if (first == NULL) {
        half = mem_new(struct client_h2_stream);
        arena_init(&arena, ARENA_BYTES);
    } else {
        half = LIST_ENTRY(first, struct client_h2_stream, link);
        list_remove(first);
        worker->free_client_streams_count--;
        arena = half->arena;
        *half = (struct client_h2_stream){0};
    }
    half->arena = arena;
    half->client = client;
    half->id = id;
    list_init(&half->early_link);
    bufq_init(&half->out, &worker->net.chunks, CLIENT_H2_OUT_BYTES);
    list_push_back(&client->streams, &half->link);
    return half;
}

static void half_free(struct client_h2_stream *half)
{
    arena_fini(&half->arena);
    mem_free(half);
}

void client_h2_stream_release(struct client_h2_stream *half)
{
    struct worker *worker = half->client->conn->worker;

    CHECK(half->stream == NULL);
    list_remove(&half->link);
    list_remove(&half->early_link);
    bufq_fini(&half->out);
    arena_reset(&half->arena);
    if (worker->free_client_streams_count >= CLIENT_H2_KEPT_MAX) {
        half_free(half);
        return;
    }
    list_push_front(&worker->free_client_streams, &half->link);
    worker->free_client_streams_count++;
}

void client_h2_streams_free(struct worker *worker)
{
    LIST_EACH (&worker->free_client_streams, link) {
        list_remove(link);
        half_free(LIST_ENTRY(link, struct client_h2_stream, link));
    }
}

void client_h2_stream_reset(struct client_h2_stream *half, enum h2_error error)
{
    half->is_reset = true;
    h2_reset(half->client->session, half->id, error);
    client_h2_ask_flush(half->client);
}

size_t client_h2_stream_unread_bytes(const struct client_h2_stream *half)
{
    return half->out.len + transport_queued_bytes(half->client->conn->transport);
}

/* ---- events of the session: a request ---- */

static void *on_stream(void *context, uint32_t id)
{
    struct client_h2 *client = context;
    struct conn *conn = client->conn;
    struct client_h2_stream *half;

    if (conn->state == CONN_CLOSING)
        return NULL;
    half = half_create(client, id);
    half->stream = stream_open(conn, worker_now_us(conn->worker));
    half->stream->client_h2 = half;
    half->stream->request.version_major = 2; /* also where no request comes of it */
    half->stream->request.version_minor = 1;
    conn->requests_count++;
    client->head_of = half;
    return half;
}

/* Trailers may come in pieces, and the stream be answered and gone in between. */
static struct arena *arena_of(void *owner)
{
    struct client_h2_stream *half = owner;

    return half->client->head_of == half ? &half->stream->arena : &half->arena;
}

static void on_request(void *owner, const struct request *request, bool is_end)
{
    struct client_h2_stream *half = owner;
    struct stream *stream = half->stream;

    half->client->head_of = NULL;
    if (stream == NULL)
        return;
    stream->request = *request;
    half->client_ended = is_end;
    stream->request_is_complete = is_end || request->wants_websocket;
    if (request->wants_websocket)
        stream->request.framing = BODY_NONE; /* what follows is the tunnel's */
    stream_begin(stream);
}

static void on_bad_request(void *owner, enum h1_fault fault)
{
    struct client_h2_stream *half = owner;

    half->client->head_of = NULL;
    if (half->stream == NULL)
        return;
    stream_fail(half->stream, failure_of_h1(fault));
    stream_run(half->stream);
}

/* Give back to the window what is not held up any more. */
static void consume_held(struct client_h2_stream *half)
{
    size_t count = half->held_bytes;

    if (count == 0 || half->is_closed)
        return;
    half->held_bytes = 0;
    h2_consume(half->client->session, half->id, count);
    client_h2_ask_flush(half->client);
}

static void feed(struct client_h2_stream *half, const struct batch *batch)
{
    struct stream *stream = half->stream;

    /* Before a tunnel opens its bytes wait, bounded by the window: hostile-input 50. */
    if (stream->request.wants_websocket && stream->step != STREAM_TUNNEL) {
        for (uint32_t i = 0; i < batch->runs_count; i++)
            bufq_append(&stream->waiting, batch->runs[i]);
        return;
    }
    relay_request(stream, batch);
    if (!stream->client_is_paused)
        consume_held(half);
    stream_run(stream);
}

static void on_data(void *owner, struct bytes data)
{
    struct client_h2_stream *half = owner;
    struct batch batch MEM_UNCLEARED;

    half->held_bytes += data.len;
    if (half->stream == NULL) {
        consume_held(half);
        return;
    }
    batch_init(&batch, NULL);
    batch_add(&batch, data);
    feed(half, &batch);
}

static void on_end(void *owner, const struct field *trailers, uint32_t count)
{
    struct client_h2_stream *half = owner;
    struct batch batch MEM_UNCLEARED;

    half->client_ended = true;
    if (half->stream == NULL)
        return;
    batch_init(&batch, NULL);
    batch.is_end = true;
    batch.trailers = trailers;
    batch.trailers_count = count;
    feed(half, &batch);
}

static void forget(struct client_h2_stream *half)
{
    struct client_h2 *client = half->client;

    client_h2_stream_release(half);
    if (list_is_empty(&client->streams) && client->conn->state == CONN_SESSION)
        client_h2_arm_idle(client);
}

static void on_closed(void *owner, uint32_t error, bool by_peer)
{
    struct client_h2_stream *half = owner;
    struct client_h2 *client = half->client;

    (void)by_peer;
    half->is_closed = true;
    if (client->head_of == half)
        client->head_of = NULL;
    half->is_outlived =
        error == H2_NO_ERROR && half->stream != NULL && tunnel_is_emptying(half->stream);
    if (half->is_outlived)
        return;
    if (half->stream != NULL)
        stream_client_gone(half->stream, FAILURE_CLIENT_GONE);
    forget(half);
}

/* ---- events of the session: an answer ---- */

static struct h2_pulled on_pull(void *owner, char *room, size_t max)
{
    struct client_h2_stream *half = owner;
    struct h2_pulled pulled = {0};
    struct iovec part;

    while (pulled.count < max && bufq_peek(&half->out, &part, 1) == 1) {
        size_t count = part.iov_len < max - pulled.count ? part.iov_len : max - pulled.count;

        memcpy(room + pulled.count, part.iov_base, count);
        bufq_consume(&half->out, count);
        pulled.count += count;
    }
    if (half->out_ended && bufq_is_empty(&half->out)) {
        half->end_is_out = true;
        pulled.is_end = true;
        pulled.trailers = half->trailers;
        pulled.trailers_count = half->trailers_count;
    }
    if (half->stream != NULL && half->out.len <= CLIENT_H2_OUT_BYTES / 2)
        stream_client_drained(half->stream);
    return pulled;
}

const struct h2_events client_h2_events = {
    .on_stream = on_stream,
    .arena_of = arena_of,
    .on_request = on_request,
    .on_bad_request = on_bad_request,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_pull = on_pull,
};

/* ---- what a stream has to say ---- */

static void respond(struct client_h2_stream *half, const struct response *head, bool is_end)
{
    struct forward_response how = {.client_version_minor = 1,
                                   .keep_alive = true,
                                   .upgrade = head->status == STATUS_SWITCHING_PROTOCOLS,
                                   .framing = head->framing};

    if (head->status >= STATUS_FINAL_FIRST)
        stream_describe_answer(half->stream, &how);
    h2_respond(half->client->session, half->id, head, &how, is_end);
    if (is_end)
        half->end_is_out = true;
}

static void copy_trailers(struct client_h2_stream *half, const struct batch *batch)
{
    if (batch->trailers_count == 0)
        return;
    half->trailers = arena_alloc(&half->arena, batch->trailers_count * sizeof(struct field));
    half->trailers_count = batch->trailers_count;
    for (uint32_t i = 0; i < batch->trailers_count; i++) {
        half->trailers[i] = batch->trailers[i];
        half->trailers[i].name = arena_copy(&half->arena, batch->trailers[i].name);
        half->trailers[i].value = arena_copy(&half->arena, batch->trailers[i].value);
    }
}

enum status client_h2_stream_send(struct stream *stream, const struct batch *batch)
{
    struct client_h2_stream *half = stream->client_h2;
    bool is_all_head = batch->is_end && batch->runs_count == 0 && batch->trailers_count == 0;

    if (half->is_closed)
        return STATUS_CLOSED;
    if (batch->head != NULL)
        respond(half, batch->head, is_all_head);
    for (uint32_t i = 0; i < batch->runs_count; i++)
        bufq_append(&half->out, batch->runs[i]);
    if (batch->is_end) {
        copy_trailers(half, batch);
        half->out_ended = true;
    }
    if (batch->runs_count > 0 || (batch->is_end && !half->end_is_out))
        h2_resume(half->client->session, half->id);
    client_h2_ask_flush(half->client);
    return bufq_is_full(&half->out) ? STATUS_AGAIN : STATUS_OK;
}

void client_h2_stream_update_reading(struct stream *stream)
{
    if (!stream->client_is_paused)
        consume_held(stream->client_h2);
}

void client_h2_stream_begin_tunnel(struct stream *stream)
{
    struct client_h2_stream *half = stream->client_h2;

    if (!stream->client_is_paused)
        consume_held(half);
    if (half->client_ended)
        tunnel_client_ended(stream);
}

static enum h2_error error_of(const struct stream *stream)
{
    if (stream->is_malformed)
        return H2_PROTOCOL_ERROR;
    return stream->failure == FAILURE_CLIENT_STALLED || stream->failure == FAILURE_TUNNEL_IDLE
               ? H2_CANCEL
               : H2_INTERNAL_ERROR;
}

void client_h2_stream_abort(struct stream *stream)
{
    struct client_h2_stream *half = stream->client_h2;

    if (half->is_closed)
        return;
    half->out_ended = true;
    half->end_is_out = true;
    client_h2_stream_reset(half, error_of(stream));
}

/* The session goes on with what the stream has said. */
static void half_finished(struct client_h2_stream *half)
{
    if (!half->client_ended && !half->is_reset)
        list_push_back(&half->client->early, &half->early_link);
    if (!half->out_ended) { /* a tunnel whose other side is gone */
        half->out_ended = true;
        h2_resume(half->client->session, half->id);
    }
    half->unread_bytes = SIZE_MAX;
    consume_held(half);
    client_h2_ask_flush(half->client);
}

void client_h2_stream_finished(struct stream *stream)
{
    struct client_h2_stream *half = stream->client_h2;

    half->stream = NULL;
    stream_keep(stream);
    if (half->is_outlived)
        forget(half);
    else if (!half->is_closed)
        half_finished(half);
}

size_t client_h2_stream_unread(const struct stream *stream)
{
    return client_h2_stream_unread_bytes(stream->client_h2);
}
