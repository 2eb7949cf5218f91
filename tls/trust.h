/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - whom to believe: CA certificates and revocation lists; immutable, shared, counted
 * atomically. For client certificates and for endpoints that speak TLS.
 */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include "core/bytes.h"
#include "core/status.h"
#include "core/text.h"

#define TRUST_CERTIFICATES_MAX 512

struct trust;

/*
 * ca_pem: one CA certificate or more. crl_pem: revocation lists, or empty; when given, each
 * certificate of a chain is held against the list of its issuer, and a missing or outdated list
 * fails the check (nothing fails open: hostile-input 81). Without lists a chain may end at any
 * certificate of ca_pem; with lists it must end at a root, which is in ca_pem. STATUS_INVALID:
 * *fault says why, as in certificate.h.
 */
enum status trust_parse(struct bytes ca_pem, struct bytes crl_pem, struct trust **trust,
                        struct text *fault);
struct trust *trust_ref(struct trust *trust);
void trust_unref(struct trust *trust);
/* SHA-256 over all that was given, 32 bytes, borrowed. */
struct bytes trust_id(const struct trust *trust);

#endif
