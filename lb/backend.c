/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.c - which of a route's backends a request goes to.
 */
#include "core/check.h"
#include "lb/strategy.h"

uint32_t backend_choose(const struct route *route, uint64_t random)
{
    uint64_t point = random_part(random, route->weights_sum);
    uint32_t last;

    CHECK(route->backends_count > 0);
    last = route->backends_count - 1u;
    for (uint32_t i = 0; i < last; i++) {
        if (point < route->backends[i].weight)
            return i;
        point -= route->backends[i].weight;
    }
    return last;
}
