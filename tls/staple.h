/* SPDX-License-Identifier: Apache-2.0 */
/*
 * staple.h - an OCSP response that a Secret brings to be stapled. Internal to tls/.
 */
#ifndef TLS_STAPLE_H
#define TLS_STAPLE_H

#include "core/bytes.h"

#include <openssl/x509.h>

/*
 * What is wrong with it as one sentence without full stop, or NULL; an empty one is fine. It has to
 * be a successful response (RFC 6960 section 4.2.1) that speaks of `leaf`. `issuer` may be NULL:
 * then the serial number alone is compared. The signature is for the client to check.
 */
const char *staple_fault(struct bytes der, X509 *leaf, X509 *issuer);

#endif
