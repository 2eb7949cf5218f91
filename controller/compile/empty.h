/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty.h - why a cluster has no endpoints, in a sentence that names the object and the field.
 */
#ifndef CONTROLLER_COMPILE_EMPTY_H
#define CONTROLLER_COMPILE_EMPTY_H

#include "controller/compile/pass.h"

/* Of `port` of a Service for which endpoints_gather() found none. In the pass's scratch, or for
 * ever; without a full stop. */
struct bytes empty_why(struct pass *pass, const struct service_node *node,
                       const struct service *service, int32_t port);

#endif
