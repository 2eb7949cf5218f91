/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_load.h - a snapshot's file read and decoded, on the thread pool. Internal to snapshot.c.
 */
#ifndef CONTROLLER_KUBE_SNAPSHOT_LOAD_H
#define CONTROLLER_KUBE_SNAPSHOT_LOAD_H

#include "controller/kube/snapshot.h"

struct snapshot_loading;

struct snapshot_loading_config {
    uv_loop_t *loop;
    struct log *log;
    const char *path; /* for the log */
    int fd;           /* taken over */
    uint64_t bytes_max;
    struct snapshot_seed *seeds; /* taken over */
    size_t count;
    snapshot_loaded_fn *on_seeds;
    void *seeds_context;
    void (*on_end)(void *context, int64_t time_s); /* before on_seeds; the loading is gone */
    void *end_context;
};

struct snapshot_loading *snapshot_loading_start(const struct snapshot_loading_config *config);
/* on_seeds is not called any more. */
void snapshot_loading_forget(struct snapshot_loading *loading);

#endif
