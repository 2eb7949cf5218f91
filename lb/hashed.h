/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashed.h - what the strategies by hash share: places for endpoints that every worker and every
 * pod finds alike.
 *
 * So nothing here depends on a seed, on memory or on history, only on addresses and weights. A
 * table of places is made at the first pick after a change: clusters that are not asked need none,
 * and a publication that changes many makes none.
 */
#ifndef LB_HASHED_H
#define LB_HASHED_H

#include "lb/strategy.h"

#include <endian.h>

#define HASHED_ENDPOINT_SEED 0x656e64706f696e74u

/* Of its address and port. */
static inline uint64_t hashed_endpoint(const struct endpoint *endpoint)
{
    struct address address = endpoint->address;

    address.port = htobe16(address.port);
    return bytes_hash_from(bytes_from((const char *)&address, sizeof(address)),
                           HASHED_ENDPOINT_SEED);
}

/* Whether going on to the next place will end. */
static inline bool hashed_has_allowed(const struct cluster *cluster, const struct choice *choice)
{
    for (uint32_t i = 0; i < cluster->endpoints_count; i++)
        if (choice_allows(choice, cluster->order[i]))
            return true;
    return false;
}

#endif
