/* SPDX-License-Identifier: Apache-2.0 */
/* Who of many may write, step by step. */
#include "controller/lease.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define START_MS 1000000

static struct lease_record record_of(const char *holder, const char *version, const char *renewed)
{
    return (struct lease_record){.version = bytes_of(version),
                                 .holder = bytes_of(holder),
                                 .acquired = BYTES("then"),
                                 .renewed = bytes_of(renewed),
                                 .duration_s = 15,
                                 .transitions = 3};
}

static void got(struct lease *lease, const char *holder, const char *version, const char *renewed,
                uint64_t now_ms)
{
    struct lease_record record = record_of(holder, version, renewed);

    lease_answered(lease, LEASE_GOT, &record, now_ms);
}

/* A candidate "me" that has taken the lease; it began to write at now_ms. */
static void lead(struct lease *lease, uint64_t now_ms)
{
    lease_init(lease, BYTES("me"), 1, now_ms);
    assert_int_equal(lease_next(lease, now_ms), LEASE_READ);
    lease_answered(lease, LEASE_ABSENT, NULL, now_ms);
    assert_int_equal(lease_next(lease, now_ms), LEASE_CREATE);
    got(lease, "me", "1", "a", now_ms);
    assert_true(lease_is_leading(lease, now_ms));
}

TEST(watch_25_a_lease_that_is_not_there_is_created)
{
    struct lease_record record;
    struct lease lease;

    lease_init(&lease, BYTES("me"), 1, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_NOTHING); /* one at a time */
    lease_answered(&lease, LEASE_ABSENT, NULL, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_CREATE);
    record = lease_record_to_write(&lease, BYTES("now"));
    assert_bytes(record.holder, "me");
    assert_int_equal(record.version.len, 0);
    assert_int_equal(record.duration_s, 15);
    assert_int_equal(record.transitions, 0);
    assert_false(lease_is_leading(&lease, START_MS));
    got(&lease, "me", "1", "now", START_MS);
    assert_true(lease_is_leading(&lease, START_MS));
    lease_fini(&lease);
}

TEST(watch_25_a_lease_is_led_until_the_deadline_counted_from_when_the_renewal_began)
{
    struct lease lease;
    uint64_t renewed_ms = START_MS + LEASE_RENEW_MS;

    lead(&lease, START_MS);
    assert_int_equal(lease_wake_at_ms(&lease), renewed_ms);
    assert_int_equal(lease_next(&lease, renewed_ms - 1), LEASE_NOTHING);
    assert_int_equal(lease_next(&lease, renewed_ms), LEASE_WRITE);
    got(&lease, "me", "2", "b", renewed_ms + 2000); /* the answer took its time */
    assert_true(lease_is_leading(&lease, renewed_ms + LEASE_DEADLINE_MS - 1));
    assert_false(lease_is_leading(&lease, renewed_ms + LEASE_DEADLINE_MS));
    lease_fini(&lease);
}

TEST(watch_25_a_leader_whose_renewals_fail_tries_on_and_stops_at_the_deadline)
{
    struct lease lease;
    uint64_t now_ms = START_MS;
    int tries = 0;

    lead(&lease, START_MS);
    while (lease_is_leading(&lease, now_ms)) {
        if (lease_next(&lease, now_ms) != LEASE_NOTHING) {
            tries++;
            lease_answered(&lease, LEASE_FAILED, NULL, now_ms);
        }
        now_ms++;
    }
    assert_int_equal(now_ms, START_MS + LEASE_DEADLINE_MS);
    assert_true(tries >= 3);
    assert_int_equal(lease_next(&lease, now_ms), LEASE_READ);
    lease_fini(&lease);
}

TEST(watch_25_an_answer_that_never_comes_does_not_keep_a_leader)
{
    struct lease lease;
    uint64_t end_ms = START_MS + LEASE_DEADLINE_MS;

    lead(&lease, START_MS);
    assert_int_equal(lease_next(&lease, START_MS + LEASE_RENEW_MS), LEASE_WRITE);
    assert_int_equal(lease_wake_at_ms(&lease), end_ms);
    assert_false(lease_is_leading(&lease, end_ms));
    assert_int_equal(lease_next(&lease, end_ms), LEASE_NOTHING);
    assert_int_equal(lease_wake_at_ms(&lease), UINT64_MAX); /* or its owner would turn in circles */
    lease_fini(&lease);
}

/* Reads again and again until something is asked that is no reading; returns when. */
static uint64_t wait_for_its_end(struct lease *lease, uint64_t now_ms)
{
    for (;;) {
        enum lease_ask ask = lease_next(lease, now_ms);

        if (ask == LEASE_READ)
            got(lease, "other", "7", "by their clock", now_ms);
        else if (ask != LEASE_NOTHING)
            return now_ms;
        assert_true(lease_wake_at_ms(lease) <= now_ms + LEASE_RETRY_MS * 3 / 2);
        now_ms = lease_wake_at_ms(lease);
    }
}

TEST(watch_25_anothers_lease_is_taken_when_it_has_not_changed_for_as_long_as_it_says)
{
    struct lease_record record;
    struct lease lease;

    lease_init(&lease, BYTES("me"), 1, START_MS);
    assert_int_equal(wait_for_its_end(&lease, START_MS), START_MS + 15000);
    record = lease_record_to_write(&lease, BYTES("now"));
    assert_bytes(record.version, "7");
    assert_int_equal(record.transitions, 4);
    assert_bytes(record.acquired, "now");
    lease_fini(&lease);
}

TEST(watch_25_a_renewal_is_seen_by_its_change_and_not_by_its_time)
{
    struct lease lease;
    uint64_t now_ms = START_MS;

    lease_init(&lease, BYTES("me"), 1, now_ms);
    for (int i = 0; i < 100; i++) {
        char renewed[32];

        (void)snprintf(renewed, sizeof(renewed), "1970-01-01T00:00:%02dZ", i % 60);
        assert_int_equal(lease_next(&lease, now_ms), LEASE_READ);
        got(&lease, "other", "8", renewed, now_ms);
        now_ms = lease_wake_at_ms(&lease);
    }
    assert_false(lease_is_leading(&lease, now_ms));
    lease_fini(&lease);
}

TEST(watch_25_a_lease_that_was_given_back_is_taken_at_once)
{
    struct lease lease;

    lease_init(&lease, BYTES("me"), 1, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
    got(&lease, "", "9", "x", START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_WRITE);
    lease_fini(&lease);
}

TEST(watch_25_who_loses_the_race_for_a_lease_does_not_lead)
{
    struct lease lease;

    lease_init(&lease, BYTES("me"), 1, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
    got(&lease, "", "9", "x", START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_WRITE);
    lease_answered(&lease, LEASE_CONFLICT, NULL, START_MS);
    assert_false(lease_is_leading(&lease, START_MS));
    assert_int_equal(lease_next(&lease, START_MS + 2 * LEASE_RETRY_MS), LEASE_READ);
    lease_fini(&lease);
}

TEST(watch_25_a_leader_that_meets_a_conflict_reads_and_stops_if_it_is_anothers)
{
    struct lease lease;
    uint64_t now_ms = START_MS + LEASE_RENEW_MS;

    lead(&lease, START_MS);
    assert_int_equal(lease_next(&lease, now_ms), LEASE_WRITE);
    lease_answered(&lease, LEASE_CONFLICT, NULL, now_ms);
    assert_int_equal(lease_next(&lease, now_ms), LEASE_READ);
    got(&lease, "other", "5", "c", now_ms);
    assert_false(lease_is_leading(&lease, now_ms));
    lease_fini(&lease);
}

TEST(watch_25_a_conflict_by_somebodys_label_does_not_end_a_leader)
{
    struct lease lease;
    uint64_t now_ms = START_MS + LEASE_RENEW_MS;

    lead(&lease, START_MS);
    assert_int_equal(lease_next(&lease, now_ms), LEASE_WRITE);
    lease_answered(&lease, LEASE_CONFLICT, NULL, now_ms);
    assert_int_equal(lease_next(&lease, now_ms), LEASE_READ);
    got(&lease, "me", "5", "a", now_ms);
    assert_true(lease_is_leading(&lease, now_ms));
    assert_int_equal(lease_next(&lease, now_ms), LEASE_WRITE);
    assert_bytes(lease_record_to_write(&lease, BYTES("now")).version, "5");
    assert_bytes(lease_record_to_write(&lease, BYTES("now")).acquired, "then");
    lease_fini(&lease);
}

TEST(watch_25_a_lease_that_was_deleted_is_not_created_before_its_holder_has_lost_it)
{
    struct lease lease;
    uint64_t now_ms = START_MS;

    lease_init(&lease, BYTES("me"), 1, now_ms);
    assert_int_equal(lease_next(&lease, now_ms), LEASE_READ);
    got(&lease, "other", "7", "x", now_ms);
    for (;;) {
        enum lease_ask ask;

        now_ms = lease_wake_at_ms(&lease);
        ask = lease_next(&lease, now_ms);
        if (ask == LEASE_CREATE)
            break;
        assert_int_equal(ask, LEASE_READ);
        lease_answered(&lease, LEASE_ABSENT, NULL, now_ms);
    }
    assert_int_equal(now_ms, START_MS + 15000);
    lease_fini(&lease);
}

TEST(watch_25_a_leader_that_goes_gives_the_lease_back_and_asks_no_more)
{
    struct lease_record record;
    struct lease lease;

    lead(&lease, START_MS);
    lease_release(&lease);
    assert_false(lease_is_leading(&lease, START_MS));
    assert_int_equal(lease_next(&lease, START_MS), LEASE_WRITE);
    record = lease_record_to_write(&lease, BYTES("now"));
    assert_int_equal(record.holder.len, 0);
    assert_int_equal(record.duration_s, 1);
    lease_answered(&lease, LEASE_FAILED, NULL, START_MS);
    assert_int_equal(lease_next(&lease, START_MS + 100000), LEASE_NOTHING);
    lease_fini(&lease);
}

static void assert_gives_back(struct lease *lease, const char *version)
{
    struct lease_record record;

    assert_int_equal(lease_next(lease, START_MS), LEASE_WRITE);
    record = lease_record_to_write(lease, BYTES("now"));
    assert_int_equal(record.holder.len, 0);
    assert_bytes(record.version, version);
}

TEST(watch_25_a_leader_that_goes_while_a_renewal_is_on_its_way_gives_back_what_came_of_it)
{
    struct lease lease;

    lead(&lease, START_MS);
    assert_int_equal(lease_next(&lease, START_MS + LEASE_RENEW_MS), LEASE_WRITE);
    lease_answered(&lease, LEASE_FAILED, NULL, START_MS + LEASE_RENEW_MS); /* cancelled */
    lease_release(&lease);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
    got(&lease, "me", "77", "c", START_MS);
    assert_gives_back(&lease, "77");
    lease_answered(&lease, LEASE_CONFLICT, NULL, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_NOTHING);
    lease_fini(&lease);
}

TEST(watch_25_a_leader_that_goes_reads_once_after_a_conflict_and_takes_it_from_nobody)
{
    static const char *const holders[] = {"me", "other"};

    for (size_t i = 0; i < 2; i++) {
        struct lease lease;

        lead(&lease, START_MS);
        lease_release(&lease);
        assert_int_equal(lease_next(&lease, START_MS), LEASE_WRITE);
        lease_answered(&lease, LEASE_CONFLICT, NULL, START_MS);
        assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
        got(&lease, holders[i], "77", "c", START_MS);
        if (i == 0)
            assert_gives_back(&lease, "77");
        else
            assert_int_equal(lease_next(&lease, START_MS), LEASE_NOTHING);
        lease_fini(&lease);
    }
}

TEST(watch_25_a_candidate_that_goes_while_it_takes_the_lease_gives_it_back_if_it_got_it)
{
    struct lease lease;

    lease_init(&lease, BYTES("me"), 1, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
    lease_answered(&lease, LEASE_ABSENT, NULL, START_MS);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_CREATE);
    lease_answered(&lease, LEASE_FAILED, NULL, START_MS);
    lease_release(&lease);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_READ);
    got(&lease, "me", "1", "a", START_MS);
    assert_gives_back(&lease, "1");
    lease_fini(&lease);
}

TEST(a_candidate_that_goes_asks_nothing)
{
    struct lease lease;

    lease_init(&lease, BYTES("me"), 1, START_MS);
    lease_release(&lease);
    assert_int_equal(lease_next(&lease, START_MS), LEASE_NOTHING);
    lease_fini(&lease);
}

TEST(a_server_that_does_not_answer_is_asked_ever_less_often_by_candidates)
{
    struct lease lease;
    uint64_t now_ms = START_MS;
    int asks = 0;

    lease_init(&lease, BYTES("me"), 1, now_ms);
    for (; now_ms < START_MS + 3600000; now_ms = lease_wake_at_ms(&lease)) {
        assert_int_equal(lease_next(&lease, now_ms), LEASE_READ);
        lease_answered(&lease, LEASE_FAILED, NULL, now_ms);
        asks++;
    }
    assert_in_range(asks, 80, 130); /* of an hour: every 30 to 45 s */
    lease_fini(&lease);
}

TESTS(UNIT(watch_25_a_lease_that_is_not_there_is_created),
      UNIT(watch_25_a_lease_is_led_until_the_deadline_counted_from_when_the_renewal_began),
      UNIT(watch_25_a_leader_whose_renewals_fail_tries_on_and_stops_at_the_deadline),
      UNIT(watch_25_an_answer_that_never_comes_does_not_keep_a_leader),
      UNIT(watch_25_anothers_lease_is_taken_when_it_has_not_changed_for_as_long_as_it_says),
      UNIT(watch_25_a_renewal_is_seen_by_its_change_and_not_by_its_time),
      UNIT(watch_25_a_lease_that_was_given_back_is_taken_at_once),
      UNIT(watch_25_who_loses_the_race_for_a_lease_does_not_lead),
      UNIT(watch_25_a_leader_that_meets_a_conflict_reads_and_stops_if_it_is_anothers),
      UNIT(watch_25_a_conflict_by_somebodys_label_does_not_end_a_leader),
      UNIT(watch_25_a_lease_that_was_deleted_is_not_created_before_its_holder_has_lost_it),
      UNIT(watch_25_a_leader_that_goes_gives_the_lease_back_and_asks_no_more),
      UNIT(watch_25_a_leader_that_goes_while_a_renewal_is_on_its_way_gives_back_what_came_of_it),
      UNIT(watch_25_a_leader_that_goes_reads_once_after_a_conflict_and_takes_it_from_nobody),
      UNIT(watch_25_a_candidate_that_goes_while_it_takes_the_lease_gives_it_back_if_it_got_it),
      UNIT(a_candidate_that_goes_asks_nothing),
      UNIT(a_server_that_does_not_answer_is_asked_ever_less_often_by_candidates))
