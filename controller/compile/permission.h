/* SPDX-License-Identifier: Apache-2.0 */
/*
 * permission.h - who may use a Secret. The one place where that is decided: whatever names a Secret
 * asks here, and notes the dependency whether it may or not, so that a delegation that comes or
 * goes finds it.
 *
 * Source: spec/contour.md 2.8; design 5.16.
 */
#ifndef CONTROLLER_COMPILE_PERMISSION_H
#define CONTROLLER_COMPILE_PERMISSION_H

#include "controller/compile/pass.h"

/*
 * The Secret as objects of `from_ns` may use it, noted in pass->secrets: NULL when it is of another
 * namespace, and no delegation there permits it.
 */
struct secret_node *secret_permitted(struct pass *pass, struct bytes from_ns,
                                     const struct secret_ref *ref);

/* The CA in it; NULL and *fault, a sentence in scratch or borrowed, when it cannot or may not be
 * used. */
struct trust *permitted_trust(struct pass *pass, struct bytes from_ns, const struct secret_ref *ref,
                              struct bytes *fault);

#endif
