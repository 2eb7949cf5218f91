/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lifetimes.c - clusters and endpoints under random changes, leases and pools: what is counted
 * adds up, and nothing is used after it went (the sanitizer's part).
 */
#include "core/mem.h"
#include "route/builder.h"
#include "tests/unit/lb/specs.h"

/* Random specs, leases, pools, failures and lookups by streams with older tables. */
#define LEASES_MAX 64
#define KEYS       3
#define SLOTS      2
#define OLD_SPECS  8
#define CHECKS     2

static const struct health_check checks[CHECKS] = {{.interval_ms = 1}, {.interval_ms = 2}};

struct world {
    struct clusters *clusters;
    struct endpoint *leases[LEASES_MAX];
    size_t leases_count;
    struct test_spec specs[OLD_SPECS]; /* older and newer ones */
    uint64_t generation;
    uint64_t now_ms;
    uint64_t random;
    size_t pools_count;
};

static uint32_t chance(struct world *world, uint32_t bound)
{
    return (uint32_t)(random_next(&world->random) >> 32) % bound;
}

static void drop_pool(struct world *world, struct endpoint *endpoint)
{
    endpoint->pool = NULL;
    world->pools_count--;
    endpoint_pool_is_gone(endpoint);
}

static void on_world_retired(void *context, struct endpoint *endpoint)
{
    struct world *world = context;

    if (endpoint->pool != NULL && chance(world, 2) == 0)
        drop_pool(world, endpoint);
}

/* Only a spec that no cluster follows may be written over. */
static void change_spec(struct world *world)
{
    static const char *const keys[KEYS] = {"a", "b", "c"};
    struct test_spec *test = &world->specs[chance(world, OLD_SPECS)];

    if (test->spec.refs != SPEC_FOREVER && test->spec.refs != 0)
        return;
    world->generation++;
    spec_init(test, chance(world, SLOTS), keys[chance(world, KEYS)], world->generation);
    test->spec.policy = (enum cluster_policy)chance(world, 3);
    test->spec.health = chance(world, 3) == 0 ? NULL : &checks[chance(world, CHECKS)];
    for (uint32_t number = 0; number < 12; number++)
        if (chance(world, 2) == 0)
            spec_add(test, number, 1 + chance(world, 3));
    clusters_get(world->clusters, &test->spec);
}

static void lease_one(struct world *world)
{
    struct test_spec *test = &world->specs[chance(world, OLD_SPECS)];
    struct cluster *cluster;
    struct endpoint *endpoint;

    if (test->spec.generation == 0 || world->leases_count == LEASES_MAX)
        return;
    cluster = clusters_get(world->clusters, &test->spec);
    assert_true(bytes_equal(cluster->key, test->spec.key));
    endpoint = take(cluster, world->now_ms);
    assert_int_equal(endpoint == NULL,
                     cluster->endpoints_count == cluster->health_counts[HEALTH_UNHEALTHY]);
    if (endpoint == NULL)
        return;
    world->leases[world->leases_count++] = endpoint;
    if (endpoint->pool == NULL) {
        endpoint->pool = world;
        world->pools_count++;
    }
}

static void give_one_back(struct world *world)
{
    size_t at;
    struct endpoint *endpoint;

    if (world->leases_count == 0)
        return;
    at = chance(world, (uint32_t)world->leases_count);
    endpoint = world->leases[at];
    world->leases[at] = world->leases[--world->leases_count];
    if (endpoint->pool != NULL && chance(world, 3) == 0) {
        endpoint->pool = NULL; /* its lease still holds it */
        world->pools_count--;
    }
    balancer_give_back(endpoint, chance(world, 4) == 0 ? BALANCER_CONNECT_FAILED : BALANCER_DONE,
                       world->now_ms);
}

static void check_cluster(const struct cluster *cluster)
{
    uint32_t count = 0;
    uint32_t ejected = 0;
    uint32_t health_counts[HEALTH_STATES_COUNT] = {0};

    LIST_EACH ((struct list *)(uintptr_t)&cluster->endpoints, link) {
        const struct endpoint *endpoint = LIST_ENTRY(link, struct endpoint, link);

        assert_ptr_equal(cluster->order[count++], endpoint);
        assert_false(endpoint->retired);
        assert_int_equal(endpoint->is_unwanted, endpoint->health == HEALTH_UNHEALTHY);
        assert_int_equal(endpoint->verdict != NULL, cluster->spec->health != NULL);
        ejected += endpoint->ejected_until_ms != 0;
        health_counts[endpoint->health]++;
    }
    assert_int_equal(count, cluster->endpoints_count);
    assert_int_equal(ejected, cluster->ejected_count);
    assert_memory_equal(health_counts, cluster->health_counts, sizeof(health_counts));
    assert_int_equal(cluster->exceptions, ejected + count - cluster->health_counts[HEALTH_HEALTHY]);
    assert_true(count == 0 || cluster->cursor < count);
}

static void check_world(struct world *world)
{
    struct cluster *cluster;
    size_t at = 0;
    size_t in_flight = 0;
    size_t pools = 0;

    while ((cluster = clusters_next(world->clusters, &at)) != NULL) {
        struct list *both[2] = {&cluster->endpoints, &cluster->retired_endpoints};

        check_cluster(cluster);
        for (size_t i = 0; i < 2; i++)
            LIST_EACH (both[i], link) {
                struct endpoint *endpoint = LIST_ENTRY(link, struct endpoint, link);

                in_flight += endpoint->in_flight;
                pools += endpoint->pool != NULL;
                assert_int_equal(endpoint->retired, i == 1);
                assert_true(i == 0 || endpoint->in_flight > 0 || endpoint->pool != NULL);
            }
    }
    assert_int_equal(in_flight, world->leases_count);
    assert_int_equal(pools, world->pools_count);
}

static void tell_health(struct world *world)
{
    struct cluster_spec asked = {.health = &checks[chance(world, CHECKS)]};
    struct address address = address_number(chance(world, 12));
    struct text way;
    struct text key;

    text_init(&way);
    text_init(&key);
    health_add_way(&asked, &way);
    health_add_key(text_bytes(&way), &address, &key);
    clusters_tell_health(world->clusters, text_bytes(&key),
                         (enum endpoint_health)chance(world, HEALTH_STATES_COUNT));
    text_fini(&way);
    text_fini(&key);
}

/* An idle pool goes by itself. */
static void drop_some_pool(struct world *world)
{
    struct endpoint *found = NULL;
    struct cluster *cluster;
    size_t at = 0;

    while ((cluster = clusters_next(world->clusters, &at)) != NULL) {
        struct list *both[2] = {&cluster->endpoints, &cluster->retired_endpoints};

        for (size_t i = 0; i < 2; i++)
            LIST_EACH (both[i], link) {
                struct endpoint *endpoint = LIST_ENTRY(link, struct endpoint, link);

                if (endpoint->pool != NULL && (found == NULL || chance(world, 3) == 0))
                    found = endpoint;
            }
    }
    if (found != NULL)
        drop_pool(world, found);
}

TEST(nothing_is_lost_or_used_after_it_went_whatever_the_order_of_events)
{
    struct world *world = mem_new(struct world);
    struct table *empty = builder_finish(builder_create(NULL));
    size_t at = 0;

    world->random = 2026;
    world->clusters = clusters_create(2, 9, on_world_retired, world);
    for (int step = 0; step < 60000; step++) {
        uint32_t what = chance(world, 100);

        world->now_ms += chance(world, 400);
        if (what < 10)
            change_spec(world);
        else if (what < 37)
            lease_one(world);
        else if (what < 67)
            give_one_back(world);
        else if (what < 70)
            tell_health(world);
        else if (what < 98)
            drop_some_pool(world);
        else
            clusters_sweep(world->clusters, empty);
        check_world(world);
    }
    assert_true(world->generation > 1000);
    while (world->leases_count > 0)
        give_one_back(world);
    while (world->pools_count > 0)
        drop_some_pool(world);
    clusters_sweep(world->clusters, empty);
    assert_null(clusters_next(world->clusters, &at));
    clusters_destroy(world->clusters);
    table_unref(empty);
    mem_free(world);
}

TESTS(UNIT(nothing_is_lost_or_used_after_it_went_whatever_the_order_of_events))
