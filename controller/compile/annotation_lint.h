/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation_lint.h - annotations that somebody relies on and that do nothing: misspelt ones of
 * ours, and another controller's that keep people out.
 */
#ifndef CONTROLLER_COMPILE_ANNOTATION_LINT_H
#define CONTROLLER_COMPILE_ANNOTATION_LINT_H

#include "controller/compile/emit.h"

#define ANNOTATIONS_TOLD_MAX 8 /* of one object and of each sort; the rest is counted */

/* Those under fairlead.dev/ of an Ingress, IngressRoute or Service that are none of its kind. */
void annotation_lint_own(const struct object *object, struct findings *findings);
/* Those under nginx.ingress.kubernetes.io/ by which an Ingress would be guarded: one finding. */
void annotation_lint_guards(const struct object *object, struct findings *findings);

#endif
