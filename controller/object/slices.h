/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slices.h - the EndpointSlices and Endpoints of each Service.
 */
#ifndef CONTROLLER_OBJECT_SLICES_H
#define CONTROLLER_OBJECT_SLICES_H

#include "controller/object/object.h"
#include "core/map.h"

struct slices {
    struct map services; /* "namespace/service" -> its slices, owned */
};

void slices_init(struct slices *slices);
void slices_fini(struct slices *slices);
/* Objects of other kinds, and slices that name no Service, are passed over. Borrowed until removed.
 */
void slices_add(struct slices *slices, const struct object *object);
void slices_remove(struct slices *slices, const struct object *object);
/* Sorted by name. The Endpoints only where there is no EndpointSlice: a cluster keeps both, with
 * the same content. */
const struct endpoints *const *slices_get(const struct slices *slices, struct bytes ns,
                                          struct bytes service, size_t *count);
/* All of both kinds. */
const struct endpoints *const *slices_get_all(const struct slices *slices, struct bytes ns,
                                              struct bytes service, size_t *count);

#endif
