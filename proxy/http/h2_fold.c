/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_fold.c - slabs of memory from the system, and what is left of a fold when its pages are gone:
 *
 *     memory   0 0 a 0 0 0 b c ...        folded   bits 00100011 ...  words a b c ...
 */
#include "proxy/http/h2_fold.h"

#include "core/check.h"
#include "core/mem.h"

#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#define SLAB_FOLDS    64
#define SLAB_BYTES    ((size_t)SLAB_FOLDS * H2_FOLD_BYTES)
#define ALIGNMENT     16
#define WORDS_COUNT   (H2_FOLD_BYTES / sizeof(uint64_t))
#define BITS_PER_WORD 64
#define PAGE_BYTES    4096

struct h2_folded {
    uint64_t bits[WORDS_COUNT / BITS_PER_WORD]; /* which words are not zero */
    uint64_t words[];                           /* these */
};

/* ---- slabs ---- */

void h2_folds_init(struct h2_folds *folds)
{
    *folds = (struct h2_folds){0};
}

void h2_folds_fini(struct h2_folds *folds)
{
    CHECK(folds->free_count == folds->slabs_count * SLAB_FOLDS);
    for (size_t at = 0; at < folds->slabs_count; at++)
        CHECK(munmap(folds->slabs[at], SLAB_BYTES) == 0);
    mem_free(folds->slabs);
    mem_free(folds->free);
}

/* Huge pages could not be given back in parts. */
static char *slab_create(void)
{
    void *slab = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(slab != MAP_FAILED);
    (void)madvise(slab, SLAB_BYTES, MADV_NOHUGEPAGE); /* not every kernel has them */
    return slab;
}

static void grow(struct h2_folds *folds)
{
    size_t slabs_count = folds->slabs_count + 1;
    char *slab = slab_create();

    folds->slabs = mem_resize(folds->slabs, slabs_count * sizeof(*folds->slabs));
    folds->free = mem_resize(folds->free, slabs_count * SLAB_FOLDS * sizeof(*folds->free));
    folds->slabs[folds->slabs_count] = slab;
    folds->slabs_count = slabs_count;
    for (size_t at = SLAB_FOLDS; at-- > 0;)
        folds->free[folds->free_count++] = slab + at * H2_FOLD_BYTES;
}

/* It reads as zero afterwards. With larger pages our neighbours would be on them too. */
static void empty(char *memory)
{
    if (sysconf(_SC_PAGESIZE) > PAGE_BYTES)
        memset(memory, 0, H2_FOLD_BYTES);
    else
        CHECK(madvise(memory, H2_FOLD_BYTES, MADV_DONTNEED) == 0);
}

/* ---- one fold ---- */

void h2_fold_init(struct h2_fold *fold, struct h2_folds *folds)
{
    if (folds->free_count == 0)
        grow(folds);
    *fold = (struct h2_fold){.memory = folds->free[--folds->free_count]};
}

void h2_fold_fini(struct h2_fold *fold, struct h2_folds *folds)
{
    CHECK(folds->free_count < folds->slabs_count * SLAB_FOLDS);
    empty(fold->memory);
    folds->free[folds->free_count++] = fold->memory;
    mem_free(fold->folded);
}

void *h2_fold_alloc(struct h2_fold *fold, size_t size)
{
    size_t at = fold->used;

    if (size > H2_FOLD_BYTES - at)
        return NULL;
    fold->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return fold->memory + at;
}

bool h2_fold_has(const struct h2_fold *fold, const void *memory)
{
    return (uintptr_t)memory - (uintptr_t)fold->memory < H2_FOLD_BYTES;
}

static const uint64_t *words_of(const struct h2_fold *fold)
{
    return (const uint64_t *)(const void *)fold->memory;
}

static size_t count_words(const struct h2_fold *fold)
{
    const uint64_t *words = words_of(fold);
    size_t count = 0;

    for (size_t at = 0; at < WORDS_COUNT; at++)
        count += words[at] != 0;
    return count;
}

void h2_fold_close(struct h2_fold *fold)
{
    const uint64_t *words = words_of(fold);
    struct h2_folded *folded;
    size_t count = 0;

    if (fold->folded != NULL)
        return;
    folded = mem_alloc(sizeof(*folded) + count_words(fold) * sizeof(uint64_t));
    for (size_t at = 0; at < WORDS_COUNT; at++) {
        if (words[at] == 0)
            continue;
        folded->bits[at / BITS_PER_WORD] |= UINT64_C(1) << at % BITS_PER_WORD;
        folded->words[count++] = words[at];
    }
    empty(fold->memory);
    fold->folded = folded;
}

void h2_fold_open(struct h2_fold *fold)
{
    uint64_t *words = (uint64_t *)(void *)fold->memory;
    size_t count = 0;

    if (fold->folded == NULL)
        return;
    for (size_t place = 0; place < WORDS_COUNT / BITS_PER_WORD; place++) {
        for (uint64_t bits = fold->folded->bits[place]; bits != 0; bits &= bits - 1) {
            size_t bit = (size_t)__builtin_ctzll(bits);

            words[place * BITS_PER_WORD + bit] = fold->folded->words[count++];
        }
    }
    mem_free(fold->folded);
    fold->folded = NULL;
}
