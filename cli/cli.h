/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the command line: every command but serve is done here, with the same compile and match
 * code as the proxy and no listening sockets.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

enum exit_code {
    EXIT_FINE = 0,
    EXIT_FOUND = 1, /* check found errors, explain found no route, a server could not be reached */
    EXIT_USAGE = 2, /* the command line or the config file is wrong */
};

/* Runs the proxy until it is told to stop; returns the exit code. Given by main.c. */
typedef int cli_serve_fn(const struct options *options);

/* The whole of main(): parses, runs the command, returns the exit code. */
int cli_main(int argc, char **argv, cli_serve_fn *serve);

#endif
