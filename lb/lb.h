/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lb.h - chooses endpoints. Pure: no sockets, no loop; time is an argument.
 *
 *     clusters (one per worker) -> cluster (by slot) -> endpoints (by address)
 *
 * A `cluster_spec` is what the table says and changes with it; a `cluster` is the live side that
 * outlives tables: balancer positions, in-flight counts, ejections, and the pool hung on each
 * endpoint. A cluster follows the newest spec it is shown; endpoints that went are retired: never
 * picked again, freed when their last lease and their pool are gone.
 *
 * Probes are sent once for all workers, elsewhere; what they find out is told to each worker's
 * clusters, and kept there for clusters that are made later.
 */
#ifndef LB_LB_H
#define LB_LB_H

#include "core/list.h"
#include "lb/health.h"
#include "route/table.h"

/* Ejection after failed connects (docs/decisions): 1 s, doubled each time in a row, at most 60 s.
 */
#define EJECTION_BASE_MS 1000
#define EJECTION_MAX_MS  60000
/* Connect failures in a row before an endpoint is left out. */
#define EJECTION_FAILURES 1

struct cluster;
struct verdict;

/* One endpoint as this worker knows it. Fields are for reading; `pool` is for proxy/pool. */
struct endpoint {
    struct list link;        /* in its cluster's endpoints, or in its retired ones */
    struct cluster *cluster; /* borrowed; outlives its endpoints */
    struct address address;
    uint32_t weight;
    uint32_t in_flight;        /* leases out */
    int64_t smooth_weight;     /* round_robin's running value */
    uint64_t weight_upto;      /* sum of the weights in the spec's order, up to and with this one */
    uint32_t failures;         /* connects that failed, in a row; not counted while ejected */
    uint64_t ejected_until_ms; /* 0 = not ejected */
    enum endpoint_health health; /* HEALTH_HEALTHY in a cluster without a health check */
    struct verdict *verdict;     /* borrowed; what says so, or NULL without a health check */
    struct list verdict_link;    /* in verdict's endpoints */
    bool retired;                /* no longer in the spec */
    bool is_unwanted;            /* retired or unhealthy: its connections are not kept */
    void *pool;                  /* NULL until proxy/pool hangs its own here; owned by it */
};

/* Live numbers of a cluster, on one worker; limits are the worker's share. Fields are for
 * proxy/pool to count, and for metrics to read. */
struct cluster {
    struct bytes key; /* a copy, in key_bytes */
    uint32_t slot;
    bool retired;     /* the table has it no more: no endpoints, freed when the last one is idle */
    struct list link; /* among those without a slot of their own, see clusters.c */
    struct clusters *clusters;       /* borrowed; outlives its clusters */
    const struct cluster_spec *spec; /* ref, the newest shown; never NULL */
    struct list endpoints;           /* struct endpoint, in the spec's order */
    struct list retired_endpoints;
    struct endpoint **order; /* owned; the same endpoints as an array */
    void *places; /* owned; where ring_hash or maglev look keys up; NULL after each change */
    uint32_t endpoints_count;
    uint32_t ejected_count; /* of them; one whose ejection ran out counts until it has answered */
    uint32_t health_counts[HEALTH_STATES_COUNT]; /* of all endpoints, by health */
    uint32_t exceptions; /* ejected ones and those that are not healthy, added up; 0: any will do */
    uint32_t cursor;     /* round_robin's next place in `order` while all weights are equal */
    bool weights_equal;
    uint64_t weights_sum;
    struct cluster_limits limits; /* this worker's share, each at least 1 */
    uint32_t connections;         /* upstream connections open or opening */
    uint32_t leaving;             /* of them; take no more requests, and do not count for limits */
    uint32_t pending;             /* requests waiting for a connection */
    uint32_t requests;            /* requests sent or waiting */
    uint32_t retries;             /* attempts after a first one, under way */
    struct list waiting;          /* proxy/pool's: the streams that `pending` counts */
    uint64_t random;              /* state of this cluster's generator */
    char key_bytes[];
};

/* Called when an endpoint has just been retired or become unhealthy, so that its idle connections
 * can be closed. It may call back into lb.h; the endpoint may be gone when it returns. */
typedef void endpoint_retired_fn(void *context, struct endpoint *endpoint);

/* Called when a cluster that requests wait for may have more connections than before. The same
 * holds for it. */
typedef void cluster_room_fn(struct cluster *cluster);

struct clusters;

/* workers_count: limits are divided by it, rounded up. seed: for random choices; any value. */
struct clusters *clusters_create(uint32_t workers_count, uint64_t seed,
                                 endpoint_retired_fn *on_retired, void *context);
/* on_room: NULL for none, as at first. */
void clusters_tell_of_room(struct clusters *clusters, cluster_room_fn *on_room);
/* No lease may be out; pools must have let go (endpoint->pool NULL). */
void clusters_destroy(struct clusters *clusters);

/*
 * The live cluster for a spec, made on first use, brought up to date if the spec is newer than what
 * it follows; an older spec of the same key, as a stream with an older table shows it, changes
 * nothing. Never NULL. O(1) when nothing changed. Borrowed, and gone once it is retired and nothing
 * counts in it: keep it no longer than a lease, a connection or a request does, else ask again.
 */
struct cluster *clusters_get(struct clusters *clusters, const struct cluster_spec *spec);
/* After a publication, not on the request path: bring all live clusters up to date with the table
 * and retire those it no longer has, and in which no request counts. */
void clusters_sweep(struct clusters *clusters, const struct table *table);
/* Now and then: retire those that the table had no longer, but requests of an older one did. Costs
 * nothing when there are none. */
void clusters_retire_unplaced(struct clusters *clusters);
/*
 * What probes have found out about an endpoint, by health_add_key(). It counts for all clusters
 * that have the endpoint and probe it this way, those that are made later too, until something else
 * is told. HEALTH_UNKNOWN: it is probed no more. Not on the request path.
 */
void clusters_tell_health(struct clusters *clusters, struct bytes key, enum endpoint_health health);
/* Visit all, retired ones too: size_t at = 0; while ((cluster = clusters_next(clusters, &at))) */
struct cluster *clusters_next(struct clusters *clusters, size_t *at);

enum balancer_outcome {
    BALANCER_DONE,           /* the endpoint answered, or nothing speaks against it; after an
                              * ejection has run out this is what clears it */
    BALANCER_CONNECT_FAILED, /* refused, unreachable or timed out: counts towards ejection */
};

/*
 * Choose an endpoint for one attempt by the cluster's policy: smooth weighted round robin, the
 * better of two random choices by (in_flight + 1) / weight, weighted random, or by hash on a ring
 * or a Maglev table.
 *
 *   key      a hash that is well mixed (affinity.h makes some); only read if balancer_hashes()
 *   tried    addresses this request has tried; avoided while others are left
 *   now_ms   monotonic milliseconds
 *
 * Returns a borrowed endpoint, valid until balancer_give_back(), or NULL when the cluster has none,
 * or none that is not unhealthy. Healthy endpoints come before those of which nothing is known yet
 * (docs/decisions/0021-whom-to-trust-before-the-first-probe.md). Ejected endpoints are left out,
 * even if only tried ones remain then; when all are ejected, the one whose ejection ends first is
 * given, so that ejections never leave a cluster empty; but not an unhealthy one. By hash, the same
 * endpoints give a key the same endpoint in every worker and pod, and only keys of endpoints that
 * are left out move. Allocates nothing, but for the table of places that a strategy by hash makes
 * at the first call after a change.
 */
struct endpoint *balancer_take(struct cluster *cluster, uint64_t key, const struct address *tried,
                               size_t tried_count, uint64_t now_ms);
/* Whether the policy looks at keys. */
static inline bool balancer_hashes(const struct cluster *cluster)
{
    enum cluster_policy policy = cluster->spec->policy;

    return policy == CLUSTER_RING_HASH || policy == CLUSTER_MAGLEV;
}
void balancer_give_back(struct endpoint *endpoint, enum balancer_outcome outcome, uint64_t now_ms);

/* proxy/pool calls this when endpoint->pool became NULL; frees a retired endpoint that is not in
 * use any more. The endpoint may be gone afterwards. */
void endpoint_pool_is_gone(struct endpoint *endpoint);

bool endpoint_is_ejected(const struct endpoint *endpoint, uint64_t now_ms);

/* Which of a route's backends a request goes to, by weight. `random` is any uniform 64-bit number.
 * Backends whose cluster has no endpoints are still chosen: their share answers 503. */
uint32_t backend_choose(const struct route *route, uint64_t random);

/* A uniform 64-bit number from a state the caller keeps; any state will do. Not for secrets. */
uint64_t random_next(uint64_t *state);

#endif
