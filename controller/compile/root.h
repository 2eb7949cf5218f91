/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.h - whether an IngressRoute with a virtualhost may be a root, and of which host. Shared by
 * ingress_route.c and statuses.c.
 */
#ifndef CONTROLLER_COMPILE_ROOT_H
#define CONTROLLER_COMPILE_ROOT_H

#include "controller/compile/compile.h"
#include "core/text.h"

/* In the order in which they are looked for. */
enum root_fault {
    ROOT_FINE,
    ROOT_NAMESPACE, /* --root-namespaces does not name its namespace */
    ROOT_NO_FQDN,
    ROOT_WILDCARD,
    ROOT_BAD_FQDN,
};

/* The host, lower case, in `room` of HOST_LENGTH_MAX bytes. Also that of a root that may not be
 * one, where requests can name it, so that whoever asks about the host learns of the root; else it
 * is left alone. */
enum root_fault root_find_host(const struct compile_options *options,
                               const struct ingress_route *route, char *room, struct bytes *host);

/* The text of its status. */
void root_add_fault(enum root_fault fault, struct bytes fqdn, struct text *out);

#endif
