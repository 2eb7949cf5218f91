/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_retry.c - what follows a failed attempt: design 5.11, hostile-input 58.
 */
#include "core/bytes.h"
#include "core/mem.h"
#include "proxy/retry.h"
#include "tests/unit/unit.h"

static const struct retry_policy unasked = {.on = 0};
static const struct retry_policy all = {
    .on = RETRY_ON_5XX | RETRY_ON_GATEWAY_ERROR | RETRY_ON_CONNECT_FAILURE |
          RETRY_ON_RETRIABLE_4XX | RETRY_ON_RESET | RETRY_ON_REFUSED_STREAM,
    .retries_max = 10,
};

/* A GET without a body, sent for the first time on a fresh connection, of which nothing came back.
 */
static struct retry_facts facts_of(enum failure failure)
{
    return (struct retry_facts){
        .failure = failure,
        .attempts = 1,
        .is_idempotent = true,
        .is_replayable = true,
        .any_byte_sent = failure != FAILURE_CONNECT_REFUSED && failure != FAILURE_CONNECT_TIMEOUT &&
                         failure != FAILURE_CONNECT_FAILED,
    };
}

static struct retry_facts facts_of_status(uint16_t status)
{
    struct retry_facts facts = facts_of(FAILURE_NONE);

    facts.status = status;
    facts.any_byte_came = true;
    return facts;
}

static const enum failure connect_failures[] = {FAILURE_CONNECT_REFUSED, FAILURE_CONNECT_TIMEOUT,
                                                FAILURE_CONNECT_FAILED};

TEST(a_failed_connect_goes_on_at_once_three_attempts_at_most)
{
    for (size_t i = 0; i < 3; i++) {
        struct retry_facts facts = facts_of(connect_failures[i]);

        assert_int_equal(retry_decide(&unasked, &facts), RETRY_NOW);
        facts.attempts = 2;
        assert_int_equal(retry_decide(&unasked, &facts), RETRY_NOW);
        facts.attempts = 3;
        assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
    }
}

TEST(a_failed_connect_goes_on_for_any_method)
{
    struct retry_facts facts = facts_of(FAILURE_CONNECT_REFUSED);

    facts.is_idempotent = false;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NOW);
}

/* Asking for more must not give less: what was asked for has a budget, what was not has none. */
TEST(a_connection_that_went_before_anything_was_sent_is_as_good_as_none)
{
    struct retry_facts facts = facts_of(FAILURE_UPSTREAM_RESET);

    facts.is_idempotent = false;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
    facts.any_byte_sent = false;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NOW);
    facts.attempts = 3;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
}

TEST(asked_for_retries_of_connects_come_after_the_unasked_ones)
{
    struct retry_facts facts = facts_of(FAILURE_CONNECT_REFUSED);
    const struct retry_policy five = {.on = RETRY_ON_CONNECT_FAILURE, .retries_max = 4};

    assert_int_equal(retry_decide(&five, &facts), RETRY_NOW);
    facts.attempts = 3;
    assert_int_equal(retry_decide(&five, &facts), RETRY_BACKOFF);
    facts.attempts = 4;
    assert_int_equal(retry_decide(&five, &facts), RETRY_BACKOFF);
    facts.attempts = 5;
    assert_int_equal(retry_decide(&five, &facts), RETRY_NO);
}

TEST(nothing_that_was_not_asked_for_is_resent)
{
    for (unsigned int i = 1; i < FAILURE_COUNT; i++) {
        struct retry_facts facts = facts_of((enum failure)i);

        if (failure_row((enum failure)i)->retry == RETRY_ALWAYS ||
            failure_row((enum failure)i)->retry == RETRY_UNSEEN)
            continue;
        assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
    }
    for (unsigned int status = 200; status < 600; status++) {
        struct retry_facts facts = facts_of_status((uint16_t)status);

        assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
    }
}

TEST(hostile_58_a_refused_stream_is_sent_again_once_whatever_the_method)
{
    struct retry_facts facts = facts_of(FAILURE_STREAM_REFUSED);

    facts.is_idempotent = false;
    facts.any_byte_sent = true;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NOW);
    facts.was_refused = true;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
    facts.was_refused = false;
    facts.is_replayable = false;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
}

TEST(retry_on_names_statuses)
{
    static const struct {
        uint32_t on;
        uint16_t status;
        enum retry_decision decision;
    } rows[] = {
        {RETRY_ON_5XX, 499, RETRY_NO},
        {RETRY_ON_5XX, 500, RETRY_BACKOFF},
        {RETRY_ON_5XX, 503, RETRY_BACKOFF},
        {RETRY_ON_5XX, 599, RETRY_BACKOFF},
        {RETRY_ON_5XX, 200, RETRY_NO},
        {RETRY_ON_5XX, 409, RETRY_NO},
        {RETRY_ON_GATEWAY_ERROR, 500, RETRY_NO},
        {RETRY_ON_GATEWAY_ERROR, 501, RETRY_NO},
        {RETRY_ON_GATEWAY_ERROR, 502, RETRY_BACKOFF},
        {RETRY_ON_GATEWAY_ERROR, 503, RETRY_BACKOFF},
        {RETRY_ON_GATEWAY_ERROR, 504, RETRY_BACKOFF},
        {RETRY_ON_GATEWAY_ERROR, 505, RETRY_NO},
        {RETRY_ON_RETRIABLE_4XX, 409, RETRY_BACKOFF},
        {RETRY_ON_RETRIABLE_4XX, 404, RETRY_NO},
        {RETRY_ON_RETRIABLE_4XX, 503, RETRY_NO},
        {RETRY_ON_CONNECT_FAILURE, 503, RETRY_NO},
        {RETRY_ON_RESET, 503, RETRY_NO},
        {RETRY_ON_REFUSED_STREAM, 503, RETRY_NO},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct retry_policy policy = {.on = rows[i].on, .retries_max = 1};
        struct retry_facts facts = facts_of_status(rows[i].status);

        assert_int_equal(retry_decide(&policy, &facts), rows[i].decision);
        facts.attempts = 2;
        assert_int_equal(retry_decide(&policy, &facts), RETRY_NO);
    }
}

TEST(retry_on_names_resets)
{
    static const enum failure resets[] = {FAILURE_UPSTREAM_RESET, FAILURE_REUSE_DEAD,
                                          FAILURE_PER_TRY_TIMEOUT};
    static const uint32_t naming[] = {RETRY_ON_RESET, RETRY_ON_5XX, RETRY_ON_GATEWAY_ERROR};
    static const uint32_t others[] = {RETRY_ON_CONNECT_FAILURE, RETRY_ON_RETRIABLE_4XX,
                                      RETRY_ON_REFUSED_STREAM};

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            const struct retry_policy named = {.on = naming[k], .retries_max = 1};
            const struct retry_policy other = {.on = others[k], .retries_max = 1};
            struct retry_facts facts = facts_of(resets[i]);

            assert_int_equal(retry_decide(&named, &facts), RETRY_BACKOFF);
            assert_int_equal(retry_decide(&other, &facts), RETRY_NO);
        }
}

TEST(hostile_58_failures_of_the_client_or_ours_are_never_retried)
{
    static const enum failure finals[] = {
        FAILURE_BODY_TIMEOUT,      FAILURE_CLIENT_GONE,      FAILURE_BAD_RESPONSE,
        FAILURE_RESPONSE_TIMEOUT,  FAILURE_NO_ENDPOINT,      FAILURE_PENDING_TIMEOUT,
        FAILURE_OVERFLOW_REQUESTS, FAILURE_TOO_MANY_INTERIM, FAILURE_RESPONSE_HEAD_TIMEOUT,
        FAILURE_H1_BAD_CHUNK,
    };

    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        struct retry_facts facts = facts_of(finals[i]);

        assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
    }
}

TEST(hostile_58_a_post_is_not_resent_after_any_byte)
{
    struct retry_facts reset = facts_of(FAILURE_UPSTREAM_RESET);
    struct retry_facts status = facts_of_status(503);

    reset.is_idempotent = false;
    status.is_idempotent = false;
    assert_int_equal(retry_decide(&all, &reset), RETRY_NO);
    assert_int_equal(retry_decide(&all, &status), RETRY_NO);
    reset.was_reused = true;
    assert_int_equal(retry_decide(&all, &reset), RETRY_NO);
    reset.any_byte_sent = false; /* the kept connection was dead before the first byte */
    assert_int_equal(retry_decide(&all, &reset), RETRY_REUSE);
}

TEST(hostile_58_nothing_is_resent_after_a_byte_of_an_answer)
{
    static const enum failure resets[] = {FAILURE_UPSTREAM_RESET, FAILURE_REUSE_DEAD,
                                          FAILURE_PER_TRY_TIMEOUT};

    for (size_t i = 0; i < 3; i++) {
        struct retry_facts facts = facts_of(resets[i]);

        facts.any_byte_came = true;
        assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
        facts.was_reused = true;
        assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
    }
}

TEST(hostile_58_nothing_is_resent_after_a_byte_went_to_the_client)
{
    struct retry_facts facts = facts_of_status(503);

    facts.head_is_out = true;
    assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
    facts = facts_of(FAILURE_CONNECT_REFUSED);
    facts.head_is_out = true;
    assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
}

TEST(hostile_58_a_body_that_was_not_kept_is_not_resent)
{
    struct retry_facts facts = facts_of_status(503);

    facts.is_replayable = false;
    assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
    facts = facts_of(FAILURE_REUSE_DEAD);
    facts.was_reused = true;
    facts.is_replayable = false;
    assert_int_equal(retry_decide(&all, &facts), RETRY_NO);
}

TEST(a_dead_kept_connection_is_replaced_once)
{
    struct retry_facts facts = facts_of(FAILURE_REUSE_DEAD);

    facts.was_reused = true;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_REUSE);
    facts.reuse_was_dead = true;
    assert_int_equal(retry_decide(&unasked, &facts), RETRY_NO);
    assert_int_equal(retry_decide(&all, &facts), RETRY_BACKOFF);
}

TEST(hostile_58_retries_are_a_fifth_of_the_requests_at_most)
{
    assert_true(retry_is_within_budget(0, 1, 1000));
    assert_true(retry_is_within_budget(RETRY_BUDGET_MIN - 1, 1, 1000));
    assert_false(retry_is_within_budget(RETRY_BUDGET_MIN, 1, 1000));
    assert_false(retry_is_within_budget(RETRY_BUDGET_MIN, 19, 1000));
    assert_true(retry_is_within_budget(199, 1000, 1000));
    assert_false(retry_is_within_budget(200, 1000, 1000));
    assert_false(retry_is_within_budget(859, 4294967295u, 859));
}

TEST(max_retries_is_the_limit_below_the_budget)
{
    assert_true(retry_is_within_budget(0, 1000, 1));
    assert_false(retry_is_within_budget(1, 1000, 1));
    assert_false(retry_is_within_budget(0, 1000, 0));
}

TEST(the_pause_grows_with_the_attempts_up_to_a_limit)
{
    static const uint32_t spans[] = {25, 75, 175, 250, 250, 250};
    uint64_t random = 1;

    for (uint32_t attempts = 1; attempts <= 6; attempts++) {
        uint32_t longest = 0;

        for (int i = 0; i < 5000; i++) {
            uint32_t pause_ms;

            random = random * 6364136223846793005u + 1442695040888963407u;
            pause_ms = retry_backoff_ms(attempts, random >> 32);
            assert_true(pause_ms < spans[attempts - 1]);
            longest = pause_ms > longest ? pause_ms : longest;
        }
        assert_int_equal(longest, spans[attempts - 1] - 1);
    }
    assert_true(retry_backoff_ms(UINT32_MAX, UINT64_MAX) < BACKOFF_MAX_MS);
}

TESTS(UNIT(a_failed_connect_goes_on_at_once_three_attempts_at_most),
      UNIT(a_failed_connect_goes_on_for_any_method),
      UNIT(a_connection_that_went_before_anything_was_sent_is_as_good_as_none),
      UNIT(asked_for_retries_of_connects_come_after_the_unasked_ones),
      UNIT(nothing_that_was_not_asked_for_is_resent),
      UNIT(hostile_58_a_refused_stream_is_sent_again_once_whatever_the_method),
      UNIT(retry_on_names_statuses), UNIT(retry_on_names_resets),
      UNIT(hostile_58_failures_of_the_client_or_ours_are_never_retried),
      UNIT(hostile_58_a_post_is_not_resent_after_any_byte),
      UNIT(hostile_58_nothing_is_resent_after_a_byte_of_an_answer),
      UNIT(hostile_58_nothing_is_resent_after_a_byte_went_to_the_client),
      UNIT(hostile_58_a_body_that_was_not_kept_is_not_resent),
      UNIT(a_dead_kept_connection_is_replaced_once),
      UNIT(hostile_58_retries_are_a_fifth_of_the_requests_at_most),
      UNIT(max_retries_is_the_limit_below_the_budget),
      UNIT(the_pause_grows_with_the_attempts_up_to_a_limit))
