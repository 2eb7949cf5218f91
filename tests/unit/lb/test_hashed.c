/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hashed.c - what ring_hash and maglev have in common: where keys go, and which of them move.
 */
#include "tests/unit/lb/keyed.h"

static const enum cluster_policy policies[] = {CLUSTER_RING_HASH, CLUSTER_MAGLEV};
#define POLICIES_COUNT 2

static struct test_spec spec;
static struct test_spec other;
static uint32_t before[KEYS_COUNT];
static uint32_t after[KEYS_COUNT];

TEST(a_cluster_without_endpoints_gives_none)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);

        spec_without(&spec, policies[p], 0, NONE_MISSING, 1);
        assert_null(balancer_take(clusters_get(clusters, &spec.spec), 7, NULL, 0, 0));
        clusters_destroy(clusters);
    }
}

TEST(one_endpoint_gets_every_key)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;

        spec_without(&spec, policies[p], 1, NONE_MISSING, 1);
        cluster = clusters_get(clusters, &spec.spec);
        assert_int_equal(visit_key(cluster, 0, 0), 0);
        assert_int_equal(visit_key(cluster, UINT64_MAX, 0), 0);
        assert_int_equal(visit_key(cluster, key_number(3), 0), 0);
        clusters_destroy(clusters);
    }
}

/* Another worker, with another seed and another past. */
TEST(every_worker_gives_a_key_the_same_endpoint)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *one = clusters_create(4, 1, NULL, NULL);
        struct clusters *two = clusters_create(4, 99, NULL, NULL);

        spec_without(&other, policies[p], 40, 3, 1);
        visit_keys(clusters_get(two, &other.spec), 0, after);
        spec_without(&spec, policies[p], 30, NONE_MISSING, 2);
        visit_keys(clusters_get(one, &spec.spec), 0, before);
        visit_keys(clusters_get(two, &spec.spec), 0, after);
        assert_memory_equal(before, after, sizeof(before));
        clusters_destroy(one);
        clusters_destroy(two);
    }
}

/* Pods of different builds must agree as well: these may not change. */
TEST(the_choice_is_the_same_in_every_build)
{
    static const uint32_t expected[POLICIES_COUNT][8] = {{5, 3, 2, 6, 3, 2, 0, 3},
                                                         {1, 3, 9, 9, 2, 6, 0, 7}};

    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);

        spec_without(&spec, policies[p], 10, NONE_MISSING, 1);
        for (uint32_t i = 0; i < 8; i++)
            assert_int_equal(visit_key(clusters_get(clusters, &spec.spec), key_number(i), 0),
                             expected[p][i]);
        clusters_destroy(clusters);
    }
}

/* At most 1 in n, and a tenth of all: what may move when one of n endpoints changes. */
static void assert_few_moved(uint32_t n)
{
    uint32_t moved = 0;

    for (uint32_t i = 0; i < KEYS_COUNT; i++)
        moved += before[i] != after[i];
    assert_in_range(moved, 1, KEYS_COUNT / n + KEYS_COUNT / 10);
}

static void change_one(enum cluster_policy policy, uint32_t n, uint32_t leaver)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);

    spec_without(&spec, policy, n, NONE_MISSING, 1);
    spec_without(&other, policy, n, leaver, 2);
    visit_keys(clusters_get(clusters, &spec.spec), 0, before);
    visit_keys(clusters_get(clusters, &other.spec), 0, after);
    assert_few_moved(n);
    spec_without(&spec, policy, n, NONE_MISSING, 3);
    visit_keys(clusters_get(clusters, &spec.spec), 0, after);
    assert_memory_equal(before, after, sizeof(before)); /* and back, when it is there again */
    clusters_destroy(clusters);
}

TEST(few_keys_move_when_one_of_2_to_20_endpoints_goes_or_comes)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++)
        for (uint32_t n = 2; n <= 20; n++)
            for (uint32_t leaver = 0; leaver < n; leaver++)
                change_one(policies[p], n, leaver);
}

TEST(few_keys_move_when_one_of_hundreds_of_endpoints_goes_or_comes)
{
    static const uint32_t counts[] = {50, 100, 255, 256, 257, 258, 300, 500, 1000};

    for (size_t p = 0; p < POLICIES_COUNT; p++)
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
            change_one(policies[p], counts[i], counts[i] / 3);
}

/* Whose endpoint has not gone stays, but for the slots that Maglev's endpoints take from each
 * other. */
TEST(on_the_ring_no_key_moves_between_endpoints_that_stay)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);

    spec_without(&spec, CLUSTER_RING_HASH, 100, NONE_MISSING, 1);
    spec_without(&other, CLUSTER_RING_HASH, 100, 42, 2);
    visit_keys(clusters_get(clusters, &spec.spec), 0, before);
    visit_keys(clusters_get(clusters, &other.spec), 0, after);
    for (uint32_t i = 0; i < KEYS_COUNT; i++)
        if (before[i] != 42)
            assert_int_equal(before[i], after[i]);
    clusters_destroy(clusters);
}

TEST(only_keys_of_ejected_endpoints_move_and_they_come_back)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;

        spec_without(&spec, policies[p], 20, NONE_MISSING, 1);
        cluster = clusters_get(clusters, &spec.spec);
        visit_keys(cluster, 0, before);
        fail_connect(endpoint_number(cluster, 4), 0);
        fail_connect(endpoint_number(cluster, 17), 0);
        visit_keys(cluster, 500, after);
        for (uint32_t i = 0; i < KEYS_COUNT; i++) {
            assert_true(after[i] != 4 && after[i] != 17);
            if (before[i] != 4 && before[i] != 17)
                assert_int_equal(after[i], before[i]);
        }
        visit_keys(cluster, 1000, after);
        assert_memory_equal(before, after, sizeof(before));
        clusters_destroy(clusters);
    }
}

TEST(keys_of_an_ejected_endpoint_are_shared_by_all_others)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        uint32_t taken_over[10] = {0};
        struct cluster *cluster;

        spec_without(&spec, policies[p], 10, NONE_MISSING, 1);
        cluster = clusters_get(clusters, &spec.spec);
        visit_keys(cluster, 0, before);
        fail_connect(endpoint_number(cluster, 6), 0);
        visit_keys(cluster, 500, after);
        for (uint32_t i = 0; i < KEYS_COUNT; i++)
            taken_over[after[i]] += before[i] == 6;
        for (uint32_t i = 0; i < 10; i++)
            if (i != 6)
                assert_in_range(taken_over[i], 40, 220); /* 111 would be an equal share */
        clusters_destroy(clusters);
    }
}

/* Sessions of a Pod that dies move once, though it is ejected first and leaves the spec later. */
TEST(on_the_ring_keys_stay_where_an_ejection_sent_them_when_the_endpoint_goes)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_without(&spec, CLUSTER_RING_HASH, 12, NONE_MISSING, 1);
    spec_without(&other, CLUSTER_RING_HASH, 12, 5, 2);
    cluster = clusters_get(clusters, &spec.spec);
    fail_connect(endpoint_number(cluster, 5), 0);
    visit_keys(cluster, 500, before);
    visit_keys(clusters_get(clusters, &other.spec), 500, after);
    assert_memory_equal(before, after, sizeof(before));
    clusters_destroy(clusters);
}

TEST(a_retry_goes_on_to_the_endpoint_that_an_ejection_would_choose)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct address tried[4];
        struct cluster *cluster;

        spec_without(&spec, policies[p], 4, NONE_MISSING, 1);
        cluster = clusters_get(clusters, &spec.spec);
        for (uint32_t count = 0; count < 4; count++) {
            struct endpoint *endpoint = balancer_take(cluster, key_number(1), tried, count, 0);

            for (uint32_t k = 0; k < count; k++)
                assert_false(address_equal(&tried[k], &endpoint->address));
            assert_int_equal(visit_key(cluster, key_number(1), 0), number_of(endpoint));
            tried[count] = endpoint->address;
            balancer_give_back(endpoint, BALANCER_CONNECT_FAILED, 0);
        }
        clusters_destroy(clusters);
    }
}

/* The last one there is has few places on a ring, and is found all the same. */
TEST(the_only_endpoint_that_may_be_used_gets_every_key)
{
    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;

        spec_without(&spec, policies[p], 300, NONE_MISSING, 1);
        cluster = clusters_get(clusters, &spec.spec);
        for (uint32_t i = 0; i < 300; i++)
            if (i != 123)
                fail_connect(endpoint_number(cluster, i), 0);
        visit_keys(cluster, 1, after);
        for (uint32_t i = 0; i < KEYS_COUNT; i++)
            assert_int_equal(after[i], 123);
        clusters_destroy(clusters);
    }
}

static void assert_shares(enum cluster_policy policy, const uint32_t *weights, uint32_t count,
                          double least, double most)
{
    static uint32_t counts[SPEC_ENDPOINTS_MAX];
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    uint32_t keys = 1000 * count;
    uint64_t sum = 0;

    spec_of(&spec, policy, weights, count);
    memset(counts, 0, sizeof(counts));
    for (uint32_t i = 0; i < keys; i++)
        counts[visit_key(clusters_get(clusters, &spec.spec), key_number(i), 0)]++;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    for (uint32_t i = 0; i < count; i++) {
        double expected = (double)keys * weights[i] / (double)sum;

        assert_true(counts[i] >= (uint32_t)(expected * least));
        assert_true(counts[i] <= (uint32_t)(expected * most));
    }
    clusters_destroy(clusters);
}

static const uint32_t *ones(void)
{
    static uint32_t weights[SPEC_ENDPOINTS_MAX];

    for (uint32_t i = 0; i < SPEC_ENDPOINTS_MAX; i++)
        weights[i] = 1;
    return weights;
}

TEST(shares_on_a_ring_are_nearly_equal)
{
    for (uint32_t n = 2; n <= 100; n += 7)
        assert_shares(CLUSTER_RING_HASH, ones(), n, 0.75, 1.3);
    assert_shares(CLUSTER_RING_HASH, ones(), 1000, 0.5, 1.6);
}

/* What is left is the chance of where a thousand keys for each fall. */
TEST(shares_of_maglev_are_equal)
{
    for (uint32_t n = 2; n <= 100; n += 7)
        assert_shares(CLUSTER_MAGLEV, ones(), n, 0.88, 1.12);
    assert_shares(CLUSTER_MAGLEV, ones(), 1000, 0.8, 1.2);
}

TEST(a_maglev_table_that_would_be_too_full_is_a_ring)
{
    assert_shares(CLUSTER_MAGLEV, ones(), 2000, 0.3, 2.0);
}

TEST(weights_count)
{
    static const uint32_t weights[] = {1, 2, 3, 4, 10};
    static const uint32_t huge[] = {UINT32_MAX, UINT32_MAX / 2, UINT32_MAX};

    assert_shares(CLUSTER_RING_HASH, weights, 5, 0.6, 1.4);
    assert_shares(CLUSTER_MAGLEV, weights, 5, 0.9, 1.1);
    assert_shares(CLUSTER_RING_HASH, huge, 3, 0.8, 1.2);
    assert_shares(CLUSTER_MAGLEV, huge, 3, 0.9, 1.1);
}

TEST(however_light_an_endpoint_is_it_takes_keys_when_it_is_the_last)
{
    static const uint32_t weights[] = {UINT32_MAX, 1};

    for (size_t p = 0; p < POLICIES_COUNT; p++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;

        spec_of(&spec, policies[p], weights, 2);
        cluster = clusters_get(clusters, &spec.spec);
        fail_connect(endpoint_number(cluster, 0), 0);
        for (uint32_t i = 0; i < 100; i++)
            assert_int_equal(visit_key(cluster, key_number(i), 1), 1);
        clusters_destroy(clusters);
    }
}

TEST(clusters_that_are_not_asked_and_those_of_other_policies_have_no_places)
{
    static const enum cluster_policy others[] = {CLUSTER_ROUND_ROBIN, CLUSTER_LEAST_REQUEST,
                                                 CLUSTER_RANDOM};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    for (size_t i = 0; i < 3; i++) {
        spec_without(&spec, others[i], 9, NONE_MISSING, i + 1);
        cluster = clusters_get(clusters, &spec.spec);
        (void)visit_key(cluster, 1, 0);
        assert_null(cluster->places);
    }
    spec_without(&other, CLUSTER_MAGLEV, 9, NONE_MISSING, 7);
    cluster = clusters_get(clusters, &other.spec);
    assert_null(cluster->places);
    (void)visit_key(cluster, 1, 0);
    assert_non_null(cluster->places);
    clusters_destroy(clusters);
}

TESTS(UNIT(a_cluster_without_endpoints_gives_none), UNIT(one_endpoint_gets_every_key),
      UNIT(every_worker_gives_a_key_the_same_endpoint), UNIT(the_choice_is_the_same_in_every_build),
      UNIT(few_keys_move_when_one_of_2_to_20_endpoints_goes_or_comes),
      UNIT(few_keys_move_when_one_of_hundreds_of_endpoints_goes_or_comes),
      UNIT(on_the_ring_no_key_moves_between_endpoints_that_stay),
      UNIT(only_keys_of_ejected_endpoints_move_and_they_come_back),
      UNIT(keys_of_an_ejected_endpoint_are_shared_by_all_others),
      UNIT(on_the_ring_keys_stay_where_an_ejection_sent_them_when_the_endpoint_goes),
      UNIT(a_retry_goes_on_to_the_endpoint_that_an_ejection_would_choose),
      UNIT(the_only_endpoint_that_may_be_used_gets_every_key),
      UNIT(shares_on_a_ring_are_nearly_equal), UNIT(shares_of_maglev_are_equal),
      UNIT(a_maglev_table_that_would_be_too_full_is_a_ring), UNIT(weights_count),
      UNIT(however_light_an_endpoint_is_it_takes_keys_when_it_is_the_last),
      UNIT(clusters_that_are_not_asked_and_those_of_other_policies_have_no_places))
