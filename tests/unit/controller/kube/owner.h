/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - the owner of a source in a test: a real loop, a real directory, and a cache to which
 * batches are applied as the controller does.
 */
#ifndef TESTS_UNIT_CONTROLLER_KUBE_OWNER_H
#define TESTS_UNIT_CONTROLLER_KUBE_OWNER_H

#include "controller/kube/source.h"
#include "controller/object/cache.h"
#include "core/mem.h"
#include "tests/unit/controller/kube/tree.h"

#include <time.h>

#define WAIT_MS 8000 /* for what must happen, by an event: a rescan comes after 10 s */
#define CALM_MS 150  /* for what must not */

struct owner {
    struct tree tree;
    uv_loop_t loop;
    struct files *files;
    struct cache *cache;
    struct log *log;
    size_t batches;
    size_t files_seen; /* over all batches */
    size_t broken_seen;
    bool is_first_seen;
    bool is_closed;
    size_t last_batch_files;
    uint64_t batch_at_ms;
};

static inline uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void on_batch(void *context, struct source_batch *batch)
{
    struct owner *owner = context;

    assert_int_equal(batch->is_first, owner->batches == 0);
    owner->is_first_seen = true;
    owner->batches++;
    owner->files_seen += batch->files_count;
    owner->last_batch_files = batch->files_count;
    owner->batch_at_ms = clock_ms();
    for (size_t i = 0; i < batch->files_count; i++) {
        struct source_file *file = &batch->files[i];
        struct cache_change *changes = NULL;
        size_t count = 0;

        owner->broken_seen += file->decoded.is_broken;
        if (i > 0)
            assert_true(bytes_compare(batch->files[i - 1].path, file->path) < 0);
        if (file->decoded.is_broken && !file->is_gone)
            continue;
        cache_replace_file(owner->cache, file->path, file->decoded.objects,
                           file->decoded.objects_count, &changes, &count);
        cache_changes_free(changes, count);
    }
    source_batch_destroy(batch);
}

/* 0 when there is no such Service. */
static inline int port_of(const struct owner *owner, const char *name)
{
    const struct object *object =
        cache_get(owner->cache, OBJECT_SERVICE, BYTES("default"), bytes_of(name));
    const struct service *service = (const struct service *)(const void *)object;

    return object == NULL ? 0 : service->ports[0].number;
}

static inline void on_timeout(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static inline void on_timer_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

/* Turn the loop until the Service has that port (or is gone: 0), or for the time that is given. */
static inline bool turn_until(struct owner *owner, const char *name, int port, uint64_t ms)
{
    bool is_over = false;
    bool is_closed = false;
    bool is_good;
    uv_timer_t timer;

    uv_update_time(&owner->loop);
    uv_timer_init(&owner->loop, &timer);
    timer.data = &is_over;
    uv_timer_start(&timer, on_timeout, ms, 0);
    while (!is_over && !(name != NULL && owner->is_first_seen && port_of(owner, name) == port))
        uv_run(&owner->loop, UV_RUN_ONCE);
    is_good = name != NULL && owner->is_first_seen && port_of(owner, name) == port;
    timer.data = &is_closed;
    uv_close((uv_handle_t *)&timer, on_timer_closed);
    while (!is_closed)
        uv_run(&owner->loop, UV_RUN_ONCE);
    return is_good;
}

static inline void turn_for(struct owner *owner, uint64_t ms)
{
    turn_until(owner, NULL, 0, ms);
}

static inline void owner_init(struct owner *owner)
{
    *owner = (struct owner){0};
    tree_init(&owner->tree);
    uv_loop_init(&owner->loop);
    owner->cache = cache_create();
}

/* Opens and waits for the first batch and the calm after it. */
static inline void owner_open(struct owner *owner)
{
    const char *roots[] = {owner->tree.root};

    assert_int_equal(files_open(&owner->files, &owner->loop, roots, 1, owner->log, on_batch, owner),
                     STATUS_OK);
    while (!owner->is_first_seen)
        uv_run(&owner->loop, UV_RUN_ONCE);
    turn_for(owner, 60);
}

static inline void on_files_closed(void *context)
{
    ((struct owner *)context)->is_closed = true;
}

static inline void owner_fini(struct owner *owner)
{
    if (owner->files != NULL) {
        files_close(owner->files, on_files_closed, owner);
        while (!owner->is_closed)
            uv_run(&owner->loop, UV_RUN_ONCE);
    }
    assert_int_equal(uv_loop_close(&owner->loop), 0);
    cache_destroy(owner->cache);
    tree_fini(&owner->tree);
}

#endif
