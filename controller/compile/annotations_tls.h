/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations_tls.h - what annotations say about TLS, as typed values; see annotations.h.
 *
 * Where a value that is not understood would leave something unprotected, it counts as asked for
 * and impossible: the host or the route is not served, rather than served in the open.
 *
 * Source: spec/contour.md 1.4, 1.6; design 5.2, 5.8; docs/guide/tls.md.
 */
#ifndef CONTROLLER_COMPILE_ANNOTATIONS_TLS_H
#define CONTROLLER_COMPILE_ANNOTATIONS_TLS_H

#include "controller/compile/emit.h"
#include "tls/host.h"

#define HSTS_BYTES_MAX 64

/* What the annotations of an Ingress say about its hosts over TLS. Borrowed from the Ingress. */
struct ingress_tls_policy {
    enum tls_version version_min; /* default 1.2 */
    enum tls_version version_max; /* default 1.3; >= version_min */
    enum tls_client_auth client_auth;
    struct bytes client_ca;  /* a Secret as written; only with client_auth; empty: none is named */
    struct bytes secrets_ns; /* tls-cert-namespace: of Secrets named without one; may be empty */
    size_t hsts_len;         /* 0: none */
    char hsts[HSTS_BYTES_MAX]; /* "max-age=31536000; includeSubDomains" */
};

/* findings: NULL when nobody wants to hear. */
void ingress_tls_policy_parse(const struct object *object, struct ingress_tls_policy *policy,
                              struct findings *findings);

/* Whether it asks for client certificates in one way or another, also where that cannot be had. */
bool tls_policy_asks(const struct object *object);

/* How the endpoints of a Service are spoken to over TLS. Borrowed from the Service. */
struct upstream_policy {
    bool is_verified;          /* it is asked for, whether it can be set up or not */
    struct bytes ca_secret;    /* in the Service's namespace; empty: none is named */
    struct bytes subject_name; /* as written; empty: none */
    struct bytes server_name;
};
void upstream_policy_parse(const struct object *object, struct upstream_policy *policy);
/* True when routes to the Service may differ by it. */
bool upstream_policies_differ(const struct object *a, const struct object *b);

#endif
