/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backends.h - from a backend in an Ingress or IngressRoute to a cluster, and from a Service and
 * its slices to the endpoints of that cluster.
 *
 * Source: spec/contour.md 1.3, 1.7, 1.8; design 5.3, 5.20; hostile-input 94, 96.
 */
#ifndef CONTROLLER_COMPILE_BACKENDS_H
#define CONTROLLER_COMPILE_BACKENDS_H

#include "controller/compile/pass.h"

/* Where a backend leads: a slot, or a sentence that says why nowhere. */
struct backend_target {
    uint32_t slot;
    struct bytes unavailable; /* in the pass's scratch; empty when there is a slot */
    enum backend_fault fault;
    enum cluster_protocol protocol; /* only with a slot */
};

/* What the endpoints behind this port speak; the port may be one that the Service does not list. */
enum cluster_protocol service_protocol(const struct service *service, int32_t number);

/* The same as a way to use the port has it: relayed bytes are what they are. */
enum cluster_protocol way_protocol(const struct way *way, const struct service *service,
                                   int32_t number);

/* Notes the dependency in pass->uses, also when the Service does not exist (yet). */
struct backend_target backend_resolve(struct pass *pass, struct bytes ns,
                                      const struct ingress_backend *backend, const struct way *way);

/* Compile the clusters of a dirty Service, let go of those no route uses. */
void service_compile(struct pass *pass, struct service_node *service);

/* True when a route to some port of the Service may differ between the two; either may be NULL. */
bool service_routes_differ(const struct service *before, const struct service *after);

/* What is wrong with a Service whatever leads to it. */
void service_lint(const struct service *service, struct findings *findings);

#endif
