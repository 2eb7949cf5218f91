/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_index.h - a snapshot's file read from its beginning: which of its lines count.
 *
 * The file may be anything. It is read to the first line that is broken; what stands before that
 * counts. Blocking; any thread.
 */
#ifndef CONTROLLER_KUBE_JOURNAL_INDEX_H
#define CONTROLLER_KUBE_JOURNAL_INDEX_H

#include "core/map.h"
#include "core/status.h"
#include "core/text.h"

#define JOURNAL_LINE_MAX    (4u * 1024 * 1024) /* bytes, as of an event of a watch */
#define JOURNAL_OBJECTS_MAX 1000000
#define JOURNAL_LISTS_MAX   20000

/* Where the line of an object stands; and that object, "namespace/name". */
struct journal_entry {
    struct bytes key; /* behind the struct */
    uint64_t at;
    uint32_t len; /* with its end */
};

struct journal_list {
    struct bytes path;  /* behind the struct */
    bool is_whole;      /* it has been read to its end once */
    bool is_absent;     /* it is whole: nothing of it is installed */
    bool is_listing;    /* it is being read anew */
    struct map entries; /* by key; owned */
    struct map pending; /* those of the list that is being read */
};

struct journal_index {
    struct map lists;    /* by path; owned */
    uint64_t good_bytes; /* so many can be read */
    bool is_broken;      /* something stands behind them */
    int64_t time_s;      /* what they say had been sent by then; 0: unknown */
    size_t objects_count;
    struct bytes server; /* in the arena */
    struct arena arena;
};

void journal_index_init(struct journal_index *index);
void journal_index_fini(struct journal_index *index);
/*
 * STATUS_INVALID: its first line is not ours. STATUS_REFUSED: that is of another version.
 * STATUS_TOO_LARGE: more bytes than bytes_max, or more objects or lists than above. A sentence has
 * been appended to *error.
 */
enum status journal_index_read(struct journal_index *index, int fd, uint64_t bytes_max,
                               struct text *error);
/* NULL: nothing is known of it. */
const struct journal_list *journal_index_list(const struct journal_index *index, struct bytes path);
/* Appends the line of an entry, with its end. */
enum status journal_index_line(int fd, const struct journal_entry *entry, struct text *line);

#endif
