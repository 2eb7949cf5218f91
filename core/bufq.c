/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bufq.c - chunks in a chain; empty chunks go back to the pool at once.
 *
 * Most bodies are small and alone in their queue: with large chunks only, a thousand of them would
 * spread over 16 MiB.
 */
#include "core/bufq.h"

#include "core/check.h"
#include "core/mem.h"

struct chunk {
    struct chunk *next;
    size_t from; /* first byte still to be read */
    size_t to;   /* end of what was written */
    enum chunk_size size;
    char content[];
};

static size_t capacity_of(enum chunk_size size)
{
    return size == CHUNK_SMALL ? CHUNK_BYTES_SMALL : CHUNK_BYTES;
}

void chunk_pool_init(struct chunk_pool *pool, size_t kept_bytes_max)
{
    *pool = (struct chunk_pool){.kept_bytes_max = kept_bytes_max};
}

void chunk_pool_fini(struct chunk_pool *pool)
{
    CHECK(pool->used_count == 0);
    for (enum chunk_size size = 0; size < CHUNK_SIZES_COUNT; size++) {
        while (pool->free[size] != NULL) {
            struct chunk *chunk = pool->free[size];

            pool->free[size] = chunk->next;
            mem_free(chunk);
        }
    }
}

static struct chunk *chunk_take(struct chunk_pool *pool, enum chunk_size size)
{
    struct chunk *chunk = pool->free[size];

    if (chunk != NULL) {
        pool->free[size] = chunk->next;
        pool->free_bytes[size] -= capacity_of(size);
    } else {
        chunk = mem_resize(NULL, sizeof(*chunk) + capacity_of(size));
    }
    chunk->size = size;
    chunk->next = NULL;
    chunk->from = 0;
    chunk->to = 0;
    pool->used_count++;
    return chunk;
}

static void chunk_give_back(struct chunk_pool *pool, struct chunk *chunk)
{
    size_t kept_bytes = pool->free_bytes[chunk->size] + capacity_of(chunk->size);

    pool->used_count--;
    if (kept_bytes > pool->kept_bytes_max) {
        mem_free(chunk);
        return;
    }
    chunk->next = pool->free[chunk->size];
    pool->free[chunk->size] = chunk;
    pool->free_bytes[chunk->size] = kept_bytes;
}

void bufq_init(struct bufq *queue, struct chunk_pool *pool, size_t full_bytes)
{
    *queue = (struct bufq){.pool = pool, .full_bytes = full_bytes};
}

void bufq_fini(struct bufq *queue)
{
    bufq_consume(queue, queue->len);
}

static size_t room_of(const struct chunk *chunk)
{
    return chunk == NULL ? 0 : capacity_of(chunk->size) - chunk->to;
}

static void add_chunk(struct bufq *queue, size_t wanted)
{
    bool is_small = queue->last == NULL && wanted <= CHUNK_BYTES_SMALL;
    struct chunk *chunk = chunk_take(queue->pool, is_small ? CHUNK_SMALL : CHUNK_LARGE);

    if (queue->last == NULL)
        queue->first = chunk;
    else
        queue->last->next = chunk;
    queue->last = chunk;
}

void bufq_append(struct bufq *queue, struct bytes data)
{
    while (data.len > 0) {
        size_t room = room_of(queue->last);
        size_t taken = data.len < room ? data.len : room;

        if (room == 0) {
            add_chunk(queue, data.len);
            continue;
        }
        memcpy(queue->last->content + queue->last->to, data.at, taken);
        queue->last->to += taken;
        queue->len += taken;
        data = bytes_skip(data, taken);
    }
}

size_t bufq_peek(const struct bufq *queue, struct iovec *parts, size_t max)
{
    size_t count = 0;

    for (struct chunk *chunk = queue->first; chunk != NULL && count < max; chunk = chunk->next)
        parts[count++] = (struct iovec){chunk->content + chunk->from, chunk->to - chunk->from};
    return count;
}

void bufq_consume(struct bufq *queue, size_t count)
{
    CHECK(count <= queue->len);
    queue->len -= count;
    while (count > 0 || (queue->first != NULL && queue->first->from == queue->first->to)) {
        struct chunk *chunk = queue->first;
        size_t held = chunk->to - chunk->from;
        size_t taken = count < held ? count : held;

        chunk->from += taken;
        count -= taken;
        if (chunk->from < chunk->to)
            return;
        queue->first = chunk->next;
        if (queue->first == NULL)
            queue->last = NULL;
        chunk_give_back(queue->pool, chunk);
    }
}
