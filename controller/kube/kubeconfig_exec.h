/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_exec.h - the part of a kubeconfig that names a credential plugin. For kubeconfig.c.
 */
#ifndef CONTROLLER_KUBE_KUBECONFIG_EXEC_H
#define CONTROLLER_KUBE_KUBECONFIG_EXEC_H

#include "controller/kube/access.h"
#include "controller/object/config_tree.h"

/* The reading of one kubeconfig. */
struct kubeconfig {
    const char *path;
    struct config_tree *tree;
    struct access *access;
    struct bytes cluster_config; /* in the arena of the access */
    struct text *error;
};

/* In the arena of the access. */
struct bytes kubeconfig_path(struct kubeconfig *config, struct bytes path);

/* What the cluster has for plugins. */
void kubeconfig_exec_read_cluster(struct kubeconfig *config, struct config_node cluster);
/* Sets access->exec if the user has a plugin. Returns what is wrong, or NULL. */
const char *kubeconfig_exec_read(struct kubeconfig *config, struct config_node user);

#endif
