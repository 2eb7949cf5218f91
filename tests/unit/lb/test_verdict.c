/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_verdict.c - whom the balancer chooses by what probes have found out.
 */
#include "tests/unit/lb/specs.h"

static const struct health_check ready = {
    .path = {"/ready", 6}, .interval_ms = 1000, .unhealthy_threshold = 1, .healthy_threshold = 1};
static const struct health_check alive = {
    .path = {"/alive", 6}, .interval_ms = 1000, .unhealthy_threshold = 1, .healthy_threshold = 1};
static const uint32_t weights[] = {1, 1, 1};
static const enum cluster_policy policies[] = {CLUSTER_ROUND_ROBIN, CLUSTER_LEAST_REQUEST,
                                               CLUSTER_RANDOM, CLUSTER_RING_HASH, CLUSTER_MAGLEV};
static struct test_spec spec;

static void tell(struct clusters *clusters, const struct test_spec *test, uint32_t number,
                 enum endpoint_health health)
{
    struct address address = address_number(number);
    struct text way;
    struct text key;

    text_init(&way);
    text_init(&key);
    health_add_way(&test->spec, &way);
    health_add_key(text_bytes(&way), &address, &key);
    clusters_tell_health(clusters, text_bytes(&key), health);
    text_fini(&way);
    text_fini(&key);
}

/* Bits of the endpoints that were chosen in many visits; 0 when there is none. */
static uint32_t chosen(struct cluster *cluster, uint64_t now_ms)
{
    uint64_t keys = 7;
    uint32_t seen = 0;

    for (int i = 0; i < 200; i++) {
        struct endpoint *endpoint = balancer_take(cluster, random_next(&keys), NULL, 0, now_ms);

        if (endpoint == NULL)
            return 0;
        seen |= 1u << number_of(endpoint);
        balancer_give_back(endpoint, BALANCER_DONE, now_ms);
    }
    return seen;
}

static struct cluster *begin(struct clusters **clusters, enum cluster_policy policy, uint32_t count)
{
    *clusters = clusters_create(1, 1, NULL, NULL);
    spec_of(&spec, policy, weights, count);
    spec.spec.health = &ready;
    return clusters_get(*clusters, &spec.spec);
}

TEST(without_a_health_check_every_endpoint_counts_as_healthy)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, weights, 3);
    cluster = clusters_get(clusters, &spec.spec);
    assert_int_equal(cluster->health_counts[HEALTH_HEALTHY], 3);
    assert_int_equal(cluster->exceptions, 0);
    clusters_destroy(clusters);
}

TEST(healthy_endpoints_come_before_unknown_ones_and_unhealthy_ones_never)
{
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct clusters *clusters;
        struct cluster *cluster = begin(&clusters, policies[i], 3);

        assert_int_equal(chosen(cluster, 0), 7); /* nothing is known: all */
        tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
        assert_int_equal(chosen(cluster, 0), 6);
        tell(clusters, &spec, 1, HEALTH_HEALTHY);
        assert_int_equal(chosen(cluster, 0), 2);
        tell(clusters, &spec, 2, HEALTH_HEALTHY);
        assert_int_equal(chosen(cluster, 0), 6);
        tell(clusters, &spec, 1, HEALTH_UNHEALTHY);
        tell(clusters, &spec, 2, HEALTH_UNHEALTHY);
        assert_int_equal(chosen(cluster, 0), 0);
        tell(clusters, &spec, 0, HEALTH_HEALTHY);
        assert_int_equal(chosen(cluster, 0), 1);
        clusters_destroy(clusters);
    }
}

TEST(a_cluster_of_healthy_endpoints_is_open)
{
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 2);

    assert_int_equal(cluster->exceptions, 2);
    tell(clusters, &spec, 0, HEALTH_HEALTHY);
    tell(clusters, &spec, 1, HEALTH_HEALTHY);
    assert_int_equal(cluster->exceptions, 0);
    clusters_destroy(clusters);
}

TEST(an_unhealthy_endpoint_is_not_chosen_where_all_others_are_ejected)
{
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 2);

    tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
    tell(clusters, &spec, 1, HEALTH_HEALTHY);
    fail_connect(endpoint_number(cluster, 1), 0);
    assert_int_equal(chosen(cluster, 1), 2);
    clusters_destroy(clusters);
}

TEST(an_unknown_endpoint_is_chosen_before_a_healthy_one_that_is_ejected)
{
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 2);

    tell(clusters, &spec, 1, HEALTH_HEALTHY);
    fail_connect(endpoint_number(cluster, 1), 0);
    assert_int_equal(chosen(cluster, 1), 1);
    assert_int_equal(chosen(cluster, EJECTION_BASE_MS), 2);
    clusters_destroy(clusters);
}

TEST(a_healthy_endpoint_that_was_tried_comes_before_an_unknown_one)
{
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 2);
    struct address tried = address_number(1);
    struct endpoint *endpoint;

    tell(clusters, &spec, 1, HEALTH_HEALTHY);
    endpoint = balancer_take(cluster, 0, &tried, 1, 0);
    assert_int_equal(number_of(endpoint), 1);
    balancer_give_back(endpoint, BALANCER_DONE, 0);
    clusters_destroy(clusters);
}

TEST(a_cluster_made_later_knows_what_was_told_before)
{
    struct clusters *clusters = clusters_create(1, 1, NULL, NULL);
    struct cluster *cluster;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, weights, 2);
    spec.spec.health = &ready;
    tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
    cluster = clusters_get(clusters, &spec.spec);
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_UNHEALTHY);
    assert_int_equal(endpoint_number(cluster, 1)->health, HEALTH_UNKNOWN);
    tell(clusters, &spec, 0, HEALTH_UNKNOWN);
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_UNKNOWN);
    clusters_destroy(clusters);
}

TEST(clusters_with_the_same_check_share_a_verdict_and_others_do_not)
{
    static struct test_spec same;
    static struct test_spec other;
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 1);
    struct cluster *shares;
    struct cluster *differs;

    spec_init(&same, 1, "default/same/80", 1);
    spec_add(&same, 0, 1);
    same.spec.health = &ready;
    spec_init(&other, 2, "default/other/80", 1);
    spec_add(&other, 0, 1);
    other.spec.health = &alive;
    shares = clusters_get(clusters, &same.spec);
    differs = clusters_get(clusters, &other.spec);
    tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_UNHEALTHY);
    assert_int_equal(endpoint_number(shares, 0)->health, HEALTH_UNHEALTHY);
    assert_int_equal(endpoint_number(differs, 0)->health, HEALTH_UNKNOWN);
    clusters_destroy(clusters);
}

TEST(following_another_spec_keeps_verdicts_and_counts)
{
    static struct test_spec next;
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 3);

    tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
    tell(clusters, &spec, 1, HEALTH_HEALTHY);
    spec_init(&next, 0, "default/web/80", 2);
    next.spec.health = &ready;
    spec_add(&next, 0, 1);
    spec_add(&next, 1, 1);
    spec_add(&next, 9, 1);
    assert_ptr_equal(clusters_get(clusters, &next.spec), cluster);
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_UNHEALTHY);
    assert_int_equal(cluster->health_counts[HEALTH_UNHEALTHY], 1);
    assert_int_equal(cluster->health_counts[HEALTH_HEALTHY], 1);
    assert_int_equal(cluster->health_counts[HEALTH_UNKNOWN], 1);
    assert_int_equal(cluster->exceptions, 2);
    clusters_destroy(clusters);
}

TEST(another_check_or_none_begins_anew)
{
    static struct test_spec next;
    static struct test_spec none;
    struct clusters *clusters;
    struct cluster *cluster = begin(&clusters, CLUSTER_ROUND_ROBIN, 1);

    tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
    spec_init(&next, 0, "default/web/80", 2);
    next.spec.health = &alive;
    spec_add(&next, 0, 1);
    (void)clusters_get(clusters, &next.spec);
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_UNKNOWN);
    tell(clusters, &spec, 0, HEALTH_HEALTHY); /* it is asked no more whether it is ready */
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_UNKNOWN);
    spec_init(&none, 0, "default/web/80", 3);
    spec_add(&none, 0, 1);
    (void)clusters_get(clusters, &none.spec);
    assert_int_equal(endpoint_number(cluster, 0)->health, HEALTH_HEALTHY);
    assert_int_equal(cluster->exceptions, 0);
    clusters_destroy(clusters);
}

/* ---- connections ---- */

static void on_left(void *context, struct endpoint *endpoint)
{
    *(uint32_t *)context |= 1u << number_of(endpoint);
}

TEST(the_owner_of_connections_hears_of_unhealthy_endpoints)
{
    uint32_t left = 0;
    struct clusters *clusters = clusters_create(1, 1, on_left, &left);
    struct cluster *cluster;

    spec_of(&spec, CLUSTER_ROUND_ROBIN, weights, 2);
    spec.spec.health = &ready;
    cluster = clusters_get(clusters, &spec.spec);
    tell(clusters, &spec, 0, HEALTH_HEALTHY);
    assert_int_equal(left, 0);
    tell(clusters, &spec, 0, HEALTH_UNHEALTHY);
    assert_int_equal(left, 1);
    assert_true(endpoint_number(cluster, 0)->is_unwanted);
    assert_false(endpoint_number(cluster, 1)->is_unwanted);
    left = 0;
    tell(clusters, &spec, 0, HEALTH_UNHEALTHY); /* no news */
    assert_int_equal(left, 0);
    tell(clusters, &spec, 0, HEALTH_HEALTHY);
    assert_false(endpoint_number(cluster, 0)->is_unwanted);
    clusters_destroy(clusters);
}

/* Its waiting requests go on, and one of them sees a table without the endpoint. */
struct remover {
    struct clusters *clusters;
    struct test_spec next;
    uint32_t calls;
};

static void on_left_remove_all(void *context, struct endpoint *endpoint)
{
    struct remover *remover = context;

    (void)endpoint;
    if (remover->calls++ == 0)
        (void)clusters_get(remover->clusters, &remover->next.spec);
}

TEST(endpoints_may_go_while_their_owner_is_told)
{
    static struct remover remover;
    struct cluster *cluster;

    remover.clusters = clusters_create(1, 1, on_left_remove_all, &remover);
    spec_of(&spec, CLUSTER_ROUND_ROBIN, weights, 1);
    spec.spec.health = &ready;
    cluster = clusters_get(remover.clusters, &spec.spec);
    spec_init(&remover.next, 0, "default/web/80", 2);
    remover.next.spec.health = &ready;
    spec_add(&remover.next, 5, 1);
    tell(remover.clusters, &spec, 0, HEALTH_UNHEALTHY);
    assert_int_equal(remover.calls, 2);
    assert_int_equal(cluster->endpoints_count, 1);
    assert_true(list_is_empty(&cluster->retired_endpoints));
    clusters_destroy(remover.clusters);
}

TESTS(UNIT(without_a_health_check_every_endpoint_counts_as_healthy),
      UNIT(healthy_endpoints_come_before_unknown_ones_and_unhealthy_ones_never),
      UNIT(a_cluster_of_healthy_endpoints_is_open),
      UNIT(an_unhealthy_endpoint_is_not_chosen_where_all_others_are_ejected),
      UNIT(an_unknown_endpoint_is_chosen_before_a_healthy_one_that_is_ejected),
      UNIT(a_healthy_endpoint_that_was_tried_comes_before_an_unknown_one),
      UNIT(a_cluster_made_later_knows_what_was_told_before),
      UNIT(clusters_with_the_same_check_share_a_verdict_and_others_do_not),
      UNIT(following_another_spec_keeps_verdicts_and_counts),
      UNIT(another_check_or_none_begins_anew),
      UNIT(the_owner_of_connections_hears_of_unhealthy_endpoints),
      UNIT(endpoints_may_go_while_their_owner_is_told))
