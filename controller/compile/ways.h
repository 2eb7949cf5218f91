/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ways.h - an IngressRoute may be reached by many ways; what is wrong with one of them, and whose
 * fault that is.
 *
 * Where it fits under some other parent, who delegated to it so that it does not fit is told, and
 * it stays valid: nobody makes another's IngressRoute invalid by delegating to it. Where it fits
 * nowhere the fault is its own.
 */
#ifndef CONTROLLER_COMPILE_WAYS_H
#define CONTROLLER_COMPILE_WAYS_H

#include "controller/compile/pass.h"

/* By which ways it fits. */
struct fit {
    const struct route_node *giver; /* one of those who delegate so that it does */
    bool is_any;
    bool is_by_several; /* givers */
};

/* True when the routes were evaluated, and nothing is wrong with the way; of an IngressRoute
 * without routes also when its tcpproxy was. */
bool ways_fits(const struct visit *visit, const struct ingress_route *route);
struct fit ways_fit(const struct route_node *node, const struct ingress_route *route);
/* True when what is wrong with the way counts for the status. */
bool ways_count(const struct fit *fit, const struct visit *visit);
/* The first error of the way, and who delegated that way. */
void ways_add_fault(const struct visit *visit, struct text *out);
/* Tell what is wrong with the ways to it. The scratch arena is used. */
void ways_tell(struct pass *pass, struct route_node *node, const struct object *object,
               const struct fit *fit);
/* It is no object any more. */
void ways_forget(struct pass *pass, struct route_node *node);

#endif
