/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.c - the numbers of the control plane, kept and written.
 */
#include "controller/observe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CERTIFICATES_SHOWN_MAX 1000 /* series of one metric; the rest is counted */

void observed_init(struct observed *observed)
{
    *observed = (struct observed){0};
    text_init(&observed->expiries);
}

void observed_fini(struct observed *observed)
{
    text_fini(&observed->expiries);
}

void observed_compile(struct observed *observed, const struct turn_result *result)
{
    histogram_observe(&observed->compile, result->compile_us);
    observed->compile_us = result->compile_us;
    observed->compiles++;
    observed->hosts_compiled += result->stats.hosts_compiled;
    observed->clusters_compiled += result->stats.clusters_compiled;
    observed->stats = result->stats;
}

static void write_expiry(struct text *out, const struct served_certificate *certificate)
{
    int64_t end_s = certificate->not_after_s > 0 ? certificate->not_after_s : 0;
    struct text labels;

    text_init(&labels);
    metrics_label(&labels, "secret", certificate->secret);
    metrics_sample(out, "fairlead_certificate_not_after_seconds", labels.at, (uint64_t)end_s);
    text_fini(&labels);
}

/* Written when the list changes and not at each scrape: the table may be gone by then. */
static void write_expiries(struct observed *observed, const struct table *table)
{
    size_t count = table_certificates_count(table);
    size_t shown = count < CERTIFICATES_SHOWN_MAX ? count : CERTIFICATES_SHOWN_MAX;
    const void *list = count == 0 ? NULL : table_certificate(table, 0);
    struct text *out = &observed->expiries;

    if (list == observed->certificates && out->len > 0)
        return;
    observed->certificates = list;
    text_clear(out);
    if (shown > 0)
        metrics_family(out, "fairlead_certificate_not_after_seconds", METRIC_GAUGE,
                       "When a certificate that is served ends, Unix time; the earliest of its "
                       "chain.");
    for (size_t i = 0; i < shown; i++)
        write_expiry(out, table_certificate(table, i));
    metrics_family(out, "fairlead_certificates_left_out", METRIC_GAUGE,
                   "Certificates served that have no series of their own.");
    metrics_sample(out, "fairlead_certificates_left_out", NULL, count - shown);
}

/* Counted when the list changes: nearly all tables have that of the one before. */
static void count_states(struct observed *observed, const struct table *table)
{
    size_t count = table_statuses_count(table);
    const void *list = count == 0 ? NULL : table_status(table, 0);

    if (list == observed->statuses)
        return;
    observed->statuses = list;
    memset(observed->by_state, 0, sizeof(observed->by_state));
    for (size_t i = 0; i < count; i++)
        observed->by_state[table_status(table, i)->state]++;
}

void observed_publish(struct observed *observed, const struct table *table)
{
    observed->publications++;
    observed->generation = table_generation(table);
    observed->hosts = table_hosts_count(table);
    observed->routes = table_routes_count(table);
    observed->clusters = table_clusters_count(table);
    observed->foreign_hosts_left_out = table_foreign_hosts_left_out(table);
    observed->published_at_s = (uint64_t)time(NULL);
    write_expiries(observed, table);
    count_states(observed, table);
}

static void write_one(struct text *out, const char *name, enum metric_type type, const char *help,
                      uint64_t value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, NULL, value);
}

/* Kinds that share a name stand side by side, and are one kind to whoever reads it. */
static void write_objects(const struct observed *observed, struct text *out)
{
    metrics_family(out, "fairlead_objects", METRIC_GAUGE, "Objects known, by kind.");
    for (int kind = 0; kind < OBJECT_KINDS_COUNT; kind++) {
        const char *name = object_kind_name((enum object_kind)kind);
        uint64_t count = observed->stats.objects[kind];
        char labels[64];

        while (kind + 1 < OBJECT_KINDS_COUNT &&
               strcmp(object_kind_name((enum object_kind)(kind + 1)), name) == 0)
            count += observed->stats.objects[++kind];
        (void)snprintf(labels, sizeof(labels), "kind=\"%s\"", name);
        metrics_sample(out, "fairlead_objects", labels, count);
    }
    metrics_family(out, "fairlead_ingress_routes", METRIC_GAUGE,
                   "IngressRoutes that are ours, by status.");
    for (int state = 0; state <= OBJECT_ORPHANED; state++) {
        char labels[64];

        (void)snprintf(labels, sizeof(labels), "status=\"%s\"",
                       object_state_word((enum object_state)state));
        metrics_sample(out, "fairlead_ingress_routes", labels, observed->by_state[state]);
    }
    metrics_family(out, "fairlead_findings", METRIC_GAUGE, "What is wrong with objects now.");
    metrics_sample(out, "fairlead_findings", "severity=\"error\"", observed->stats.errors);
    metrics_sample(out, "fairlead_findings", "severity=\"warning\"", observed->stats.warnings);
    write_one(out, "fairlead_findings_left_out", METRIC_GAUGE,
              "Findings that are not told: their owner has a thousand others.",
              observed->stats.findings_left_out);
    write_one(out, "fairlead_foreign_hosts_left_out", METRIC_GAUGE,
              "Hosts of objects that are not ours of which explain does not know: there are 10000 "
              "others.",
              observed->foreign_hosts_left_out);
}

static void write_compiles(const struct observed *observed, struct text *out)
{
    metrics_family(out, "fairlead_compile_seconds", METRIC_HISTOGRAM,
                   "Time to compile one batch of changes.");
    metrics_histogram(out, "fairlead_compile_seconds", NULL, &observed->compile);
    write_one(out, "fairlead_hosts_compiled_total", METRIC_COUNTER,
              "Hosts compiled; unchanged ones are not.", observed->hosts_compiled);
    write_one(out, "fairlead_clusters_compiled_total", METRIC_COUNTER,
              "Clusters compiled; unchanged ones are not.", observed->clusters_compiled);
}

static void write_table(const struct observed *observed, struct text *out)
{
    write_one(out, "fairlead_publications_total", METRIC_COUNTER, "Tables published.",
              observed->publications);
    write_one(out, "fairlead_table_generation", METRIC_GAUGE, "Generation of the published table.",
              observed->generation);
    write_one(out, "fairlead_table_hosts", METRIC_GAUGE, "Hosts in the published table.",
              observed->hosts);
    write_one(out, "fairlead_table_routes", METRIC_GAUGE, "Routes in the published table.",
              observed->routes);
    write_one(out, "fairlead_table_clusters", METRIC_GAUGE, "Clusters in the published table.",
              observed->clusters);
    write_one(out, "fairlead_table_published_timestamp_seconds", METRIC_GAUGE,
              "When the table was published, Unix time.", observed->published_at_s);
}

void observed_write(const struct observed *observed, struct text *out)
{
    write_objects(observed, out);
    write_compiles(observed, out);
    write_table(observed, out);
    text_add(out, text_bytes(&observed->expiries));
}

void observed_write_names(uint64_t names, uint64_t failures, struct text *out)
{
    write_one(out, "fairlead_external_names", METRIC_GAUGE, "DNS names of ExternalName Services.",
              names);
    write_one(out, "fairlead_external_name_failures_total", METRIC_COUNTER,
              "Lookups of such names that failed.", failures);
}
