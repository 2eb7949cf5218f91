/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_metrics.c - the numbers of all that is followed.
 */
#include "controller/kube/kube_parts.h"
#include "core/metrics.h"

#include <stdio.h>

static uint64_t count_of(const struct follow_stats *stats, size_t index)
{
    const uint64_t counts[] = {stats->lists,    stats->streams, stats->watches,  stats->events,
                               stats->rejected, stats->faults,  stats->too_large};

    return counts[index];
}

static const struct {
    const char *name;
    const char *help;
} counters[] = {
    {"fairlead_kube_lists_total", "Pages of lists asked of the API server."},
    {"fairlead_kube_streams_total", "Streaming lists asked of the API server."},
    {"fairlead_kube_watches_total", "Watches asked of the API server."},
    {"fairlead_kube_events_total", "Objects that came, changed or went."},
    {"fairlead_kube_objects_rejected_total", "Objects that could not be read."},
    {"fairlead_kube_faults_total", "Lists and watches that failed."},
    {"fairlead_kube_too_large_total", "Answers that were larger than is taken."},
};

/* Follows of one resource and group together: namespaces are no label. */
static bool is_first_of(const struct kube *kube, size_t index)
{
    const struct followed *what = follow_what(kube->follows[index]);

    for (size_t i = 0; i < index; i++) {
        const struct followed *other = follow_what(kube->follows[i]);

        if (other->kind == what->kind && strcmp(other->api_version, what->api_version) == 0)
            return false;
    }
    return true;
}

static bool is_same(const struct followed *a, const struct followed *b)
{
    return a->kind == b->kind && strcmp(a->api_version, b->api_version) == 0;
}

static void add_labels(const struct followed *what, char *out, size_t size)
{
    (void)snprintf(out, size, "resource=\"%s\",version=\"%s\"", what->resource, what->api_version);
}

static void write_counter(const struct kube *kube, size_t counter, struct text *out)
{
    metrics_family(out, counters[counter].name, METRIC_COUNTER, counters[counter].help);
    for (size_t i = 0; i < kube->follows_count; i++) {
        const struct followed *what = follow_what(kube->follows[i]);
        uint64_t sum = 0;
        char labels[128];

        if (!is_first_of(kube, i))
            continue;
        for (size_t j = i; j < kube->follows_count; j++) {
            if (is_same(what, follow_what(kube->follows[j])))
                sum += count_of(follow_stats(kube->follows[j]), counter);
        }
        add_labels(what, labels, sizeof(labels));
        metrics_sample(out, counters[counter].name, labels, sum);
    }
}

/* The worst of them: the longest without a byte; not synced if one is not. */
static void write_states(const struct kube *kube, struct text *out)
{
    uint64_t now_ms = uv_now(kube->config.loop), silent_ms = 0;
    size_t synced = 0, troubled = 0;

    for (size_t i = 0; i < kube->follows_count; i++) {
        const struct follow *follow = kube->follows[i];
        uint64_t contact_ms = follow_contact_at_ms(follow);

        synced += follow_is_synced(follow);
        troubled += follow_trouble(follow) == TROUBLE_AWAY ||
                    follow_trouble(follow) == TROUBLE_SERVER ||
                    follow_trouble(follow) == TROUBLE_FORBIDDEN || follow_is_missed(follow);
        if (follow_trouble(follow) != TROUBLE_ABSENT && now_ms - contact_ms > silent_ms)
            silent_ms = now_ms - contact_ms;
    }
    metrics_family(out, "fairlead_kube_followed", METRIC_GAUGE,
                   "Lists that are followed on the API server.");
    metrics_sample(out, "fairlead_kube_followed", NULL, kube->follows_count);
    metrics_family(out, "fairlead_kube_synced", METRIC_GAUGE,
                   "Of them, those that have been read to their end once.");
    metrics_sample(out, "fairlead_kube_synced", NULL, synced);
    metrics_family(out, "fairlead_kube_troubled", METRIC_GAUGE,
                   "Of them, those that cannot be followed now; what is known is served.");
    metrics_sample(out, "fairlead_kube_troubled", NULL, troubled);
    metrics_family(out, "fairlead_kube_silent_seconds", METRIC_GAUGE,
                   "How long the quietest of them has brought no byte.");
    metrics_sample(out, "fairlead_kube_silent_seconds", NULL, silent_ms / 1000);
}

void kube_write_metrics(const struct kube *kube, struct text *out)
{
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        write_counter(kube, i, out);
    write_states(kube, out);
    if (kube->snapshot != NULL)
        snapshot_write_metrics(kube->snapshot, kube_serves_snapshot(kube), out);
    api_write_metrics(kube->config.api, out);
}
