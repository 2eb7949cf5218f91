/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - histograms, and the Prometheus text format 0.0.4.
 *
 * Counters are plain uint64_t in structs of their owners (one per worker, no atomics); the scrape
 * gathers copies by message, sums them and writes them with these calls. Label values come only
 * from our own constant names or from configured ones, never from a peer. Source: Prometheus
 * exposition formats, text format.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core/text.h"

/* Upper bounds, inclusive: 100, 250, 500 us, 1 ms ... 60 s; see metrics.c. */
#define HISTOGRAM_BUCKETS 18
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* the last one is +Inf; not cumulative */
    uint64_t sum_us;
};

void histogram_observe(struct histogram *histogram, uint64_t us);
void histogram_merge(struct histogram *into, const struct histogram *from);

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/*
 * Append name="value" to a set of labels, after a comma if it is not the first. The value is
 * escaped; control bytes other than a line feed and bytes over 0x7E become "_". A NUL that is not
 * counted follows, so that labels->at can be handed to the calls below.
 */
void metrics_label(struct text *labels, const char *name, struct bytes value);

/* # HELP and # TYPE; once per family, before its samples. `help` is one line without backslashes.
 */
void metrics_family(struct text *out, const char *name, enum metric_type type, const char *help);
/* name{labels} value; labels as label="value" pairs made by metrics_label(), or NULL. */
void metrics_sample(struct text *out, const char *name, const char *labels, uint64_t value);
void metrics_sample_double(struct text *out, const char *name, const char *labels, double value);
/* _bucket, _sum and _count lines, in seconds. */
void metrics_histogram(struct text *out, const char *name, const char *labels,
                       const struct histogram *histogram);

#endif
