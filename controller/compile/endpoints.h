/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoints.h - the addresses behind one port of one Service.
 *
 * Source: spec/contour.md 1.8; Kubernetes EndpointSlice API; hostile-input 94.
 */
#ifndef CONTROLLER_COMPILE_ENDPOINTS_H
#define CONTROLLER_COMPILE_ENDPOINTS_H

#include "controller/compile/pass.h"

/* Lower case, without a trailing dot, in `out` of HOST_LENGTH_MAX + 1 bytes; empty if it is none.
 */
struct bytes external_name_normalise(struct bytes name, char *out);

/*
 * The endpoints of `port` (the Service's number), in the pass's scratch, sorted, without repeats.
 * Addresses nobody may be sent to are left out and told about.
 */
struct endpoint_spec *endpoints_gather(struct pass *pass, const struct service_node *node,
                                       const struct service *service, int32_t port,
                                       struct findings *findings, uint32_t *count);

/* Where a Service has slices its Endpoints do not count: they are the same, cut off at a thousand.
 */
enum object_kind endpoints_kind_that_counts(const struct endpoints *const *all, size_t count);
/* The TCP port of this name, or NULL. */
const struct endpoint_port *endpoint_group_port(const struct endpoint_group *group,
                                                struct bytes name);
/* The name of the port with this number, which may be empty: endpoints know ports by name only.
 * False when the Service has no such TCP port. */
bool service_port_name(const struct service *service, int32_t number, struct bytes *name);

#endif
