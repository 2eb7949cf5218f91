/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_round_robin.c - exact shares, spread out, that survive changes of the endpoints.
 */
#include "tests/unit/lb/specs.h"

static struct test_spec first_spec;
static struct test_spec second_spec;

TEST(weights_5_1_1_give_the_known_smooth_order)
{
    const uint32_t weights[] = {5, 1, 1};
    const uint32_t order[] = {0, 0, 1, 0, 2, 0, 0};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 3);
    cluster = clusters_get(clusters, &first_spec.spec);
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < 7; i++)
            assert_int_equal(visit(cluster, 0), order[i]);
    clusters_destroy(clusters);
}

TEST(shares_over_a_round_are_exactly_the_weights)
{
    const uint32_t weights[] = {7, 3, 19, 1, 11};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 5);
    cluster = clusters_get(clusters, &first_spec.spec);
    for (int round = 0; round < 10; round++) {
        uint32_t counts[5] = {0};

        for (int i = 0; i < 41; i++)
            counts[visit(cluster, 0)]++;
        assert_memory_equal(counts, weights, sizeof(counts));
    }
    clusters_destroy(clusters);
}

TEST(equal_weights_go_round_in_order)
{
    const uint32_t weights[] = {3, 3, 3, 3};
    struct clusters *clusters = clusters_create(1, 7, NULL, NULL);
    struct cluster *cluster;
    uint32_t first;

    spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 4);
    cluster = clusters_get(clusters, &first_spec.spec);
    first = visit(cluster, 0);
    for (uint32_t i = 1; i < 40; i++)
        assert_int_equal(visit(cluster, 0), (first + i) % 4);
    clusters_destroy(clusters);
}

TEST(workers_do_not_all_begin_with_the_same_endpoint)
{
    const uint32_t weights[] = {1, 1, 1, 1, 1, 1, 1, 1};
    uint32_t seen = 0;

    spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 8);
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct clusters *clusters = clusters_create(1, seed, NULL, NULL);

        seen |= 1u << visit(clusters_get(clusters, &first_spec.spec), 0);
        clusters_destroy(clusters);
    }
    assert_int_equal(seen, 0xff);
}

TEST(the_round_goes_on_after_a_change)
{
    struct clusters *clusters = clusters_create(1, 7, NULL, NULL);
    struct cluster *cluster;

    spec_init(&first_spec, 0, "a", 1);
    spec_init(&second_spec, 0, "a", 2);
    for (uint32_t i = 0; i < 10; i++)
        spec_add(&first_spec, i, 1);
    cluster = clusters_get(clusters, &first_spec.spec);
    while (visit(cluster, 0) != 4)
        ;
    for (uint32_t i = 2; i < 12; i++)
        if (i != 5) /* the next one goes */
            spec_add(&second_spec, i, 1);
    assert_ptr_equal(clusters_get(clusters, &second_spec.spec), cluster);
    assert_int_equal(visit(cluster, 0), 6);
    assert_int_equal(visit(cluster, 0), 7);
    clusters_destroy(clusters);
}

TEST(the_smooth_order_goes_on_after_a_change_that_keeps_all)
{
    const uint32_t weights[] = {5, 1, 1};
    const uint32_t order[] = {0, 0, 1, 0, 2, 0, 0};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 3);
    spec_of(&second_spec, CLUSTER_ROUND_ROBIN, weights, 3);
    second_spec.spec.generation = 2;
    cluster = clusters_get(clusters, &first_spec.spec);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(visit(cluster, 0), order[i]);
    cluster = clusters_get(clusters, &second_spec.spec);
    for (size_t i = 3; i < 7; i++)
        assert_int_equal(visit(cluster, 0), order[i]);
    clusters_destroy(clusters);
}

/* Endpoints come and go a thousand times, each change at another place of the round; whoever is new
 * must get about its share at once, neither nothing nor everything. */
TEST(a_new_endpoint_gets_its_share_and_no_burst)
{
    struct clusters *clusters = clusters_create(1, 3, NULL, NULL);
    struct test_spec *specs[2] = {&first_spec, &second_spec};

    for (uint32_t generation = 1; generation <= 1000; generation++) {
        struct test_spec *test = specs[generation % 2];
        struct cluster *cluster;
        uint32_t newest = generation + 9;
        int count = 0;

        spec_init(test, 0, "a", generation);
        for (uint32_t number = generation; number <= newest; number++)
            spec_add(test, number, number % 2 == 0 ? 3 : 1); /* 20 in all */
        cluster = clusters_get(clusters, &test->spec);
        for (int i = 0; i < 20; i++)
            count += visit(cluster, 0) == newest;
        assert_in_range(count, newest % 2 == 0 ? 2 : 1, newest % 2 == 0 ? 4 : 2);
        for (uint32_t i = 0; i < generation % 7; i++)
            visit(cluster, 0);
    }
    clusters_destroy(clusters);
}

/* Beside a weight of 1000, one pick means a debt of 1000 for those with 1. */
TEST(a_heavy_endpoint_that_leaves_takes_its_scale_along)
{
    const uint32_t weights[] = {1, 2, 1000};

    for (int picks = 0; picks < 2100; picks += 7) {
        struct clusters *clusters = clusters_create(1, 3, NULL, NULL);
        struct cluster *cluster;
        uint32_t counts[2] = {0};

        spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 3);
        spec_of(&second_spec, CLUSTER_ROUND_ROBIN, weights, 2);
        second_spec.spec.generation = 2;
        cluster = clusters_get(clusters, &first_spec.spec);
        for (int i = 0; i < picks; i++)
            visit(cluster, 0);
        clusters_get(clusters, &second_spec.spec);
        for (int i = 0; i < 30; i++)
            counts[visit(cluster, 0)]++;
        assert_in_range(counts[0], 6, 14);
        assert_in_range(counts[1], 16, 24);
        clusters_destroy(clusters);
    }
}

TEST(those_left_share_evenly_while_one_is_ejected)
{
    const uint32_t weights[] = {1, 1, 1, 1};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    uint32_t counts[4] = {0};

    spec_of(&first_spec, CLUSTER_ROUND_ROBIN, weights, 4);
    cluster = clusters_get(clusters, &first_spec.spec);
    fail_connect(endpoint_number(cluster, 1), 0);
    for (int i = 0; i < 300; i++)
        counts[visit(cluster, 500)]++;
    assert_int_equal(counts[0], 100);
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], 100);
    assert_int_equal(counts[3], 100);
    clusters_destroy(clusters);
}

TEST(a_thousand_endpoints_are_visited_once_each_in_a_round)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    static uint32_t counts[1000];

    spec_init(&first_spec, 0, "a", 1);
    for (uint32_t i = 0; i < 1000; i++)
        spec_add(&first_spec, i, 1);
    cluster = clusters_get(clusters, &first_spec.spec);
    for (int i = 0; i < 1000; i++)
        counts[visit(cluster, 0)]++;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(counts[i], 1);
    clusters_destroy(clusters);
}

TESTS(UNIT(weights_5_1_1_give_the_known_smooth_order),
      UNIT(shares_over_a_round_are_exactly_the_weights), UNIT(equal_weights_go_round_in_order),
      UNIT(workers_do_not_all_begin_with_the_same_endpoint), UNIT(the_round_goes_on_after_a_change),
      UNIT(the_smooth_order_goes_on_after_a_change_that_keeps_all),
      UNIT(a_new_endpoint_gets_its_share_and_no_burst),
      UNIT(a_heavy_endpoint_that_leaves_takes_its_scale_along),
      UNIT(those_left_share_evenly_while_one_is_ejected),
      UNIT(a_thousand_endpoints_are_visited_once_each_in_a_round))
