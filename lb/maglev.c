/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maglev.c - a table of slots that endpoints fill in turn, each in an order of its own.
 *
 *     endpoint 0 wants 2 5 1 4 ...      slot  0 1 2 3 4 5
 *     endpoint 1 wants 2 0 3 1 ...            1 0 0 1 . .     and so on until all are taken
 *
 * Shares are equal to within a slot, better than a ring's. An endpoint that comes or goes moves
 * its own keys and few others (D. Eisenbud et al., Maglev, 2016, section 3.4).
 */
#include "core/mem.h"
#include "lb/hashed.h"

/* A prime, so that every step width visits every slot. A table takes 32 KiB and, with a thousand
 * endpoints, half a millisecond; four times as many slots would take two. */
#define MAGLEV_SLOTS 16381
/* Above this the shares would be uneven, and further still some would have none: a ring then. */
#define MAGLEV_ENDPOINTS_MAX 1638

#define SLOT_FREE UINT16_MAX

struct maglev {
    uint16_t slots[MAGLEV_SLOTS]; /* index in cluster->order */
};

/* Where one endpoint stands in the order in which it wants slots. */
struct wish {
    uint32_t slot;
    uint32_t step;
    uint64_t credit; /* grows in each round by the endpoint's part of what a round costs */
};

static uint32_t slot_after(uint32_t slot, uint32_t step)
{
    slot += step;
    return slot < MAGLEV_SLOTS ? slot : slot - MAGLEV_SLOTS;
}

static struct wish wish_of(uint64_t hash)
{
    return (struct wish){.slot = (uint32_t)(hash >> 32) % MAGLEV_SLOTS,
                         .step = (uint32_t)hash % (MAGLEV_SLOTS - 1) + 1};
}

static void take_slot(struct maglev *maglev, struct wish *wish, uint32_t endpoint)
{
    uint32_t slot = wish->slot;

    while (maglev->slots[slot] != SLOT_FREE)
        slot = slot_after(slot, wish->step);
    maglev->slots[slot] = (uint16_t)endpoint;
    wish->slot = slot_after(slot, wish->step);
}

/* In a round there is a slot for each endpoint on average, by weight; in the first one everybody
 * gets one, however light. */
static void fill_slots(struct maglev *maglev, const struct cluster *cluster, struct wish *wishes)
{
    uint64_t cost = cluster->weights_sum;
    uint32_t count = cluster->endpoints_count;

    for (uint32_t taken = 0, i = 0; taken < MAGLEV_SLOTS; i = i + 1 < count ? i + 1 : 0) {
        wishes[i].credit += (uint64_t)cluster->order[i]->weight * count;
        for (; wishes[i].credit >= cost && taken < MAGLEV_SLOTS; taken++) {
            wishes[i].credit -= cost;
            take_slot(maglev, &wishes[i], i);
        }
    }
}

static struct maglev *maglev_create(const struct cluster *cluster)
{
    struct maglev *maglev = mem_new(struct maglev);
    struct wish *wishes = mem_new_array(struct wish, cluster->endpoints_count);

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        uint64_t part = (uint64_t)cluster->order[i]->weight * cluster->endpoints_count;

        wishes[i] = wish_of(hashed_endpoint(cluster->order[i]));
        wishes[i].credit = part < cluster->weights_sum ? cluster->weights_sum - part : 0;
    }
    memset(maglev->slots, 0xff, sizeof(maglev->slots));
    fill_slots(maglev, cluster, wishes);
    mem_free(wishes);
    return maglev;
}

/* The key's own order of slots, until one is an endpoint's that may be used. */
static struct endpoint *pick_further(const struct cluster *cluster, const struct maglev *maglev,
                                     const struct choice *choice)
{
    struct wish wish = wish_of(choice->key);
    struct endpoint *endpoint;

    do {
        wish.slot = slot_after(wish.slot, wish.step);
        endpoint = cluster->order[maglev->slots[wish.slot]];
    } while (!choice_allows(choice, endpoint));
    return endpoint;
}

struct endpoint *maglev_pick(struct cluster *cluster, const struct choice *choice)
{
    const struct maglev *maglev = cluster->places;
    struct endpoint *endpoint;

    if (cluster->endpoints_count > MAGLEV_ENDPOINTS_MAX)
        return ring_hash_pick(cluster, choice);
    if (maglev == NULL)
        maglev = cluster->places = maglev_create(cluster);
    endpoint = cluster->order[maglev->slots[wish_of(choice->key).slot]];
    if (choice_allows(choice, endpoint))
        return endpoint;
    return hashed_has_allowed(cluster, choice) ? pick_further(cluster, maglev, choice) : NULL;
}
