/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_current.c - generations on one worker.
 */
#include "route/current.h"
#include "tests/unit/route/make.h"

static void release(void *context, struct table *table)
{
    int *released = context;

    ++*released;
    table_unref(table);
}

static struct table *empty_table(void)
{
    return builder_finish(builder_create(NULL));
}

TEST(nothing_can_be_leased_before_the_first_publication)
{
    struct current current;
    int released = 0;

    current_init(&current, release, &released);
    assert_null(current_take(&current));
    current_fini(&current);
    assert_int_equal(released, 0);
}

TEST(a_generation_nobody_uses_goes_at_the_next_publication)
{
    struct current current;
    int released = 0;

    current_init(&current, release, &released);
    current_publish(&current, empty_table());
    current_publish(&current, empty_table());
    assert_int_equal(released, 1);
    assert_int_equal(table_live_count(), 1);
    current_fini(&current);
    assert_int_equal(released, 2);
    assert_int_equal(table_live_count(), 0);
}

TEST(a_stream_keeps_the_table_it_started_with_until_it_ends)
{
    struct current current;
    struct generation *first, *again, *second;
    int released = 0;

    current_init(&current, release, &released);
    current_publish(&current, empty_table());
    first = current_take(&current);
    again = current_take(&current);
    assert_ptr_equal(first, again);
    current_publish(&current, empty_table());
    second = current_take(&current);
    assert_ptr_not_equal(first, second);
    current_give_back(&current, first);
    assert_int_equal(released, 0);
    assert_int_equal(table_generation(again->table), 1);
    current_give_back(&current, again);
    assert_int_equal(released, 1);
    current_give_back(&current, second);
    assert_int_equal(released, 1); /* the latest stays without leases */
    current_fini(&current);
    assert_int_equal(table_live_count(), 0);
}

TESTS(UNIT(nothing_can_be_leased_before_the_first_publication),
      UNIT(a_generation_nobody_uses_goes_at_the_next_publication),
      UNIT(a_stream_keeps_the_table_it_started_with_until_it_ends))
