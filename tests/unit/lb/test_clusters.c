/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_clusters.c - live clusters follow their specs, by slot, and let go of what went.
 */
#include "route/builder.h"
#include "tests/unit/lb/specs.h"

static struct test_spec first;
static struct test_spec second;
static struct test_spec third;

/* What the proxy would do: pools that are closed when their endpoint is retired. */
struct retirements {
    uint32_t count;
    struct endpoint *last;
    bool closes_pool; /* the pool goes at once */
};

static void on_retired(void *context, struct endpoint *endpoint)
{
    struct retirements *retirements = context;

    assert_true(endpoint->retired);
    retirements->count++;
    retirements->last = endpoint;
    if (retirements->closes_pool && endpoint->pool != NULL) {
        endpoint->pool = NULL;
        endpoint_pool_is_gone(endpoint);
    }
}

TEST(the_same_spec_gives_the_same_cluster)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_init(&first, 3, "a", 1);
    spec_add(&first, 1, 1);
    cluster = clusters_get(clusters, &first.spec);
    assert_ptr_equal(clusters_get(clusters, &first.spec), cluster);
    assert_bytes(cluster->key, "a");
    assert_int_equal(cluster->slot, 3);
    assert_int_equal(cluster->endpoints_count, 1);
    assert_ptr_equal(cluster->spec, &first.spec);
    clusters_destroy(clusters);
    assert_int_equal(first.spec.refs, SPEC_FOREVER);
}

TEST(limits_are_shared_by_the_workers_and_rounded_up)
{
    struct clusters *clusters = clusters_create(4, 1, NULL, NULL);
    struct cluster *cluster;

    spec_init(&first, 0, "a", 1);
    first.spec.limits = (struct cluster_limits){1024, 1025, 1, 3};
    cluster = clusters_get(clusters, &first.spec);
    assert_int_equal(cluster->limits.connections_max, 256);
    assert_int_equal(cluster->limits.pending_max, 257);
    assert_int_equal(cluster->limits.requests_max, 1);
    assert_int_equal(cluster->limits.retries_max, 1);
    clusters_destroy(clusters);
}

TEST(limits_never_become_none)
{
    struct clusters *clusters = clusters_create(2, 1, NULL, NULL);

    spec_init(&first, 0, "a", 1);
    first.spec.limits = (struct cluster_limits){0, UINT32_MAX, 0, 0};
    assert_int_equal(clusters_get(clusters, &first.spec)->limits.connections_max, 1);
    assert_int_equal(clusters_get(clusters, &first.spec)->limits.pending_max, 1u << 31);
    clusters_destroy(clusters);
}

static uint32_t rooms_count;

static void on_room(struct cluster *cluster)
{
    assert_int_equal(cluster->endpoints_count, 1); /* it follows the new spec already */
    rooms_count++;
}

TEST(who_waits_for_a_connection_hears_that_there_may_be_more)
{
    static const struct {
        uint32_t before, after, pending, rooms;
    } cases[] = {{1, 2, 1, 1}, {1, 2, 0, 0}, {2, 2, 1, 0}, {2, 1, 1, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;

        rooms_count = 0;
        clusters_tell_of_room(clusters, on_room);
        spec_init(&first, 0, "a", 1);
        first.spec.limits.connections_max = cases[i].before;
        spec_init(&second, 0, "a", 2);
        spec_add(&second, 1, 1);
        second.spec.limits.connections_max = cases[i].after;
        cluster = clusters_get(clusters, &first.spec);
        cluster->pending = cases[i].pending;
        (void)clusters_get(clusters, &second.spec);
        assert_int_equal(rooms_count, cases[i].rooms);
        cluster->pending = 0;
        clusters_destroy(clusters);
    }
}

TEST(endpoints_that_stay_keep_all_they_have)
{
    struct retirements retirements = {0};
    struct clusters *clusters = clusters_create(1, 1, on_retired, &retirements);
    struct cluster *cluster;
    struct endpoint *kept;
    int pool;

    spec_init(&first, 0, "a", 1);
    spec_init(&second, 0, "a", 2);
    for (uint32_t i = 1; i < 4; i++)
        spec_add(&first, i, 1);
    spec_add(&second, 0, 1);
    spec_add(&second, 2, 5);
    spec_add(&second, 9, 1);
    cluster = clusters_get(clusters, &first.spec);
    kept = endpoint_number(cluster, 2);
    kept->in_flight = 3;
    kept->pool = &pool;
    kept->smooth_weight = 0;
    fail_connect(kept, 100);
    assert_ptr_equal(clusters_get(clusters, &second.spec), cluster);
    assert_ptr_equal(endpoint_number(cluster, 2), kept);
    assert_int_equal(kept->in_flight, 3);
    assert_int_equal(kept->failures, 1);
    assert_int_equal(kept->ejected_until_ms, 1100);
    assert_ptr_equal(kept->pool, &pool);
    assert_int_equal(kept->weight, 5);
    assert_int_equal(cluster->ejected_count, 1);
    assert_int_equal(cluster->endpoints_count, 3);
    assert_int_equal(retirements.count, 2);
    kept->in_flight = 0;
    kept->pool = NULL;
    clusters_destroy(clusters);
    assert_int_equal(first.spec.refs, SPEC_FOREVER);
    assert_int_equal(second.spec.refs, SPEC_FOREVER);
}

TEST(an_older_spec_does_not_turn_a_cluster_back)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_init(&first, 0, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 0, "a", 2);
    spec_add(&second, 2, 1);
    cluster = clusters_get(clusters, &second.spec);
    assert_ptr_equal(clusters_get(clusters, &first.spec), cluster);
    assert_ptr_equal(cluster->spec, &second.spec);
    assert_int_equal(visit(cluster, 0), 2);
    clusters_destroy(clusters);
}

TEST(a_retired_endpoint_goes_with_its_last_lease)
{
    struct retirements retirements = {0};
    struct clusters *clusters = clusters_create(1, 1, on_retired, &retirements);
    struct cluster *cluster;
    struct endpoint *leased;

    spec_init(&first, 0, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 0, "a", 2);
    cluster = clusters_get(clusters, &first.spec);
    leased = take(cluster, 0);
    assert_ptr_equal(take(cluster, 0), leased);
    clusters_get(clusters, &second.spec);
    assert_ptr_equal(retirements.last, leased);
    assert_null(take(cluster, 0));
    balancer_give_back(leased, BALANCER_CONNECT_FAILED, 0);
    assert_false(list_is_empty(&cluster->retired_endpoints));
    balancer_give_back(leased, BALANCER_DONE, 0);
    assert_true(list_is_empty(&cluster->retired_endpoints));
    assert_int_equal(cluster->ejected_count, 0);
    clusters_destroy(clusters);
}

TEST(a_retired_endpoint_waits_for_its_pool_too)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    struct endpoint *leased;
    int pool;

    spec_init(&first, 0, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 0, "a", 2);
    cluster = clusters_get(clusters, &first.spec);
    leased = take(cluster, 0);
    leased->pool = &pool;
    clusters_get(clusters, &second.spec);
    balancer_give_back(leased, BALANCER_DONE, 0);
    assert_false(list_is_empty(&cluster->retired_endpoints));
    leased->pool = NULL;
    endpoint_pool_is_gone(leased);
    assert_true(list_is_empty(&cluster->retired_endpoints));
    clusters_destroy(clusters);
}

TEST(a_pool_may_go_from_inside_the_callback)
{
    struct retirements retirements = {.closes_pool = true};
    struct clusters *clusters = clusters_create(1, 1, on_retired, &retirements);
    struct cluster *cluster;
    int pool;

    spec_init(&first, 0, "a", 1);
    spec_add(&first, 1, 1);
    spec_add(&first, 2, 1);
    spec_init(&second, 0, "a", 2);
    cluster = clusters_get(clusters, &first.spec);
    endpoint_number(cluster, 1)->pool = &pool;
    endpoint_number(cluster, 2)->pool = &pool;
    clusters_get(clusters, &second.spec);
    assert_int_equal(retirements.count, 2);
    assert_true(list_is_empty(&cluster->retired_endpoints));
    clusters_destroy(clusters);
}

TEST(an_address_that_comes_back_is_a_new_endpoint)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    struct endpoint *old;

    spec_init(&first, 0, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 0, "a", 2);
    spec_init(&third, 0, "a", 3);
    spec_add(&third, 1, 1);
    cluster = clusters_get(clusters, &first.spec);
    old = take(cluster, 0);
    clusters_get(clusters, &second.spec);
    clusters_get(clusters, &third.spec);
    assert_ptr_not_equal(endpoint_number(cluster, 1), old);
    assert_int_equal(visit(cluster, 0), 1);
    balancer_give_back(old, BALANCER_DONE, 0);
    clusters_destroy(clusters);
}

static size_t visit_all(struct clusters *clusters)
{
    size_t at = 0;
    size_t count = 0;

    while (clusters_next(clusters, &at) != NULL)
        count++;
    return count;
}

TEST(a_slot_that_changes_hands_gets_a_new_cluster_and_the_old_one_drains)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *old;
    struct cluster *fresh;
    struct endpoint *leased;

    spec_init(&first, 5, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 5, "b", 2);
    spec_add(&second, 2, 1);
    old = clusters_get(clusters, &first.spec);
    leased = take(old, 0);
    fresh = clusters_get(clusters, &second.spec);
    assert_ptr_not_equal(fresh, old);
    assert_bytes(fresh->key, "b");
    assert_true(old->retired);
    assert_ptr_equal(leased->cluster, old);
    assert_int_equal(visit_all(clusters), 2);
    balancer_give_back(leased, BALANCER_DONE, 0);
    assert_int_equal(visit_all(clusters), 1);
    assert_int_equal(first.spec.refs, SPEC_FOREVER);
    clusters_destroy(clusters);
}

/* A request that waits, or is tried again, needs an endpoint yet. */
TEST(a_cluster_in_which_requests_count_keeps_its_endpoints_until_they_are_over)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *old;

    spec_init(&first, 5, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 5, "b", 2);
    old = clusters_get(clusters, &first.spec);
    old->requests = 1;
    clusters_get(clusters, &second.spec);
    clusters_retire_unplaced(clusters);
    assert_int_equal(visit_all(clusters), 2);
    assert_false(old->retired);
    assert_int_equal(visit(old, 0), 1);
    old->requests--;
    clusters_retire_unplaced(clusters);
    assert_int_equal(visit_all(clusters), 1);
    clusters_destroy(clusters);
}

TEST(a_retired_cluster_that_still_counts_a_connection_is_kept)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *old;

    spec_init(&first, 5, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 5, "b", 2);
    old = clusters_get(clusters, &first.spec);
    old->connections = 1;
    clusters_get(clusters, &second.spec);
    assert_int_equal(visit_all(clusters), 2);
    assert_true(old->retired);
    old->connections--;
    clusters_destroy(clusters);
}

/* A request that began before the slot changed hands is still served as its own table says. */
TEST(a_stream_of_an_older_table_still_reaches_its_cluster)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *fresh;
    struct cluster *stray;

    spec_init(&first, 5, "a", 1);
    spec_add(&first, 1, 1);
    spec_init(&second, 5, "b", 2);
    spec_add(&second, 2, 1);
    clusters_get(clusters, &first.spec);
    fresh = clusters_get(clusters, &second.spec);
    stray = clusters_get(clusters, &first.spec);
    assert_bytes(stray->key, "a");
    assert_int_equal(visit(stray, 0), 1);
    assert_ptr_equal(clusters_get(clusters, &first.spec), stray);
    assert_ptr_equal(clusters_get(clusters, &second.spec), fresh);
    assert_int_equal(visit_all(clusters), 2);
    clusters_destroy(clusters);
}

static struct table *table_with(struct table *previous, const struct test_spec *const *specs,
                                size_t count, const char *removed)
{
    struct builder *builder = builder_create(previous);

    for (size_t i = 0; i < count; i++)
        builder_put_cluster(builder, builder_cluster_slot(builder, specs[i]->spec.key),
                            &specs[i]->spec);
    if (removed != NULL)
        builder_release_slot(builder, builder_cluster_slot(builder, bytes_of(removed)));
    return builder_finish(builder);
}

TEST(a_sweep_follows_the_table_and_retires_what_it_has_no_more)
{
    const struct test_spec *const both[] = {&first, &second};
    const struct test_spec *const changed[] = {&third};
    struct retirements retirements = {0};
    struct clusters *clusters = clusters_create(1, 1, on_retired, &retirements);
    struct table *before;
    struct table *after;
    struct cluster *a;
    uint32_t slot_of_a = 0;

    spec_init(&first, 0, "a", 0);
    spec_add(&first, 1, 1);
    spec_init(&second, 0, "b", 0);
    spec_add(&second, 2, 1);
    spec_init(&third, 0, "a", 0);
    spec_add(&third, 3, 1);
    before = table_with(NULL, both, 2, NULL);
    for (uint32_t slot = 0; slot < 2; slot++) {
        const struct cluster_spec *spec = table_cluster(before, slot);

        clusters_get(clusters, spec);
        if (bytes_equal(spec->key, BYTES("a")))
            slot_of_a = slot;
    }
    assert_int_equal(visit_all(clusters), 2);
    clusters_sweep(clusters, before);
    assert_int_equal(visit_all(clusters), 2);
    assert_int_equal(retirements.count, 0);

    after = table_with(before, changed, 1, "b");
    table_unref(before);
    clusters_sweep(clusters, after);
    assert_int_equal(visit_all(clusters), 1);
    assert_int_equal(retirements.count, 2);
    a = clusters_get(clusters, table_cluster(after, slot_of_a));
    assert_int_equal(visit(a, 0), 3);
    clusters_destroy(clusters);
    table_unref(after);
}

TESTS(UNIT(the_same_spec_gives_the_same_cluster),
      UNIT(limits_are_shared_by_the_workers_and_rounded_up), UNIT(limits_never_become_none),
      UNIT(who_waits_for_a_connection_hears_that_there_may_be_more),
      UNIT(endpoints_that_stay_keep_all_they_have),
      UNIT(an_older_spec_does_not_turn_a_cluster_back),
      UNIT(a_retired_endpoint_goes_with_its_last_lease),
      UNIT(a_retired_endpoint_waits_for_its_pool_too), UNIT(a_pool_may_go_from_inside_the_callback),
      UNIT(an_address_that_comes_back_is_a_new_endpoint),
      UNIT(a_slot_that_changes_hands_gets_a_new_cluster_and_the_old_one_drains),
      UNIT(a_cluster_in_which_requests_count_keeps_its_endpoints_until_they_are_over),
      UNIT(a_retired_cluster_that_still_counts_a_connection_is_kept),
      UNIT(a_stream_of_an_older_table_still_reaches_its_cluster),
      UNIT(a_sweep_follows_the_table_and_retires_what_it_has_no_more))
