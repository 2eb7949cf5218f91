/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign.h - the hosts that Ingresses and IngressRoutes name which are not ours: nothing is served
 * for them, and explain tells of them.
 */
#ifndef CONTROLLER_COMPILE_FOREIGN_H
#define CONTROLLER_COMPILE_FOREIGN_H

#include "controller/compile/pass.h"

/*
 * Look through all objects and give the table those hosts. To be called when an object changed that
 * was or is not ours, or when the classes did: it costs a look at each Ingress and IngressRoute.
 * Resets the scratch arena.
 */
void foreign_write(struct pass *pass);

#endif
