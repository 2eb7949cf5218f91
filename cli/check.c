/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what is wrong with manifests, one line a finding.
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

/* IngressRoutes bring statuses, which follow the findings; there are none of the kinds served now.
 */
int check_run(const struct options *options)
{
    struct offline offline;
    struct text out;
    int code = EXIT_FINE;

    if (offline_open(&offline, options, &options->paths, false) != STATUS_OK)
        return EXIT_USAGE;
    text_init(&out);
    for (size_t i = 0; i < table_findings_count(offline.table); i++) {
        const struct finding *finding = table_finding(offline.table, i);

        add_finding(&out, finding);
        if (finding->is_error)
            code = EXIT_FOUND;
    }
    if (!print(text_bytes(&out)))
        code = EXIT_FOUND;
    text_fini(&out);
    offline_close(&offline);
    return code;
}
