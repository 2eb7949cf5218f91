/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.h - a certificate with its chain and key, read from a Secret and checked; immutable.
 *
 *     Secret (PEM) -> certificate_parse() -> struct tls_host -> the table -> handshakes
 *
 * Pure: no clock, no files; certificate_parse() may run in any thread. A certificate is parsed once
 * and shared by all generations that serve it; references are counted atomically.
 */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include "core/bytes.h"
#include "core/status.h"
#include "core/text.h"

#define CERTIFICATE_PEM_BYTES_MAX (1024 * 1024) /* of one Secret's value */
#define CERTIFICATE_CHAIN_MAX     16            /* certificates in one chain */
#define CERTIFICATE_ID_BYTES      32
#define CERTIFICATE_RSA_BITS_MIN  2048

/* A host may serve one of each kind at the same time; the client's ClientHello decides. */
enum certificate_kind {
    CERTIFICATE_RSA,
    CERTIFICATE_ECDSA,
    CERTIFICATE_ED25519,
    CERTIFICATE_KINDS
};

struct certificate;

/*
 * Read `chain_pem` (leaf first, then its issuers) and `key_pem` (exactly one private key; EC
 * PARAMETERS blocks are ignored), check that the key fits the leaf, that each certificate is signed
 * by the next, that the leaf has a subject name or a SAN, and that the key is strong enough. Text
 * between PEM blocks is tolerated, a block that does not parse is not.
 *
 *   staple_der   an OCSP response to staple, DER; empty for none. One that does not parse, or is
 *                for another certificate, is a fault.
 *
 * STATUS_OK: *certificate has one reference, the caller's. STATUS_INVALID: *fault is replaced by
 * one sentence without full stop that names the part and the remedy, such as
 * "tls.key does not belong to the first certificate of tls.crt". No key material is ever in it.
 */
enum status certificate_parse(struct bytes chain_pem, struct bytes key_pem, struct bytes staple_der,
                              struct certificate **certificate, struct text *fault);
struct certificate *certificate_ref(struct certificate *certificate); /* returns its argument */
void certificate_unref(struct certificate *certificate);

enum certificate_kind certificate_kind(const struct certificate *certificate);
/* Unix seconds: of the whole chain, the latest notBefore and the earliest notAfter. */
int64_t certificate_not_before_s(const struct certificate *certificate);
int64_t certificate_not_after_s(const struct certificate *certificate);
/* True when a name of the leaf covers `host` (lower case, a name or an IP address without
 * brackets); "*.example.com" is covered by a wildcard SAN of the same text. RFC 9525. */
bool certificate_covers(const struct certificate *certificate, struct bytes host);
/* SHA-256 over all certificates of the chain, as DER: CERTIFICATE_ID_BYTES, borrowed. */
struct bytes certificate_id(const struct certificate *certificate);
/* For people, borrowed: "CN=app.example.com" (control bytes escaped), its issuer likewise. */
struct bytes certificate_subject(const struct certificate *certificate);
struct bytes certificate_issuer(const struct certificate *certificate);

#endif
