/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - a hash map from bytes to a pointer; open addressing, one block of memory.
 *
 * Keys are borrowed: they must live as long as their entry, usually inside the value. Not for the
 * request path's tables, which are frozen (route/), and never keyed by what a client sends.
 */
#ifndef CORE_MAP_H
#define CORE_MAP_H

#include "core/bytes.h"

struct map_entry {
    struct bytes key; /* borrowed from the value's owner */
    void *value;      /* NULL: never used or removed */
    uint32_t hash;
    bool removed;
};

struct map {
    struct map_entry *entries; /* owned */
    size_t capacity;           /* a power of two, or 0 */
    size_t count;
    size_t used; /* entries in use or removed */
};

void map_init(struct map *map); /* allocates nothing yet */
void map_fini(struct map *map); /* frees the map, not the values */
/* NULL when there is none. */
void *map_get(const struct map *map, struct bytes key);
/* By the key "first/second", as objects are named by namespace and name. */
void *map_get_pair(const struct map *map, struct bytes first, struct bytes second);
/* Stores a non-NULL value and returns the value it replaced, or NULL. On replacing, the entry's
 * key becomes the new key, so the old value may go. */
void *map_put(struct map *map, struct bytes key, void *value);
/* Returns the removed value, or NULL. */
void *map_remove(struct map *map, struct bytes key);
/*
 * Visit all entries in no particular order: size_t at = 0; while ((value = map_next(map, &at)))
 * The visited entry may be removed meanwhile; nothing may be added.
 */
void *map_next(const struct map *map, size_t *at);

#endif
