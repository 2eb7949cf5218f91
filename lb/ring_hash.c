/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_hash.c - endpoints on a ring, and a key goes to the first one behind its place.
 *
 *     ... 3 -- 1 - 2 --- 1 --- 3 - 2 ...      one point of an endpoint each, by hash
 *                      ^ key: to 1, and if that may not be used to 3, then to 2
 *
 * An endpoint that goes leaves its keys to those behind its points and moves no other; so does one
 * that is left out for a while, and they stay where they went if it is then taken out of the spec
 * (D. Karger et al., Consistent Hashing and Random Trees, 1997).
 */
#include "core/mem.h"
#include "lb/hashed.h"

/* Of an endpoint as heavy as the heaviest. More spread the keys more evenly: with 256 the shares
 * differ by about a sixteenth. */
#define RING_POINTS_PER_ENDPOINT 256
/* Of a whole ring, half a megabyte. From 257 endpoints on each has fewer points; always one. */
#define RING_POINTS_MAX 65536

struct point {
    uint32_t place;
    uint32_t endpoint; /* index in cluster->order */
};

struct ring {
    uint32_t count;
    struct point points[]; /* sorted by place; at equal places by address */
};

#define RADIX       256
#define RADIX_BITS  8
#define RADIX_TURNS 4

/* Once for each digit, the lowest first; the order of before is kept among equals. Sorting by
 * comparison would take eight times as long. */
static void sort_points(struct point *points, struct point *room, uint32_t count)
{
    for (int turn = 0; turn < RADIX_TURNS; turn++) {
        unsigned shift = (unsigned)turn * RADIX_BITS;
        uint32_t starts[RADIX + 1] = {0};
        struct point *sorted = room;

        for (uint32_t i = 0; i < count; i++)
            starts[(points[i].place >> shift) % RADIX + 1]++;
        for (uint32_t digit = 0; digit < RADIX; digit++)
            starts[digit + 1] += starts[digit];
        for (uint32_t i = 0; i < count; i++)
            sorted[starts[(points[i].place >> shift) % RADIX]++] = points[i];
        room = points;
        points = sorted;
    }
}

/* An endpoint's points are always the first ones of the same row. */
static uint32_t add_points(struct point *points, const struct endpoint *endpoint, uint32_t index,
                           uint32_t count)
{
    uint64_t state = hashed_endpoint(endpoint);

    for (uint32_t i = 0; i < count; i++)
        points[i] = (struct point){(uint32_t)(random_next(&state) >> 32), index};
    return count;
}

static uint32_t points_per_endpoint(uint32_t endpoints_count)
{
    uint32_t room = RING_POINTS_MAX / endpoints_count;

    return room > RING_POINTS_PER_ENDPOINT ? RING_POINTS_PER_ENDPOINT : room > 0 ? room : 1;
}

/* Shares are counted against the heaviest endpoint: one that comes or goes then changes nothing
 * for the others, unless it was that one. */
static uint32_t heaviest_weight(const struct cluster *cluster)
{
    uint32_t heaviest = 0;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++)
        if (cluster->order[i]->weight > heaviest)
            heaviest = cluster->order[i]->weight;
    return heaviest;
}

static struct ring *ring_create(const struct cluster *cluster)
{
    uint64_t most = points_per_endpoint(cluster->endpoints_count);
    size_t bound = most * cluster->endpoints_count;
    struct ring *ring = mem_alloc(sizeof(*ring) + bound * sizeof(struct point));
    struct point *room = mem_new_array(struct point, bound);
    uint32_t heaviest = heaviest_weight(cluster);

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        const struct endpoint *endpoint = cluster->order[i];
        uint32_t count = (uint32_t)(most * endpoint->weight / heaviest);

        ring->count += add_points(ring->points + ring->count, endpoint, i, count > 0 ? count : 1);
    }
    sort_points(ring->points, room, ring->count);
    mem_free(room);
    return ring;
}

/* The first point that is not before the key's place; behind the last one is the first. */
static uint32_t point_of(const struct ring *ring, uint64_t key)
{
    uint32_t place = (uint32_t)(key >> 32);
    uint32_t low = 0;
    uint32_t high = ring->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ring->points[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ring->count ? low : 0;
}

struct endpoint *ring_hash_pick(struct cluster *cluster, const struct choice *choice)
{
    const struct ring *ring = cluster->places;
    struct endpoint *endpoint;
    uint32_t at;

    if (ring == NULL)
        ring = cluster->places = ring_create(cluster);
    at = point_of(ring, choice->key);
    endpoint = cluster->order[ring->points[at].endpoint];
    if (choice_allows(choice, endpoint))
        return endpoint;
    if (!hashed_has_allowed(cluster, choice))
        return NULL;
    do {
        at = at + 1 < ring->count ? at + 1 : 0;
        endpoint = cluster->order[ring->points[at].endpoint];
    } while (!choice_allows(choice, endpoint));
    return endpoint;
}
