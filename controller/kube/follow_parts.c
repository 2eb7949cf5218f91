/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_parts.c - names, listings, jobs.
 */
#include "controller/kube/follow_parts.h"

#include "core/check.h"
#include "core/mem.h"

#include <string.h>

/* ---- names ---- */

struct known_key {
    struct bytes key; /* behind the struct */
};

void known_keys_init(struct known_keys *keys)
{
    map_init(&keys->map);
}

void known_keys_fini(struct known_keys *keys)
{
    void *key;
    size_t at = 0;

    while ((key = map_next(&keys->map, &at)) != NULL)
        mem_free(key);
    map_fini(&keys->map);
}

static struct known_key *key_create(struct bytes ns, struct bytes name)
{
    struct known_key *key = mem_alloc(sizeof(*key) + ns.len + 1 + name.len);
    char *text = (char *)(key + 1);

    if (ns.len > 0)
        memcpy(text, ns.at, ns.len);
    text[ns.len] = '/';
    if (name.len > 0)
        memcpy(text + ns.len + 1, name.at, name.len);
    key->key = bytes_from(text, ns.len + 1 + name.len);
    return key;
}

bool known_keys_set(struct known_keys *keys, struct bytes ns, struct bytes name, bool is_there)
{
    struct known_key *key = key_create(ns, name), *before;
    bool was_there;

    if (is_there) {
        before = map_put(&keys->map, key->key, key);
        was_there = before != NULL;
        mem_free(before);
        return was_there;
    }
    before = map_remove(&keys->map, key->key);
    was_there = before != NULL;
    mem_free(before);
    mem_free(key);
    return was_there;
}

bool known_keys_has(const struct known_keys *keys, struct bytes ns, struct bytes name)
{
    return map_get_pair(&keys->map, ns, name) != NULL;
}

bool known_keys_next(const struct known_keys *keys, size_t *at, struct bytes *ns,
                     struct bytes *name)
{
    const struct known_key *key = map_next(&keys->map, at);
    size_t slash;

    if (key == NULL)
        return false;
    slash = bytes_find(key->key, '/');
    *ns = bytes_slice(key->key, 0, slash);
    *name = bytes_skip(key->key, slash + 1);
    return true;
}

void known_keys_of(struct known_keys *keys, const struct listing *listing)
{
    known_keys_init(keys);
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed *listed = &listing->list[i];

        if (listed->item.name.len > 0)
            (void)known_keys_set(keys, listed->item.ns, listed->item.name, !listed->is_gone);
    }
}

/* ---- listings ---- */

void listing_init(struct listing *listing)
{
    *listing = (struct listing){0};
    arena_init(&listing->arena, 16384);
}

void listing_clear(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->list[i].item.object != NULL)
            object_unref(listing->list[i].item.object);
    }
    mem_free(listing->list);
    listing->list = NULL;
    listing->count = listing->capacity = 0;
    arena_fini(&listing->arena);
    arena_init(&listing->arena, 16384);
}

void listing_fini(struct listing *listing)
{
    listing_clear(listing);
    arena_fini(&listing->arena);
}

void listing_add(struct listing *listing, struct served_item *item, bool is_gone)
{
    struct listed *listed;

    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity * 2 + 64;
        listing->list = mem_resize(listing->list, listing->capacity * sizeof(*listing->list));
    }
    listed = &listing->list[listing->count++];
    *listed = (struct listed){*item, is_gone};
    if (item->object != NULL)
        (void)object_ref(item->object);
    listed->item.ns = arena_copy(&listing->arena, item->ns);
    listed->item.name = arena_copy(&listing->arena, item->name);
    listed->item.uid = arena_copy(&listing->arena, item->uid);
    listed->item.resource_version = arena_copy(&listing->arena, item->resource_version);
    listed->item.fault = arena_copy(&listing->arena, item->fault);
    listed->item.current_status = arena_copy(&listing->arena, item->current_status);
    listed->item.status_description = arena_copy(&listing->arena, item->status_description);
}

/* ---- jobs ---- */

void text_wipe(struct text *text)
{
    if (text->capacity > 0)
        explicit_bzero(text->at, text->capacity);
    text_fini(text);
    text_init(text);
}

struct decode_job *decode_job_create(struct follow *follow, bool is_page, struct text *bytes,
                                     size_t len)
{
    struct decode_job *job = mem_new(struct decode_job);
    struct text rest;

    CHECK(len <= bytes->len);
    job->owner = follow;
    job->what = follow->config.what;
    job->is_page = is_page;
    arena_init(&job->arena, 4096);
    text_init(&rest);
    text_add(&rest, bytes_skip(text_bytes(bytes), len));
    job->bytes = *bytes;
    job->bytes.len = len;
    *bytes = rest;
    return job;
}

static void add_event(struct decode_job *job, const struct served_event *event)
{
    if ((job->events_count & (job->events_count - 1)) == 0)
        job->events = mem_resize(job->events, (job->events_count * 2 + 1) * sizeof(job->events[0]));
    job->events[job->events_count++] = *event;
}

static void read_lines(struct decode_job *job)
{
    struct bytes rest = text_bytes(&job->bytes), line;
    struct served_event event;

    while (bytes_next_item(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        if (served_read_event(line, job->what->kind, bytes_of(job->what->api_version), &job->arena,
                              &event) != STATUS_OK) {
            job->is_invalid = true;
            return;
        }
        add_event(job, &event);
    }
}

static void on_work(uv_work_t *work)
{
    struct decode_job *job = work->data;

    if (!job->is_page)
        read_lines(job);
    else if (served_read_page(text_bytes(&job->bytes), job->what->kind,
                              bytes_of(job->what->api_version), &job->arena,
                              &job->page) != STATUS_OK)
        job->is_invalid = true;
    text_wipe(&job->bytes);
}

static void on_work_done(uv_work_t *work, int status)
{
    struct decode_job *job = work->data;

    CHECK(status == 0); /* nobody cancels it */
    job->on_done(job);
}

void decode_job_start(struct decode_job *job, uv_loop_t *loop, decode_job_done_fn *on_done)
{
    job->on_done = on_done;
    job->work.data = job;
    CHECK(uv_queue_work(loop, &job->work, on_work, on_work_done) == 0);
}

void decode_job_destroy(struct decode_job *job)
{
    for (size_t i = 0; i < job->events_count; i++) {
        if (job->events[i].item.object != NULL)
            object_unref(job->events[i].item.object);
    }
    mem_free(job->events);
    served_page_fini(&job->page);
    text_wipe(&job->bytes);
    text_fini(&job->bytes);
    arena_fini(&job->arena);
    mem_free(job);
}
