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
    for (now_ms = 1000; now_ms < 1060; now_ms += 10) {
        settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, now_ms);
        assert_int_equal(take(&settle, now_ms, NULL), 0);
    }
    assert_int_equal(take(&settle, 1060, NULL), 1);
    settle_fini(&settle);
}

TEST(what_was_written_in_one_go_is_taken_together)
{
    struct settle settle;

    settle_init(&settle);
    settle_path(&settle, BYTES("a"), SETTLE_WRITTEN, 1000);
    settle_path(&settle, BYTES("b"), SETTLE_WRITTEN, 1004);
    settle_path(&settle, BYTES("c"), SETTLE_WRITTEN, 1015);
    assert_int_equal(take(&settle, 1020, NULL), 2);
    assert_int_equal(settle_next_ms(&settle), 1035);
    settle_fini(&settle);
}

TEST(a_later_look_gives_way_to_an_earlier_event)
{
    struct settle settle;
    bool is_scan;

    settle_init(&settle);
    settle_path_at(&settle, BYTES("a"), 5000);
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
      UNIT(what_was_written_in_one_go_is_taken_together),
      UNIT(a_later_look_gives_way_to_an_earlier_event),
      UNIT(hostile_100_too_many_paths_become_one_scan))
