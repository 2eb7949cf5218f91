/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.c - main() without serving.
 */
#include "cli/cli.h"

#include "cli/commands.h"

#include <stdio.h>

bool print(struct bytes text)
{
    bool is_written = text.len == 0 || fwrite(text.at, 1, text.len, stdout) == text.len;

    if (is_written && fflush(stdout) == 0)
        return true;
    print_error(BYTES("standard output cannot be written"));
    return false;
}

void print_error(struct bytes text)
{
    (void)fprintf(stderr, "fairlead: %.*s\n", BYTES_ARG(text));
}

int version_run(void)
{
    return print(BYTES("fairlead " FAIRLEAD_VERSION "\n")) ? EXIT_FINE : EXIT_FOUND;
}

static int print_help(enum command command)
{
    struct text help;
    int code;

    text_init(&help);
    options_help(command, &help);
    code = print(text_bytes(&help)) ? EXIT_FINE : EXIT_FOUND;
    text_fini(&help);
    return code;
}

static int run(const struct options *options, cli_serve_fn *serve)
{
    if (options->wants_help)
        return print_help(options->command);
    switch (options->command) {
    case COMMAND_SERVE:
        return serve(options);
    case COMMAND_CHECK:
        return check_run(options);
    case COMMAND_EXPLAIN:
        return explain_run(options);
    case COMMAND_TABLE:
        return table_run(options);
    case COMMAND_PROBE:
        return probe_run(options);
    case COMMAND_VERSION:
        return version_run();
    case COMMAND_HELP:
        return print_help(COMMAND_HELP);
    }
    return EXIT_USAGE;
}

int cli_main(int argc, char **argv, cli_serve_fn *serve)
{
    struct options options;
    struct text error;
    int code = EXIT_USAGE;

    text_init(&error);
    if (options_parse(&options, argc, argv, &error) == STATUS_OK)
        code = run(&options, serve);
    else
        print_error(text_bytes(&error));
    options_fini(&options);
    text_fini(&error);
    return code;
}
