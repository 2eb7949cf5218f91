/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream_h2.c - a connection to an endpoint over HTTP/2: who may use it, and its beginning and
 * end. What its streams say is upstream_h2_stream.c's.
 */
#include "proxy/upstream_h2.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/attempt.h"
#include "proxy/pool.h"
#include "proxy/relay.h"
#include "proxy/stream.h"

/* ---- connecting ---- */

/* When the last stream has left. */
void upstream_h2_rest(struct upstream *upstream)
{
    struct upstream_h2 *h2 = upstream->h2;

    if (upstream->state == UPSTREAM_CLOSING || upstream->has_ended || h2->streams_count > 0)
        return;
    if (upstream->state == UPSTREAM_CONNECTING || !upstream_may_be_kept(upstream) ||
        upstream->is_leaving || h2->is_silent || h2_is_going_away(h2->session))
        upstream_close(upstream);
    else
        upstream_keep_until_idle(upstream);
}

/* Until the endpoint has said how many it takes, one stream goes ahead: those that it refuses would
 * have lost a round trip for nothing. One that wants to be a tunnel needs its word in any case. */
static bool may_start(const struct upstream *upstream, const struct stream *stream)
{
    const struct upstream_h2 *h2 = upstream->h2;

    if (upstream->state == UPSTREAM_CONNECTING)
        return false;
    return h2->has_settings || (list_is_empty(&h2->streams) && !stream->request.wants_websocket);
}

/* Streams that waited for the connect, or for the endpoint's settings. */
static void start_waiting(struct upstream_h2 *h2)
{
    LIST_EACH (&h2->waiting, link) {
        struct stream *stream = LIST_ENTRY(link, struct stream, upstream_link);

        if (!may_start(h2->upstream, stream) || h2_room(h2->session) == 0)
            continue;
        list_remove(link);
        list_push_back(&h2->streams, link);
        stream_on_connected(stream);
    }
}

/* More waited than the endpoint takes. */
static void send_away_waiting(struct upstream_h2 *h2)
{
    struct list *first;

    while ((first = list_first(&h2->waiting)) != NULL) {
        struct stream *stream = LIST_ENTRY(first, struct stream, upstream_link);

        attempt_elsewhere(stream, h2_peer_streams_max(h2->session) == 0);
        stream_run(stream);
    }
}

static struct stream *first_unsent(const struct upstream_h2 *h2)
{
    LIST_EACH (&h2->streams, link) {
        struct stream *stream = LIST_ENTRY(link, struct stream, upstream_link);

        if (stream->upstream_id != 0 && !upstream_h2_is_sent(h2, stream))
            return stream;
    }
    return NULL;
}

/* The endpoint allows fewer streams than were about to be sent: those would wait in the session for
 * others to end, however long that takes, and there may be room elsewhere. */
static void take_back(struct upstream_h2 *h2)
{
    struct stream *stream;

    while (h2->streams_count > h2_peer_streams_max(h2->session) &&
           (stream = first_unsent(h2)) != NULL) {
        stream->any_byte_sent = false;
        upstream_h2_let_go(stream, H2_CANCEL);
        attempt_failed(stream, FAILURE_STREAM_REFUSED);
        stream_run(stream);
    }
}

void upstream_h2_on_room(void *context)
{
    struct upstream_h2 *h2 = context;
    struct upstream *upstream = h2->upstream;

    if (upstream->state == UPSTREAM_CLOSING) /* its last stream ended in the same read */
        return;
    h2->has_settings = true;
    upstream->pool->streams_max =
        h2_peer_streams_max(h2->session); /* the next one begins with it */
    take_back(h2);
    start_waiting(h2);
    send_away_waiting(h2);
    if (upstream->state == UPSTREAM_CLOSING)
        return;
    pool_wake(upstream->cluster);
}

/* ---- the connection ---- */

/* On a kept connection the fault may be another stream's: then this one is sent once more, where
 * that harms nobody. */
static void attempt_died(const struct upstream_h2 *h2, struct stream *stream)
{
    bool may_be_innocent = stream->sent_on_reuse && method_is_idempotent(stream->request.method_id);

    if (h2->is_faulty && stream->any_byte_sent && !may_be_innocent)
        attempt_failed(stream, FAILURE_BAD_RESPONSE);
    else
        relay_attempt_died(stream);
}

/* It is dead: each of its streams goes its own way, all are gone from here afterwards. */
static void end_streams(struct upstream_h2 *h2)
{
    struct list *first;

    while ((first = list_first(&h2->streams)) != NULL ||
           (first = list_first(&h2->waiting)) != NULL) {
        struct stream *stream = LIST_ENTRY(first, struct stream, upstream_link);

        stream->any_byte_sent = stream->any_byte_sent && upstream_h2_is_sent(h2, stream);
        upstream_h2_leave(h2, stream);
        if (stream->head_is_out)
            relay_answer_broke(stream);
        else
            attempt_died(h2, stream);
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
    bool is_closed;

    if (upstream->state == UPSTREAM_CLOSING || h2->session == NULL)
        return;
    is_closed = flush_session(upstream->worker, h2->session, upstream->transport) == STATUS_CLOSED;
    h2->is_faulty = !is_closed && h2_is_over(h2->session);
    if (is_closed || h2->is_faulty)
        connection_is_dead(upstream);
}

static struct upstream_h2 *state_of(struct upstream *upstream)
{
    struct upstream_h2 *h2 = upstream->h2;

    if (h2 != NULL)
        return h2;
    h2 = mem_new(struct upstream_h2);
    h2->upstream = upstream;
    h2->opened_ms = worker_now_ms(upstream->worker);
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

    h2->session = h2_create(&session, &upstream_h2_events, h2);
    h2->opened_ms = worker_now_ms(upstream->worker);
    upstream_h2_ask_flush(h2);
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

        upstream_h2_leave(h2, stream);
        stream_on_connect_failed(stream, why);
    }
    upstream_close(upstream);
}

static void on_bytes(struct upstream *upstream, struct bytes data)
{
    struct upstream_h2 *h2 = upstream->h2;
    enum status status;

    if (upstream->state == UPSTREAM_CLOSING)
        return;
    h2->heard_us = worker_now_us(upstream->worker);
    h2->is_silent = false;
    status = h2_receive(h2->session, data, worker_now_ms(upstream->worker));
    upstream_h2_hand_on(h2);
    if (status != STATUS_OK) {
        if (upstream->state != UPSTREAM_CLOSING)
            (void)flush_session(upstream->worker, h2->session, upstream->transport);
        h2->is_faulty = true;
        connection_is_dead(upstream);
        return;
    }
    upstream_h2_ask_flush(h2);
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

static uint64_t age_ms_of(const struct upstream *upstream)
{
    return worker_now_ms(upstream->worker) - upstream->h2->opened_ms;
}

/* Open, but for those that are on it already. Whether a silent one lives is not known; its place
 * must not wait for that. */
static bool is_past(const struct upstream *upstream)
{
    const struct upstream_h2 *h2 = upstream->h2;

    if (upstream->state == UPSTREAM_CONNECTING)
        return false;
    return h2->is_silent || upstream->endpoint->retired || h2_is_going_away(h2->session) ||
           age_ms_of(upstream) >= UPSTREAM_H2_AGE_MS;
}

void upstream_h2_count_leaving(const struct endpoint *endpoint)
{
    const struct pool *pool = endpoint->pool;

    if (pool == NULL)
        return;
    LIST_EACH (&pool->sessions, link) {
        struct upstream *upstream = LIST_ENTRY(link, struct upstream, link);

        if (upstream->is_leaving || !is_past(upstream))
            continue;
        upstream->is_leaving = true;
        upstream->cluster->leaving++;
    }
}

/* A connect has the time that one stream would give it: those that come later must not keep it
 * alive for one another. */
static bool may_take_streams(const struct upstream *upstream)
{
    const struct upstream_h2 *h2 = upstream->h2;
    uint64_t age_ms = age_ms_of(upstream);

    if (upstream->has_ended || upstream->is_leaving || h2->is_silent ||
        h2->streams_count >= UPSTREAM_H2_STREAMS_MAX)
        return false;
    if (!h2->has_settings && h2->streams_count >= upstream->pool->streams_max)
        return false;
    if (upstream->state == UPSTREAM_CONNECTING)
        return age_ms < upstream->worker->config->timeouts.connect_ms;
    return h2_room(h2->session) > 0 && age_ms < UPSTREAM_H2_AGE_MS;
}

bool upstream_h2_has_room(const struct endpoint *endpoint)
{
    const struct pool *pool = endpoint->pool;

    if (pool == NULL)
        return false;
    LIST_EACH (&pool->sessions, link)
        if (may_take_streams(LIST_ENTRY(link, struct upstream, link)))
            return true;
    return false;
}

struct upstream *upstream_h2_take(struct endpoint *endpoint, struct stream *stream, bool may_reuse,
                                  bool *is_open)
{
    struct pool *pool = endpoint->pool;

    if (pool == NULL)
        return NULL;
    LIST_EACH (&pool->sessions, link) {
        struct upstream *upstream = LIST_ENTRY(link, struct upstream, link);

        if (!may_take_streams(upstream) || (upstream->state != UPSTREAM_CONNECTING && !may_reuse))
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

const struct upstream_ops upstream_h2_ops = {
    .on_open = on_open,
    .on_open_failed = on_open_failed,
    .on_bytes = on_bytes,
    .on_end = on_conn_end,
    .on_drained = on_drained,
    .fini = fini,
    .send_head = upstream_h2_send_head,
    .send = upstream_h2_send,
    .pause = upstream_h2_pause,
    .resume = upstream_h2_resume,
    .queued_bytes = upstream_h2_queued_bytes,
    .give_back = upstream_h2_give_back,
    .drop = upstream_h2_drop,
};
