/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_health.c - thresholds, instants and identity of health checks.
 */
#include "lb/health.h"
#include "tests/unit/lb/specs.h"

static const struct health_check check = {
    .kind = HEALTH_CHECK_HTTP,
    .path = {"/ready", 6},
    .host = {"h", 1},
    .interval_ms = 10000,
    .timeout_ms = 2000,
    .unhealthy_threshold = 3,
    .healthy_threshold = 2,
};

static struct health health_after(const enum health_result *results, size_t count)
{
    struct health health = {.state = HEALTH_UNKNOWN};

    for (size_t i = 0; i < count; i++) {
        enum endpoint_health before = health.state;
        bool has_changed = health_note(&health, &check, results[i]);

        assert_int_equal(has_changed, health.state != before);
    }
    return health;
}

#define AFTER(...)                                                                                 \
    (health_after((const enum health_result[]){__VA_ARGS__},                                       \
                  sizeof((const enum health_result[]){__VA_ARGS__}) / sizeof(enum health_result))  \
         .state)
#define PASSED   HEALTH_PASSED
#define FAILED   HEALTH_FAILED
#define DECLINED HEALTH_DECLINED

TEST(one_success_makes_a_fresh_endpoint_healthy)
{
    assert_int_equal(AFTER(PASSED), HEALTH_HEALTHY);
    assert_int_equal(AFTER(FAILED, FAILED, PASSED), HEALTH_HEALTHY);
}

TEST(failures_in_a_row_make_it_unhealthy_fresh_or_not)
{
    assert_int_equal(AFTER(FAILED, FAILED), HEALTH_UNKNOWN);
    assert_int_equal(AFTER(FAILED, FAILED, FAILED), HEALTH_UNHEALTHY);
    assert_int_equal(AFTER(PASSED, FAILED, FAILED), HEALTH_HEALTHY);
    assert_int_equal(AFTER(PASSED, FAILED, FAILED, FAILED), HEALTH_UNHEALTHY);
    assert_int_equal(AFTER(PASSED, FAILED, FAILED, PASSED, FAILED, FAILED), HEALTH_HEALTHY);
}

TEST(an_endpoint_that_declines_is_unhealthy_at_once)
{
    assert_int_equal(AFTER(DECLINED), HEALTH_UNHEALTHY);
    assert_int_equal(AFTER(PASSED, PASSED, DECLINED), HEALTH_UNHEALTHY);
}

TEST(successes_in_a_row_make_an_unhealthy_one_healthy)
{
    assert_int_equal(AFTER(DECLINED, PASSED), HEALTH_UNHEALTHY);
    assert_int_equal(AFTER(DECLINED, PASSED, PASSED), HEALTH_HEALTHY);
    assert_int_equal(AFTER(DECLINED, PASSED, FAILED, PASSED), HEALTH_UNHEALTHY);
    assert_int_equal(AFTER(DECLINED, PASSED, DECLINED, PASSED, PASSED), HEALTH_HEALTHY);
}

TEST(the_next_probe_comes_an_interval_after_the_last_one_began_give_or_take_a_tenth)
{
    uint64_t random = 1;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    for (int i = 0; i < 10000; i++) {
        uint64_t due_ms = health_next_ms(&check, 50000, 50100, random_next(&random));

        assert_in_range(due_ms, 59000, 61000);
        least = due_ms < least ? due_ms : least;
        most = due_ms > most ? due_ms : most;
    }
    assert_true(least < 59010 && most > 60990); /* all of the range is used */
}

TEST(a_probe_that_took_longer_than_the_interval_is_followed_at_once)
{
    assert_int_equal(health_next_ms(&check, 1000, 90000, 7), 90000);
}

TEST(first_probes_are_spread_the_more_there_are_up_to_a_second)
{
    uint64_t random = 1;

    assert_int_equal(health_first_ms(500, 0, random_next(&random)), 500);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(health_first_ms(500, 3, random_next(&random)), 500, 530);
        assert_in_range(health_first_ms(500, 100000, random_next(&random)), 500, 1500);
    }
}

/* ---- identity ---- */

static void way_of(struct cluster_spec spec, struct text *way)
{
    text_init(way);
    health_add_way(&spec, way);
}

static bool are_asked_alike(const struct health_check *a, enum cluster_protocol protocol_a,
                            const struct health_check *b, enum cluster_protocol protocol_b)
{
    struct text first;
    struct text second;
    bool result;

    way_of((struct cluster_spec){.health = a, .protocol = protocol_a}, &first);
    way_of((struct cluster_spec){.health = b, .protocol = protocol_b}, &second);
    result = bytes_equal(text_bytes(&first), text_bytes(&second));
    text_fini(&first);
    text_fini(&second);
    return result;
}

TEST(a_way_is_the_check_and_what_is_spoken)
{
    struct health_check other = check;

    assert_true(are_asked_alike(&check, CLUSTER_HTTP1, &other, CLUSTER_HTTP1));
    assert_false(are_asked_alike(&check, CLUSTER_HTTP1, &check, CLUSTER_H2C));
    other.path = BYTES("/read");
    other.host = BYTES("yh"); /* the same letters one after the other */
    assert_false(are_asked_alike(&check, CLUSTER_HTTP1, &other, CLUSTER_HTTP1));
    other = check;
    other.interval_ms++;
    assert_false(are_asked_alike(&check, CLUSTER_HTTP1, &other, CLUSTER_HTTP1));
    other = check;
    other.healthy_threshold++;
    assert_false(are_asked_alike(&check, CLUSTER_HTTP1, &other, CLUSTER_HTTP1));
}

TEST(other_numbers_ask_the_same_question)
{
    struct health_check other = check;
    struct text ways[3];

    other.interval_ms++;
    way_of((struct cluster_spec){.health = &check}, &ways[0]);
    way_of((struct cluster_spec){.health = &other}, &ways[1]);
    other.path = BYTES("/live");
    way_of((struct cluster_spec){.health = &other}, &ways[2]);
    assert_true(
        bytes_equal(health_question(text_bytes(&ways[0])), health_question(text_bytes(&ways[1]))));
    assert_false(
        bytes_equal(health_question(text_bytes(&ways[1])), health_question(text_bytes(&ways[2]))));
    for (int i = 0; i < 3; i++)
        text_fini(&ways[i]);
}

TEST(for_tcp_it_does_not_matter_what_would_be_spoken)
{
    struct health_check tcp = check;

    tcp.kind = HEALTH_CHECK_TCP;
    assert_true(are_asked_alike(&tcp, CLUSTER_HTTP1, &tcp, CLUSTER_TLS));
    assert_false(are_asked_alike(&tcp, CLUSTER_HTTP1, &check, CLUSTER_HTTP1));
}

TEST(endpoints_that_must_prove_to_be_others_are_probed_apart)
{
    const struct tls_upstream_config plain = {.server_name = BYTES("a.test")};
    const struct tls_upstream_config other = {.server_name = BYTES("b.test")};
    struct tls_upstream *tls[3] = {tls_upstream_create(&plain), tls_upstream_create(&plain),
                                   tls_upstream_create(&other)};
    struct text ways[3];

    for (int i = 0; i < 3; i++)
        way_of((struct cluster_spec){.health = &check, .protocol = CLUSTER_TLS, .tls = tls[i]},
               &ways[i]);
    assert_true(bytes_equal(text_bytes(&ways[0]), text_bytes(&ways[1])));
    assert_false(bytes_equal(text_bytes(&ways[0]), text_bytes(&ways[2])));
    for (int i = 0; i < 3; i++) {
        tls_upstream_unref(tls[i]);
        text_fini(&ways[i]);
    }
}

TESTS(UNIT(one_success_makes_a_fresh_endpoint_healthy),
      UNIT(failures_in_a_row_make_it_unhealthy_fresh_or_not),
      UNIT(an_endpoint_that_declines_is_unhealthy_at_once),
      UNIT(successes_in_a_row_make_an_unhealthy_one_healthy),
      UNIT(the_next_probe_comes_an_interval_after_the_last_one_began_give_or_take_a_tenth),
      UNIT(a_probe_that_took_longer_than_the_interval_is_followed_at_once),
      UNIT(first_probes_are_spread_the_more_there_are_up_to_a_second),
      UNIT(a_way_is_the_check_and_what_is_spoken), UNIT(other_numbers_ask_the_same_question),
      UNIT(for_tcp_it_does_not_matter_what_would_be_spoken),
      UNIT(endpoints_that_must_prove_to_be_others_are_probed_apart))
