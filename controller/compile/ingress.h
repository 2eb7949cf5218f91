/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress.h - from Ingress rules to the routes of one host.
 *
 * Source: spec/contour.md 1.3; design 5.3, 5.5, 5.9, 5.13-5.15; hostile-input 36-44, 91, 95.
 */
#ifndef CONTROLLER_COMPILE_INGRESS_H
#define CONTROLLER_COMPILE_INGRESS_H

#include "controller/compile/pass.h"

/* Note at its hosts what an Ingress of ours contributes, or take it away again. */
void ingress_contribute(struct dag *dag, const struct ingress *ingress);
void ingress_withdraw(struct dag *dag, const struct ingress *ingress);

/* What is wrong with an Ingress wherever it contributes: annotations, hosts, its default backend.
 */
void ingress_lint(const struct ingress *ingress, struct findings *findings);

/* The host that a rule names, as the table has it: lower case, "*" where it names none; in `room`
 * of HOST_LENGTH_MAX bytes. Empty when it is no host. */
struct bytes ingress_rule_host(const struct ingress_rule *rule, char *room);

/* Compile a dirty host into the builder. The host is gone afterwards when nothing contributes. */
void host_compile(struct pass *pass, struct host_node *host);

#endif
