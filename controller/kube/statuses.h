/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuses.h - the statuses that objects have on the API server, as last seen.
 */
#ifndef CONTROLLER_KUBE_STATUSES_H
#define CONTROLLER_KUBE_STATUSES_H

#include "controller/kube/kube.h"
#include "controller/object/served.h"
#include "core/map.h"

struct statuses {
    struct map known[OBJECT_KINDS_COUNT]; /* "ns/name" -> struct known_status */
};

void statuses_init(struct statuses *statuses);
void statuses_fini(struct statuses *statuses);
/* The object came, changed or went. */
void statuses_note(struct statuses *statuses, enum object_kind kind, const struct served_item *item,
                   bool is_gone);
bool statuses_get(const struct statuses *statuses, enum object_kind kind, struct bytes ns,
                  struct bytes name, struct kube_status *status);

#endif
