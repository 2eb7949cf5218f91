/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_plugin.h - runs a credential plugin: no shell, no terminal, a bounded answer in bounded
 * time. What it writes to stderr goes to ours.
 */
#ifndef CONTROLLER_KUBE_EXEC_PLUGIN_H
#define CONTROLLER_KUBE_EXEC_PLUGIN_H

#include "controller/kube/access.h"

#include <uv.h>

#define EXEC_OUTPUT_BYTES_MAX (1024u * 1024)
#define EXEC_TIMEOUT_MS       60000

struct exec_plugin;

/* Once: STATUS_OK with what it printed, or else with a sentence for people; STATUS_NOT_FOUND where
 * there is no such program. Both are borrowed for the call. The plugin is gone afterwards. */
typedef void exec_plugin_fn(void *context, enum status status, struct bytes output,
                            struct bytes error);

/* Never calls back before it returns. `info` is the value of KUBERNETES_EXEC_INFO. */
struct exec_plugin *exec_plugin_start(uv_loop_t *loop, const struct exec_config *exec,
                                      struct bytes info, exec_plugin_fn *on_end, void *context);
/* Kill it, and what it has started; on_end still comes. */
void exec_plugin_stop(struct exec_plugin *plugin);

#endif
