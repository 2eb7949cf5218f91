/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - histograms, and numbers as Prometheus text.
 */
#include "core/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    uint64_t us;
    const char *seconds; /* the le label */
} bounds[] = {
    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"},
    {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},
    {10000000, "10"}, {30000000, "30"}, {60000000, "60"},
};
_Static_assert(sizeof(bounds) / sizeof(bounds[0]) == HISTOGRAM_BUCKETS, "a count for each bound");

/* From the front: most of what is measured is short. */
void histogram_observe(struct histogram *histogram, uint64_t us)
{
    size_t bucket = 0;

    while (bucket < HISTOGRAM_BUCKETS && us > bounds[bucket].us)
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_us += us;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->sum_us += from->sum_us;
}

static void add_label_byte(struct text *labels, char byte)
{
    if (byte == '\n') {
        text_add_str(labels, "\\n");
        return;
    }
    if (byte == '"' || byte == '\\')
        text_add_byte(labels, '\\');
    text_add_byte(labels, byte >= ' ' && byte <= '~' ? byte : '_');
}

void metrics_label(struct text *labels, const char *name, struct bytes value)
{
    if (labels->len > 0)
        text_add_byte(labels, ',');
    text_add_str(labels, name);
    text_add_str(labels, "=\"");
    for (size_t i = 0; i < value.len; i++)
        add_label_byte(labels, value.at[i]);
    text_add_byte(labels, '"');
    text_reserve(labels, 1);
    labels->at[labels->len] = '\0';
}

static const char *type_word(enum metric_type type)
{
    switch (type) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    case METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

void metrics_family(struct text *out, const char *name, enum metric_type type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type_word(type));
}

/* name + suffix, the labels in braces if there are any, and the blank before the value. */
static void add_series(struct text *out, const char *name, const char *suffix, const char *labels)
{
    text_add_str(out, name);
    text_add_str(out, suffix);
    if (labels != NULL && labels[0] != '\0') {
        text_add_byte(out, '{');
        text_add_str(out, labels);
        text_add_byte(out, '}');
    }
    text_add_byte(out, ' ');
}

void metrics_sample(struct text *out, const char *name, const char *labels, uint64_t value)
{
    add_series(out, name, "", labels);
    text_add_uint(out, value);
    text_add_byte(out, '\n');
}

/* The shorter of two forms that both read back as the same number, where 15 digits are enough. */
static void add_double(struct text *out, double value)
{
    char digits[32];

    if (isnan(value)) {
        text_add_str(out, "NaN");
        return;
    }
    if (isinf(value)) {
        text_add_str(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    snprintf(digits, sizeof(digits), "%.15g", value);
    if (strtod(digits, NULL) < value || strtod(digits, NULL) > value)
        snprintf(digits, sizeof(digits), "%.17g", value);
    text_add_str(out, digits);
}

void metrics_sample_double(struct text *out, const char *name, const char *labels, double value)
{
    add_series(out, name, "", labels);
    add_double(out, value);
    text_add_byte(out, '\n');
}

static void add_bucket(struct text *out, const char *name, const char *labels, const char *bound,
                       uint64_t count)
{
    bool has_labels = labels != NULL && labels[0] != '\0';

    text_add_str(out, name);
    text_add_str(out, "_bucket{");
    if (has_labels) {
        text_add_str(out, labels);
        text_add_byte(out, ',');
    }
    text_add_str(out, "le=\"");
    text_add_str(out, bound);
    text_add_str(out, "\"} ");
    text_add_uint(out, count);
    text_add_byte(out, '\n');
}

void metrics_histogram(struct text *out, const char *name, const char *labels,
                       const struct histogram *histogram)
{
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += histogram->counts[i];
        add_bucket(out, name, labels, bounds[i].seconds, count);
    }
    count += histogram->counts[HISTOGRAM_BUCKETS];
    add_bucket(out, name, labels, "+Inf", count);
    add_series(out, name, "_sum", labels);
    text_printf(out, "%llu.%06llu\n", (unsigned long long)(histogram->sum_us / 1000000),
                (unsigned long long)(histogram->sum_us % 1000000));
    add_series(out, name, "_count", labels);
    text_add_uint(out, count);
    text_add_byte(out, '\n');
}
