/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h - the file of a snapshot: lines of record.h, one behind the other. Blocking.
 *
 *     begin: PATH.new, locked -> append ... -> publish: it becomes PATH -> append, compact ...
 *
 * What stands at PATH is whole at any moment, whoever is killed: it is another file until the new
 * one is. A line that could not be written to its end is cut off again.
 */
#ifndef CONTROLLER_KUBE_JOURNAL_H
#define CONTROLLER_KUBE_JOURNAL_H

#include "core/status.h"
#include "core/text.h"

/* A journal is compacted when it has twice what counts in it and so much more. */
#define JOURNAL_COMPACT_BYTES (1024u * 1024)
#define JOURNAL_GATHER_BYTES  (64u * 1024 * 1024) /* while a list has not come yet */

struct journal {
    char *path;     /* owned; NULL: not begun */
    char *named;    /* owned; where it stands now: PATH.new, or PATH */
    int fd;         /* -1: not begun */
    uint64_t bytes; /* whole lines */
    uint64_t live;  /* of them when nothing was written twice: after the lists, a compaction */
    uint64_t bytes_max;
};

void journal_init(struct journal *journal);
/* On failure of each of these a sentence has been appended to *error. STATUS_AGAIN: another
 * Fairlead is writing there. STATUS_TOO_LARGE: bytes_max. */
enum status journal_begin(struct journal *journal, const char *path, uint64_t bytes_max,
                          struct bytes server, struct text *error);
enum status journal_append(struct journal *journal, struct bytes lines, struct text *error);
/* All before it is on the disk, and has its name. The lists have just been written. */
enum status journal_publish(struct journal *journal, struct text *error);
/* STATUS_CLOSED: another file has its name by now. STATUS_NOT_FOUND: none has. */
enum status journal_check(const struct journal *journal, struct text *error);
bool journal_is_published(const struct journal *journal);
bool journal_wants_compaction(const struct journal *journal);
/* Only what counts stays. On failure the journal is as it was, and waits until it has doubled. */
enum status journal_compact(struct journal *journal, struct text *error);
/* One that was not published is deleted. May be called without journal_begin(), and twice. */
void journal_close(struct journal *journal);

#endif
