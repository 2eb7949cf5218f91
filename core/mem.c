/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - allocation that aborts, and arenas.
 */
#include "core/mem.h"

#include "core/check.h"

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static void *mem_require(void *memory, size_t size)
{
    if (memory == NULL && size > 0) {
        fprintf(stderr, "fairlead: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    return mem_require(calloc(1, size), size);
}

void *mem_alloc_array(size_t count, size_t size)
{
    return mem_require(calloc(count, size), count == 0 ? 0 : size);
}

void *mem_resize(void *memory, size_t size)
{
    return mem_require(realloc(memory, size), size);
}

void mem_clear(void *memory, size_t size)
{
    __asm__("" : "+r"(size)); /* now the compiler knows no size */
    memset(memory, 0, size);
}

void mem_free(void *memory)
{
    free(memory);
}

void mem_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

char *mem_string(struct bytes text)
{
    char *copy = mem_require(malloc(text.len + 1), text.len + 1);

    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

struct bytes mem_bytes(struct bytes text)
{
    char *copy;

    if (text.len == 0)
        return BYTES_NONE;
    copy = mem_alloc(text.len);
    memcpy(copy, text.at, text.len);
    return bytes_from(copy, text.len);
}

void mem_bytes_free(struct bytes text)
{
    mem_free((void *)(uintptr_t)text.at);
}

_Static_assert(sizeof(max_align_t) <= 32 && _Alignof(max_align_t) == 16, "arena alignment");

void arena_init(struct arena *arena, size_t chunk_bytes)
{
    *arena = (struct arena){.chunk_bytes = chunk_bytes};
}

static void chunks_free(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

void arena_fini(struct arena *arena)
{
    chunks_free(arena->first);
    arena->first = NULL;
    arena->current = NULL;
    arena->used = 0;
}

void arena_reset(struct arena *arena)
{
    if (arena->first != NULL && arena->first->capacity > arena->chunk_bytes) {
        arena_fini(arena); /* one large user came first: its chunk is not kept either */
        return;
    }
    if (arena->first != NULL && arena->first->next != NULL) {
        chunks_free(arena->first->next);
        arena->first->next = NULL;
    }
    arena->current = arena->first;
    arena->used = 0;
}

static struct arena_chunk *chunk_create(size_t capacity)
{
    size_t size = sizeof(struct arena_chunk) + capacity;
    struct arena_chunk *chunk;

    CHECK(size > capacity);
    chunk = mem_require(malloc(size), size);
    chunk->next = NULL;
    chunk->capacity = capacity;
    return chunk;
}

static void arena_grow(struct arena *arena, size_t size)
{
    size_t capacity = arena->current == NULL ? arena->chunk_bytes : arena->current->capacity * 2;
    struct arena_chunk *chunk = chunk_create(size > capacity ? size : capacity);

    if (arena->current == NULL)
        arena->first = chunk;
    else
        arena->current->next = chunk;
    arena->current = chunk;
    arena->used = 0;
}

void *arena_alloc_more(struct arena *arena, size_t rounded)
{
    arena_grow(arena, rounded);
    arena->used = rounded;
    return arena->current->content;
}

void *arena_zeroed(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

struct bytes arena_copy(struct arena *arena, struct bytes text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return bytes_from(copy, text.len);
}

size_t arena_held_bytes(const struct arena *arena)
{
    size_t sum = 0;

    for (const struct arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next)
        sum += sizeof(*chunk) + chunk->capacity;
    return sum;
}
