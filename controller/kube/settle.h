/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle.h - which paths changed, and when they are worth reading: debounce. Time is an argument.
 *
 * A path is due when nothing was heard of it for SETTLE_QUIET_MS, at the latest SETTLE_WAIT_MS_MAX
 * after it was first heard of; a scan waits less, as what it finds is looked at once more. Files
 * written in one go arrive in one batch: what is due waits up to SETTLE_TOGETHER_MS for what
 * becomes due meanwhile, but never for a path that is being changed all the time. Nothing is taken
 * before it is due.
 *
 * Source: docs/decisions/0012-half-written-files.md
 */
#ifndef CONTROLLER_KUBE_SETTLE_H
#define CONTROLLER_KUBE_SETTLE_H

#include "core/map.h"

#define SETTLE_QUIET_MS         20
#define SETTLE_WAIT_MS_MAX      1000
#define SETTLE_SCAN_WAIT_MS_MAX 60
#define SETTLE_TOGETHER_MS      10
#define SETTLE_PATHS_MAX        4096 /* more at a time are served by one scan of everything */
#define SETTLE_NEVER            UINT64_MAX

/* The last thing heard of a path. */
enum settle_news {
    SETTLE_LOOK,    /* nothing: we want to look at it */
    SETTLE_NAMED,   /* the name came, went, or is something else now */
    SETTLE_WRITTEN, /* what has the name was written to */
};

/* One thing heard of. */
struct settle_entry {
    struct bytes path; /* followed by a NUL; into the same block */
    uint64_t first_ms;
    uint64_t due_ms;
    enum settle_news news;
    char text[];
};

struct settle {
    struct map entries; /* path -> entry, owned */
    uint64_t scan_first_ms;
    uint64_t scan_due_ms; /* SETTLE_NEVER when no scan is wanted */
};

/* What is due: owned by the taker, settle_due_fini(). */
struct settle_due {
    struct settle_entry **entries;
    size_t count;
    bool is_scan;
};

void settle_init(struct settle *settle);
void settle_fini(struct settle *settle);
void settle_path(struct settle *settle, struct bytes path, enum settle_news news, uint64_t now_ms);
void settle_scan(struct settle *settle, uint64_t now_ms);
/* At a fixed time, unless something was or is heard: then when that is due. SETTLE_WAIT_MS_MAX
 * counts from first_ms, so that looking at a file that is written all the time does not put it off.
 */
void settle_path_at(struct settle *settle, struct bytes path, uint64_t first_ms, uint64_t due_ms);
void settle_scan_at(struct settle *settle, uint64_t due_ms);
/* When settle_take() has something to give; SETTLE_NEVER: nothing was heard. */
uint64_t settle_next_ms(const struct settle *settle);
void settle_take(struct settle *settle, uint64_t now_ms, struct settle_due *due);
void settle_due_fini(struct settle_due *due);
/* Something was heard of the path, and it is not due yet. */
bool settle_is_waiting(const struct settle *settle, struct bytes path);

#endif
