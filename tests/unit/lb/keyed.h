/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyed.h - clusters that are asked by key, and which of many keys moved.
 */
#ifndef TESTS_UNIT_LB_KEYED_H
#define TESTS_UNIT_LB_KEYED_H

#include "lb/affinity.h"
#include "tests/unit/lb/specs.h"

#define KEYS_COUNT 10000

static inline uint64_t key_number(uint32_t number)
{
    return affinity_key_of_value(bytes_from((const char *)&number, sizeof(number)));
}

static inline uint32_t visit_key(struct cluster *cluster, uint64_t key, uint64_t now_ms)
{
    struct endpoint *endpoint = balancer_take(cluster, key, NULL, 0, now_ms);
    uint32_t number;

    assert_non_null(endpoint);
    number = number_of(endpoint);
    balancer_give_back(endpoint, BALANCER_DONE, now_ms);
    return number;
}

/* Where each key goes. */
static inline void visit_keys(struct cluster *cluster, uint64_t now_ms, uint32_t at[KEYS_COUNT])
{
    for (uint32_t i = 0; i < KEYS_COUNT; i++)
        at[i] = visit_key(cluster, key_number(i), now_ms);
}

/* Endpoints 0 .. count - 1 less one, each with the weight 1. */
static inline void spec_without(struct test_spec *test, enum cluster_policy policy, uint32_t count,
                                uint32_t missing, uint64_t generation)
{
    spec_init(test, 0, "default/web/80", generation);
    test->spec.policy = policy;
    for (uint32_t i = 0; i < count; i++)
        if (i != missing)
            spec_add(test, i, 1);
}

#define NONE_MISSING UINT32_MAX

#endif
