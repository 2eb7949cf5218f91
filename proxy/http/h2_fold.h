/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_fold.h - memory that takes little room while nobody looks at it.
 *
 * What nghttp2 allocates for a session once and for all is 9 KiB: tables that are as good as empty,
 * and hardly a hundred words that are not zero. While a connection idles these words are kept
 * aside, and the pages go back to the system. Opened again, everything is where it was.
 */
#ifndef PROXY_HTTP_H2_FOLD_H
#define PROXY_HTTP_H2_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#define H2_FOLD_BYTES 12288

struct h2_folded;

struct h2_fold {
    char *memory; /* borrowed from the slabs */
    size_t used;
    struct h2_folded *folded; /* owned; NULL while it is open */
};

/* Where folds come from; one for all sessions of a worker. */
struct h2_folds {
    char **slabs; /* owned, as is the array */
    size_t slabs_count;
    char **free; /* owned; the memory of folds, in slabs */
    size_t free_count;
};

void h2_folds_init(struct h2_folds *folds); /* allocates nothing yet */
void h2_folds_fini(struct h2_folds *folds); /* no fold may be left */

/* Open, and empty. */
void h2_fold_init(struct h2_fold *fold, struct h2_folds *folds);
void h2_fold_fini(struct h2_fold *fold, struct h2_folds *folds);

/* Zeroed, valid as long as the fold; NULL when there is no room for it. */
void *h2_fold_alloc(struct h2_fold *fold, size_t size);
bool h2_fold_has(const struct h2_fold *fold, const void *memory);

/* From here to h2_fold_open() the memory may not be touched. Both may be called twice. */
void h2_fold_close(struct h2_fold *fold);
void h2_fold_open(struct h2_fold *fold);

static inline bool h2_fold_is_closed(const struct h2_fold *fold)
{
    return fold->folded != NULL;
}

#endif
