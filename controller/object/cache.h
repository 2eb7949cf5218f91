/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - all objects now known, by kind, namespace and name. Used by one thread at a time.
 *
 * Several manifests may define the same object; the first by file path, then line, counts and the
 * others wait behind it (an API server never does this). So the content is a function of the
 * manifests, not of their order of arrival.
 */
#ifndef CONTROLLER_OBJECT_CACHE_H
#define CONTROLLER_OBJECT_CACHE_H

#include "controller/object/object.h"

struct cache;

struct cache *cache_create(void);
void cache_destroy(struct cache *cache);

/* What became of the one object that counts. */
struct cache_change {
    enum object_kind kind;
    struct object *before; /* ref, or NULL */
    struct object *after;  /* ref, or NULL */
};

/*
 * Replace all objects that came from `file` by these; the cache adds references of its own. Appends
 * the changes of objects that count to *changes (mem_resize()d array, owned by the caller, as are
 * the refs in it). Objects that are the same as before give no change.
 */
void cache_replace_file(struct cache *cache, struct bytes file, struct object **objects,
                        size_t count, struct cache_change **changes, size_t *changes_count);
/* One object from an API server, whose `file` is empty; it counts before any from a file. */
void cache_put(struct cache *cache, struct object *object, struct cache_change **changes,
               size_t *changes_count);
void cache_remove(struct cache *cache, enum object_kind kind, struct bytes ns, struct bytes name,
                  struct cache_change **changes, size_t *changes_count);
void cache_changes_free(struct cache_change *changes, size_t count);

/* Borrowed; NULL if there is none. */
const struct object *cache_get(const struct cache *cache, enum object_kind kind, struct bytes ns,
                               struct bytes name);
/* Visit all of a kind in no particular order: size_t at = 0; while ((o = cache_next(...))) */
const struct object *cache_next(const struct cache *cache, enum object_kind kind, size_t *at);
size_t cache_count(const struct cache *cache, enum object_kind kind);

/* The EndpointSlices of one Service, or its Endpoints where it has none: borrowed array, *count
 * entries, sorted by name. */
const struct endpoints *const *cache_service_slices(const struct cache *cache, struct bytes ns,
                                                    struct bytes service, size_t *count);
/* The same, of both kinds whatever counts. */
const struct endpoints *const *cache_service_endpoints(const struct cache *cache, struct bytes ns,
                                                       struct bytes service, size_t *count);

/* Objects that lost their place to another manifest: for findings. Visit as cache_next(). */
const struct object *cache_next_shadowed(const struct cache *cache, size_t *at,
                                         const struct object **winner);

#endif
