/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_index.h - a hash table of refcounted items whose generations share what did not change.
 * Internal to route/.
 *
 *     name_index -> directory (refs) -> pages (refs) -> entries sorted by hash -> items (refs)
 *
 * A page holds the entries of one range of hashes. A change copies the directory and one page if
 * another generation holds them too, and otherwise writes in place. The number of pages is a power
 * of two that follows the number of entries.
 */
#ifndef ROUTE_NAME_INDEX_H
#define ROUTE_NAME_INDEX_H

#include "core/bytes.h"

/* What the index needs to know about its items. */
struct name_index_type {
    struct bytes (*key)(const void *item); /* unique; inside the item */
    void (*ref)(void *item);
    void (*unref)(void *item);
};

struct index_directory;

struct name_index {
    const struct name_index_type *type; /* static */
    struct index_directory *directory;  /* ref */
};

void name_index_init(struct name_index *index, const struct name_index_type *type);
void name_index_fini(struct name_index *index);
/* Make `index` hold what `from` holds, at the cost of one reference. */
void name_index_share(struct name_index *index, const struct name_index *from);

/* Borrowed; NULL when there is none. */
void *name_index_get(const struct name_index *index, struct bytes key);
/* Takes over a reference to the item, which replaces one of the same key. */
void name_index_put(struct name_index *index, void *item);
void name_index_remove(struct name_index *index, struct bytes key);
size_t name_index_count(const struct name_index *index);

struct name_index_cursor {
    size_t page;
    size_t entry;
};
/* Visit all in no useful order, beginning with a zeroed cursor; NULL at the end. */
void *name_index_next(const struct name_index *index, struct name_index_cursor *cursor);

#endif
