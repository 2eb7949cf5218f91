/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_server.h - the objects of a cluster, read once, for check, explain and table.
 */
#ifndef CLI_API_SERVER_H
#define CLI_API_SERVER_H

#include "cli/options.h"

#define PROGRESS_AFTER_MS 3000 /* a reading that takes longer is shown on a terminal */

/* By --kubeconfig, within --list-timeout. Blocks. On an error one line is on stderr; the batch is
 * the caller's. */
enum status api_server_read(const struct options *options, struct log *log,
                            struct source_batch **batch);

#endif
