/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - summing and writing the counters of workers.
 */
#include "proxy/stats.h"

#include <stdio.h>

void stats_merge(struct stats *into, const struct stats *from)
{
#define STAT(field, type, family, labels, help) into->field += from->field;
#include "proxy/stats.def"
#undef STAT
    for (size_t i = 0; i < 6; i++)
        into->requests_by_class[i] += from->requests_by_class[i];
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        into->failures[i] += from->failures[i];
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        into->tcp_ended[i] += from->tcp_ended[i];
    for (size_t i = 0; i < TLS_FAILURE_COUNT; i++)
        into->tls_failures[i] += from->tls_failures[i];
    for (size_t i = 0; i < H2_ENDS_COUNT; i++)
        into->h2_ended[i] += from->h2_ended[i];
    for (size_t i = 0; i < PROBE_RESULT_COUNT; i++)
        into->probes[i] += from->probes[i];
    into->redirects += from->redirects;
    into->admin_requests += from->admin_requests;
    histogram_merge(&into->duration, &from->duration);
    histogram_merge(&into->upstream_duration, &from->upstream_duration);
    histogram_merge(&into->busy, &from->busy);
}

static void write_requests(const struct stats *stats, struct text *out)
{
    const char *name = "fairlead_requests_total";
    char labels[128];

    metrics_family(out, name, METRIC_COUNTER,
                   "Requests ended, by class of the status code and by reason of our own answers.");
    for (unsigned int i = 1; i < 6; i++) {
        (void)snprintf(labels, sizeof(labels), "code=\"%uxx\",reason=\"none\"", i);
        metrics_sample(out, name, labels, stats->requests_by_class[i]);
    }
    metrics_sample(out, name, "code=\"3xx\",reason=\"redirect_https\"", stats->redirects);
    for (unsigned int i = 1; i < FAILURE_COUNT; i++) {
        const struct failure_row *row = failure_row((enum failure)i);

        if (stats->failures[i] == 0)
            continue;
        (void)snprintf(labels, sizeof(labels), "code=\"%s\",reason=\"%s\"",
                       row->code == 0    ? "none"
                       : row->code < 500 ? "4xx"
                                         : "5xx",
                       row->reason);
        metrics_sample(out, name, labels, stats->failures[i]);
    }
}

/* The rows of the family that stats.def begins. */
static void write_handshake_failures(const struct stats *stats, struct text *out)
{
    char labels[64];

    for (int i = TLS_FAILURE_NONE + 1; i < TLS_FAILURE_COUNT; i++) {
        (void)snprintf(labels, sizeof(labels), "result=\"%s\"",
                       tls_failure_label((enum tls_failure)i));
        metrics_sample(out, "fairlead_tls_handshakes_total", labels, stats->tls_failures[i]);
    }
}

static void write_tcp_ends(const struct stats *stats, struct text *out)
{
    const char *name = "fairlead_tcp_connections_total";
    char labels[64];

    metrics_family(out, name, METRIC_COUNTER,
                   "Client connections for tcp routes that have ended, by result.");
    metrics_sample(out, name, "result=\"ok\"", stats->tcp_ended[FAILURE_NONE]);
    for (unsigned int i = 1; i < FAILURE_COUNT; i++) {
        if (stats->tcp_ended[i] == 0)
            continue;
        (void)snprintf(labels, sizeof(labels), "result=\"%s\"",
                       failure_row((enum failure)i)->reason);
        metrics_sample(out, name, labels, stats->tcp_ended[i]);
    }
}

static void write_session_ends(const struct stats *stats, struct text *out)
{
    const char *name = "fairlead_http2_sessions_ended_total";
    char labels[64];

    metrics_family(out, name, METRIC_COUNTER,
                   "HTTP/2 sessions of clients that were ended for what the client did, by cause.");
    for (int i = H2_END_NONE + 1; i < H2_ENDS_COUNT; i++) {
        (void)snprintf(labels, sizeof(labels), "why=\"%s\"", h2_end_label((enum h2_end)i));
        metrics_sample(out, name, labels, stats->h2_ended[i]);
    }
}

static void write_probes(const struct stats *stats, struct text *out)
{
    const char *name = "fairlead_health_probes_total";
    char labels[64];

    metrics_family(out, name, METRIC_COUNTER, "Health checks of endpoints, by result.");
    for (int i = 0; i < PROBE_RESULT_COUNT; i++) {
        (void)snprintf(labels, sizeof(labels), "result=\"%s\"",
                       probe_result_label((enum probe_result)i));
        metrics_sample(out, name, labels, stats->probes[i]);
    }
}

static bool is_last_of(const char *family, const char *next)
{
    return next == NULL || strcmp(family, next) != 0;
}

void stats_write(const struct stats *stats, struct text *out)
{
    static const struct {
        enum metric_type type;
        const char *family;
        const char *labels;
        const char *help;
    } rows[] = {
#define STAT(field, type, family, labels, help) {METRIC_##type, family, labels, help},
#include "proxy/stats.def"
#undef STAT
    };
    const uint64_t values[] = {
#define STAT(field, type, family, labels, help) stats->field,
#include "proxy/stats.def"
#undef STAT
    };

    const size_t rows_count = sizeof(rows) / sizeof(rows[0]);

    write_requests(stats, out);
    for (size_t i = 0; i < rows_count; i++) {
        const char *family = rows[i].family;

        if (i == 0 || strcmp(family, rows[i - 1].family) != 0)
            metrics_family(out, family, rows[i].type, rows[i].help);
        metrics_sample(out, family, rows[i].labels, values[i]);
        if (strcmp(family, "fairlead_tls_handshakes_total") == 0 &&
            is_last_of(family, i + 1 < rows_count ? rows[i + 1].family : NULL))
            write_handshake_failures(stats, out);
    }
    write_tcp_ends(stats, out);
    write_session_ends(stats, out);
    write_probes(stats, out);
    metrics_family(out, "fairlead_admin_requests_total", METRIC_COUNTER,
                   "Requests to the admin port.");
    metrics_sample(out, "fairlead_admin_requests_total", NULL, stats->admin_requests);
    metrics_family(out, "fairlead_request_duration_seconds", METRIC_HISTOGRAM,
                   "From the first byte of a request to the last of its answer.");
    metrics_histogram(out, "fairlead_request_duration_seconds", NULL, &stats->duration);
    metrics_family(out, "fairlead_upstream_duration_seconds", METRIC_HISTOGRAM,
                   "From sending a request to the head of the endpoint's answer.");
    metrics_histogram(out, "fairlead_upstream_duration_seconds", NULL, &stats->upstream_duration);
    metrics_family(out, "fairlead_loop_busy_seconds", METRIC_HISTOGRAM,
                   "How long one turn of a loop held it: the lag that others in it see.");
    metrics_histogram(out, "fairlead_loop_busy_seconds", NULL, &stats->busy);
}
