/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - open addressing with linear probing; grown or cleaned when three quarters are used.
 */
#include "core/map.h"

#include "core/check.h"
#include "core/mem.h"

#define MAP_CAPACITY_MIN 16

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_fini(struct map *map)
{
    mem_free(map->entries);
    *map = (struct map){0};
}

/* The entry of the key, or the free one where it would go; NULL only when there is no room. */
static struct map_entry *map_find(const struct map *map, struct bytes key, uint32_t hash)
{
    struct map_entry *free_entry = NULL;

    for (size_t step = 0; step < map->capacity; step++) {
        struct map_entry *entry = &map->entries[(hash + step) & (map->capacity - 1)];

        if (entry->value == NULL) {
            if (free_entry == NULL)
                free_entry = entry;
            if (!entry->removed)
                return free_entry;
        } else if (entry->hash == hash && bytes_equal(entry->key, key)) {
            return entry;
        }
    }
    return free_entry;
}

void *map_get(const struct map *map, struct bytes key)
{
    struct map_entry *entry;

    if (map->count == 0)
        return NULL;
    entry = map_find(map, key, (uint32_t)bytes_hash(key));
    return entry == NULL ? NULL : entry->value;
}

/* Names of objects are short: a longer pair is looked up all the same, at the cost of memory. */
#define PAIR_BYTES_USUAL 512

void *map_get_pair(const struct map *map, struct bytes first, struct bytes second)
{
    size_t len = first.len + 1 + second.len;
    char usual[PAIR_BYTES_USUAL], *key = usual, *at;
    void *value;

    if (len > sizeof(usual))
        key = mem_alloc(len);
    at = key;
    (void)bytes_pack(&at, first);
    *at++ = '/';
    (void)bytes_pack(&at, second);
    value = map_get(map, bytes_from(key, len));
    if (key != usual)
        mem_free(key);
    return value;
}

static void map_rebuild(struct map *map, size_t capacity)
{
    struct map_entry *old = map->entries;
    size_t old_capacity = map->capacity;

    map->entries = mem_new_array(struct map_entry, capacity);
    map->capacity = capacity;
    map->used = map->count;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].value != NULL)
            *map_find(map, old[i].key, old[i].hash) = old[i];
    mem_free(old);
}

void *map_put(struct map *map, struct bytes key, void *value)
{
    uint32_t hash = (uint32_t)bytes_hash(key);
    struct map_entry *entry;
    void *before;

    CHECK(value != NULL);
    if ((map->used + 1) * 4 > map->capacity * 3)
        map_rebuild(map, map->count * 2 < MAP_CAPACITY_MIN / 2 ? MAP_CAPACITY_MIN
                         : map->count * 4 > map->capacity      ? map->capacity * 2
                                                               : map->capacity);
    entry = map_find(map, key, hash);
    CHECK(entry != NULL);
    before = entry->value;
    if (before == NULL) {
        map->count++;
        if (!entry->removed)
            map->used++;
    }
    *entry = (struct map_entry){.key = key, .value = value, .hash = hash};
    return before;
}

void *map_remove(struct map *map, struct bytes key)
{
    struct map_entry *entry;
    void *before;

    if (map->count == 0)
        return NULL;
    entry = map_find(map, key, (uint32_t)bytes_hash(key));
    if (entry == NULL || entry->value == NULL)
        return NULL;
    before = entry->value;
    *entry = (struct map_entry){.removed = true};
    map->count--;
    return before;
}

void *map_next(const struct map *map, size_t *at)
{
    while (*at < map->capacity) {
        void *value = map->entries[(*at)++].value;

        if (value != NULL)
            return value;
    }
    return NULL;
}
