/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_settle.c - debounce, with time as an argument.
 */
#include "controller/kube/settle.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static size_t take(struct settle *settle, uint64_t now_ms, bool *is_scan)
{
    struct settle_due due;
    size_t count;

    settle_take(settle, now_ms, &due);
    count = due.count;
    if (is_scan != NULL)
        *is_scan = due.is_scan;
    settle_due_fini(&due);
    return count;
}

TEST(a_path_is_due_when_it_was_quiet_for_a_while)
{
    struct settle settle;

    settle_init(&settle);
    assert_true(settle_next_ms(&settle) == SETTLE_NEVER);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1000);
    assert_int_equal(settle_next_ms(&settle), 1020);
    assert_int_equal(take(&settle, 1019, NULL), 0);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1019);
    assert_int_equal(take(&settle, 1020, NULL), 0);
    assert_true(settle_is_waiting(&settle, BYTES("a")));
    assert_int_equal(take(&settle, 1039, NULL), 1);
    assert_false(settle_is_waiting(&settle, BYTES("a")));
    settle_fini(&settle);
}

TEST(a_path_that_is_never_quiet_is_due_in_the_end)
{
    struct settle settle;
    uint64_t now_ms;

    settle_init(&settle);
    for (now_ms = 1000; now_ms < 2000; now_ms += 10) {
        settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, now_ms);
        assert_int_equal(take(&settle, now_ms, NULL), 0);
    }
    assert_int_equal(take(&settle, 2000, NULL), 1);
    settle_fini(&settle);
}

TEST(a_look_at_a_path_that_is_written_all_the_time_does_not_put_it_off)
{
    struct settle settle;
    uint64_t now_ms;

    settle_init(&settle);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1000);
    assert_int_equal(take(&settle, 1020, NULL), 1);
    settle_path_at(&settle, BYTES("a"), 1000, 1040);
    for (now_ms = 1030; now_ms < 2000; now_ms += 10) {
        settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, now_ms);
        assert_int_equal(take(&settle, now_ms, NULL), 0);
    }
    assert_int_equal(take(&settle, 2000, NULL), 1);
    settle_fini(&settle);
}

TEST(a_scan_waits_less_than_a_path)
{
    struct settle settle;
    uint64_t now_ms;
    bool is_scan = false;

    settle_init(&settle);
    for (now_ms = 1000; now_ms < 1060; now_ms += 10) {
        settle_scan(&settle, now_ms);
        take(&settle, now_ms, &is_scan);
        assert_false(is_scan);
    }
    take(&settle, 1060, &is_scan);
    assert_true(is_scan);
    settle_fini(&settle);
}

TEST(what_was_written_in_one_go_is_taken_together)
{
    struct settle settle;

    settle_init(&settle);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1000);
    settle_path(&settle, BYTES("b"), SETTLE_WRITTEN, 1004);
    settle_path(&settle, BYTES("c"), SETTLE_WRITTEN, 1015);
    assert_int_equal(settle_next_ms(&settle), 1024);
    assert_int_equal(take(&settle, 1023, NULL), 0);
    assert_int_equal(take(&settle, 1024, NULL), 2);
    assert_int_equal(settle_next_ms(&settle), 1035);
    settle_fini(&settle);
}

TEST(nobody_waits_for_a_path_that_is_written_all_the_time_nor_takes_it_early)
{
    struct settle settle;

    settle_init(&settle);
    for (uint64_t now_ms = 1000; now_ms <= 1100; now_ms += 4)
        settle_path(&settle, BYTES("busy"), SETTLE_WRITTEN, now_ms);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1096);
    assert_int_equal(settle_next_ms(&settle), 1116);
    assert_int_equal(take(&settle, 1116, NULL), 1);
    assert_true(settle_is_waiting(&settle, BYTES("busy")));
    settle_fini(&settle);
}

TEST(the_last_thing_heard_of_a_path_counts)
{
    struct settle settle;
    struct settle_due due;

    settle_init(&settle);
    settle_path_at(&settle, BYTES("looked"), 1010, 1010);
    settle_path(&settle, BYTES("moved"), SETTLE_WRITTEN, 1000);
    settle_path(&settle, BYTES("moved"), SETTLE_NAMED, 1000);
    settle_path_at(&settle, BYTES("moved"), 1010, 1010);
    settle_take(&settle, 1020, &due);
    assert_int_equal(due.count, 2);
    for (size_t i = 0; i < due.count; i++)
        assert_int_equal(due.entries[i]->news,
                         due.entries[i]->path.at[0] == 'm' ? SETTLE_NAMED : SETTLE_LOOK);
    settle_due_fini(&due);
    settle_fini(&settle);
}

TEST(a_later_look_gives_way_to_an_earlier_event)
{
    struct settle settle;
    bool is_scan;

    settle_init(&settle);
    settle_path_at(&settle, BYTES("a"), 5000, 5000);
    settle_scan_at(&settle, 9000);
    assert_int_equal(settle_next_ms(&settle), 5000);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1000);
    settle_scan(&settle, 1000);
    assert_int_equal(take(&settle, 1020, &is_scan), 1);
    assert_true(is_scan);
    assert_true(settle_next_ms(&settle) == SETTLE_NEVER);
    settle_fini(&settle);
}

TEST(hostile_100_too_many_paths_become_one_scan)
{
    struct settle settle;
    bool is_scan;

    settle_init(&settle);
    for (unsigned i = 0; i <= SETTLE_PATHS_MAX; i++) {
        char path[20];

        settle_path(&settle, bytes_from(path, (size_t)sprintf(path, "%u", i)), SETTLE_WRITTEN,
                    1000);
    }
    assert_int_equal(take(&settle, 1020, &is_scan), 0);
    assert_true(is_scan);
    settle_fini(&settle);
}

TESTS(UNIT(a_path_is_due_when_it_was_quiet_for_a_while),
      UNIT(a_path_that_is_never_quiet_is_due_in_the_end),
      UNIT(a_look_at_a_path_that_is_written_all_the_time_does_not_put_it_off),
      UNIT(a_scan_waits_less_than_a_path), UNIT(what_was_written_in_one_go_is_taken_together),
      UNIT(nobody_waits_for_a_path_that_is_written_all_the_time_nor_takes_it_early),
      UNIT(the_last_thing_heard_of_a_path_counts), UNIT(a_later_look_gives_way_to_an_earlier_event),
      UNIT(hostile_100_too_many_paths_become_one_scan))
