/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_metrics.c - the numbers of a snapshot.
 */
#include "controller/kube/snapshot_metrics.h"

#include "core/metrics.h"

#include <time.h>

static void write_one(struct text *out, const char *name, enum metric_type type, const char *help,
                      uint64_t value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, NULL, value);
}

static uint64_t age_s(int64_t then_s)
{
    int64_t now_s = (int64_t)time(NULL);

    return then_s == 0 || then_s > now_s ? 0 : (uint64_t)(now_s - then_s);
}

void snapshot_counts_write(const struct snapshot_counts *counts, const struct snapshot_now *now,
                           struct text *out)
{
    write_one(out, "fairlead_kube_snapshot_served", METRIC_GAUGE,
              "1 while what is served comes, wholly or in part, from the snapshot.",
              now->is_served);
    write_one(out, "fairlead_kube_snapshot_age_seconds", METRIC_GAUGE,
              "How long ago the snapshot that is served was written, or the file last.",
              age_s(now->then_s));
    write_one(out, "fairlead_kube_snapshot_kept", METRIC_GAUGE,
              "1 while the file is kept true to what is served.", now->is_kept);
    write_one(out, "fairlead_kube_snapshot_bytes", METRIC_GAUGE, "Size of the file.",
              counts->bytes);
    write_one(out, "fairlead_kube_snapshot_writes_total", METRIC_COUNTER, "Writes to the file.",
              counts->writes);
    write_one(out, "fairlead_kube_snapshot_compactions_total", METRIC_COUNTER,
              "Times the file was rewritten from what counts in it.", counts->compactions);
    write_one(out, "fairlead_kube_snapshot_failures_total", METRIC_COUNTER,
              "Writes that failed; the file is begun anew after each.", counts->failures);
    write_one(out, "fairlead_kube_snapshot_too_large_total", METRIC_COUNTER,
              "Times the snapshot was larger than --max-snapshot-bytes, or the disk too slow.",
              counts->too_large);
}
