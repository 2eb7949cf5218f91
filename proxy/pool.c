/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - taking connections and making room for them.
 */
#include "proxy/pool.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/stream.h"
#include "proxy/upstream_h2.h"

struct pool *pool_enter(struct endpoint *endpoint)
{
    struct pool *pool = endpoint->pool;

    if (pool == NULL) {
        pool = mem_new(struct pool);
        pool->endpoint = endpoint;
        list_init(&pool->idle);
        list_init(&pool->sessions);
        pool->streams_max = UPSTREAM_H2_STREAMS_MAX;
        endpoint->pool = pool;
    }
    pool->open++;
    return pool;
}

void pool_leave(struct pool *pool)
{
    struct endpoint *endpoint = pool->endpoint;

    CHECK(pool->open > 0);
    if (--pool->open > 0)
        return;
    endpoint->pool = NULL;
    mem_free(pool);
    endpoint_pool_is_gone(endpoint);
}

static bool is_full(const struct cluster *cluster)
{
    return cluster->connections - cluster->leaving >= cluster->limits.connections_max;
}

static bool has_room(const struct cluster *cluster)
{
    if (!is_full(cluster))
        return true;
    if (!cluster_speaks_h2(cluster))
        return false;
    LIST_EACH (&cluster->endpoints, link)
        if (upstream_h2_has_room(LIST_ENTRY(link, struct endpoint, link)))
            return true;
    return false;
}

/* The count: the balancer may send who is woken to where there is no room, and it waits again. */
void pool_wake(struct cluster *cluster)
{
    uint32_t count = cluster->pending;
    struct list *first;

    cluster->requests++; /* holds it: who is woken may let go of it */
    while (count-- > 0 && (first = list_first(&cluster->waiting)) != NULL) {
        stream_on_capacity(LIST_ENTRY(first, struct stream, link));
        if (!has_room(cluster))
            break;
    }
    cluster->requests--;
}

/* The latest idle connection that is still good, or NULL. */
static struct upstream *take_idle(struct pool *pool, bool is_safe)
{
    struct list *first;

    while (pool != NULL && (first = list_first(&pool->idle)) != NULL) {
        struct upstream *upstream = LIST_ENTRY(first, struct upstream, link);
        bool is_last = pool->open == 1;

        if (is_safe || !transport_is_stale(upstream->transport))
            return upstream;
        upstream_discard(upstream);
        if (is_last) /* the pool went with it */
            return NULL;
    }
    return NULL;
}

static struct list *first_idle_session(struct pool *pool, bool is_counted)
{
    LIST_EACH (&pool->sessions, link) {
        const struct upstream *upstream = LIST_ENTRY(link, struct upstream, link);

        if (upstream->state == UPSTREAM_IDLE && !(is_counted && upstream->is_leaving))
            return link;
    }
    return NULL;
}

/* At max-connections: close the connection that has been idle longest on another endpoint. One that
 * does not count any more would make no room. */
static bool make_room(struct cluster *cluster)
{
    LIST_EACH (&cluster->endpoints, link) {
        struct pool *pool = LIST_ENTRY(link, struct endpoint, link)->pool;
        struct list *last = pool == NULL ? NULL : list_last(&pool->idle);

        if (last == NULL && pool != NULL)
            last = first_idle_session(pool, true);
        if (last != NULL) {
            upstream_discard(LIST_ENTRY(last, struct upstream, link));
            return true;
        }
    }
    return false;
}

/* Those of endpoints that went take none either: nobody chooses them any more. */
static void count_leaving(struct cluster *cluster)
{
    LIST_EACH (&cluster->endpoints, link)
        upstream_h2_count_leaving(LIST_ENTRY(link, struct endpoint, link));
    LIST_EACH (&cluster->retired_endpoints, link)
        upstream_h2_count_leaving(LIST_ENTRY(link, struct endpoint, link));
}

bool pool_has_place(struct worker *worker, struct cluster *cluster)
{
    if (!is_full(cluster))
        return true;
    if (cluster_speaks_h2(cluster))
        count_leaving(cluster);
    if (!is_full(cluster) || make_room(cluster))
        return true;
    worker->stats.limit_cluster_connections++;
    return false;
}

/* A session that has room, or a new one. */
static enum pool_result take_session(struct worker *worker, struct cluster *cluster,
                                     struct endpoint *endpoint, struct stream *stream,
                                     bool may_reuse, struct upstream **upstream)
{
    bool is_open = false;

    *upstream = upstream_h2_take(endpoint, stream, may_reuse, &is_open);
    if (*upstream != NULL)
        return is_open ? POOL_READY : POOL_OPENING;
    if (!pool_has_place(worker, cluster))
        return POOL_FULL;
    *upstream = upstream_open(worker, cluster, endpoint, NULL);
    if (*upstream == NULL)
        return POOL_FAILED;
    upstream_h2_join(*upstream, stream);
    return POOL_OPENING;
}

enum pool_result pool_take(struct worker *worker, struct cluster *cluster,
                           struct endpoint *endpoint, struct stream *stream, bool may_reuse,
                           bool is_safe, struct upstream **upstream)
{
    struct upstream *idle;

    if (cluster_speaks_h2(cluster))
        return take_session(worker, cluster, endpoint, stream, may_reuse, upstream);
    idle = may_reuse ? take_idle(endpoint->pool, is_safe) : NULL;
    if (idle != NULL) {
        upstream_lend(idle, stream);
        *upstream = idle;
        return POOL_READY;
    }
    if (!pool_has_place(worker, cluster))
        return POOL_FULL;
    *upstream = upstream_open(worker, cluster, endpoint, stream);
    return *upstream == NULL ? POOL_FAILED : POOL_OPENING;
}

static void close_idle(struct pool *pool)
{
    while (pool != NULL) {
        struct list *first = list_first(&pool->idle);
        bool is_last = pool->open == 1;

        if (first == NULL)
            first = first_idle_session(pool, false);
        if (first == NULL)
            return;
        upstream_close(LIST_ENTRY(first, struct upstream, link));
        if (is_last)
            return;
    }
}

void pool_on_endpoint_retired(void *worker, struct endpoint *endpoint)
{
    (void)worker;
    close_idle(endpoint->pool);
    if (cluster_speaks_h2(endpoint->cluster)) /* its busy ones do not count any more */
        pool_wake(endpoint->cluster);
}

void pools_close_idle(struct worker *worker)
{
    struct cluster *cluster;
    size_t at = 0;

    while ((cluster = clusters_next(worker->clusters, &at)) != NULL) {
        LIST_EACH (&cluster->endpoints, link)
            close_idle(LIST_ENTRY(link, struct endpoint, link)->pool);
    }
}
