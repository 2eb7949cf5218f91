/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.h - how endpoints are spoken to over TLS: whom to believe, and which name to ask for.
 *
 * Source: design 5.2; hostile-input 57; docs/guide/tls.md.
 */
#ifndef CONTROLLER_COMPILE_UPSTREAM_H
#define CONTROLLER_COMPILE_UPSTREAM_H

#include "controller/compile/pass.h"

/*
 * False when the Service asks for verified endpoints and that cannot be set up; *fault is a
 * sentence in scratch. Notes the Secret in pass->secrets.
 */
bool upstream_is_possible(struct pass *pass, const struct service *service,
                          enum cluster_protocol protocol, struct bytes *fault);
/* For CLUSTER_TLS and CLUSTER_H2, with a ref for the caller. NULL when it is not possible. */
struct tls_upstream *upstream_create(struct pass *pass, const struct service *service,
                                     enum cluster_protocol protocol);

/* What is wrong with the annotations, whatever leads to the Service. */
void upstream_lint(const struct service *service, struct findings *findings);

#endif
