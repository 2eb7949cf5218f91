/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.h - memory that never comes back NULL, and arenas.
 *
 * Running out of memory aborts here with one line, so no caller tests for it. In return everything
 * a peer can grow has a `_max` of its own.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include "core/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory; freed with mem_free(). */
void *mem_alloc(size_t size);
void *mem_resize(void *memory, size_t size); /* bytes past the old size are not zeroed */
void mem_free(void *memory);
#define mem_new(type)              ((type *)mem_alloc(sizeof(type)))
#define mem_new_array(type, count) ((type *)mem_alloc_array((count), sizeof(type)))
void *mem_alloc_array(size_t count, size_t size); /* aborts on overflow too */

/* For a large local array that is written before it is read: the compiler's own clearing of it
 * would cost more than all that is done with it. */
#define MEM_UNCLEARED __attribute__((uninitialized))

/* Zeroes a large object by the library's memset(): of a size it knows the compiler makes a `rep
 * stos`, which takes longer. */
void mem_clear(void *memory, size_t size);

/* Gives what is free back to the system, which the allocator does not do by itself where something
 * in use lies behind it. Takes milliseconds, and whoever allocates meanwhile waits: for after much
 * was freed, off the loop. */
void mem_trim(void);

/* A NUL-terminated copy; the caller owns it. */
char *mem_string(struct bytes text);
/* A copy that the caller owns; mem_bytes_free() frees it. Nothing for an empty text. */
struct bytes mem_bytes(struct bytes text);
void mem_bytes_free(struct bytes text);

/*
 * An arena: memory that goes all at once. Allocation is a pointer bump; chunks grow from
 * `chunk_bytes` and are kept by arena_reset(), so a reused arena allocates nothing in steady state.
 */
struct arena_chunk {
    struct arena_chunk *next; /* owned */
    size_t capacity;
    _Alignas(16) char content[];
};

struct arena {
    struct arena_chunk *first;   /* owned */
    struct arena_chunk *current; /* borrowed from the chain that starts at first */
    size_t used;                 /* bytes used of the current chunk */
    size_t chunk_bytes;
};

void arena_init(struct arena *arena, size_t chunk_bytes); /* allocates nothing yet */
void arena_fini(struct arena *arena);
/* Forgets all content. Keeps the first chunk and frees the others, so that one large user does
 * not make the arena large for ever. */
void arena_reset(struct arena *arena);
/* For arena_alloc() when the current chunk has no room. */
void *arena_alloc_more(struct arena *arena, size_t rounded);

/* Not zeroed, aligned for any object, valid until the arena is reset. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    void *memory;

    if (arena->current == NULL || rounded < size ||
        arena->current->capacity - arena->used < rounded)
        return arena_alloc_more(arena, rounded < size ? SIZE_MAX : rounded);
    memory = arena->current->content + arena->used;
    arena->used += rounded;
    return memory;
}

#define arena_new(arena, type) ((type *)arena_zeroed((arena), sizeof(type)))
void *arena_zeroed(struct arena *arena, size_t size);
/* A copy in the arena, followed by a NUL that is not counted. */
struct bytes arena_copy(struct arena *arena, struct bytes text);
/* All bytes the arena holds from the system. */
size_t arena_held_bytes(const struct arena *arena);

#endif
