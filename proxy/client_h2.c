/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_h2.c - maps the streams of a client's session onto ours.
 *
 * Bytes in: h2 calls the events below, which feed streams. Bytes out: streams queue in
 * client_h2_stream.out, the session pulls from there as windows allow, and all of it is written at
 * the end of the turn (flush.h).
 */
#include "proxy/client_h2.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/limits.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_FINAL_FIRST         200
#define ARENA_BYTES                512

static const struct proxy_timeouts *timeouts_of(const struct client_h2 *client)
{
    return &client->conn->worker->config->timeouts;
}

static void ask_flush(struct client_h2 *client)
{
    flush_ask(client->conn->worker, &client->flush);
}

/* ---- client_h2_stream ---- */

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

static void half_release(struct client_h2_stream *half)
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

static void reset(struct client_h2_stream *half, enum h2_error error)
{
    half->is_reset = true;
    h2_reset(half->client->session, half->id, error);
    ask_flush(half->client);
}

static size_t unread_bytes(const struct client_h2_stream *half)
{
    return half->out.len + transport_queued_bytes(half->client->conn->transport);
}

static void arm_idle(struct client_h2 *client)
{
    conn_arm(client->conn,
             client->is_draining ? DRAIN_IDLE_MS : timeouts_of(client)->keep_alive_ms);
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
    client->head_is_open = true;
    return half;
}

static struct arena *arena_of(void *owner)
{
    struct client_h2_stream *half = owner;

    return half->stream != NULL ? &half->stream->arena : &half->client->spare;
}

static void on_request(void *owner, const struct request *request, bool is_end)
{
    struct client_h2_stream *half = owner;
    struct stream *stream = half->stream;

    half->client->head_is_open = false;
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

    half->client->head_is_open = false;
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
    ask_flush(half->client);
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

static void on_closed(void *owner, uint32_t error, bool by_peer)
{
    struct client_h2_stream *half = owner;
    struct client_h2 *client = half->client;

    (void)error;
    (void)by_peer;
    half->is_closed = true;
    client->head_is_open = false;
    if (half->stream != NULL)
        stream_client_gone(half->stream, FAILURE_CLIENT_GONE);
    half_release(half);
    if (list_is_empty(&client->streams) && client->conn->state == CONN_SESSION)
        arm_idle(client);
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

static const struct h2_events session_events = {
    .on_stream = on_stream,
    .arena_of = arena_of,
    .on_request = on_request,
    .on_bad_request = on_bad_request,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_pull = on_pull,
};

/* ---- writing ---- */

static void on_gone(struct conn *conn, enum failure why)
{
    struct client_h2 *client = conn->h2;
    struct list *first = client->streams.next;

    while (first != &client->streams) {
        struct client_h2_stream *half = LIST_ENTRY(first, struct client_h2_stream, link);

        first = first->next;
        half->is_closed = true;
        if (half->stream != NULL)
            stream_client_gone(half->stream, why);
    }
}

static void connection_is_dead(struct client_h2 *client)
{
    conn_close(client->conn);
    on_gone(client->conn, FAILURE_CLIENT_GONE);
}

/* The answer is out before its request was complete: no more of that is wanted (RFC 9113 section
 * 8.1). Only now, since a reset would take the answer with it. */
static bool reset_early(struct client_h2 *client)
{
    bool any = false;

    LIST_EACH (&client->early, link) {
        struct client_h2_stream *half = LIST_ENTRY(link, struct client_h2_stream, early_link);

        if (!half->end_is_out)
            continue;
        list_remove(link);
        reset(half, H2_NO_ERROR);
        any = true;
    }
    return any;
}

static void end_session(struct client_h2 *client)
{
    struct conn *conn = client->conn;

    if (conn->state != CONN_SESSION)
        return;
    conn->worker->stats.connections_closed_asked++;
    conn->worker->stats.h2_ended[h2_end_of(client->session)]++;
    conn->must_linger = true;
    on_gone(conn, FAILURE_CLIENT_GONE);
    conn_linger(conn);
}

static void write_out(struct client_h2 *client)
{
    struct conn *conn = client->conn;
    enum status status;

    if (conn->state != CONN_SESSION)
        return;
    do
        status = flush_session(conn->worker, client->session, conn->transport);
    while (status == STATUS_OK && reset_early(client));
    conn->worker->stats.limit_streams += h2_take_refused_count(client->session);
    if (status == STATUS_CLOSED)
        connection_is_dead(client);
    else if (status == STATUS_OK && h2_is_over(client->session))
        end_session(client);
}

static void run_flush(struct flush *flush)
{
    write_out(LIST_ENTRY(flush, struct client_h2, flush));
}

/* ---- the connection ---- */

static void session_failed(struct client_h2 *client)
{
    struct conn *conn = client->conn;

    (void)flush_session(conn->worker, client->session, conn->transport);
    end_session(client);
}

/* A head that is not complete within one read has a deadline, which bytes that drip do not push
 * away (hostile-input 84). */
static void time_head(struct client_h2 *client)
{
    if (client->head_is_open == client->head_is_timed || client->conn->state != CONN_SESSION)
        return;
    client->head_is_timed = client->head_is_open;
    if (client->head_is_open)
        conn_arm(client->conn, timeouts_of(client)->head_ms);
    else
        arm_idle(client);
}

static void on_bytes(struct conn *conn, struct bytes data)
{
    struct client_h2 *client = conn->h2;

    if (h2_receive(client->session, data, worker_now_ms(conn->worker)) != STATUS_OK) {
        if (conn->state == CONN_SESSION)
            session_failed(client);
        return;
    }
    time_head(client);
    ask_flush(client);
}

static void on_conn_end(struct conn *conn)
{
    connection_is_dead(conn->h2);
}

static void on_drained(struct conn *conn)
{
    write_out(conn->h2);
}

static void go_away(struct client_h2 *client)
{
    client->is_going_away = true;
    h2_shutdown(client->session, false);
    ask_flush(client);
    conn_arm(client->conn, timeouts_of(client)->client_write_ms);
}

/* A client that does not open a stream's window, or does not read at all: hostile-input 72. */
static void reset_unread(struct client_h2 *client)
{
    LIST_EACH (&client->streams, link) {
        struct client_h2_stream *half = LIST_ENTRY(link, struct client_h2_stream, link);
        size_t unread = unread_bytes(half);

        if (half->stream != NULL || half->is_reset)
            continue; /* it has a deadline of its own */
        if (unread >= half->unread_bytes) {
            client->conn->worker->stats.timeout_client_write++;
            reset(half, H2_CANCEL);
        }
        half->unread_bytes = unread;
    }
    conn_arm(client->conn, timeouts_of(client)->client_write_ms);
}

static void head_timed_out(struct client_h2 *client)
{
    client->conn->worker->stats.timeout_head++;
    go_away(client);
    write_out(client);
    end_session(client);
}

static void idle_is_over(struct client_h2 *client)
{
    struct stats *stats = &client->conn->worker->stats;

    if (client->conn->worker->state == WORKER_SERVING) {
        stats->timeout_keep_alive++;
        stats->connections_closed_keep_alive++;
    } else {
        stats->connections_closed_drain++;
    }
    go_away(client);
    write_out(client);
    end_session(client);
}

/* While nobody waits for a head: a look, now and then, at what has not been read. */
static void on_deadline(struct conn *conn)
{
    struct client_h2 *client = conn->h2;

    if (client->head_is_timed)
        head_timed_out(client);
    else if (list_is_empty(&client->streams))
        idle_is_over(client);
    else if (client->is_draining && !client->is_going_away)
        go_away(client);
    else
        reset_unread(client);
}

static void drain(struct conn *conn)
{
    struct client_h2 *client = conn->h2;

    if (conn->state != CONN_SESSION || client->is_draining)
        return;
    client->is_draining = true;
    h2_shutdown(client->session, true);
    ask_flush(client);
    conn_arm(conn, DRAIN_IDLE_MS);
}

static bool is_idle(const struct conn *conn)
{
    return conn->state == CONN_SESSION && list_is_empty(&conn->h2->streams);
}

static void fini(struct conn *conn)
{
    struct client_h2 *client = conn->h2;

    LIST_EACH (&client->streams, link)
        half_release(LIST_ENTRY(link, struct client_h2_stream, link));
    list_remove(&client->flush.link);
    h2_destroy(client->session);
    arena_fini(&client->spare);
    conn->h2 = NULL;
    mem_free(client);
}

void client_h2_begin(struct conn *conn, struct bytes data)
{
    const struct proxy_config *config = conn->worker->config;
    const struct h2_config session = {
        .side = H2_SERVER,
        .limits = config->limits,
        .streams_max = config->h2_streams_max,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .websockets = true,
        .pool = conn->worker->h2_memory,
        .scheme = conn_is_secure(conn) ? BYTES("https") : BYTES("http"),
    };
    struct client_h2 *client = mem_new(struct client_h2);

    client->conn = conn;
    list_init(&client->streams);
    list_init(&client->early);
    flush_init(&client->flush, run_flush);
    arena_init(&client->spare, ARENA_BYTES);
    client->session = h2_create(&session, &session_events, client);
    conn->h2 = client;
    conn->ops = &client_h2_ops;
    conn->state = CONN_SESSION;
    conn->worker->stats.h2_sessions++;
    arm_idle(client);
    ask_flush(client);
    if (conn->worker->state != WORKER_SERVING)
        drain(conn);
    if (data.len > 0)
        on_bytes(conn, data);
}

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

static enum status stream_send(struct stream *stream, const struct batch *batch)
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
    ask_flush(half->client);
    return bufq_is_full(&half->out) ? STATUS_AGAIN : STATUS_OK;
}

static void stream_update_reading(struct stream *stream)
{
    if (!stream->client_is_paused)
        consume_held(stream->client_h2);
}

static void stream_begin_tunnel(struct stream *stream)
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

static void stream_abort(struct stream *stream)
{
    struct client_h2_stream *half = stream->client_h2;

    if (half->is_closed)
        return;
    half->out_ended = true;
    half->end_is_out = true;
    reset(half, error_of(stream));
}

static void stream_finished(struct stream *stream)
{
    struct client_h2_stream *half = stream->client_h2;

    half->stream = NULL;
    stream_keep(stream);
    if (half->is_closed)
        return;
    if (!half->client_ended && !half->is_reset)
        list_push_back(&half->client->early, &half->early_link);
    if (!half->out_ended) { /* a tunnel whose other side is gone */
        half->out_ended = true;
        h2_resume(half->client->session, half->id);
    }
    half->unread_bytes = SIZE_MAX;
    consume_held(half);
    ask_flush(half->client);
}

static size_t stream_unread_bytes(const struct stream *stream)
{
    return unread_bytes(stream->client_h2);
}

const struct client_ops client_h2_ops = {
    .on_bytes = on_bytes,
    .on_end = on_conn_end,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_gone = on_gone,
    .drain = drain,
    .is_idle = is_idle,
    .fini = fini,
    .send = stream_send,
    .update_reading = stream_update_reading,
    .begin_tunnel = stream_begin_tunnel,
    .abort = stream_abort,
    .finish = stream_finished,
    .unread_bytes = stream_unread_bytes,
};
