/* SPDX-License-Identifier: Apache-2.0 */
/*
 * round_robin.c - smooth weighted round robin.
 *
 * Every pick gives each endpoint its weight as credit, takes the one with most credit and charges
 * it the sum of what was given. Shares are exact over a round and spread out in it: weights 5, 1, 1
 * give a a b a c a a and not five a in a row. The method is the one nginx made known
 * (https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1).
 *
 * With equal weights that is the plain order, which a cursor gives without looking at everyone.
 */
#include "lb/strategy.h"

static struct endpoint *pick_in_order(struct cluster *cluster, const struct choice *choice)
{
    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        struct endpoint *endpoint = cluster->order[cluster->cursor];

        cluster->cursor = (cluster->cursor + 1) % cluster->endpoints_count;
        if (choice_allows(choice, endpoint))
            return endpoint;
    }
    return NULL;
}

static struct endpoint *pick_by_credit(struct cluster *cluster, const struct choice *choice)
{
    struct endpoint *best = NULL;
    int64_t given = 0;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        struct endpoint *endpoint = cluster->order[i];

        if (!choice_allows(choice, endpoint))
            continue;
        endpoint->smooth_weight += endpoint->weight;
        given += endpoint->weight;
        if (best == NULL || endpoint->smooth_weight > best->smooth_weight)
            best = endpoint;
    }
    if (best != NULL)
        best->smooth_weight -= given;
    return best;
}

struct endpoint *round_robin_pick(struct cluster *cluster, const struct choice *choice)
{
    if (cluster->weights_equal)
        return pick_in_order(cluster, choice);
    return pick_by_credit(cluster, choice);
}

/* Somewhere in the round, so that many workers and pods that start together do not all begin with
 * the same endpoint. */
void round_robin_start(struct cluster *cluster)
{
    cluster->cursor =
        (uint32_t)random_part(random_next(&cluster->random), cluster->endpoints_count);
}

struct round_robin_place round_robin_place(const struct cluster *cluster)
{
    struct round_robin_place place = {0};

    if (cluster->endpoints_count == 0)
        return place;
    place.is_known = true;
    place.next = cluster->order[cluster->cursor]->address;
    return place;
}

/* Credit is worth what the weights are worth: what was earned beside a heavy endpoint that left, or
 * under larger weights, would mean a burst or a long wait now. */
static void limit_credit(struct cluster *cluster)
{
    int64_t most = (int64_t)cluster->weights_sum;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        struct endpoint *endpoint = cluster->order[i];

        if (endpoint->smooth_weight > most)
            endpoint->smooth_weight = most;
        if (endpoint->smooth_weight < -most)
            endpoint->smooth_weight = -most;
    }
}

/* `order` is sorted by address, and so was the one before. */
void round_robin_resume(struct cluster *cluster, const struct round_robin_place *place)
{
    uint32_t low = 0;
    uint32_t high = cluster->endpoints_count;

    if (!place->is_known) {
        round_robin_start(cluster);
        return;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (address_compare(&cluster->order[middle]->address, &place->next) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    cluster->cursor = low < cluster->endpoints_count ? low : 0;
    limit_credit(cluster);
}
