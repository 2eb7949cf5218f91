/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_metrics.h - what is counted of a snapshot, and written. Internal to snapshot.c.
 */
#ifndef CONTROLLER_KUBE_SNAPSHOT_METRICS_H
#define CONTROLLER_KUBE_SNAPSHOT_METRICS_H

#include "core/text.h"

struct snapshot_counts {
    uint64_t bytes; /* of the file */
    uint64_t writes;
    uint64_t failures;
    uint64_t compactions;
    uint64_t too_large;
};

struct snapshot_now {
    bool is_served;
    bool is_kept;
    int64_t then_s; /* Unix time when what is served, or else the file, was written; 0: never */
};

void snapshot_counts_write(const struct snapshot_counts *counts, const struct snapshot_now *now,
                           struct text *out);

#endif
