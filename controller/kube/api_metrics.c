/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_metrics.c - the counters of an api as text.
 */
#include "controller/kube/api_call.h"
#include "core/metrics.h"

static void add(struct text *out, const char *name, const char *help, uint64_t value)
{
    metrics_family(out, name, METRIC_COUNTER, help);
    metrics_sample(out, name, NULL, value);
}

static void add_calls(struct text *out, const struct api_stats *stats)
{
    const char *name = "fairlead_api_calls_total";
    const char *const classes[] = {"result=\"other\"", "result=\"1xx\"", "result=\"2xx\"",
                                   "result=\"3xx\"",   "result=\"4xx\"", "result=\"5xx\""};

    metrics_family(out, name, METRIC_COUNTER,
                   "Calls to the API server that ended, by the answer or what came instead.");
    for (size_t i = 2; i < 6; i++)
        metrics_sample(out, name, classes[i], stats->answers[i]);
    metrics_sample(out, name, classes[0], stats->answers[0] + stats->answers[1]);
    metrics_sample(out, name, "result=\"failed\"", stats->failed);
    metrics_sample(out, name, "result=\"silent\"", stats->silent);
    metrics_sample(out, name, "result=\"late\"", stats->late);
    metrics_sample(out, name, "result=\"cancelled\"", stats->cancelled);
}

static void add_identity(struct text *out, const struct auth *auth)
{
    const char *name = "fairlead_api_identity_readings_total";
    struct auth_stats stats;

    auth_stats(auth, &stats);
    metrics_family(out, name, METRIC_COUNTER,
                   "Readings of the credentials for the API server, by how they ended.");
    metrics_sample(out, name, "result=\"ok\"", stats.readings);
    metrics_sample(out, name, "result=\"failed\"", stats.readings_failed);
    add(out, "fairlead_api_identity_changes_total",
        "Readings of the credentials that brought something new.", stats.changes);
}

void api_write_metrics(const struct api *api, struct text *out)
{
    add_calls(out, &api->stats);
    metrics_family(out, "fairlead_api_calls_active", METRIC_GAUGE,
                   "Calls to the API server under way, watches included.");
    metrics_sample(out, "fairlead_api_calls_active", NULL, api->calls_count);
    add(out, "fairlead_api_calls_again_total",
        "Calls made once more, with new credentials or at another address.", api->stats.again);
    add(out, "fairlead_api_bytes_total", "Bytes of bodies from the API server, unpacked.",
        api->stats.bytes);
    add(out, "fairlead_api_connections_total", "Connections begun to the API server.",
        api->stats.connections);
    add(out, "fairlead_api_dead_connections_total",
        "Connections to the API server on which nothing came, not even an answer to a question.",
        api->stats.dead_connections);
    add(out, "fairlead_api_held_too_large_total",
        "Answers with status 401 that were cut, being larger than 64 KiB.",
        api->stats.held_too_large);
    add(out, "fairlead_api_pauses_total",
        "Times that a body waited for the next turn of the loop, which had taken 256 KiB.",
        api->stats.pauses);
    if (api->auth != NULL)
        add_identity(out, api->auth);
}
