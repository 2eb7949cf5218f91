/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c - connects, hands what comes to the protocol spoken, and guards the time in between.
 *
 *     CONNECTING -> BUSY <-> IDLE -> CLOSING
 *
 * An idle connection stays armed for reading: whatever comes then was asked for by nobody, so the
 * connection closes and the bytes belong to no request (hostile-input 54).
 */
#include "proxy/upstream.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "proxy/pool.h"
#include "proxy/stream.h"
#include "proxy/tcp_attempt.h"
#include "tls/tls.h"

static struct upstream *upstream_of(struct transport *transport)
{
    struct upstream *upstream = transport->owner;

    CHECK(upstream->magic == UPSTREAM_MAGIC);
    return upstream;
}

/* ---- the end ---- */

static void on_upstream_closed(struct transport *transport)
{
    struct upstream *upstream = upstream_of(transport);
    struct worker *worker = upstream->worker;

    upstream->ops->fini(upstream);
    worker->upstreams_count--;
    text_fini(&upstream->partial);
    if (upstream->tls != NULL)
        tls_destroy(upstream->tls);
    if (upstream->tls_policy != NULL)
        tls_upstream_unref(upstream->tls_policy);
    upstream->magic = 0;
    mem_free(upstream);
    worker_check_stopped(worker);
}

static void discard(struct upstream *upstream, bool reset)
{
    struct cluster *cluster = upstream->cluster;
    struct worker *worker = upstream->worker;

    if (upstream->state == UPSTREAM_CLOSING)
        return;
    if (upstream->state == UPSTREAM_IDLE)
        worker->stats.upstream_idle--;
    list_remove(&upstream->link);
    upstream->state = UPSTREAM_CLOSING;
    upstream->stream = NULL;
    upstream->relay = NULL;
    deadline_cancel(worker->deadlines, &upstream->deadline);
    if (reset)
        transport_abort(upstream->transport);
    else
        transport_close(upstream->transport);
    worker->stats.upstream_now--;
    pool_leave(upstream->pool);
    cluster->connections--;
    cluster->leaving -= upstream->is_leaving;
}

void upstream_discard(struct upstream *upstream)
{
    discard(upstream, false);
}

static void discard_and_wake(struct upstream *upstream, bool reset)
{
    struct cluster *cluster = upstream->cluster;

    if (upstream->state == UPSTREAM_CLOSING)
        return;
    discard(upstream, reset);
    pool_wake(cluster);
}

void upstream_close(struct upstream *upstream)
{
    discard_and_wake(upstream, false);
}

void upstream_abort(struct upstream *upstream)
{
    discard_and_wake(upstream, true);
}

/* ---- what the transport tells ---- */

static void on_upstream_bytes(struct transport *transport, struct bytes data)
{
    struct upstream *upstream = upstream_of(transport);

    upstream->ops->on_bytes(upstream, data);
}

static void on_upstream_drained(struct transport *transport)
{
    struct upstream *upstream = upstream_of(transport);

    upstream->ops->on_drained(upstream);
}

static bool is_in_handshake(const struct upstream *upstream)
{
    return upstream->state == UPSTREAM_CONNECTING && upstream->tls != NULL;
}

/* Once for a connection, however many streams wait for it. */
static void count_tls_failure(struct upstream *upstream, struct bytes why)
{
    if (upstream->tls_has_failed)
        return;
    upstream->tls_has_failed = true;
    upstream->worker->stats.upstream_tls_failures++;
    log_warn(upstream->worker->log, "TLS with an endpoint failed",
             LOG_ADDRESS("endpoint", &upstream->endpoint->address),
             LOG_BYTES("cluster", upstream->cluster->key), LOG_BYTES("why", why));
}

static void tell_tls_failure(struct upstream *upstream)
{
    const char *fault = tls_certificate_fault(upstream->tls);
    struct text why;

    text_init(&why);
    text_add_str(&why, tls_failure_sentence(tls_failure_of(upstream->tls)));
    if (fault != NULL) {
        text_add_str(&why, ": ");
        text_add_str(&why, fault);
    }
    count_tls_failure(upstream, text_bytes(&why));
    text_fini(&why);
}

/* Before it was open. Whatever TLS did not like, TCP was connected: it is no failed connect. */
static void opening_failed(struct upstream *upstream)
{
    bool is_tls = is_in_handshake(upstream);

    if (is_tls)
        tell_tls_failure(upstream);
    upstream->ops->on_open_failed(upstream, is_tls ? FAILURE_UPSTREAM_TLS : FAILURE_CONNECT_FAILED);
}

enum failure upstream_connect_timed_out(struct upstream *upstream)
{
    if (!is_in_handshake(upstream))
        return FAILURE_CONNECT_TIMEOUT;
    count_tls_failure(upstream,
                      BYTES("no whole handshake within --connect-timeout; does it speak TLS?"));
    return FAILURE_UPSTREAM_TLS;
}

static void on_upstream_end(struct transport *transport)
{
    struct upstream *upstream = upstream_of(transport);

    upstream->has_ended = true;
    if (upstream->state == UPSTREAM_CONNECTING)
        opening_failed(upstream);
    else
        upstream->ops->on_end(upstream, false);
}

static void on_upstream_broken(struct transport *transport, enum status why)
{
    struct upstream *upstream = upstream_of(transport);

    (void)why;
    upstream->has_ended = true;
    if (upstream->state == UPSTREAM_CONNECTING)
        opening_failed(upstream);
    else
        upstream->ops->on_end(upstream, true);
}

static const struct transport_events upstream_events = {
    .on_bytes = on_upstream_bytes,
    .on_end = on_upstream_end,
    .on_drained = on_upstream_drained,
    .on_broken = on_upstream_broken,
    .on_closed = on_upstream_closed,
};

/* A connect of HTTP/1 has its stream's deadline. A connection that is busy finds an old deadline
 * here and lets it pass. */
static void on_upstream_deadline(struct deadline *deadline)
{
    struct upstream *upstream = DEADLINE_OWNER(deadline, struct upstream, deadline);

    if (upstream->state == UPSTREAM_CONNECTING) {
        upstream->worker->stats.timeout_connect++;
        upstream->ops->on_open_failed(upstream, upstream_connect_timed_out(upstream));
        return;
    }
    if (upstream->state != UPSTREAM_IDLE)
        return;
    upstream->worker->stats.timeout_pool_idle++;
    upstream_close(upstream);
}

/* ---- opening ---- */

static void is_open(struct upstream *upstream)
{
    upstream->state = UPSTREAM_BUSY;
    transport_resume(upstream->transport);
    upstream->ops->on_open(upstream);
}

static void on_tls_ready(struct tls *tls)
{
    is_open(upstream_of(tls_transport(tls)));
}

static void begin_tls(struct upstream *upstream)
{
    upstream->tls = tls_connect(upstream->worker->tls, &upstream->tcp.transport,
                                upstream->tls_policy, &upstream_events, upstream, on_tls_ready);
    upstream->transport = tls_transport(upstream->tls);
    transport_resume(upstream->transport);
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

    if (status != STATUS_OK)
        upstream->ops->on_open_failed(upstream, failure_of_connect(status));
    else if (upstream->relay != NULL && !tcp_attempt_greet(upstream->relay))
        upstream->ops->on_open_failed(upstream, FAILURE_CONNECT_FAILED);
    else if (upstream->tls_policy != NULL)
        begin_tls(upstream);
    else
        is_open(upstream);
}

static struct upstream *begin_connect(struct worker *worker, struct cluster *cluster,
                                      struct endpoint *endpoint, const struct upstream_ops *ops,
                                      const struct tls_upstream *tls_policy)
{
    struct upstream *upstream = mem_new(struct upstream);

    if (tcp_connect(&upstream->tcp, &worker->net, &endpoint->address, &upstream_events,
                    on_connected) != STATUS_OK) {
        mem_free(upstream);
        return NULL;
    }
    upstream->tcp.transport.owner = upstream;
    upstream->magic = UPSTREAM_MAGIC;
    upstream->state = UPSTREAM_CONNECTING;
    upstream->ops = ops;
    if (tls_policy != NULL)
        upstream->tls_policy = tls_upstream_ref(refs_thaw(tls_policy));
    upstream->worker = worker;
    upstream->cluster = cluster;
    upstream->endpoint = endpoint;
    upstream->transport = &upstream->tcp.transport;
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

struct upstream *upstream_open(struct worker *worker, struct cluster *cluster,
                               struct endpoint *endpoint, struct stream *stream)
{
    bool is_h2 = cluster_speaks_h2(cluster);
    struct upstream *upstream = begin_connect(
        worker, cluster, endpoint, is_h2 ? &upstream_h2_ops : &upstream_h1_ops, cluster->spec->tls);

    if (upstream == NULL)
        return NULL;
    upstream->stream = stream;
    if (is_h2)
        deadline_set(worker->deadlines, &upstream->deadline,
                     worker_now_ms(worker) + worker->config->timeouts.connect_ms);
    return upstream;
}

struct upstream *upstream_open_tcp(struct worker *worker, struct cluster *cluster,
                                   struct endpoint *endpoint, struct tcp_relay *relay)
{
    struct upstream *upstream = begin_connect(worker, cluster, endpoint, &upstream_tcp_ops, NULL);

    if (upstream != NULL)
        upstream->relay = relay;
    return upstream;
}

/* ---- keeping ---- */

bool upstream_may_be_kept(const struct upstream *upstream)
{
    return !upstream->has_ended && !upstream->endpoint->is_unwanted &&
           upstream->worker->state < WORKER_STOPPING;
}

void upstream_keep_until_idle(struct upstream *upstream)
{
    struct worker *worker = upstream->worker;

    upstream->state = UPSTREAM_IDLE;
    worker->stats.upstream_idle++;
    deadline_set(worker->deadlines, &upstream->deadline,
                 worker_now_ms(worker) + worker->config->timeouts.pool_idle_ms);
}

/* ---- for streams ---- */

enum status upstream_send_head(struct stream *stream)
{
    return stream->upstream->ops->send_head(stream);
}

enum status upstream_send(struct stream *stream, const struct batch *batch)
{
    return stream->upstream->ops->send(stream, batch);
}

void upstream_pause(struct stream *stream)
{
    stream->upstream->ops->pause(stream);
}

void upstream_resume(struct stream *stream)
{
    stream->upstream->ops->resume(stream);
}

size_t upstream_queued_bytes(const struct stream *stream)
{
    return stream->upstream->ops->queued_bytes(stream);
}

void upstream_give_back(struct stream *stream)
{
    stream->upstream->ops->give_back(stream);
}

void upstream_drop(struct stream *stream)
{
    stream->upstream->ops->drop(stream);
}
