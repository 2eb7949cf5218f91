/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c - connects, carries one request at a time, and guards what comes in between.
 *
 *     CONNECTING -> BUSY <-> IDLE -> CLOSING
 *
 * An idle connection stays armed for reading: whatever comes then was asked for by nobody, so the
 * connection closes and the bytes belong to no request (hostile-input 54).
 */
#include "proxy/upstream.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/pool.h"
#include "proxy/stream.h"

static struct upstream *upstream_of(struct transport *transport)
{
    struct upstream *upstream = LIST_ENTRY(transport, struct upstream, tcp.transport);

    CHECK(upstream->magic == UPSTREAM_MAGIC);
    return upstream;
}

static void on_upstream_closed(struct transport *transport)
{
    struct upstream *upstream = upstream_of(transport);
    struct worker *worker = upstream->worker;

    worker->upstreams_count--;
    text_fini(&upstream->partial);
    upstream->magic = 0;
    mem_free(upstream);
    worker_check_stopped(worker);
}

void upstream_discard(struct upstream *upstream)
{
    struct cluster *cluster = upstream->cluster;
    struct worker *worker = upstream->worker;

    if (upstream->state == UPSTREAM_CLOSING)
        return;
    if (upstream->state == UPSTREAM_IDLE) {
        list_remove(&upstream->link);
        worker->stats.upstream_idle--;
    }
    upstream->state = UPSTREAM_CLOSING;
    upstream->stream = NULL;
    deadline_cancel(worker->deadlines, &upstream->deadline);
    transport_close(&upstream->tcp.transport);
    worker->stats.upstream_now--;
    pool_leave(upstream->pool);
    cluster->connections--;
}

void upstream_close(struct upstream *upstream)
{
    struct cluster *cluster = upstream->cluster;

    if (upstream->state == UPSTREAM_CLOSING)
        return;
    upstream_discard(upstream);
    pool_wake(cluster);
}

static void on_upstream_bytes(struct transport *transport, struct bytes data)
{
    struct upstream *upstream = upstream_of(transport);

    if (upstream->state == UPSTREAM_BUSY) {
        stream_on_upstream_bytes(upstream->stream, data);
        return;
    }
    upstream->worker->stats.upstream_unexpected++;
    upstream_close(upstream);
}

static void on_upstream_end(struct transport *transport)
{
    struct upstream *upstream = upstream_of(transport);

    upstream->has_ended = true;
    if (upstream->state == UPSTREAM_BUSY)
        stream_on_upstream_ended(upstream->stream, false);
    else
        upstream_close(upstream);
}

static void on_upstream_broken(struct transport *transport, enum status why)
{
    struct upstream *upstream = upstream_of(transport);

    (void)why;
    if (upstream->state == UPSTREAM_BUSY)
        stream_on_upstream_ended(upstream->stream, true);
    else
        upstream_close(upstream);
}

static void on_upstream_drained(struct transport *transport)
{
    struct upstream *upstream = upstream_of(transport);

    if (upstream->state == UPSTREAM_BUSY)
        stream_on_upstream_drained(upstream->stream);
}

static const struct transport_events upstream_events = {
    .on_bytes = on_upstream_bytes,
    .on_end = on_upstream_end,
    .on_drained = on_upstream_drained,
    .on_broken = on_upstream_broken,
    .on_closed = on_upstream_closed,
};

/* Only idle connections have a deadline of their own; a connect's is its stream's. A busy one finds
 * its old deadline here and lets it pass. */
static void on_upstream_deadline(struct deadline *deadline)
{
    struct upstream *upstream = DEADLINE_OWNER(deadline, struct upstream, deadline);

    if (upstream->state != UPSTREAM_IDLE)
        return;
    upstream->worker->stats.timeout_pool_idle++;
    upstream_close(upstream);
}

static enum failure failure_of_connect(enum status status)
{
    return status == STATUS_REFUSED   ? FAILURE_CONNECT_REFUSED
           : status == STATUS_TIMEOUT ? FAILURE_CONNECT_TIMEOUT
                                      : FAILURE_CONNECT_FAILED;
}

static void on_connected(struct tcp *tcp, enum status status)
{
    struct upstream *upstream = upstream_of(&tcp->transport);
    struct stream *stream = upstream->stream;

    if (status != STATUS_OK) {
        stream_on_connect_failed(stream, failure_of_connect(status));
        return;
    }
    upstream->state = UPSTREAM_BUSY;
    transport_resume(&tcp->transport);
    stream_on_connected(stream);
}

struct upstream *upstream_open(struct worker *worker, struct cluster *cluster,
                               struct endpoint *endpoint, struct stream *stream)
{
    struct upstream *upstream = mem_new(struct upstream);

    if (tcp_connect(&upstream->tcp, &worker->net, &endpoint->address, &upstream_events,
                    on_connected) != STATUS_OK) {
        mem_free(upstream);
        return NULL;
    }
    upstream->magic = UPSTREAM_MAGIC;
    upstream->state = UPSTREAM_CONNECTING;
    upstream->worker = worker;
    upstream->cluster = cluster;
    upstream->endpoint = endpoint;
    upstream->stream = stream;
    list_init(&upstream->link);
    deadline_init(&upstream->deadline, on_upstream_deadline);
    text_init(&upstream->partial);
    upstream->pool = pool_enter(endpoint);
    cluster->connections++;
    worker->upstreams_count++;
    worker->stats.upstream_now++;
    worker->stats.upstream_opened++;
    return upstream;
}

void upstream_lend(struct upstream *upstream, struct stream *stream)
{
    CHECK(upstream->state == UPSTREAM_IDLE);
    list_remove(&upstream->link);
    upstream->state = UPSTREAM_BUSY;
    upstream->stream = stream;
    upstream->worker->stats.upstream_idle--;
    upstream->worker->stats.upstream_reused++;
}

void upstream_give_back(struct upstream *upstream, bool is_clean)
{
    struct worker *worker = upstream->worker;

    CHECK(upstream->state == UPSTREAM_BUSY);
    if (!is_clean || upstream->has_ended || upstream->endpoint->retired ||
        worker->state >= WORKER_STOPPING) {
        upstream_close(upstream);
        return;
    }
    upstream->state = UPSTREAM_IDLE;
    upstream->stream = NULL;
    upstream->scan = (struct h1_scan){0};
    upstream->requests_count++;
    list_push_front(&upstream->pool->idle, &upstream->link);
    worker->stats.upstream_idle++;
    deadline_set(worker->deadlines, &upstream->deadline,
                 worker_now_ms(worker) + worker->config->timeouts.pool_idle_ms);
    transport_resume(&upstream->tcp.transport);
    pool_wake(upstream->cluster);
}
