/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_parts.h - what a struct certificate is made of. Internal to tls/.
 */
#ifndef TLS_CERTIFICATE_PARTS_H
#define TLS_CERTIFICATE_PARTS_H

#include "tls/certificate.h"

#include <openssl/x509.h>

struct certificate {
    _Atomic uint32_t refs;
    enum certificate_kind kind;
    X509 *leaf;               /* owned */
    STACK_OF(X509) * issuers; /* owned; each signed the one before it, the first one the leaf */
    EVP_PKEY *key;            /* owned */
    struct text staple;       /* owned; an OCSP response as DER, or empty */
    struct text subject;      /* owned */
    struct text issuer;       /* owned */
    int64_t not_before_s;
    int64_t not_after_s;
    unsigned char id[CERTIFICATE_ID_BYTES];
};

/* Equal in all that a handshake shows of them. Either may be NULL. */
bool certificate_equal(const struct certificate *a, const struct certificate *b);

#endif
