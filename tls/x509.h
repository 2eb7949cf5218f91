/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509.h - questions about one X.509 certificate. Internal to tls/.
 *
 * None of them leaves anything in OpenSSL's error queue.
 */
#ifndef TLS_X509_H
#define TLS_X509_H

#include "core/bytes.h"
#include "core/text.h"
#include "tls/certificate.h"

#include <openssl/x509.h>

/* What the security level of our connections asks of keys and signatures: RSA of 2048 bits, SHA-224
 * (NIST SP 800-57 part 1, section 5.6.1). OpenSSL's level 2. */
#define X509_SECURITY_BITS_MIN 112

/* False for a key of a kind that no handshake can use: DSA, curves other than those of TLS 1.3. */
bool x509_key_kind(const EVP_PKEY *key, enum certificate_kind *kind);
bool x509_is_key_strong(X509 *certificate);
/* A self-signed certificate's signature means nothing and is not looked at. */
bool x509_is_signature_strong(X509 *certificate);
bool x509_is_signed_by(X509 *certificate, X509 *issuer);
bool x509_has_names(const X509 *certificate); /* a common name or any subject alternative name */
int64_t x509_seconds(const ASN1_TIME *time);  /* Unix seconds; INT64_MIN when it is no time */
/* As RFC 2253: printable ASCII only, quotes and separators inside values escaped by backslashes. */
void x509_add_name(const X509_NAME *name, struct text *out);
void x509_add_der(X509 *certificate, struct text *out);

#endif
