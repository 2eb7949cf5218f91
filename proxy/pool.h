/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - the connections a worker keeps to one endpoint. Last in, first out, so that those not
 * needed grow idle and expire.
 *
 * A pool hangs on endpoint->pool as long as it has a connection. max-connections counts over all
 * pools of a cluster, in cluster->connections. One over HTTP/2 that takes no more streams counts
 * only until its place is wanted: with a stream that lasts it would keep the place from everybody.
 */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include "proxy/upstream.h"

struct pool {
    struct endpoint *endpoint; /* borrowed */
    struct list idle;          /* struct upstream of HTTP/1, latest first */
    struct list sessions;      /* struct upstream of HTTP/2, until they close, latest first */
    uint32_t open;             /* idle and busy, opening included */
    uint32_t streams_max;      /* HTTP/2: what the endpoint has said last, else what may be said */
};

enum pool_result {
    POOL_READY,   /* *upstream is connected and belongs to the stream */
    POOL_OPENING, /* *upstream connects; stream_on_connected() follows */
    POOL_FULL,    /* the cluster has max-connections open, all busy */
    POOL_FAILED,  /* the system refused a new connection */
};

/* may_reuse: false for the attempt after a kept connection turned out dead. is_safe: the request
 * may be sent twice, so a kept connection need not be probed before. */
enum pool_result pool_take(struct worker *worker, struct cluster *cluster,
                           struct endpoint *endpoint, struct stream *stream, bool may_reuse,
                           bool is_safe, struct upstream **upstream);
/* True when the cluster may have another connection: below max-connections, or now that an idle one
 * was closed for it. */
bool pool_has_place(struct worker *worker, struct cluster *cluster);
/* An endpoint left the table: its idle connections go. For clusters_create(). */
void pool_on_endpoint_retired(void *worker, struct endpoint *endpoint);
/* Close all idle connections of a worker. */
void pools_close_idle(struct worker *worker);

/* For upstream.c. */
struct pool *pool_enter(struct endpoint *endpoint); /* one more connection */
void pool_leave(struct pool *pool);                 /* one less; the pool may be gone afterwards */
/* A connection or its place became free: the first stream that waits for this cluster goes on, and
 * the next ones as long as there is room, for it may fail without using its place. For
 * clusters_tell_of_room(), too: max-connections was raised. */
void pool_wake(struct cluster *cluster);

#endif
