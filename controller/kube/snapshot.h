/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - what the API server has sent, kept on disk: for a start without the API server.
 *
 *     follows: lists, changes -> lines -> queue -> [thread pool: one write at a time] -> journal
 *     start without the API server: journal -> [thread pool: decode] -> seeds of the follows
 *
 * The loop never writes, and no trouble of the disk is one of the traffic: what cannot be written
 * is left out, and after a while everything is written anew, for which the lists are asked for
 * again. docs/decisions/0031-a-snapshot-is-a-journal-of-the-watch.md
 */
#ifndef CONTROLLER_KUBE_SNAPSHOT_H
#define CONTROLLER_KUBE_SNAPSHOT_H

#include "controller/kube/follow_parts.h"

#define SNAPSHOT_WRITE_MS     1000                /* what changes is written at most so often, */
#define SNAPSHOT_WRITE_BYTES  (1024u * 1024)      /* or when there is so much of it */
#define SNAPSHOT_QUEUED_BYTES (64u * 1024 * 1024) /* not written yet: the disk is too slow */
#define SNAPSHOT_REST_MS      10000  /* after trouble; doubled each time, up to the last */
#define SNAPSHOT_BACK_MS      300000 /* at least, where another process has the file */
#define SNAPSHOT_REST_MS_MAX  3600000

struct snapshot;

struct snapshot_config {
    uv_loop_t *loop;
    struct log *log;
    const char *path;
    uint64_t bytes_max;
    struct bytes server;           /* whose objects they are; copied */
    void (*relist)(void *context); /* all lists are needed once more */
    void *context;
};

/* STATUS_REFUSED, with one line in the log: what stands there is not ours. Blocking, shortly. */
enum status snapshot_open(struct snapshot **snapshot, const struct snapshot_config *config);
typedef void snapshot_closed_fn(void *context);
/* What is queued is written before. */
void snapshot_close(struct snapshot *snapshot, snapshot_closed_fn *on_closed, void *context);

/* ---- what comes ---- */

/* A list that is followed; path as it is asked for, borrowed until the end. Its number. */
size_t snapshot_add_list(struct snapshot *snapshot, struct bytes path);
/* It is read anew from here on. */
void snapshot_listing(struct snapshot *snapshot, size_t list);
/* Lines of it, taken over; is_whole: with them it has been read to its end. */
void snapshot_take(struct snapshot *snapshot, size_t list, struct text *lines, bool is_whole);
/* It has nothing, for such objects are not installed. */
void snapshot_absent(struct snapshot *snapshot, size_t list);

/* ---- a start without the API server ---- */

struct snapshot_seed {
    struct follow *follow;
    const struct followed *what;
    struct bytes path;
    struct decode_job *job; /* what was read; NULL: nothing of it */
    bool is_absent;
};

/*
 * On the loop, once. error empty: there is a job for each seed, owned by the callee as is the array
 * (mem_free()); else none, and a sentence why.
 */
typedef void snapshot_loaded_fn(void *context, struct snapshot_seed *seeds, size_t count,
                                struct bytes error);
/* False: there is nothing to load. seeds: mem_alloc()ed, taken over in any case. */
bool snapshot_load(struct snapshot *snapshot, struct snapshot_seed *seeds, size_t count,
                   snapshot_loaded_fn *on_loaded, void *context);
/* Unix time until which what was loaded was true. */
int64_t snapshot_time_s(const struct snapshot *snapshot);

void snapshot_write_metrics(const struct snapshot *snapshot, bool is_served, struct text *out);

#endif
