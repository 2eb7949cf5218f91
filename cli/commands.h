/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - one function a command; each returns the exit code.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

int check_run(const struct options *options);
int explain_run(const struct options *options);
int table_run(const struct options *options);
int probe_run(const struct options *options);
int version_run(void);

/* Write all of it to standard output. False when that fails, which is told on stderr. */
bool print(struct bytes text);
/* "fairlead: " and the text, one line on stderr. */
void print_error(struct bytes text);

#endif
