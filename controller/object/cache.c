/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c - what each manifest holds, and what changes for the objects that count when it changes.
 */
#include "controller/object/cache.h"

#include "controller/object/slices.h"
#include "controller/object/standing.h"
#include "core/map.h"
#include "core/mem.h"

#include <stdlib.h>

#define KEY_BYTES_MAX 512 /* a namespace, a slash and a name take 317 */

struct cache_file {
    struct bytes path; /* into the same block */
    size_t count;
    struct object *objects[]; /* borrowed from standing */
};

struct cache {
    struct standing standing;
    struct slices slices;
    struct map files; /* path -> struct cache_file, owned */
};

/* One name that a call may change. */
struct touched {
    struct object *object; /* ref; any object of that name */
    struct object *before; /* ref; who counted, or NULL */
};

struct change_list {
    struct cache_change **changes;
    size_t *count;
};

struct cache *cache_create(void)
{
    struct cache *cache = mem_new(struct cache);

    standing_init(&cache->standing);
    slices_init(&cache->slices);
    map_init(&cache->files);
    return cache;
}

void cache_destroy(struct cache *cache)
{
    struct cache_file *file;
    size_t at = 0;

    if (cache == NULL)
        return;
    while ((file = map_next(&cache->files, &at)) != NULL)
        mem_free(file);
    map_fini(&cache->files);
    slices_fini(&cache->slices);
    standing_fini(&cache->standing);
    mem_free(cache);
}

static int compare_touched(const void *a, const void *b)
{
    const struct touched *left = a;
    const struct touched *right = b;

    return object_compare(left->object, right->object);
}

static struct object *winner_of(const struct cache *cache, const struct object *object)
{
    return standing_get(&cache->standing, object->kind, standing_key(object));
}

/* All names of both, once each, with who counts now. */
static struct touched *touch(const struct cache *cache, struct object *const *old, size_t old_count,
                             struct object *const *new, size_t new_count, size_t *count)
{
    struct touched *touched = mem_new_array(struct touched, old_count + new_count);
    size_t kept = 0;

    for (size_t i = 0; i < old_count; i++)
        touched[i].object = old[i];
    for (size_t i = 0; i < new_count; i++)
        touched[old_count + i].object = new[i];
    if (old_count + new_count > 1)
        qsort(touched, old_count + new_count, sizeof(touched[0]), compare_touched);
    for (size_t i = 0; i < old_count + new_count; i++)
        if (kept == 0 || object_compare(touched[kept - 1].object, touched[i].object) != 0)
            touched[kept++] = touched[i];
    for (size_t i = 0; i < kept; i++) {
        struct object *before = winner_of(cache, touched[i].object);

        object_ref(touched[i].object);
        touched[i].before = before == NULL ? NULL : object_ref(before);
    }
    *count = kept;
    return touched;
}

static void add_change(const struct change_list *list, struct object *before, struct object *after)
{
    size_t count = *list->count;

    /* Grown at powers of two; whatever was there before is kept. */
    if ((count & (count - 1)) == 0)
        *list->changes = mem_resize(*list->changes, (count * 2 + 1) * sizeof(struct cache_change));
    (*list->changes)[count] = (struct cache_change){
        .kind = before != NULL ? before->kind : after->kind,
        .before = before == NULL ? NULL : object_ref(before),
        .after = after == NULL ? NULL : object_ref(after),
    };
    *list->count = count + 1;
}

/* The new holder of a name takes the place of the old one, also when they are the same but for
 * where they stand: the old one's memory goes. */
static void settle(struct cache *cache, struct touched *touched, size_t count,
                   const struct change_list *list)
{
    for (size_t i = 0; i < count; i++) {
        struct object *before = touched[i].before;
        struct object *after = winner_of(cache, touched[i].object);

        if (before != after) {
            if (before != NULL)
                slices_remove(&cache->slices, before);
            if (after != NULL)
                slices_add(&cache->slices, after);
            if (before == NULL || after == NULL || !object_is_same(before, after))
                add_change(list, before, after);
        }
        if (before != NULL)
            object_unref(before);
        object_unref(touched[i].object);
    }
    mem_free(touched);
}

/* Old ones leave from behind: see standing.c. */
static void replace(struct cache *cache, struct object *const *old, size_t old_count,
                    struct object *const *new, size_t new_count, const struct change_list *list)
{
    size_t count;
    struct touched *touched = touch(cache, old, old_count, new, new_count, &count);

    for (size_t i = old_count; i > 0; i--)
        standing_remove(&cache->standing, old[i - 1]);
    for (size_t i = 0; i < new_count; i++)
        standing_add(&cache->standing, new[i]);
    settle(cache, touched, count, list);
}

static struct cache_file *file_create(struct bytes path, struct object *const *objects,
                                      size_t count)
{
    size_t objects_bytes = count * sizeof(objects[0]);
    struct cache_file *file = mem_alloc(sizeof(struct cache_file) + objects_bytes + path.len);
    char *copy = (char *)file + sizeof(struct cache_file) + objects_bytes;

    memcpy(file->objects, objects, objects_bytes);
    if (path.len > 0)
        memcpy(copy, path.at, path.len);
    file->path = bytes_from(copy, path.len);
    file->count = count;
    return file;
}

void cache_replace_file(struct cache *cache, struct bytes path, struct object **objects,
                        size_t count, struct cache_change **changes, size_t *changes_count)
{
    struct change_list list = {changes, changes_count};
    struct cache_file *before = map_remove(&cache->files, path);

    replace(cache, before == NULL ? NULL : before->objects, before == NULL ? 0 : before->count,
            objects, count, &list);
    mem_free(before);
    if (count > 0) {
        struct cache_file *file = file_create(path, objects, count);

        map_put(&cache->files, file->path, file);
    }
}

/* The one from an API server that has this name. */
static struct object *find_served(const struct cache *cache, enum object_kind kind,
                                  struct bytes key)
{
    struct object *object = standing_get(&cache->standing, kind, key);

    return object != NULL && object->file.len == 0 ? object : NULL;
}

void cache_put(struct cache *cache, struct object *object, struct cache_change **changes,
               size_t *changes_count)
{
    struct change_list list = {changes, changes_count};
    struct object *before = find_served(cache, object->kind, standing_key(object));

    replace(cache, &before, before == NULL ? 0 : 1, &object, 1, &list);
}

/* Names are limited where objects are decoded, so a longer one is no object's name. */
static struct bytes key_of(struct bytes ns, struct bytes name, char *buffer)
{
    size_t length = ns.len + 1 + name.len;

    if (length > KEY_BYTES_MAX || name.len == 0)
        return BYTES_NONE;
    if (ns.len > 0)
        memcpy(buffer, ns.at, ns.len);
    buffer[ns.len] = '/';
    memcpy(buffer + ns.len + 1, name.at, name.len);
    return bytes_from(buffer, length);
}

void cache_remove(struct cache *cache, enum object_kind kind, struct bytes ns, struct bytes name,
                  struct cache_change **changes, size_t *changes_count)
{
    struct change_list list = {changes, changes_count};
    char buffer[KEY_BYTES_MAX];
    struct object *before = find_served(cache, kind, key_of(ns, name, buffer));

    if (before != NULL)
        replace(cache, &before, 1, NULL, 0, &list);
}

void cache_changes_free(struct cache_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].before != NULL)
            object_unref(changes[i].before);
        if (changes[i].after != NULL)
            object_unref(changes[i].after);
    }
    mem_free(changes);
}

const struct object *cache_get(const struct cache *cache, enum object_kind kind, struct bytes ns,
                               struct bytes name)
{
    char buffer[KEY_BYTES_MAX];

    return standing_get(&cache->standing, kind, key_of(ns, name, buffer));
}

const struct object *cache_next(const struct cache *cache, enum object_kind kind, size_t *at)
{
    return map_next(&cache->standing.winners[kind], at);
}

size_t cache_count(const struct cache *cache, enum object_kind kind)
{
    return cache->standing.winners[kind].count;
}

const struct endpoints *const *cache_service_slices(const struct cache *cache, struct bytes ns,
                                                    struct bytes service, size_t *count)
{
    return slices_get(&cache->slices, ns, service, count);
}

const struct endpoints *const *cache_service_endpoints(const struct cache *cache, struct bytes ns,
                                                       struct bytes service, size_t *count)
{
    return slices_get_all(&cache->slices, ns, service, count);
}

const struct object *cache_next_shadowed(const struct cache *cache, size_t *at,
                                         const struct object **winner)
{
    const struct object *object;

    if (*at >= cache->standing.waiters_count)
        return NULL;
    object = cache->standing.waiters[(*at)++]->object;
    *winner = winner_of(cache, object);
    return object;
}
