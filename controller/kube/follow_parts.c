/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_parts.c - names, listings, jobs.
 */
#include "controller/kube/follow_parts.h"

#include "controller/object/record.h"
#include "core/check.h"
#include "core/env.h"
#include "core/mem.h"

#include <string.h>

#define TRIM_EVENTS_MIN 4096 /* a list of so many leaves much behind that can be given back */

/* ---- names ---- */

struct known_key {
    struct bytes key;      /* behind the struct */
    struct object *object; /* ref, or NULL */
};

void known_keys_init(struct known_keys *keys)
{
    map_init(&keys->map);
}

/* Returns whether there was one. */
static bool key_destroy(struct known_key *key)
{
    if (key != NULL && key->object != NULL)
        object_unref(key->object);
    mem_free(key);
    return key != NULL;
}

void known_keys_fini(struct known_keys *keys)
{
    struct known_key *key;
    size_t at = 0;

    while ((key = map_next(&keys->map, &at)) != NULL)
        (void)key_destroy(key);
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

bool known_keys_put(struct known_keys *keys, struct bytes ns, struct bytes name,
                    struct object *object)
{
    struct known_key *key = key_create(ns, name);

    key->object = object == NULL ? NULL : object_ref(object);
    return key_destroy(map_put(&keys->map, key->key, key));
}

bool known_keys_remove(struct known_keys *keys, struct bytes ns, struct bytes name)
{
    struct known_key *key = map_get_pair(&keys->map, ns, name);

    if (key != NULL)
        (void)map_remove(&keys->map, key->key);
    return key_destroy(key);
}

bool known_keys_get(const struct known_keys *keys, struct bytes ns, struct bytes name,
                    struct object **object)
{
    const struct known_key *key = map_get_pair(&keys->map, ns, name);

    if (key == NULL)
        return false;
    *object = key->object;
    return true;
}

bool known_keys_has(const struct known_keys *keys, struct bytes ns, struct bytes name)
{
    struct object *object;

    return known_keys_get(keys, ns, name, &object);
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

/* ---- listings ---- */

void listing_add(struct listing *listing, const struct served_event *event)
{
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity * 2 + 64;
        listing->events = mem_resize(listing->events, listing->capacity * sizeof(void *));
    }
    listing->events[listing->count++] = event;
}

void listing_keep(struct listing *listing, struct decode_job *job)
{
    job->next = listing->jobs;
    listing->jobs = job;
}

/* ---- jobs ---- */

void text_wipe(struct text *text)
{
    if (text->capacity > 0)
        explicit_bzero(text->at, text->capacity);
    text_fini(text);
    text_init(text);
}

struct decode_job *decode_job_create(struct follow *follow, struct text *bytes, size_t len)
{
    struct decode_job *job = mem_new(struct decode_job);
    struct text rest;

    CHECK(len <= bytes->len);
    job->owner = follow;
    job->what = follow->config.what;
    job->is_list = follow->reflector.asked == ASK_LIST;
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

/* An item of a list is one that was added. */
static enum status read_line(struct decode_job *job, const struct served_record *record,
                             struct bytes line, struct served_event *event)
{
    const struct followed *what = job->what;

    if (!job->is_list)
        return served_read_event(line, what->kind, bytes_of(what->api_version), &job->arena, record,
                                 event);
    *event = (struct served_event){.type = SERVED_CHANGED};
    return served_read_item(line, what->kind, bytes_of(what->api_version), &job->arena, record,
                            &event->item);
}

struct decode_job *decode_job_create_seed(const struct followed *what)
{
    struct decode_job *job = mem_new(struct decode_job);

    job->what = what;
    job->is_seed = true;
    arena_init(&job->arena, 4096);
    return job;
}

/* Nothing that comes after a failure counts. */
static void add_line(struct decode_job *job, const struct served_record *record, bool *has_failed,
                     struct bytes line)
{
    struct served_event event;

    if (read_line(job, *has_failed ? NULL : record, line, &event) != STATUS_OK) {
        job->is_invalid = true;
        return;
    }
    add_event(job, &event);
    *has_failed = *has_failed || event.type == SERVED_FAILED;
    if (record == NULL || *has_failed || !event.ends_listing)
        return;
    record_mark(&job->record, job->list, RECORD_LISTED);
    job->records_end = true;
}

bool decode_job_add_line(struct decode_job *job, struct bytes line)
{
    bool has_failed = false;

    add_line(job, NULL, &has_failed, line);
    return !job->is_invalid;
}

static void read_lines(struct decode_job *job, const struct served_record *record)
{
    struct bytes rest = text_bytes(&job->bytes), line;
    bool has_failed = false;

    while (!job->is_invalid && bytes_next_item(&rest, '\n', &line)) {
        if (line.len > 0)
            add_line(job, record, &has_failed, line);
    }
}

static void on_work(uv_work_t *work)
{
    struct decode_job *job = work->data;
    const struct served_record record = {job->list, &job->record};
    const struct served_record *recorded = job->list.len > 0 ? &record : NULL;

    env_step_back();
    read_lines(job, recorded);
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
    text_wipe(&job->bytes);
    text_wipe(&job->record);
    arena_fini(&job->arena);
    mem_free(job);
}

/* ---- what goes ---- */

struct dropped {
    uv_work_t work;
    struct leavings leavings;
};

static void on_drop(uv_work_t *work)
{
    struct leavings *leavings = &((struct dropped *)work->data)->leavings;
    size_t events = 0;

    env_step_back();
    while (leavings->jobs != NULL) {
        struct decode_job *job = leavings->jobs;

        leavings->jobs = job->next;
        events += job->events_count;
        decode_job_destroy(job);
    }
    mem_free(leavings->events);
    known_keys_fini(&leavings->keys);
    if (events >= TRIM_EVENTS_MIN)
        mem_trim();
}

static void on_dropped(uv_work_t *work, int status)
{
    CHECK(status == 0); /* nobody cancels it */
    mem_free(work->data);
}

void leavings_drop(const struct leavings *leavings, uv_loop_t *loop)
{
    struct dropped *dropped = mem_new(struct dropped);

    dropped->leavings = *leavings;
    dropped->work.data = dropped;
    CHECK(uv_queue_work(loop, &dropped->work, on_drop, on_dropped) == 0);
}
