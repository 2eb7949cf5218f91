/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_pool.c - lists of free blocks, each of one size.
 *
 * Before each block stands a word that says which list it belongs to, so that freeing needs no
 * search. Under the address sanitizer nothing is kept, or it could not see a use after free.
 */
#include "proxy/http/h2_pool.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/http/h2_fold.h"

#define CLASS_BYTES    64
#define CLASSES_COUNT  17 /* up to 1 KiB with the word in front; 0 is not used */
#define KEPT_BYTES_MAX ((size_t)2 * 1024 * 1024) /* of a thousand streams */
#define CLASS_LARGE    0
#define CLASS_SHARED   CLASSES_COUNT

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_NOTHING
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define KEEPS_NOTHING
#endif

struct block {
    _Alignas(16) size_t class;
    size_t size;        /* what was asked for */
    struct block *next; /* in the list of free ones; the block's content begins here */
};
#define BLOCK_HEAD_BYTES offsetof(struct block, next)

struct h2_pool {
    struct block *free[CLASSES_COUNT]; /* owned */
    struct block *shared;              /* owned, or NULL */
    struct text scratch;
    struct h2_folds folds;
    size_t kept_bytes;
    size_t taken_count;
};

struct h2_pool *h2_pool_create(void)
{
    struct h2_pool *pool = mem_new(struct h2_pool);

    text_init(&pool->scratch);
    h2_folds_init(&pool->folds);
    return pool;
}

void h2_pool_destroy(struct h2_pool *pool)
{
    CHECK(pool->taken_count == 0);
    for (size_t class = 0; class < CLASSES_COUNT; class ++) {
        while (pool->free[class] != NULL) {
            struct block *block = pool->free[class];

            pool->free[class] = block->next;
            mem_free(block);
        }
    }
    mem_free(pool->shared);
    text_fini(&pool->scratch);
    h2_folds_fini(&pool->folds);
    mem_free(pool);
}

static size_t class_of(size_t size)
{
#ifdef KEEPS_NOTHING
    (void)size;
    return CLASS_LARGE;
#else
    size_t class = (size + BLOCK_HEAD_BYTES + CLASS_BYTES - 1) / CLASS_BYTES;

    return class < CLASSES_COUNT ? class : CLASS_LARGE;
#endif
}

void *h2_pool_alloc(struct h2_pool *pool, size_t size)
{
    size_t class = class_of(size);
    struct block *block = pool->free[class];

    pool->taken_count++;
    if (block != NULL) {
        pool->free[class] = block->next;
        pool->kept_bytes -= class * CLASS_BYTES;
    } else {
        CHECK(size <= SIZE_MAX - sizeof(struct block));
        block = mem_alloc(class == CLASS_LARGE ? size + sizeof(*block) : class * CLASS_BYTES);
        block->class = class;
    }
    block->size = size;
    return (char *)block + BLOCK_HEAD_BYTES;
}

void *h2_pool_share(struct h2_pool *pool, size_t size)
{
    if (pool->shared == NULL) {
        CHECK(size <= SIZE_MAX - sizeof(struct block));
        pool->shared = mem_alloc(size + sizeof(struct block));
        pool->shared->class = CLASS_SHARED;
        pool->shared->size = size;
    }
    CHECK(pool->shared->size == size);
    pool->taken_count++;
    return (char *)pool->shared + BLOCK_HEAD_BYTES;
}

static struct block *block_of(void *memory)
{
    return (struct block *)(void *)((char *)memory - BLOCK_HEAD_BYTES);
}

void h2_pool_free(struct h2_pool *pool, void *memory)
{
    struct block *block;

    if (memory == NULL)
        return;
    block = block_of(memory);
    pool->taken_count--;
    if (block->class == CLASS_SHARED)
        return;
    if (block->class == CLASS_LARGE || pool->kept_bytes >= KEPT_BYTES_MAX) {
        mem_free(block);
        return;
    }
    block->next = pool->free[block->class];
    pool->free[block->class] = block;
    pool->kept_bytes += block->class * CLASS_BYTES;
}

void *h2_pool_resize(struct h2_pool *pool, void *memory, size_t size)
{
    void *grown = h2_pool_alloc(pool, size);

    if (memory != NULL) {
        size_t before = block_of(memory)->size;

        memcpy(grown, memory, before < size ? before : size);
        h2_pool_free(pool, memory);
    }
    return grown;
}

struct text *h2_pool_scratch(struct h2_pool *pool)
{
    text_clear(&pool->scratch);
    return &pool->scratch;
}

struct h2_folds *h2_pool_folds(struct h2_pool *pool)
{
    return &pool->folds;
}
