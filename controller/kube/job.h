/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - one turn of work for the thread pool: from paths that changed to a batch.
 *
 *     job_look()    what is there, what must be read      once
 *     job_read()    read and decode                       on several threads at the same time
 *     job_merge()   what is new goes into the batch       once
 */
#ifndef CONTROLLER_KUBE_JOB_H
#define CONTROLLER_KUBE_JOB_H

#include "controller/kube/known.h"
#include "controller/kube/scan.h"
#include "controller/kube/settle.h"

/* A file that had objects and is empty now is believed after this long: editors truncate first and
 * write then. The same for a root that is not there. */
#define JOB_EMPTY_MS 1000
/* A file written to more recently may be half written. Less than SETTLE_QUIET_MS, as the clocks
 * of loop and files are coarse. */
#define JOB_FRESH_MS 15
/* A file that looks like half of what it was is believed when nobody wrote to it for this long, at
 * the latest JOB_LOSS_MS_MAX after it was heard of. */
#define JOB_LOSS_QUIET_MS 200
#define JOB_LOSS_MS_MAX   10000

struct job_read {
    struct bytes path; /* followed by a NUL; in the arena of the job */
    uint64_t heard_ms; /* when something was first heard of it; 0: unknown */
    enum settle_news news;
    uint64_t known_hash;
    struct reading reading;
};

/* A path that should be looked at again, this long from now. */
struct job_again {
    struct bytes path;
    uint64_t first_ms; /* what was heard then is waiting still */
    uint32_t after_ms;
};

struct job {
    struct known *known;      /* borrowed */
    struct log *log;          /* borrowed; may be NULL */
    const char *const *roots; /* borrowed */
    size_t roots_count;
    struct settle_due due;   /* owned */
    struct map waiting;      /* paths a scan must leave alone, into the arena */
    uint64_t now_ms;         /* when the job was made */
    bool is_first;           /* everything is new: nothing is left for later */
    bool is_probe;           /* only see whether roots that were missing are back */
    bool is_missing_allowed; /* a missing root is believed: its objects go */

    struct arena arena;
    struct job_read *reads; /* owned */
    size_t reads_count, reads_capacity;
    size_t next_read; /* atomic */
    struct known_file **gone;
    size_t gone_count, gone_capacity;

    struct scan scan; /* result, when has_scanned */
    bool has_scanned;
    bool has_missing_root;
    struct job_again *agains;
    size_t agains_count, agains_capacity;
    struct source_batch *batch; /* result, owned until it is taken */
};

struct job *job_create(struct known *known, const char *const *roots, size_t roots_count,
                       struct log *log);
void job_destroy(struct job *job);
/* Before job_look(): read this file whatever its name is. */
void job_add_file(struct job *job, struct bytes path);
void job_look(struct job *job);
void job_read(struct job *job);
void job_merge(struct job *job);

/* For job.c and job_merge.c. */
void job_add_again(struct job *job, struct bytes path, uint64_t first_ms, uint32_t after_ms);

#endif
