/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files_source.c - watched directories, as the owner of any source sees them.
 */
#include "controller/kube/source.h"
#include "core/metrics.h"

static void write_one(struct text *out, const char *name, enum metric_type type, const char *help,
                      uint64_t value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, NULL, value);
}

static void write_metrics(const void *self, struct text *out)
{
    const struct files *watched = self;
    struct files_stats stats;

    files_stats(watched, &stats);
    write_one(out, "fairlead_files", METRIC_GAUGE, "Manifest files known.", stats.files);
    write_one(out, "fairlead_files_broken", METRIC_GAUGE,
              "Manifest files that can not be used; the last good objects of each are served.",
              stats.files_broken);
    write_one(out, "fairlead_file_reads_total", METRIC_COUNTER, "Readings of manifest files.",
              stats.reads);
    write_one(out, "fairlead_file_parse_errors_total", METRIC_COUNTER,
              "Readings of manifest files that did not parse.", stats.parse_errors);
    write_one(out, "fairlead_files_too_large_total", METRIC_COUNTER,
              "Manifest files refused for their size.", stats.too_large);
    write_one(out, "fairlead_file_rescans_total", METRIC_COUNTER,
              "Times the directories were read from the start.", stats.rescans);
}

static void add_detail(const void *self, struct text *out)
{
    struct files_stats stats;
    bool is_one;

    files_stats(self, &stats);
    if (stats.files_broken == 0)
        return;
    is_one = stats.files_broken == 1;
    text_printf(out, "%llu manifest file%s can not be used; ",
                (unsigned long long)stats.files_broken, is_one ? "" : "s");
    if (stats.files_kept == stats.files_broken)
        text_printf(out, "%s last good objects are served\n", is_one ? "its" : "their");
    else if (stats.files_kept == 0)
        text_printf(out, "nothing of %s is served\n", is_one ? "it" : "them");
    else
        text_printf(out, "the last good objects of %llu are served\n",
                    (unsigned long long)stats.files_kept);
}

static void close_files(void *self, source_closed_fn *on_closed, void *context)
{
    files_close(self, on_closed, context);
}

struct source files_source(struct files *files)
{
    static const struct source_ops ops = {
        .write_metrics = write_metrics,
        .add_detail = add_detail,
        .close = close_files,
    };

    return (struct source){&ops, files};
}
