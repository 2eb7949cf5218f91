/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - weighted random, and the numbers for it.
 */
#include "lb/strategy.h"

/* SplitMix64 (S. Vigna, https://prng.di.unimi.it/splitmix64.c, public domain): a counter whose bits
 * are mixed well, so no state is a bad one. */
uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* The first endpoint whose running sum of weights is above `point`. */
static struct endpoint *endpoint_at(const struct cluster *cluster, uint64_t point)
{
    uint32_t low = 0;
    uint32_t high = cluster->endpoints_count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (cluster->order[middle]->weight_upto > point)
            high = middle;
        else
            low = middle + 1;
    }
    return cluster->order[low];
}

static uint64_t allowed_weight(const struct cluster *cluster, const struct choice *choice)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++)
        if (choice_allows(choice, cluster->order[i]))
            sum += cluster->order[i]->weight;
    return sum;
}

static struct endpoint *pick_allowed(struct cluster *cluster, const struct choice *choice)
{
    uint64_t sum = allowed_weight(cluster, choice);
    uint64_t point = random_part(random_next(&cluster->random), sum);

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        struct endpoint *endpoint = cluster->order[i];

        if (!choice_allows(choice, endpoint))
            continue;
        if (point < endpoint->weight)
            return endpoint;
        point -= endpoint->weight;
    }
    return NULL;
}

struct endpoint *random_pick(struct cluster *cluster, const struct choice *choice)
{
    if (choice->is_open)
        return endpoint_at(cluster,
                           random_part(random_next(&cluster->random), cluster->weights_sum));
    return pick_allowed(cluster, choice);
}
