/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tried.c - a map by "Kind ns/name".
 */
#include "controller/tried.h"

static void destroy(struct tried *tried)
{
    text_fini(&tried->version);
    text_fini(&tried->body);
    mem_free(tried);
}

void tried_init(struct tried_set *set)
{
    map_init(&set->by_key);
}

void tried_fini(struct tried_set *set)
{
    struct tried *tried;
    size_t at = 0;

    while ((tried = map_next(&set->by_key, &at)) != NULL)
        destroy(tried);
    map_fini(&set->by_key);
}

void tried_forget_all(struct tried_set *set)
{
    tried_fini(set);
    tried_init(set);
}

struct tried *tried_find(struct tried_set *set, const struct title *object)
{
    struct tried *tried;
    struct text key;

    if (set->by_key.count == 0)
        return NULL;
    text_init(&key);
    title_add(object, &key);
    tried = map_get(&set->by_key, text_bytes(&key));
    text_fini(&key);
    return tried;
}

struct tried *tried_add(struct tried_set *set, const struct title *object)
{
    struct text key;
    struct tried *tried;
    char *at;

    text_init(&key);
    title_add(object, &key);
    tried = mem_alloc(sizeof(*tried) + key.len);
    at = (char *)(tried + 1);
    memcpy(at, key.at, key.len);
    tried->key = bytes_from(at, key.len);
    tried->write.kind = object->kind;
    tried->write.name = bytes_skip(tried->key, key.len - object->name.len);
    tried->write.ns =
        bytes_slice(tried->key, key.len - object->name.len - 1 - object->ns.len, object->ns.len);
    text_fini(&key);
    (void)map_put(&set->by_key, tried->key, tried);
    return tried;
}

void tried_wait(struct tried *tried, uint32_t times, uint64_t first_ms, uint64_t max_ms,
                uint64_t now_ms)
{
    uint64_t wait_ms = first_ms;

    for (uint32_t i = 1; i < times && wait_ms < max_ms; i++)
        wait_ms *= 2;
    tried->retry_at_ms = now_ms + (wait_ms < max_ms ? wait_ms : max_ms);
}

void tried_note_written(struct tried *tried, uint64_t now_ms)
{
    tried->failures = 0;
    tried->waits_for_watch = true;
    tried->is_written = true;
    tried->written_at_ms = now_ms;
}

bool tried_note_change(struct tried *tried, uint64_t wanted, struct bytes version, uint64_t now_ms)
{
    if (!tried->is_written || bytes_equal(text_bytes(&tried->version), version))
        return false; /* the watch has not brought ours yet */
    tried->is_written = false;
    if (tried->wanted != wanted)
        return false; /* it is we who want something else */
    if (now_ms >= tried->written_at_ms + STATUS_CONTEST_MS) {
        tried->contests = 0;
        return false;
    }
    tried->contests++;
    tried_wait(tried, tried->contests, STATUS_RETRY_MS, STATUS_RETRY_MS_MAX, now_ms);
    return true;
}

void tried_forget(struct tried_set *set, struct tried *tried)
{
    (void)map_remove(&set->by_key, tried->key);
    destroy(tried);
}

void tried_forget_old(struct tried_set *set, uint32_t round)
{
    struct tried *tried;
    size_t at = 0;

    while ((tried = map_next(&set->by_key, &at)) != NULL) {
        if (!tried->is_under_way && tried->round != round)
            tried_forget(set, tried);
    }
}
