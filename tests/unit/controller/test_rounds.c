/* SPDX-License-Identifier: Apache-2.0 */
/* When a round is due, and what may be sent in it. */
#include "controller/rounds.h"
#include "tests/unit/unit.h"

static const struct rounds_pace pace = {
    .writes_per_second = 10, .writes_burst = 3, .writes_at_once = 2, .gap_ms = 200};

TEST(nothing_is_due_until_something_changes)
{
    struct rounds rounds;

    rounds_init(&rounds, &pace, 1000);
    assert_false(rounds_is_due(&rounds, 1000000));
    assert_true(rounds_next_ms(&rounds) == UINT64_MAX);
    rounds_want(&rounds);
    assert_true(rounds_is_due(&rounds, 1000));
}

TEST(rounds_begin_so_far_apart_however_much_changes)
{
    struct rounds rounds;

    rounds_init(&rounds, &pace, 1000);
    rounds_want(&rounds);
    rounds_begin(&rounds, 1000);
    assert_int_equal(rounds.number, 1);
    assert_false(rounds_is_due(&rounds, 5000));
    rounds_want(&rounds);
    assert_false(rounds_is_due(&rounds, 1199));
    assert_int_equal(rounds_next_ms(&rounds), 1200);
    assert_true(rounds_is_due(&rounds, 1200));
}

TEST(the_first_of_what_waits_for_a_time_makes_a_round)
{
    struct rounds rounds;

    rounds_init(&rounds, &pace, 0);
    rounds_begin(&rounds, 0);
    rounds_wake_by(&rounds, 9000);
    rounds_wake_by(&rounds, 4000);
    rounds_wake_by(&rounds, 7000);
    assert_int_equal(rounds_next_ms(&rounds), 4000);
    assert_false(rounds_is_due(&rounds, 3999));
    assert_true(rounds_is_due(&rounds, 4000));
    rounds_begin(&rounds, 4000); /* who still waits says so again */
    assert_true(rounds_next_ms(&rounds) == UINT64_MAX);
    rounds_wake_by(&rounds, 4001);
    assert_int_equal(rounds_next_ms(&rounds), 4200);
}

TEST(so_many_writes_are_under_way_and_so_many_are_begun_in_a_second)
{
    struct rounds rounds;

    rounds_init(&rounds, &pace, 1000);
    assert_true(rounds_may_send(&rounds, 1000));
    assert_true(rounds_may_send(&rounds, 1000));
    assert_false(rounds_may_send(&rounds, 1000));
    assert_true(rounds_send_ms(&rounds, 1000) == UINT64_MAX); /* an answer has to come */
    rounds_answered(&rounds, 0, 1000);
    assert_true(rounds_may_send(&rounds, 1000)); /* the last of the burst */
    rounds_answered(&rounds, 0, 1000);
    assert_false(rounds_may_send(&rounds, 1000));
    assert_int_equal(rounds_send_ms(&rounds, 1000), 1100);
    assert_true(rounds_may_send(&rounds, 1100));
}

TEST(an_answer_makes_another_round_and_may_hold_everything)
{
    struct rounds rounds;

    rounds_init(&rounds, &pace, 0);
    assert_true(rounds_may_send(&rounds, 0));
    rounds_answered(&rounds, 30000, 50);
    assert_true(rounds.is_wanted);
    assert_int_equal(rounds.held_until_ms, 30050);
    assert_int_equal(rounds.under_way, 0);
}

TESTS(UNIT(nothing_is_due_until_something_changes),
      UNIT(rounds_begin_so_far_apart_however_much_changes),
      UNIT(the_first_of_what_waits_for_a_time_makes_a_round),
      UNIT(so_many_writes_are_under_way_and_so_many_are_begun_in_a_second),
      UNIT(an_answer_makes_another_round_and_may_hold_everything))
