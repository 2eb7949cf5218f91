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
 * BACKEND_FINE, or why the Service's endpoints are to be verified and cannot be; *sentence is in
 * scratch then. The way goes before the Service's annotations. Notes the Secret in pass->secrets.
 */
enum backend_fault upstream_fault(struct pass *pass, const struct service *service,
                                  enum cluster_protocol protocol, const struct way *way,
                                  struct bytes *sentence);
/* For CLUSTER_TLS and CLUSTER_H2, with a ref for the caller. NULL when it is not possible. */
struct tls_upstream *upstream_create(struct pass *pass, const struct service *service,
                                     enum cluster_protocol protocol, const struct way *way);

/* What is wrong with the annotations, whatever leads to the Service. */
void upstream_lint(const struct service *service, struct findings *findings);

#endif
