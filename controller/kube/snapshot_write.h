/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_write.h - one write of lines to the journal, on the thread pool. Internal to snapshot.c.
 */
#ifndef CONTROLLER_KUBE_SNAPSHOT_WRITE_H
#define CONTROLLER_KUBE_SNAPSHOT_WRITE_H

#include "controller/kube/journal.h"
#include "controller/kube/snapshot.h"

struct snapshot_lines {
    struct text *texts; /* mem_resize()d, as is what they hold */
    size_t count;
    size_t bytes;
};
/* Takes the text over. */
void snapshot_lines_add(struct snapshot_lines *lines, struct text *text);
void snapshot_lines_wipe(struct snapshot_lines *lines);

/* The journal is its own while it is on. */
struct snapshot_writing {
    uv_work_t work;
    bool is_on;
    const struct snapshot_config *config; /* borrowed */
    struct journal *journal;              /* borrowed; begun if need be, closed after trouble */
    struct snapshot_lines lines;          /* owned */
    bool publishes;                       /* with these lines all lists are whole */
    bool is_last;                         /* the journal is closed afterwards */
    void (*on_done)(void *context);
    void *context;
    /* results: */
    enum status status;
    enum status compaction; /* of has_compacted */
    bool has_compacted;
    struct text error; /* of either */
};

void snapshot_writing_start(struct snapshot_writing *writing, uv_loop_t *loop);

#endif
