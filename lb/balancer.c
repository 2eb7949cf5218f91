/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balancer.c - leases on endpoints, and leaving out those that can not be reached.
 *
 *     choice: neither ejected nor tried  ->  not ejected  ->  the ejection that ends first
 *
 * The first two are tried with healthy endpoints, then with those of which nothing is known.
 *
 * Ejection is each worker's own: a connect that failed is news only to who tried it, and the others
 * find out at the price of one attempt that goes on to another endpoint.
 */
#include "core/check.h"
#include "lb/cluster.h"
#include "lb/strategy.h"

bool endpoint_is_ejected(const struct endpoint *endpoint, uint64_t now_ms)
{
    return endpoint->ejected_until_ms > now_ms;
}

static struct endpoint *pick(struct cluster *cluster, const struct choice *choice)
{
    switch (cluster->spec->policy) {
    case CLUSTER_ROUND_ROBIN:
        return round_robin_pick(cluster, choice);
    case CLUSTER_LEAST_REQUEST:
        return least_request_pick(cluster, choice);
    case CLUSTER_RANDOM:
        return random_pick(cluster, choice);
    case CLUSTER_RING_HASH:
        return ring_hash_pick(cluster, choice);
    case CLUSTER_MAGLEV:
        return maglev_pick(cluster, choice);
    }
    return round_robin_pick(cluster, choice);
}

/* All that are not unhealthy are ejected. One that was tried comes after those that were not; NULL
 * when there is none. */
static struct endpoint *pick_ejected(struct cluster *cluster, const struct choice *choice)
{
    struct endpoint *best = NULL;
    bool best_is_tried = false;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        struct endpoint *endpoint = cluster->order[i];
        bool tried = is_tried(choice, endpoint);

        if (endpoint->health == HEALTH_UNHEALTHY)
            continue;
        if (best == NULL || tried < best_is_tried ||
            (tried == best_is_tried && endpoint->ejected_until_ms < best->ejected_until_ms)) {
            best = endpoint;
            best_is_tried = tried;
        }
    }
    return best;
}

/* The choice allows none: maybe one that was tried. */
static struct endpoint *pick_tried(struct cluster *cluster, const struct choice *fresh)
{
    struct choice choice = *fresh;

    if (fresh->tried_count == 0)
        return NULL;
    choice.tried_count = 0;
    choice.is_open = cluster->exceptions == 0;
    return pick(cluster, &choice);
}

/* No healthy one is fresh. */
static struct endpoint *pick_further(struct cluster *cluster, const struct choice *fresh)
{
    struct choice unknown = *fresh;
    struct endpoint *endpoint = pick_tried(cluster, fresh);

    unknown.health = HEALTH_UNKNOWN;
    if (endpoint == NULL && cluster->health_counts[HEALTH_UNKNOWN] > 0) {
        endpoint = pick(cluster, &unknown);
        if (endpoint == NULL)
            endpoint = pick_tried(cluster, &unknown);
    }
    return endpoint != NULL ? endpoint : pick_ejected(cluster, fresh);
}

struct endpoint *balancer_take(struct cluster *cluster, uint64_t key, const struct address *tried,
                               size_t tried_count, uint64_t now_ms)
{
    const struct choice fresh = {.is_open = cluster->exceptions == 0 && tried_count == 0,
                                 .health = HEALTH_HEALTHY,
                                 .tried = tried,
                                 .tried_count = tried_count,
                                 .now_ms = now_ms,
                                 .key = key};
    struct endpoint *endpoint;

    if (cluster->endpoints_count == 0)
        return NULL;
    endpoint = pick(cluster, &fresh);
    if (endpoint == NULL)
        endpoint = pick_further(cluster, &fresh);
    if (endpoint == NULL)
        return NULL;
    CHECK(!endpoint->retired);
    endpoint->in_flight++;
    return endpoint;
}

static void set_ejected_until(struct endpoint *endpoint, uint64_t until_ms)
{
    bool was_counted = endpoint->ejected_until_ms != 0;

    endpoint->ejected_until_ms = until_ms;
    if (endpoint->retired || was_counted == (until_ms != 0))
        return;
    if (was_counted)
        endpoint->cluster->ejected_count--;
    else
        endpoint->cluster->ejected_count++;
    cluster_count_exceptions(endpoint->cluster);
}

static uint64_t ejection_ms(uint32_t failures)
{
    uint64_t span_ms = EJECTION_BASE_MS;

    for (uint32_t i = EJECTION_FAILURES; i < failures && span_ms < EJECTION_MAX_MS; i++)
        span_ms *= 2;
    return span_ms < EJECTION_MAX_MS ? span_ms : EJECTION_MAX_MS;
}

/* Attempts that were under way together fail together: only the first of them counts, or one lost
 * endpoint under load would at once be left out for the longest time. */
static void note_failure(struct endpoint *endpoint, uint64_t now_ms)
{
    if (endpoint_is_ejected(endpoint, now_ms))
        return;
    if (endpoint->failures < UINT32_MAX)
        endpoint->failures++;
    if (endpoint->failures >= EJECTION_FAILURES)
        set_ejected_until(endpoint, now_ms + ejection_ms(endpoint->failures));
}

/* While an ejection lasts, answers on connections from before say nothing about new connects. */
static void note_success(struct endpoint *endpoint, uint64_t now_ms)
{
    if (endpoint_is_ejected(endpoint, now_ms))
        return;
    endpoint->failures = 0;
    set_ejected_until(endpoint, 0);
}

void balancer_give_back(struct endpoint *endpoint, enum balancer_outcome outcome, uint64_t now_ms)
{
    CHECK(endpoint->in_flight > 0);
    endpoint->in_flight--;
    switch (outcome) {
    case BALANCER_DONE:
        note_success(endpoint, now_ms);
        break;
    case BALANCER_CONNECT_FAILED:
        note_failure(endpoint, now_ms);
        break;
    }
    endpoint_free_if_idle(endpoint);
}
