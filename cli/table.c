/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - the routing table as text or JSON, of manifests, an API server or a running Fairlead.
 */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/offline.h"
#include "route/dump.h"

static int from_admin(const struct options *options)
{
    struct text answer;
    uint16_t code = 0;
    int result = EXIT_FOUND;

    text_init(&answer);
    if (ask_admin(&options->admin, options->json ? BYTES("/table?format=json") : BYTES("/table"),
                  &code, &answer) == STATUS_OK) {
        if (code != 200)
            print_error(BYTES("the admin port answered, but not with a table"));
        else if (print(text_bytes(&answer)))
            result = EXIT_FINE;
    }
    text_fini(&answer);
    return result;
}

int table_run(const struct options *options)
{
    struct offline offline;
    struct text out;
    int code;

    if (options->admin_is_given)
        return from_admin(options);
    if (offline_open(&offline, options, &options->objects, false) != STATUS_OK)
        return EXIT_USAGE;
    text_init(&out);
    if (options->json)
        table_dump_json(offline.table, &out);
    else
        table_dump_text(offline.table, &out);
    code = print(text_bytes(&out)) ? EXIT_FINE : EXIT_FOUND;
    if (offline.files_broken > 0)
        code = EXIT_USAGE;
    text_fini(&out);
    offline_close(&offline);
    return code;
}
