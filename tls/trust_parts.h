/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_parts.h - what a struct trust is made of. Internal to tls/.
 */
#ifndef TLS_TRUST_PARTS_H
#define TLS_TRUST_PARTS_H

#include "tls/trust.h"

#include <openssl/x509.h>

#define TRUST_ID_BYTES 32

struct trust {
    _Atomic uint32_t refs;
    X509_STORE *store;           /* owned; not changed once parsed, shared by all threads */
    STACK_OF(X509_NAME) * names; /* owned; what a client is told to choose a certificate by */
    int64_t lists_end_s; /* Unix seconds: when the first list is outdated; INT64_MAX: never */
    unsigned char id[TRUST_ID_BYTES];
};

bool trust_equal(const struct trust *a, const struct trust *b); /* either may be NULL */

#endif
