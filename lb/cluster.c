/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c - the live side of one cluster.
 *
 *     spec (sorted by address)   A    C D
 *     endpoints, before          A B  C        -> A and C stay as they are, D is new, B retires
 *
 * Both are sorted by address, so following a spec is one walk along the two.
 */
#include "lb/cluster.h"

#include "core/check.h"
#include "core/mem.h"
#include "lb/strategy.h"
#include "lb/verdict.h"

static struct endpoint *endpoint_create(struct cluster *cluster, const struct address *address)
{
    struct endpoint *endpoint = mem_new(struct endpoint);

    list_init(&endpoint->link);
    list_init(&endpoint->verdict_link);
    endpoint->health = HEALTH_HEALTHY;
    endpoint->cluster = cluster;
    endpoint->address = *address;
    return endpoint;
}

static void endpoint_destroy(struct endpoint *endpoint)
{
    CHECK(endpoint->in_flight == 0 && endpoint->pool == NULL);
    verdict_leave(endpoint);
    list_remove(&endpoint->link);
    mem_free(endpoint);
}

void endpoint_free_if_idle(struct endpoint *endpoint)
{
    struct cluster *cluster = endpoint->cluster;

    if (!endpoint->retired || endpoint->in_flight > 0 || endpoint->pool != NULL)
        return;
    endpoint_destroy(endpoint);
    cluster_free_if_idle(cluster);
}

void endpoint_pool_is_gone(struct endpoint *endpoint)
{
    CHECK(endpoint->pool == NULL);
    endpoint_free_if_idle(endpoint);
}

static void retire_endpoint(struct cluster *cluster, struct endpoint *endpoint)
{
    struct clusters *clusters = cluster->clusters;

    list_remove(&endpoint->link);
    list_push_back(&cluster->retired_endpoints, &endpoint->link);
    endpoint->in_flight++; /* holds it while the callback runs */
    if (clusters->on_retired != NULL)
        clusters->on_retired(clusters->context, endpoint);
    endpoint->in_flight--;
    endpoint_free_if_idle(endpoint);
}

/* The callbacks may free any of those that wait in the list: hence one at a time from its front. */
static void retire_endpoints(struct cluster *cluster, struct list *leaving)
{
    struct list *link;

    while ((link = list_first(leaving)) != NULL)
        retire_endpoint(cluster, LIST_ENTRY(link, struct endpoint, link));
}

/* Circuit breakers count for the whole process; each worker keeps its part on its own. */
static uint32_t share_of(uint32_t limit, uint32_t workers_count)
{
    uint32_t share = limit / workers_count + (limit % workers_count != 0);

    return share > 0 ? share : 1;
}

/* True when there may be more connections than before. */
static bool take_limits(struct cluster *cluster, const struct cluster_limits *limits)
{
    uint32_t workers = cluster->clusters->workers_count;
    uint32_t connections_before = cluster->limits.connections_max;

    cluster->limits.connections_max = share_of(limits->connections_max, workers);
    cluster->limits.pending_max = share_of(limits->pending_max, workers);
    cluster->limits.requests_max = share_of(limits->requests_max, workers);
    cluster->limits.retries_max = share_of(limits->retries_max, workers);
    return cluster->limits.connections_max > connections_before;
}

static void tell_of_room(struct cluster *cluster)
{
    if (cluster->pending > 0 && cluster->clusters->on_room != NULL)
        cluster->clusters->on_room(cluster);
}

static void leave(struct endpoint *endpoint, struct list *leaving)
{
    endpoint->retired = true;
    endpoint->is_unwanted = true;
    verdict_leave(endpoint);
    list_remove(&endpoint->link);
    list_push_back(leaving, &endpoint->link);
}

/* The endpoints there were, as far as they have not been looked at. */
struct remaining {
    struct endpoint **at;
    uint32_t count;
};

/* The kept or new endpoint for one line of the spec; what sorts before it leaves. */
static struct endpoint *match_endpoint(struct cluster *cluster, const struct address *address,
                                       struct remaining *before, struct list *leaving)
{
    while (before->count > 0) {
        struct endpoint *endpoint = *before->at;
        int order = address_compare(&endpoint->address, address);

        if (order > 0)
            break;
        before->at++;
        before->count--;
        if (order == 0)
            return endpoint;
        leave(endpoint, leaving);
    }
    return endpoint_create(cluster, address);
}

static void add_endpoint(struct cluster *cluster, struct endpoint *endpoint, uint32_t weight)
{
    uint32_t at = cluster->endpoints_count++;

    CHECK(weight > 0);
    CHECK(at == 0 || address_compare(&cluster->order[at - 1]->address, &endpoint->address) < 0);
    list_remove(&endpoint->link);
    list_push_back(&cluster->endpoints, &endpoint->link);
    cluster->order[at] = endpoint;
    cluster->weights_sum += weight;
    cluster->ejected_count += endpoint->ejected_until_ms != 0;
    cluster->health_counts[endpoint->health]++;
    endpoint->weight = weight;
    endpoint->weight_upto = cluster->weights_sum;
    if (weight != cluster->order[0]->weight)
        cluster->weights_equal = false;
}

void cluster_count_exceptions(struct cluster *cluster)
{
    cluster->exceptions = cluster->ejected_count + cluster->health_counts[HEALTH_UNHEALTHY] +
                          cluster->health_counts[HEALTH_UNKNOWN];
}

static void forget_numbers(struct cluster *cluster)
{
    cluster->endpoints_count = 0;
    cluster->ejected_count = 0;
    memset(cluster->health_counts, 0, sizeof(cluster->health_counts));
    cluster->weights_sum = 0;
    cluster_count_exceptions(cluster);
}

/* The endpoints of `spec` take the place of those there were; who is left over goes to `leaving`.
 */
static void take_endpoints(struct cluster *cluster, const struct cluster_spec *spec,
                           struct list *leaving)
{
    struct endpoint **stale = cluster->order;
    struct remaining before = {stale, cluster->endpoints_count};
    struct text way;

    text_init(&way);
    if (spec->health != NULL)
        health_add_way(spec, &way);
    cluster->order =
        spec->endpoints_count == 0 ? NULL : mem_new_array(struct endpoint *, spec->endpoints_count);
    forget_numbers(cluster);
    cluster->weights_equal = true;
    for (uint32_t i = 0; i < spec->endpoints_count; i++) {
        const struct endpoint_spec *line = &spec->endpoints[i];
        struct endpoint *endpoint = match_endpoint(cluster, &line->address, &before, leaving);

        verdict_follow(endpoint, text_bytes(&way));
        add_endpoint(cluster, endpoint, line->weight);
    }
    while (before.count-- > 0)
        leave(*before.at++, leaving);
    cluster_count_exceptions(cluster);
    text_fini(&way);
    mem_free(stale);
    mem_free(cluster->places); /* of before */
    cluster->places = NULL;
}

static void leave_all(struct cluster *cluster, struct list *leaving)
{
    LIST_EACH (&cluster->endpoints, link)
        leave(LIST_ENTRY(link, struct endpoint, link), leaving);
    forget_numbers(cluster);
}

/* A connection that was opened in one way must not carry a request that is to go in another. */
static bool speaks_otherwise(const struct cluster_spec *a, const struct cluster_spec *b)
{
    return a->protocol != b->protocol || !tls_upstream_equal(a->tls, b->tls);
}

void cluster_follow(struct cluster *cluster, const struct cluster_spec *spec)
{
    const struct cluster_spec *stale = cluster->spec;
    struct round_robin_place place = round_robin_place(cluster);
    struct list leaving;
    bool has_room;

    list_init(&leaving);
    cluster->spec = cluster_spec_ref(spec);
    cluster->retired = false;
    has_room = take_limits(cluster, &spec->limits);
    if (speaks_otherwise(stale, spec))
        leave_all(cluster, &leaving);
    take_endpoints(cluster, spec, &leaving);
    round_robin_resume(cluster, &place);
    cluster_spec_unref(stale);
    if (has_room)
        tell_of_room(cluster);
    retire_endpoints(cluster, &leaving);
}

struct cluster *cluster_create(struct clusters *clusters, const struct cluster_spec *spec)
{
    struct cluster *cluster = mem_alloc(sizeof(*cluster) + spec->key.len);
    struct list leaving;

    memcpy(cluster->key_bytes, spec->key.at, spec->key.len);
    cluster->key = bytes_from(cluster->key_bytes, spec->key.len);
    cluster->slot = spec->slot;
    cluster->clusters = clusters;
    cluster->spec = cluster_spec_ref(spec);
    cluster->random = random_next(&clusters->random);
    list_init(&cluster->link);
    list_init(&cluster->endpoints);
    list_init(&cluster->waiting);
    list_init(&cluster->retired_endpoints);
    list_init(&leaving);
    (void)take_limits(cluster, &spec->limits);
    take_endpoints(cluster, spec, &leaving);
    round_robin_start(cluster);
    return cluster;
}

void cluster_destroy(struct cluster *cluster)
{
    LIST_EACH (&cluster->endpoints, link) {
        endpoint_destroy(LIST_ENTRY(link, struct endpoint, link));
    }
    CHECK(list_is_empty(&cluster->retired_endpoints));
    list_remove(&cluster->link);
    cluster_spec_unref(cluster->spec);
    mem_free(cluster->order);
    mem_free(cluster->places);
    mem_free(cluster);
}

/* The counters belong to the proxy: whoever counts in them may still hold a pointer to us. */
void cluster_free_if_idle(struct cluster *cluster)
{
    if (!cluster->retired || !list_is_empty(&cluster->endpoints) ||
        !list_is_empty(&cluster->retired_endpoints))
        return;
    if (cluster->connections > 0 || cluster->pending > 0 || cluster->requests > 0 ||
        cluster->retries > 0)
        return;
    cluster_destroy(cluster);
}

void cluster_retire(struct cluster *cluster)
{
    struct list leaving;

    if (cluster->requests > 0) /* they may need an endpoint yet: the next sweep looks again */
        return;
    list_init(&leaving);
    leave_all(cluster, &leaving);
    retire_endpoints(cluster, &leaving);
    cluster->retired = list_is_empty(&cluster->endpoints); /* a callback may have revived it */
    cluster_free_if_idle(cluster);
}
