/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - inotify on a set of directories. Loop thread only.
 *
 * A hint and no more: what it says is looked at afterwards, and what it misses (its queue may
 * overflow, the system limits how many directories can be watched) a rescan finds. Each update
 * tries anew what could not be watched, as limits are raised and watches become free.
 */
#ifndef CONTROLLER_KUBE_WATCH_H
#define CONTROLLER_KUBE_WATCH_H

#include "controller/kube/scan.h"
#include "core/log.h"

#include <uv.h>

struct watched {
    uv_fs_event_t handle;
    struct watch *watch; /* borrowed */
    struct bytes path;   /* followed by a NUL; into the same block */
    uint64_t device;
    uint64_t inode;
    uint64_t update_number; /* the last update that had it */
    bool has_symlinks;
    bool is_target;
    bool is_stale; /* it was deleted, moved or changed: watch whatever has its name now */
    char text[];
};

/* Something happened to `name` in the directory; an empty name means to the directory itself, or
 * that nobody knows what. `is_written`: what has the name was written to, the name stayed. */
typedef void watch_fn(void *context, struct watched *dir, struct bytes name, bool is_written);
typedef void watch_closed_fn(void *context);

struct watch {
    uv_loop_t *loop;
    struct log *log;
    struct map dirs; /* path -> watched */
    size_t handles_open;
    uint64_t update_number;
    bool is_incomplete; /* the last update left some directory unwatched: scan more often */
    watch_fn *on_event;
    watch_closed_fn *on_closed;
    void *context;
};

void watch_init(struct watch *watch, uv_loop_t *loop, struct log *log, watch_fn *on_event,
                void *context);
/* Watch exactly these. Returns true when a directory is watched that was not before, or has
 * symlinks as it had not before: what happened in it between its listing and now may have been
 * missed. */
bool watch_update(struct watch *watch, const struct scan_dir *dirs, size_t count);
/* A directory with this path is watched. What has its name now is looked at anew. */
bool watch_mark_stale(struct watch *watch, struct bytes path);
void watch_close(struct watch *watch, watch_closed_fn *on_closed);

#endif
