/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress_route.h - which host an IngressRoute is the root of, and the one status it has.
 *
 * Source: spec/contour.md 2.1, 2.9; design 5.4.
 */
#ifndef CONTROLLER_COMPILE_INGRESS_ROUTE_H
#define CONTROLLER_COMPILE_INGRESS_ROUTE_H

#include "controller/compile/pass.h"

/* Note at its host that an IngressRoute of ours is a root, or take it away again. Nothing for those
 * that are none, that cannot be read, and for roots that may not be (root_fault()). */
void root_contribute(struct dag *dag, const struct compile_options *options,
                     const struct ingress_route *route);
void root_withdraw(struct dag *dag, const struct compile_options *options,
                   const struct ingress_route *route);

/* What is wrong with an IngressRoute whatever reaches it. */
void ingress_route_lint(const struct compile_options *options, const struct ingress_route *route,
                        struct findings *findings);

/* Settle the statuses of IngressRoutes that came, went, or are reached by others than before; give
 * the table all of them if one changed. */
void statuses_settle(struct pass *pass);

#endif
