/* SPDX-License-Identifier: Apache-2.0 */
/*
 * least_request.c - the better of two random choices.
 *
 * Two samples are nearly as good as looking at everyone, cost the same for any size, and do not
 * send every worker to the one idle endpoint at once (M. Mitzenmacher, The Power of Two Choices in
 * Randomized Load Balancing, 2001).
 */
#include "lb/strategy.h"

/* (in_flight + 1) / weight of a against b, without dividing. */
static bool is_less_busy(const struct endpoint *a, const struct endpoint *b)
{
    return ((uint64_t)a->in_flight + 1) * b->weight < ((uint64_t)b->in_flight + 1) * a->weight;
}

static struct endpoint *better(struct endpoint *first, struct endpoint *second)
{
    return is_less_busy(second, first) ? second : first;
}

/* Two different endpoints out of at least two. */
static struct endpoint *pick_open(struct cluster *cluster)
{
    uint32_t count = cluster->endpoints_count;
    uint32_t first = (uint32_t)random_part(random_next(&cluster->random), count);
    uint32_t further = 1 + (uint32_t)random_part(random_next(&cluster->random), count - 1);

    return better(cluster->order[first], cluster->order[(first + further) % count]);
}

/* Some are left out: two at random of those that remain, in one walk. The k-th that is seen takes
 * one of the two places with a chance of 2 in k, which is fair to all in the end. */
static struct endpoint *pick_allowed(struct cluster *cluster, const struct choice *choice)
{
    struct endpoint *sample[2] = {NULL, NULL};
    uint64_t seen = 0;
    uint64_t first;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        uint64_t place = seen;

        if (!choice_allows(choice, cluster->order[i]))
            continue;
        seen++;
        if (seen > 2)
            place = random_part(random_next(&cluster->random), seen);
        if (place < 2)
            sample[place] = cluster->order[i];
    }
    if (seen < 2)
        return sample[0];
    first = random_part(random_next(&cluster->random), 2); /* who wins a tie */
    return better(sample[first], sample[1 - first]);
}

struct endpoint *least_request_pick(struct cluster *cluster, const struct choice *choice)
{
    if (choice->is_open && cluster->endpoints_count >= 2)
        return pick_open(cluster);
    return pick_allowed(cluster, choice);
}
