/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_look.h - the file that is there at the start: whether it is ours, and for us. Blocking,
 * shortly. Internal to snapshot.c.
 */
#ifndef CONTROLLER_KUBE_SNAPSHOT_LOOK_H
#define CONTROLLER_KUBE_SNAPSHOT_LOOK_H

#include "controller/kube/snapshot.h"

/*
 * *fd is set where there is one that can be served, and left where there is none. Why not is one
 * line in the log. STATUS_REFUSED: what is there is not ours.
 */
enum status snapshot_look(const struct snapshot_config *config, int *fd, bool *is_over_limit);

#endif
