/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what is wrong with manifests or the objects of a cluster, one line a finding.
 */
#include "cli/commands.h"
#include "cli/offline.h"

static void add_finding(struct text *out, const struct finding *finding)
{
    if (finding->location.len > 0) {
        text_add(out, finding->location);
        text_add_str(out, ": ");
    }
    text_add_str(out, finding->is_error ? "error: " : "warning: ");
    if (finding->object.len > 0) {
        text_add(out, finding->object);
        text_add_str(out, ": ");
    }
    text_add(out, finding->text);
    text_add_byte(out, '\n');
}

static void add_status(struct text *out, const struct object_status *status)
{
    text_add_str(out, "status ");
    text_add(out, status->object);
    text_printf(out, " %s: ", object_state_word(status->state));
    text_add(out, status->description);
    text_add_byte(out, '\n');
}

/* Adds everything to be told; the exit code. An orphan only warns: its parent may come yet. */
static int report(struct text *out, const struct table *table)
{
    int code = EXIT_FINE;

    for (size_t i = 0; i < table_findings_count(table); i++) {
        const struct finding *finding = table_finding(table, i);

        add_finding(out, finding);
        if (finding->is_error)
            code = EXIT_FOUND;
    }
    for (size_t i = 0; i < table_statuses_count(table); i++) {
        const struct object_status *status = table_status(table, i);

        add_status(out, status);
        if (status->state == OBJECT_INVALID)
            code = EXIT_FOUND;
    }
    return code;
}

int check_run(const struct options *options)
{
    struct offline offline;
    struct text out;
    int code;

    if (offline_open(&offline, options, &options->paths, true) != STATUS_OK)
        return EXIT_USAGE;
    text_init(&out);
    code = report(&out, offline.table);
    if (!print(text_bytes(&out)))
        code = EXIT_FOUND;
    if (offline.files_unread > 0)
        code = EXIT_USAGE;
    text_fini(&out);
    offline_close(&offline);
    return code;
}
