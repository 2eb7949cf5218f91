/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - one entry for each endpoint and way of probing it that was told of or asked for.
 */
#include "lb/verdict.h"

#include "core/check.h"
#include "core/mem.h"

struct verdict {
    enum endpoint_health health; /* HEALTH_UNKNOWN: nothing was told */
    struct list endpoints;       /* struct endpoint, by verdict_link */
    struct bytes key;            /* way and address, in key_bytes */
    char key_bytes[];
};

static struct verdict *verdict_of(struct clusters *clusters, struct bytes key)
{
    struct verdict *verdict = map_get(&clusters->verdicts, key);

    if (verdict != NULL)
        return verdict;
    verdict = mem_alloc(sizeof(*verdict) + key.len);
    memcpy(verdict->key_bytes, key.at, key.len);
    verdict->key = bytes_from(verdict->key_bytes, key.len);
    verdict->health = HEALTH_UNKNOWN;
    list_init(&verdict->endpoints);
    (void)map_put(&clusters->verdicts, verdict->key, verdict);
    return verdict;
}

static void free_if_unused(struct clusters *clusters, struct verdict *verdict)
{
    if (verdict->health != HEALTH_UNKNOWN || !list_is_empty(&verdict->endpoints))
        return;
    (void)map_remove(&clusters->verdicts, verdict->key);
    mem_free(verdict);
}

void verdict_leave(struct endpoint *endpoint)
{
    struct verdict *verdict = endpoint->verdict;

    if (verdict == NULL)
        return;
    endpoint->verdict = NULL;
    list_remove(&endpoint->verdict_link);
    free_if_unused(endpoint->cluster->clusters, verdict);
}

static bool is_about(const struct verdict *verdict, struct bytes way)
{
    return verdict->key.len == way.len + sizeof(struct address) &&
           bytes_equal(bytes_slice(verdict->key, 0, way.len), way);
}

static void join(struct endpoint *endpoint, struct bytes way)
{
    struct text key;

    text_init(&key);
    health_add_key(way, &endpoint->address, &key);
    endpoint->verdict = verdict_of(endpoint->cluster->clusters, text_bytes(&key));
    list_push_back(&endpoint->verdict->endpoints, &endpoint->verdict_link);
    text_fini(&key);
}

static void set_health(struct endpoint *endpoint, enum endpoint_health health)
{
    endpoint->health = health;
    endpoint->is_unwanted = endpoint->retired || health == HEALTH_UNHEALTHY;
}

void verdict_follow(struct endpoint *endpoint, struct bytes way)
{
    if (endpoint->verdict != NULL && is_about(endpoint->verdict, way))
        return;
    verdict_leave(endpoint);
    if (way.len > 0)
        join(endpoint, way);
    set_health(endpoint, way.len > 0 ? endpoint->verdict->health : HEALTH_HEALTHY);
}

static void change_health(struct endpoint *endpoint, enum endpoint_health health)
{
    struct cluster *cluster = endpoint->cluster;

    cluster->health_counts[endpoint->health]--;
    cluster->health_counts[health]++;
    set_health(endpoint, health);
    cluster_count_exceptions(cluster);
}

/* Idle connections of an endpoint that became unhealthy go, as those of one that retired. The
 * callbacks may free any of those that wait in the list: hence one at a time from its front. */
static void tell_owner(struct clusters *clusters, struct verdict *verdict)
{
    struct list waiting;
    struct list *link;

    list_init(&waiting);
    while ((link = list_first(&verdict->endpoints)) != NULL) {
        list_remove(link);
        list_push_back(&waiting, link);
    }
    while ((link = list_first(&waiting)) != NULL) {
        struct endpoint *endpoint = LIST_ENTRY(link, struct endpoint, verdict_link);

        list_remove(link);
        list_push_back(&verdict->endpoints, link);
        endpoint->in_flight++; /* holds it while the callback runs */
        clusters->on_retired(clusters->context, endpoint);
        endpoint->in_flight--;
        endpoint_free_if_idle(endpoint);
    }
}

void clusters_tell_health(struct clusters *clusters, struct bytes key, enum endpoint_health health)
{
    struct verdict *verdict = verdict_of(clusters, key);

    if (verdict->health != health) {
        verdict->health = health;
        LIST_EACH (&verdict->endpoints, link)
            change_health(LIST_ENTRY(link, struct endpoint, verdict_link), health);
        if (health == HEALTH_UNHEALTHY && clusters->on_retired != NULL)
            tell_owner(clusters, verdict);
    }
    free_if_unused(clusters, verdict);
}

void verdicts_fini(struct clusters *clusters)
{
    struct verdict *verdict;
    size_t at = 0;

    while ((verdict = map_next(&clusters->verdicts, &at)) != NULL) {
        CHECK(list_is_empty(&verdict->endpoints));
        mem_free(verdict);
    }
    map_fini(&clusters->verdicts);
}
