/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy.h - what a balancing strategy is: one call that picks an endpoint.
 *
 * Internal to lb/. A strategy sees only what its choice allows; leaving out ejected and tried
 * endpoints and what to do when nothing is left are balancer.c's.
 */
#ifndef LB_STRATEGY_H
#define LB_STRATEGY_H

#include "lb/lb.h"

/* Which endpoints one pick may choose from. */
struct choice {
    bool is_open;                /* all of them: nothing needs to be looked at one by one */
    enum endpoint_health health; /* what they have to be */
    const struct address *tried;
    size_t tried_count;
    uint64_t now_ms;
    uint64_t key; /* for the strategies by hash */
};

static inline bool is_tried(const struct choice *choice, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < choice->tried_count; i++)
        if (address_equal(&choice->tried[i], &endpoint->address))
            return true;
    return false;
}

static inline bool choice_allows(const struct choice *choice, const struct endpoint *endpoint)
{
    return choice->is_open ||
           (endpoint->health == choice->health && endpoint->ejected_until_ms <= choice->now_ms &&
            (choice->tried_count == 0 || !is_tried(choice, endpoint)));
}

/* Each returns NULL when the choice allows none. The cluster has at least one endpoint. */
typedef struct endpoint *pick_fn(struct cluster *cluster, const struct choice *choice);
pick_fn round_robin_pick;
pick_fn least_request_pick;
pick_fn random_pick;
pick_fn ring_hash_pick;
pick_fn maglev_pick;

/* Where a cluster stands in its round, to go on there with other endpoints. */
struct round_robin_place {
    bool is_known;
    struct address next;
};
void round_robin_start(struct cluster *cluster);
struct round_robin_place round_robin_place(const struct cluster *cluster);
void round_robin_resume(struct cluster *cluster, const struct round_robin_place *place);

/* The part of `bound` that a uniform 64-bit number points at: 0 .. bound - 1. */
static inline uint64_t random_part(uint64_t random, uint64_t bound)
{
    __extension__ typedef unsigned __int128 uint128;

    return (uint64_t)((uint128)random * bound >> 64);
}

#endif
