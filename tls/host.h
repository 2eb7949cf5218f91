/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - how TLS is spoken for one name, as frozen parts of the table.
 *
 *     struct tls_host      the answer to a ClientHello: certificates, versions, client certificates
 *     struct tls_upstream  how the endpoints of a cluster are spoken to: name, trust, ALPN
 *
 * Both are immutable and counted atomically. OpenSSL's types stay inside tls/.
 */
#ifndef TLS_HOST_H
#define TLS_HOST_H

#include "tls/certificate.h"
#include "tls/trust.h"

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };
const char *tls_version_name(enum tls_version version); /* "TLSv1.2", "TLSv1.3" */

enum tls_client_auth {
    TLS_CLIENT_AUTH_NONE,
    TLS_CLIENT_AUTH_OPTIONAL, /* a certificate that is sent must be good; none is fine */
    TLS_CLIENT_AUTH_REQUIRED,
};

struct tls_host_config {
    struct certificate *certificates[CERTIFICATE_KINDS]; /* borrowed, a ref is taken; by kind, NULL
                                                          * where there is none; at least one */
    enum tls_version version_min;                        /* default TLS_VERSION_1_2 */
    enum tls_version version_max; /* default TLS_VERSION_1_3; >= version_min */
    enum tls_client_auth client_auth;
    struct trust *client_trust; /* borrowed, a ref is taken; NULL only without client_auth */
};

struct tls_host;

struct tls_host *tls_host_create(const struct tls_host_config *config);
struct tls_host *tls_host_ref(struct tls_host *host);
void tls_host_unref(struct tls_host *host);
bool tls_host_equal(const struct tls_host *a, const struct tls_host *b);    /* either may be NULL */
const struct tls_host_config *tls_host_config(const struct tls_host *host); /* borrowed */

/* 16 bytes that are equal for hosts with the same certificates, versions and client certificates:
 * sessions are resumed, and connections used for another host, only where they are equal
 * (hostile-input 78-80). */
struct bytes tls_host_id(const struct tls_host *host);
/* The same of the client certificate settings alone: these must not have changed since the
 * handshake for a connection to be used on. */
struct bytes tls_host_auth_id(const struct tls_host *host);

struct tls_upstream_config {
    struct bytes server_name;  /* SNI to send; empty for none */
    struct trust *trust;       /* borrowed, a ref is taken; NULL: the endpoint is not verified */
    struct bytes subject_name; /* a SAN that the endpoint's certificate must have; only with trust,
                                * empty: the chain alone is checked */
    bool is_h2;                /* ALPN "h2", and nothing else will do; else "http/1.1" */
};

struct tls_upstream;

struct tls_upstream *tls_upstream_create(const struct tls_upstream_config *config);
struct tls_upstream *tls_upstream_ref(struct tls_upstream *upstream);
void tls_upstream_unref(struct tls_upstream *upstream);
bool tls_upstream_equal(const struct tls_upstream *a, const struct tls_upstream *b);
const struct tls_upstream_config *tls_upstream_config(const struct tls_upstream *upstream);

#endif
