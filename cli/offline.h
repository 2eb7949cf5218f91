/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.h - manifests, or the objects of an API server, read once and compiled: for check,
 * explain and table.
 */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "cli/options.h"

struct offline {
    struct compile_options options;
    struct compiler *compiler; /* owned */
    struct table *table;       /* ref */
    struct log *log;           /* owned */
    size_t files_broken;       /* manifests that do not parse, or could not be read */
    size_t files_unread;       /* of these, could not be read */
};

/*
 * Reads --kubeconfig where the options have it, else the paths.
 *
 * for_check: findings will be shown, so manifests that cannot be used are not told on stderr, and
 * paths without manifests are findings too; ExternalNames are not looked up by DNS, which may take
 * its time. On an error one line is on stderr; *offline is to be ended only after STATUS_OK.
 */
enum status offline_open(struct offline *offline, const struct options *options,
                         const struct string_list *paths, bool for_check);
void offline_close(struct offline *offline);

#endif
