/* SPDX-License-Identifier: Apache-2.0 */
/*
 * class.h - which Ingresses and IngressRoutes are ours. Source: design 5.1; spec/contour.md 1.2.
 */
#ifndef CONTROLLER_COMPILE_CLASS_H
#define CONTROLLER_COMPILE_CLASS_H

#include "controller/compile/compile.h"

/* What an IngressClass names when Fairlead is to serve it. */
#define CLASS_CONTROLLER BYTES("fairlead.dev/ingress-controller")

struct class_rules {
    const struct cache *cache;             /* borrowed */
    const struct compile_options *options; /* borrowed */
    bool has_foreign_default; /* an IngressClass that is not ours takes objects without a class */
};

/* Look at all IngressClasses. To be called again when one of them changes. */
void class_rules_init(struct class_rules *rules, const struct cache *cache,
                      const struct compile_options *options);

/* The class an Ingress asks for; empty when it names none. */
struct bytes ingress_class_of(const struct ingress *ingress);

/* True when its class and its namespace are ours. */
bool ingress_is_ours(const struct class_rules *rules, const struct ingress *ingress);
/* The same; its class is an annotation's. */
bool ingress_route_is_ours(const struct class_rules *rules, const struct ingress_route *route);

/*
 * Of one that is not ours: why, as what follows its name in a sentence. In `arena`, or for ever.
 *
 *   *is_unwatched  by its namespace; else by its class
 */
struct bytes ingress_why_not_ours(const struct class_rules *rules, const struct ingress *ingress,
                                  struct arena *arena, bool *is_unwatched);
struct bytes ingress_route_why_not_ours(const struct class_rules *rules,
                                        const struct ingress_route *route, struct arena *arena,
                                        bool *is_unwatched);

#endif
