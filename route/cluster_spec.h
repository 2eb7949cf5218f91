/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_spec.h - making and comparing frozen cluster specs. Internal to route/.
 */
#ifndef ROUTE_CLUSTER_SPEC_H
#define ROUTE_CLUSTER_SPEC_H

#include "route/table.h"

/* A frozen copy in one block, with one reference; its endpoints sorted, repeats dropped. */
const struct cluster_spec *cluster_spec_freeze(const struct cluster_spec *spec, uint32_t slot,
                                               uint64_t generation);
/* Same key, slot and content; the generation does not count. */
bool cluster_spec_equal(const struct cluster_spec *a, const struct cluster_spec *b);

#endif
