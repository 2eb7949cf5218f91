/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem.h - PEM text, one block after the other. Internal to tls/.
 *
 *     struct pem pem;
 *     pem_open(&pem, text);
 *     while ((status = pem_next(&pem)) == STATUS_OK)
 *         ... pem.kind, pem.der, pem.der_len ...
 *     pem_close(&pem);
 *
 * Source: RFC 7468; RFC 1421 section 4.6 for encrypted keys of the old form.
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "core/bytes.h"
#include "core/status.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

enum pem_kind {
    PEM_CERTIFICATE,
    PEM_CRL,
    PEM_KEY,           /* PKCS #8, PKCS #1 or SEC 1 */
    PEM_ENCRYPTED_KEY, /* any key that needs a passphrase */
    PEM_PARAMETERS,    /* EC PARAMETERS, which openssl ecparam writes before the key */
    PEM_OTHER,
};

struct pem {
    BIO *bio; /* owned */
    /* The block read last; the content is wiped when the next one is read, for it may be a key. */
    enum pem_kind kind;
    unsigned char *der; /* owned */
    long der_len;
};

void pem_open(struct pem *pem, struct bytes text); /* text is borrowed until pem_close() */
/* STATUS_END after the last block; STATUS_INVALID for one that is no PEM. Text in between is passed
 * over. */
enum status pem_next(struct pem *pem);
void pem_close(struct pem *pem);

/* The block as what it says it is, or NULL when it is not or when something follows it. */
X509 *pem_certificate(const struct pem *pem);
X509_CRL *pem_crl(const struct pem *pem);
EVP_PKEY *pem_key(const struct pem *pem);

#endif
