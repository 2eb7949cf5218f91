/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random.c - weighted random choices, and the numbers behind them.
 */
#include "tests/unit/lb/specs.h"

static struct test_spec spec;

TEST(random_choices_follow_the_weights)
{
    const uint32_t weights[] = {1, 2, 3, 4};
    struct clusters *clusters = clusters_create(1, 42, NULL, NULL);
    struct cluster *cluster;
    uint32_t counts[4] = {0};

    spec_of(&spec, CLUSTER_RANDOM, weights, 4);
    cluster = clusters_get(clusters, &spec.spec);
    for (int i = 0; i < 100000; i++)
        counts[visit(cluster, 0)]++;
    for (size_t i = 0; i < 4; i++)
        assert_in_range(counts[i], weights[i] * 9700, weights[i] * 10300);
    clusters_destroy(clusters);
}

TEST(random_choices_follow_the_weights_of_those_that_are_left)
{
    const uint32_t weights[] = {1, 2, 3, 4};
    struct clusters *clusters = clusters_create(1, 42, NULL, NULL);
    struct cluster *cluster;
    uint32_t counts[4] = {0};

    spec_of(&spec, CLUSTER_RANDOM, weights, 4);
    cluster = clusters_get(clusters, &spec.spec);
    fail_connect(endpoint_number(cluster, 2), 0);
    for (int i = 0; i < 70000; i++)
        counts[visit(cluster, 10)]++;
    assert_int_equal(counts[2], 0);
    for (size_t i = 0; i < 4; i++)
        if (i != 2)
            assert_in_range(counts[i], weights[i] * 9700, weights[i] * 10300);
    clusters_destroy(clusters);
}

TEST(huge_weights_do_not_overflow)
{
    const uint32_t weights[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    struct clusters *clusters = clusters_create(1, 42, NULL, NULL);
    struct cluster *cluster;
    uint32_t counts[3] = {0};

    spec_of(&spec, CLUSTER_RANDOM, weights, 3);
    cluster = clusters_get(clusters, &spec.spec);
    for (int i = 0; i < 30000; i++)
        counts[visit(cluster, 0)]++;
    for (size_t i = 0; i < 3; i++)
        assert_in_range(counts[i], 9500, 10500);
    clusters_destroy(clusters);
}

TEST(any_state_gives_numbers_with_all_bits_in_use)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        uint64_t state = seed;
        uint32_t ones[64] = {0};

        for (int i = 0; i < 20000; i++) {
            uint64_t number = random_next(&state);

            for (int bit = 0; bit < 64; bit++)
                ones[bit] += (uint32_t)(number >> bit & 1);
        }
        for (int bit = 0; bit < 64; bit++)
            assert_in_range(ones[bit], 9600, 10400);
    }
}

TESTS(UNIT(random_choices_follow_the_weights),
      UNIT(random_choices_follow_the_weights_of_those_that_are_left),
      UNIT(huge_weights_do_not_overflow), UNIT(any_state_gives_numbers_with_all_bits_in_use))
