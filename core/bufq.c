/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bufq.c - chunks in a chain; empty chunks go back to the pool at once.
 */
#include "core/bufq.h"

#include "core/check.h"
#include "core/mem.h"

struct chunk {
    struct chunk *next;
    size_t from; /* first byte still to be read */
    size_t to;   /* end of what was written */
    char content[CHUNK_BYTES];
};

void chunk_pool_init(struct chunk_pool *pool, size_t kept_max)
{
    *pool = (struct chunk_pool){.kept_max = kept_max};
}

void chunk_pool_fini(struct chunk_pool *pool)
{
    CHECK(pool->used_count == 0);
    while (pool->free != NULL) {
        struct chunk *chunk = pool->free;

        pool->free = chunk->next;
        mem_free(chunk);
    }
}

static struct chunk *chunk_take(struct chunk_pool *pool)
{
    struct chunk *chunk = pool->free;

    if (chunk != NULL) {
        pool->free = chunk->next;
        pool->free_count--;
    } else {
        chunk = mem_resize(NULL, sizeof(*chunk));
    }
    chunk->next = NULL;
    chunk->from = 0;
    chunk->to = 0;
    pool->used_count++;
    return chunk;
}

static void chunk_give_back(struct chunk_pool *pool, struct chunk *chunk)
{
    pool->used_count--;
    if (pool->free_count >= pool->kept_max) {
        mem_free(chunk);
        return;
    }
    chunk->next = pool->free;
    pool->free = chunk;
    pool->free_count++;
}

void bufq_init(struct bufq *queue, struct chunk_pool *pool, size_t full_bytes)
{
    *queue = (struct bufq){.pool = pool, .full_bytes = full_bytes};
}

void bufq_fini(struct bufq *queue)
{
    bufq_consume(queue, queue->len);
}

void bufq_append(struct bufq *queue, struct bytes data)
{
    while (data.len > 0) {
        size_t room = queue->last == NULL ? 0 : CHUNK_BYTES - queue->last->to;
        size_t taken = data.len < room ? data.len : room;

        if (room == 0) {
            struct chunk *chunk = chunk_take(queue->pool);

            if (queue->last == NULL)
                queue->first = chunk;
            else
                queue->last->next = chunk;
            queue->last = chunk;
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
