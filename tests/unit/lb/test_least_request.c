/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_least_request.c - the better of two random choices.
 */
#include "tests/unit/lb/specs.h"

static struct test_spec spec;

TEST(least_request_prefers_the_endpoint_with_fewer_requests_in_flight)
{
    const uint32_t weights[] = {1, 1};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    struct endpoint *busy;

    spec_of(&spec, CLUSTER_LEAST_REQUEST, weights, 2);
    cluster = clusters_get(clusters, &spec.spec);
    busy = take(cluster, 0);
    for (int i = 0; i < 100; i++)
        assert_int_not_equal(visit(cluster, 0), number_of(busy));
    balancer_give_back(busy, BALANCER_DONE, 0);
    clusters_destroy(clusters);
}

TEST(requests_in_flight_follow_the_weights)
{
    const uint32_t weights[] = {1, 3};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&spec, CLUSTER_LEAST_REQUEST, weights, 2);
    cluster = clusters_get(clusters, &spec.spec);
    for (int i = 0; i < 400; i++)
        assert_non_null(take(cluster, 0));
    assert_in_range(endpoint_number(cluster, 0)->in_flight, 99, 101);
    assert_in_range(endpoint_number(cluster, 1)->in_flight, 299, 301);
    for (uint32_t number = 0; number < 2; number++)
        while (endpoint_number(cluster, number)->in_flight > 0)
            balancer_give_back(endpoint_number(cluster, number), BALANCER_DONE, 0);
    clusters_destroy(clusters);
}

/* Two choices keep the fullest near the mean; one random choice would not (here about 130). */
TEST(many_endpoints_fill_evenly)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    uint32_t fullest = 0;

    spec_init(&spec, 0, "a", 1);
    spec.spec.policy = CLUSTER_LEAST_REQUEST;
    for (uint32_t i = 0; i < 100; i++)
        spec_add(&spec, i, 1);
    cluster = clusters_get(clusters, &spec.spec);
    for (int i = 0; i < 10000; i++)
        assert_non_null(take(cluster, 0));
    for (uint32_t i = 0; i < 100; i++) {
        struct endpoint *endpoint = endpoint_number(cluster, i);

        fullest = endpoint->in_flight > fullest ? endpoint->in_flight : fullest;
        while (endpoint->in_flight > 0)
            balancer_give_back(endpoint, BALANCER_DONE, 0);
    }
    assert_in_range(fullest, 100, 105);
    clusters_destroy(clusters);
}

TEST(a_single_endpoint_gets_everything)
{
    const uint32_t weights[] = {1};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);

    spec_of(&spec, CLUSTER_LEAST_REQUEST, weights, 1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(visit(clusters_get(clusters, &spec.spec), 0), 0);
    clusters_destroy(clusters);
}

TEST(idle_endpoints_are_chosen_alike_also_when_some_are_left_out)
{
    const uint32_t weights[] = {1, 1, 1, 1, 1};
    struct clusters *clusters = clusters_create(1, 5, NULL, NULL);
    struct cluster *cluster;
    uint32_t counts[5] = {0};

    spec_of(&spec, CLUSTER_LEAST_REQUEST, weights, 5);
    cluster = clusters_get(clusters, &spec.spec);
    for (int i = 0; i < 50000; i++)
        counts[visit(cluster, 0)]++;
    for (size_t i = 0; i < 5; i++)
        assert_in_range(counts[i], 9500, 10500);
    memset(counts, 0, sizeof(counts));
    fail_connect(endpoint_number(cluster, 2), 0);
    for (int i = 0; i < 40000; i++)
        counts[visit(cluster, 500)]++;
    assert_int_equal(counts[2], 0);
    for (size_t i = 0; i < 5; i++)
        if (i != 2)
            assert_in_range(counts[i], 9500, 10500);
    clusters_destroy(clusters);
}

TESTS(UNIT(least_request_prefers_the_endpoint_with_fewer_requests_in_flight),
      UNIT(requests_in_flight_follow_the_weights), UNIT(many_endpoints_fill_evenly),
      UNIT(a_single_endpoint_gets_everything),
      UNIT(idle_endpoints_are_chosen_alike_also_when_some_are_left_out))
