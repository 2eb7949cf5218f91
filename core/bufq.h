/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bufq.h - a queue of bytes in pooled chunks, with a mark at which it counts as full.
 *
 * The queue always takes what it is given: full is a signal to stop the source, which holds back at
 * most one read more. Content is bounded by the mark plus one read.
 */
#ifndef CORE_BUFQ_H
#define CORE_BUFQ_H

#include "core/bytes.h"

#include <sys/uio.h>

#define CHUNK_BYTES       16384
#define CHUNK_BYTES_SMALL 2048 /* the first of a queue, when what comes fits */

enum chunk_size { CHUNK_SMALL, CHUNK_LARGE, CHUNK_SIZES_COUNT };

struct chunk;

/* Chunks that were used and will be used again; one per worker. */
struct chunk_pool {
    struct chunk *free[CHUNK_SIZES_COUNT]; /* owned */
    size_t free_bytes[CHUNK_SIZES_COUNT];
    size_t kept_bytes_max; /* of each size; free chunks of more than this go back to the system */
    size_t used_count;     /* lent to queues now */
};

void chunk_pool_init(struct chunk_pool *pool, size_t kept_bytes_max);
void chunk_pool_fini(struct chunk_pool *pool);

struct bufq {
    struct chunk_pool *pool; /* borrowed */
    struct chunk *first;     /* owned */
    struct chunk *last;      /* borrowed from the chain that starts at first */
    size_t len;
    size_t full_bytes; /* the mark */
};

void bufq_init(struct bufq *queue, struct chunk_pool *pool, size_t full_bytes);
void bufq_fini(struct bufq *queue);
void bufq_append(struct bufq *queue, struct bytes data);
/* Fill `parts` with up to `max` runs from the front; borrowed until the queue changes. Returns how
 * many were filled. */
size_t bufq_peek(const struct bufq *queue, struct iovec *parts, size_t max);
/* Drop `count` bytes from the front; no more than len. */
void bufq_consume(struct bufq *queue, size_t count);

static inline bool bufq_is_empty(const struct bufq *queue)
{
    return queue->len == 0;
}

static inline bool bufq_is_full(const struct bufq *queue)
{
    return queue->len >= queue->full_bytes;
}

#endif
