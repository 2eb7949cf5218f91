/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_backend.c - the shares of a route's backends.
 */
#include "lb/lb.h"
#include "tests/unit/unit.h"

static void count_choices(const struct route_backend *backends, uint16_t count, uint32_t *counts)
{
    struct route route = {.backends = backends, .backends_count = count};
    uint64_t state = 1;

    for (uint16_t i = 0; i < count; i++)
        route.weights_sum += backends[i].weight;
    for (int i = 0; i < 100000; i++)
        counts[backend_choose(&route, random_next(&state))]++;
}

TEST(shares_match_the_weights)
{
    const struct route_backend backends[] = {{0, 90}, {1, 9}, {2, 1}};
    uint32_t counts[3] = {0};

    count_choices(backends, 3, counts);
    assert_in_range(counts[0], 89500, 90500);
    assert_in_range(counts[1], 8600, 9400);
    assert_in_range(counts[2], 850, 1150);
}

TEST(a_single_backend_gets_everything)
{
    const struct route_backend backends[] = {{5, 1}};
    uint32_t counts[1] = {0};

    count_choices(backends, 1, counts);
    assert_int_equal(counts[0], 100000);
}

TEST(the_smallest_and_the_largest_number_stay_in_range)
{
    const struct route_backend backends[] = {{0, 1}, {1, UINT32_MAX - 1}};
    const struct route route = {
        .backends = backends, .backends_count = 2, .weights_sum = UINT32_MAX};

    assert_int_equal(backend_choose(&route, 0), 0);
    assert_int_equal(backend_choose(&route, UINT64_MAX), 1);
}

TESTS(UNIT(shares_match_the_weights), UNIT(a_single_backend_gets_everything),
      UNIT(the_smallest_and_the_largest_number_stay_in_range))
