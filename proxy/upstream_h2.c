/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream_h2.c - streams over a shared connection to an endpoint.
 *
 * The request's body stays in stream->waiting until the endpoint's window lets the session pull it;
 * the answer's window is given back only when the client took the bytes, so neither side can make
 * us hold more than a window.
 */
#include "proxy/upstream_h2.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/attempt.h"
#include "proxy/pool.h"
#include "proxy/relay.h"
#include "proxy/stream.h"

#define STATUS_FINAL_FIRST 200

static void ask_flush(struct upstream_h2 *h2)
{
    flush_ask(h2->upstream->worker, &h2->flush);
}

static struct upstream_h2 *h2_of(const struct stream *stream)
{
    return stream->upstream->h2;
}

static void leave(struct upstream_h2 *h2, struct stream *stream)
{
    CHECK(h2->streams_count > 0);
    list_remove(&stream->upstream_link);
    h2->streams_count--;
    stream->upstream_id = 0;
    stream->held_bytes = 0;
}

/* ---- events of the session ---- */

static struct arena *arena_of(void *owner)
{
    struct stream *stream = owner;

    return &stream->arena;
}

/* Give back to the window what the client does not hold up. */
static void consume_held(struct stream *stream)
{
    size_t count = stream->held_bytes;

    if (count == 0 || stream->upstream == NULL || stream->upstream_id == 0)
        return;
    stream->held_bytes = 0;
    h2_consume(h2_of(stream)->session, stream->upstream_id, count);
    ask_flush(h2_of(stream));
}

static void on_response(void *owner, const struct response *response, bool is_end)
{
    struct stream *stream = owner;
    struct batch batch MEM_UNCLEARED;

    stream->any_byte_came = true;
    if (response->status < STATUS_FINAL_FIRST) {
        (void)relay_interim(stream, response);
    } else if (stream->request.wants_websocket && response->websocket_accepted) {
        relay_switch(stream, response, BYTES_NONE);
    } else {
        batch_init(&batch, response);
        batch.is_end = is_end;
        (void)relay_answer(stream, &batch);
    }
    stream_run(stream);
}

static void on_data(void *owner, struct bytes data)
{
    struct stream *stream = owner;
    struct batch batch MEM_UNCLEARED;

    batch_init(&batch, NULL);
    batch_add(&batch, data);
    stream->held_bytes += data.len;
    (void)relay_answer(stream, &batch);
    if (!stream->upstream_is_paused)
        consume_held(stream);
    stream_run(stream);
}

static void on_end(void *owner, const struct field *trailers, uint32_t count)
{
    struct stream *stream = owner;
    struct batch batch MEM_UNCLEARED;

    batch_init(&batch, NULL);
    batch.is_end = true;
    batch.trailers = trailers;
    batch.trailers_count = count;
    (void)relay_answer(stream, &batch);
    stream_run(stream);
}

static enum failure failure_of(uint32_t error, bool by_peer)
{
    if (error == H2_REFUSED_STREAM)
        return FAILURE_STREAM_REFUSED;
    /* It was our session that did not like what came. */
    return by_peer ? FAILURE_UPSTREAM_RESET : FAILURE_BAD_RESPONSE;
}

/* Before its answer was complete: afterwards the session does not know whose stream it was. */
static void on_closed(void *owner, uint32_t error, bool by_peer)
{
    struct stream *stream = owner;

    leave(h2_of(stream), stream);
    if (stream->head_is_out)
        relay_answer_broke(stream);
    else
        attempt_failed(stream, failure_of(error, by_peer));
    stream_run(stream);
}

/* Of the request, or of the client's side of a tunnel. */
static bool has_said_all(const struct stream *stream)
{
    bool is_over = stream->request.wants_websocket ? stream->client_finished
                                                   : stream->request_is_complete;

    return is_over && bufq_is_empty(&stream->waiting);
}

static struct h2_pulled on_pull(void *owner, char *room, size_t max)
{
    struct stream *stream = owner;
    struct h2_pulled pulled = {0};
    struct batch sent MEM_UNCLEARED;
    struct iovec part;

    while (pulled.count < max && bufq_peek(&stream->waiting, &part, 1) == 1) {
        size_t count = part.iov_len < max - pulled.count ? part.iov_len : max - pulled.count;

        memcpy(room + pulled.count, part.iov_base, count);
        bufq_consume(&stream->waiting, count);
        pulled.count += count;
    }
    pulled.is_end = has_said_all(stream);
    if (pulled.is_end) {
        pulled.trailers = stream->request_trailers;
        pulled.trailers_count = stream->request_trailers_count;
    }
    batch_init(&sent, NULL);
    if (pulled.count > 0)
        batch_add(&sent, bytes_from(room, pulled.count));
    relay_keep_for_replay(stream, &sent);
    if (stream->waiting.len <= BODY_WAITING_BYTES / 2)
        stream_on_upstream_drained(stream);
    return pulled;
}

/* Streams that waited for the connect, or, if they want to be tunnels, for the endpoint's word that
 * it takes those. */
static void start_waiting(struct upstream_h2 *h2)
{
    LIST_EACH (&h2->waiting, link) {
        struct stream *stream = LIST_ENTRY(link, struct stream, upstream_link);

        if (stream->request.wants_websocket && !h2->has_settings)
            continue;
        list_remove(link);
        list_push_back(&h2->streams, link);
        stream_on_connected(stream);
    }
}

static void on_room(void *context)
{
    struct upstream_h2 *h2 = context;

    h2->has_settings = true;
    start_waiting(h2);
    pool_wake(h2->upstream->cluster);
}

static const struct h2_events session_events = {
    .arena_of = arena_of,
    .on_response = on_response,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_pull = on_pull,
    .on_room = on_room,
};

/* ---- the connection ---- */

/* It is dead: each of its streams goes its own way, all are gone from here afterwards. */
static void end_streams(struct upstream_h2 *h2)
{
    struct list *first;

    while ((first = list_first(&h2->streams)) != NULL ||
           (first = list_first(&h2->waiting)) != NULL) {
        struct stream *stream = LIST_ENTRY(first, struct stream, upstream_link);

        leave(h2, stream);
        if (stream->head_is_out)
            relay_answer_broke(stream);
        else
            relay_attempt_died(stream);
        stream_run(stream);
    }
}

static void connection_is_dead(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_CLOSING)
        return;
    list_remove(&upstream->link); /* no attempt finds it any more */
    upstream->has_ended = true;
    end_streams(upstream->h2);
    upstream_close(upstream);
}

static void run_flush(struct flush *flush)
{
    struct upstream_h2 *h2 = LIST_ENTRY(flush, struct upstream_h2, flush);
    struct upstream *upstream = h2->upstream;

    if (upstream->state == UPSTREAM_CLOSING || h2->session == NULL)
        return;
    if (flush_session(upstream->worker, h2->session, upstream->transport) == STATUS_CLOSED ||
        h2_is_over(h2->session))
        connection_is_dead(upstream);
}

static struct upstream_h2 *state_of(struct upstream *upstream)
{
    struct upstream_h2 *h2 = upstream->h2;

    if (h2 != NULL)
        return h2;
    h2 = mem_new(struct upstream_h2);
    h2->upstream = upstream;
    list_init(&h2->streams);
    list_init(&h2->waiting);
    flush_init(&h2->flush, run_flush);
    upstream->h2 = h2;
    return h2;
}

static void on_open(struct upstream *upstream)
{
    const struct proxy_config *config = upstream->worker->config;
    const struct h2_config session = {
        .side = H2_CLIENT,
        .limits = config->limits,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .pool = upstream->worker->h2_memory,
        .scheme = upstream->tls != NULL ? BYTES("https") : BYTES("http"),
    };
    struct upstream_h2 *h2 = upstream->h2;

    h2->session = h2_create(&session, &session_events, h2);
    h2->opened_ms = worker_now_ms(upstream->worker);
    ask_flush(h2);
    start_waiting(h2);
}

static void on_open_failed(struct upstream *upstream, enum failure why)
{
    struct upstream_h2 *h2 = upstream->h2;
    struct list *first;

    list_remove(&upstream->link); /* no attempt finds it any more */
    upstream->has_ended = true;
    while ((first = list_first(&h2->waiting)) != NULL) {
        struct stream *stream = LIST_ENTRY(first, struct stream, upstream_link);

        leave(h2, stream);
        stream_on_connect_failed(stream, why);
    }
    upstream_close(upstream);
}

static void on_bytes(struct upstream *upstream, struct bytes data)
{
    struct upstream_h2 *h2 = upstream->h2;
    uint64_t now_ms = worker_now_ms(upstream->worker);

    if (upstream->state == UPSTREAM_CLOSING)
        return;
    if (h2_receive(h2->session, data, now_ms) != STATUS_OK) {
        if (upstream->state != UPSTREAM_CLOSING)
            (void)flush_session(upstream->worker, h2->session, upstream->transport);
        connection_is_dead(upstream);
        return;
    }
    ask_flush(h2);
}

static void on_conn_end(struct upstream *upstream, bool is_reset)
{
    (void)is_reset;
    connection_is_dead(upstream);
}

static void on_drained(struct upstream *upstream)
{
    if (upstream->h2->session != NULL)
        run_flush(&upstream->h2->flush);
}

static void fini(struct upstream *upstream)
{
    struct upstream_h2 *h2 = upstream->h2;

    if (h2 == NULL)
        return;
    CHECK(h2->streams_count == 0);
    list_remove(&h2->flush.link);
    if (h2->session != NULL)
        h2_destroy(h2->session);
    mem_free(h2);
}

/* ---- taking ---- */

static bool may_take_streams(const struct upstream *upstream)
{
    const struct upstream_h2 *h2 = upstream->h2;

    if (upstream->has_ended || h2->streams_count >= UPSTREAM_H2_STREAMS_MAX)
        return false;
    if (upstream->state == UPSTREAM_CONNECTING)
        return true;
    return h2_room(h2->session) > 0 &&
           worker_now_ms(upstream->worker) - h2->opened_ms < UPSTREAM_H2_AGE_MS;
}

static bool may_start(const struct upstream *upstream, const struct stream *stream)
{
    return upstream->state != UPSTREAM_CONNECTING &&
           (!stream->request.wants_websocket || upstream->h2->has_settings);
}

struct upstream *upstream_h2_take(struct endpoint *endpoint, struct stream *stream, bool *is_open)
{
    struct pool *pool = endpoint->pool;

    if (pool == NULL)
        return NULL;
    LIST_EACH (&pool->sessions, link) {
        struct upstream *upstream = LIST_ENTRY(link, struct upstream, link);

        if (!may_take_streams(upstream))
            continue;
        *is_open = may_start(upstream, stream);
        if (*is_open)
            upstream->worker->stats.upstream_reused++;
        upstream_h2_join(upstream, stream);
        return upstream;
    }
    return NULL;
}

void upstream_h2_join(struct upstream *upstream, struct stream *stream)
{
    struct upstream_h2 *h2 = state_of(upstream);
    bool is_open = may_start(upstream, stream);

    if (upstream->state == UPSTREAM_IDLE) {
        upstream->state = UPSTREAM_BUSY;
        upstream->worker->stats.upstream_idle--;
    }
    if (list_is_empty(&upstream->link))
        list_push_front(&upstream->pool->sessions, &upstream->link);
    list_push_back(is_open ? &h2->streams : &h2->waiting, &stream->upstream_link);
    h2->streams_count++;
    upstream->requests_count++;
}

/* ---- the request ---- */

static enum status pressure(const struct stream *stream)
{
    return bufq_is_full(&stream->waiting) ? STATUS_AGAIN : STATUS_OK;
}

static enum status send_head(struct stream *stream)
{
    struct upstream_h2 *h2 = h2_of(stream);
    struct forward_request how;
    bool is_end = has_said_all(stream) && stream->request_trailers_count == 0;

    if (stream->request.wants_websocket && !h2_peer_takes_websockets(h2->session))
        return STATUS_REFUSED;
    relay_describe_request(stream, &how);
    stream->upstream_id = h2_request(h2->session, stream, &stream->request, &how, is_end);
    if (stream->upstream_id == 0)
        return STATUS_CLOSED;
    ask_flush(h2);
    return pressure(stream);
}

static enum status send_body(struct stream *stream, const struct batch *batch)
{
    if (stream->upstream_id == 0)
        return STATUS_CLOSED;
    for (uint32_t i = 0; i < batch->runs_count; i++)
        bufq_append(&stream->waiting, batch->runs[i]);
    h2_resume(h2_of(stream)->session, stream->upstream_id);
    ask_flush(h2_of(stream));
    return pressure(stream);
}

static void pause_reading(struct stream *stream)
{
    (void)stream; /* what is not given back to the window holds the endpoint */
}

static size_t queued_bytes(const struct stream *stream)
{
    return stream->waiting.len;
}

/* ---- afterwards ---- */

static void rest(struct upstream *upstream)
{
    struct upstream_h2 *h2 = upstream->h2;

    if (upstream->state == UPSTREAM_CLOSING || upstream->has_ended || h2->streams_count > 0)
        return;
    if (upstream->state == UPSTREAM_CONNECTING || !upstream_may_be_kept(upstream) ||
        h2_is_going_away(h2->session))
        upstream_close(upstream);
    else
        upstream_keep_until_idle(upstream);
}

static void let_go(struct stream *stream, enum h2_error error)
{
    struct upstream *upstream = stream->upstream;
    struct upstream_h2 *h2 = upstream->h2;
    uint32_t id = stream->upstream_id;

    if (list_is_empty(&stream->upstream_link))
        return; /* the connection or the endpoint has ended it */
    leave(h2, stream);
    if (id != 0) {
        h2_forget(h2->session, id);
        if (error != H2_NO_ERROR)
            h2_reset(h2->session, id, error);
        ask_flush(h2);
    }
    rest(upstream);
    pool_wake(upstream->cluster);
}

static void give_back(struct stream *stream)
{
    let_go(stream, has_said_all(stream) ? H2_NO_ERROR : H2_CANCEL);
}

/* A tunnel whose sides have both ended ends well. */
static void drop(struct stream *stream)
{
    bool is_well = stream->upstream_finished && has_said_all(stream);

    let_go(stream, is_well ? H2_NO_ERROR : H2_CANCEL);
}

const struct upstream_ops upstream_h2_ops = {
    .on_open = on_open,
    .on_open_failed = on_open_failed,
    .on_bytes = on_bytes,
    .on_end = on_conn_end,
    .on_drained = on_drained,
    .fini = fini,
    .send_head = send_head,
    .send = send_body,
    .pause = pause_reading,
    .resume = consume_held,
    .queued_bytes = queued_bytes,
    .give_back = give_back,
    .drop = drop,
};
