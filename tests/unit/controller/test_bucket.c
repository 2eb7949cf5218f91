/* SPDX-License-Identifier: Apache-2.0 */
/* So many a second, and some at once. */
#include "controller/bucket.h"
#include "tests/unit/unit.h"

TEST(a_burst_is_given_at_once_and_then_so_many_a_second)
{
    struct bucket bucket;
    int given = 0;

    bucket_init(&bucket, 50, 100, 1000);
    while (bucket_take(&bucket, 1000))
        given++;
    assert_int_equal(given, 100);
    assert_int_equal(bucket_next_ms(&bucket, 1000), 1020);
    assert_false(bucket_take(&bucket, 1019));
    assert_true(bucket_take(&bucket, 1020));
    for (uint64_t now_ms = 1020; now_ms < 11020; now_ms++)
        given += bucket_take(&bucket, now_ms);
    assert_in_range(given, 100 + 499, 100 + 501);
}

TEST(no_more_gathers_than_a_burst_however_long_nothing_is_taken)
{
    struct bucket bucket;
    int given = 0;

    bucket_init(&bucket, 2, 20, 0);
    assert_true(bucket_take(&bucket, 0));
    while (bucket_take(&bucket, UINT64_MAX / 2))
        given++;
    assert_int_equal(given, 20);
}

TEST(a_clock_that_goes_back_gives_nothing)
{
    struct bucket bucket;

    bucket_init(&bucket, 1, 1, 5000);
    assert_true(bucket_take(&bucket, 5000));
    assert_false(bucket_take(&bucket, 1000));
}

TESTS(UNIT(a_burst_is_given_at_once_and_then_so_many_a_second),
      UNIT(no_more_gathers_than_a_burst_however_long_nothing_is_taken),
      UNIT(a_clock_that_goes_back_gives_nothing))
