/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_balancer.c - leases, endpoints that were tried, and ejections.
 */
#include "tests/unit/lb/specs.h"

static struct test_spec spec;
static const uint32_t ones[] = {1, 1, 1, 1};
static const enum cluster_policy policies[] = {CLUSTER_ROUND_ROBIN, CLUSTER_LEAST_REQUEST,
                                               CLUSTER_RANDOM};

TEST(a_cluster_without_endpoints_gives_none)
{
    for (size_t i = 0; i < 3; i++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);

        spec_of(&spec, policies[i], ones, 0);
        assert_null(take(clusters_get(clusters, &spec.spec), 0));
        clusters_destroy(clusters);
    }
}

TEST(a_lease_counts_until_it_is_given_back)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct endpoint *endpoint;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 1);
    endpoint = take(clusters_get(clusters, &spec.spec), 0);
    assert_int_equal(endpoint->in_flight, 1);
    assert_ptr_equal(take(clusters_get(clusters, &spec.spec), 0), endpoint);
    assert_int_equal(endpoint->in_flight, 2);
    balancer_give_back(endpoint, BALANCER_DONE, 0);
    balancer_give_back(endpoint, BALANCER_DONE, 0);
    assert_int_equal(endpoint->in_flight, 0);
    clusters_destroy(clusters);
}

TEST(endpoints_that_were_tried_are_avoided_while_others_are_left)
{
    for (size_t i = 0; i < 3; i++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;
        struct address tried[4];

        spec_of(&spec, policies[i], ones, 4);
        cluster = clusters_get(clusters, &spec.spec);
        for (int round = 0; round < 50; round++)
            for (size_t count = 0; count < 5; count++) {
                struct endpoint *endpoint = balancer_take(cluster, 0, tried, count, 0);

                assert_non_null(endpoint); /* the fifth is a repeated one */
                for (size_t k = 0; k < count && count < 4; k++)
                    assert_false(address_equal(&tried[k], &endpoint->address));
                if (count < 4)
                    tried[count] = endpoint->address;
                balancer_give_back(endpoint, BALANCER_DONE, 0);
            }
        clusters_destroy(clusters);
    }
}

TEST(an_endpoint_that_refuses_is_left_out_for_a_second)
{
    for (size_t i = 0; i < 3; i++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;
        struct endpoint *bad;
        int count = 0;

        spec_of(&spec, policies[i], ones, 3);
        cluster = clusters_get(clusters, &spec.spec);
        bad = endpoint_number(cluster, 1);
        fail_connect(bad, 5000);
        assert_true(endpoint_is_ejected(bad, 5999));
        assert_false(endpoint_is_ejected(bad, 6000));
        for (int k = 0; k < 100; k++)
            assert_int_not_equal(visit(cluster, 5999), 1);
        for (int k = 0; k < 100; k++)
            count += visit(cluster, 6000) == 1;
        assert_in_range(count, 15, 55);
        assert_int_equal(cluster->ejected_count, 0);
        clusters_destroy(clusters);
    }
}

TEST(each_failure_in_a_row_doubles_the_ejection_up_to_a_minute)
{
    static const uint64_t spans_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    struct endpoint *bad;
    uint64_t now_ms = 777;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 2);
    cluster = clusters_get(clusters, &spec.spec);
    bad = endpoint_number(cluster, 0);
    for (size_t i = 0; i < sizeof(spans_ms) / sizeof(spans_ms[0]); i++) {
        fail_connect(bad, now_ms);
        assert_int_equal(bad->ejected_until_ms, now_ms + spans_ms[i]);
        now_ms = bad->ejected_until_ms;
    }
    clusters_destroy(clusters);
}

TEST(one_success_after_the_ejection_forgets_the_failures)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct endpoint *bad;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 2);
    bad = endpoint_number(clusters_get(clusters, &spec.spec), 0);
    fail_connect(bad, 0);
    fail_connect(bad, 1000);
    assert_int_equal(bad->failures, 2);
    bad->in_flight++;
    balancer_give_back(bad, BALANCER_DONE, 3000);
    assert_int_equal(bad->failures, 0);
    fail_connect(bad, 4000);
    assert_int_equal(bad->ejected_until_ms, 5000);
    clusters_destroy(clusters);
}

TEST(failures_of_attempts_that_were_under_way_together_count_once)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct endpoint *bad;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 2);
    bad = endpoint_number(clusters_get(clusters, &spec.spec), 0);
    for (uint64_t i = 0; i < 50; i++)
        fail_connect(bad, i);
    assert_int_equal(bad->failures, 1);
    assert_int_equal(bad->ejected_until_ms, 1000);
    clusters_destroy(clusters);
}

TEST(answers_on_older_connections_do_not_end_an_ejection)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    struct endpoint *bad;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 2);
    cluster = clusters_get(clusters, &spec.spec);
    bad = endpoint_number(cluster, 0);
    bad->in_flight++;
    fail_connect(bad, 0);
    balancer_give_back(bad, BALANCER_DONE, 500);
    assert_true(endpoint_is_ejected(bad, 500));
    clusters_destroy(clusters);
}

TEST(ejections_never_leave_a_cluster_empty)
{
    for (size_t i = 0; i < 3; i++) {
        struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
        struct cluster *cluster;

        spec_of(&spec, policies[i], ones, 3);
        cluster = clusters_get(clusters, &spec.spec);
        fail_connect(endpoint_number(cluster, 2), 100);
        fail_connect(endpoint_number(cluster, 1), 50);
        fail_connect(endpoint_number(cluster, 0), 200);
        for (int k = 0; k < 10; k++)
            assert_int_equal(visit(cluster, 300), 1); /* its ejection ends first */
        assert_int_equal(visit(cluster, 1060), 1);
        clusters_destroy(clusters);
    }
}

static uint32_t retry(struct cluster *cluster, const struct address *tried, size_t count)
{
    struct endpoint *endpoint = balancer_take(cluster, 0, tried, count, 300);
    uint32_t number = number_of(endpoint);

    balancer_give_back(endpoint, BALANCER_DONE, 300);
    return number;
}

TEST(when_all_are_ejected_a_retry_still_goes_to_another)
{
    const struct address tried[] = {address_number(1), address_number(2), address_number(0)};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 3);
    cluster = clusters_get(clusters, &spec.spec);
    fail_connect(endpoint_number(cluster, 1), 50);
    fail_connect(endpoint_number(cluster, 2), 100);
    fail_connect(endpoint_number(cluster, 0), 200);
    assert_int_equal(retry(cluster, tried, 1), 2);
    assert_int_equal(retry(cluster, tried, 2), 0);
    assert_int_equal(retry(cluster, tried + 2, 1), 1);
    assert_int_equal(retry(cluster, tried + 1, 2), 1);
    assert_int_equal(retry(cluster, tried, 3), 1);
    clusters_destroy(clusters);
}

TEST(one_that_was_tried_and_works_beats_one_that_is_ejected)
{
    const struct address tried[] = {address_number(0)};
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;
    struct endpoint *endpoint;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, ones, 2);
    cluster = clusters_get(clusters, &spec.spec);
    fail_connect(endpoint_number(cluster, 1), 0);
    endpoint = balancer_take(cluster, 0, tried, 1, 10);
    assert_int_equal(number_of(endpoint), 0);
    balancer_give_back(endpoint, BALANCER_DONE, 10);
    clusters_destroy(clusters);
}

TESTS(UNIT(a_cluster_without_endpoints_gives_none), UNIT(a_lease_counts_until_it_is_given_back),
      UNIT(endpoints_that_were_tried_are_avoided_while_others_are_left),
      UNIT(an_endpoint_that_refuses_is_left_out_for_a_second),
      UNIT(each_failure_in_a_row_doubles_the_ejection_up_to_a_minute),
      UNIT(one_success_after_the_ejection_forgets_the_failures),
      UNIT(failures_of_attempts_that_were_under_way_together_count_once),
      UNIT(answers_on_older_connections_do_not_end_an_ejection),
      UNIT(ejections_never_leave_a_cluster_empty),
      UNIT(when_all_are_ejected_a_retry_still_goes_to_another),
      UNIT(one_that_was_tried_and_works_beats_one_that_is_ejected))
