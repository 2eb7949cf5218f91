/* SPDX-License-Identifier: Apache-2.0 */
/*
 * specs.h - cluster specs on the stack, and one cluster to try a strategy on.
 */
#ifndef TESTS_UNIT_LB_SPECS_H
#define TESTS_UNIT_LB_SPECS_H

#include "lb/lb.h"
#include "tests/unit/unit.h"

#define SPEC_ENDPOINTS_MAX 2000
#define SPEC_FOREVER       1000000 /* references that nobody gives back: it stands on the stack */

struct test_spec {
    struct cluster_spec spec;
    struct endpoint_spec endpoints[SPEC_ENDPOINTS_MAX];
};

/* 10.0.x.y:80; the number grows with the order of addresses. */
static inline struct address address_number(uint32_t number)
{
    struct address address = {.port = 80, .ip = {10, 0}};

    address.ip[2] = (uint8_t)(number >> 8);
    address.ip[3] = (uint8_t)number;
    return address;
}

static inline uint32_t number_of(const struct endpoint *endpoint)
{
    return (uint32_t)endpoint->address.ip[2] << 8 | endpoint->address.ip[3];
}

/* Without endpoints; weights follow by spec_add(). */
static inline void spec_init(struct test_spec *test, uint32_t slot, const char *key,
                             uint64_t generation)
{
    memset(test, 0, sizeof(*test));
    test->spec.refs = SPEC_FOREVER;
    test->spec.slot = slot;
    test->spec.key = bytes_of(key);
    test->spec.generation = generation;
    test->spec.limits = (struct cluster_limits){1024, 1024, 1024, 3};
    test->spec.endpoints = test->endpoints;
}

/* In rising order of numbers. */
static inline void spec_add(struct test_spec *test, uint32_t number, uint32_t weight)
{
    assert_true(test->spec.endpoints_count < SPEC_ENDPOINTS_MAX);
    test->endpoints[test->spec.endpoints_count++] =
        (struct endpoint_spec){address_number(number), weight};
}

/* Endpoints 0 .. count - 1 with one weight each. */
static inline void spec_of(struct test_spec *test, enum cluster_policy policy,
                           const uint32_t *weights, uint32_t count)
{
    spec_init(test, 0, "default/web/80", 1);
    test->spec.policy = policy;
    for (uint32_t i = 0; i < count; i++)
        spec_add(test, i, weights[i]);
}

static inline struct endpoint *take(struct cluster *cluster, uint64_t now_ms)
{
    return balancer_take(cluster, 0, NULL, 0, now_ms);
}

/* Take one and give it back at once; its number. */
static inline uint32_t visit(struct cluster *cluster, uint64_t now_ms)
{
    struct endpoint *endpoint = take(cluster, now_ms);
    uint32_t number;

    assert_non_null(endpoint);
    number = number_of(endpoint);
    balancer_give_back(endpoint, BALANCER_DONE, now_ms);
    return number;
}

/* The endpoint with this number, out of those that are not retired. */
static inline struct endpoint *endpoint_number(struct cluster *cluster, uint32_t number)
{
    struct list *found = NULL;

    LIST_EACH (&cluster->endpoints, link) {
        if (number_of(LIST_ENTRY(link, struct endpoint, link)) == number)
            found = link;
    }
    assert_non_null(found);
    return LIST_ENTRY(found, struct endpoint, link);
}

/* Make this endpoint's connect fail once. */
static inline void fail_connect(struct endpoint *endpoint, uint64_t now_ms)
{
    endpoint->in_flight++;
    balancer_give_back(endpoint, BALANCER_CONNECT_FAILED, now_ms);
}

#endif
