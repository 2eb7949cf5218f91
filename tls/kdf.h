/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kdf.h - the key schedule of TLS 1.3 as plain functions. Pure; internal to tls/.
 *
 * Source: RFC 8446 section 7.1; RFC 5869 for HKDF; RFC 2104 for HMAC.
 */
#ifndef TLS_KDF_H
#define TLS_KDF_H

#include "core/bytes.h"

#define KDF_HASH_BYTES_MAX 48 /* of SHA-384 */

enum kdf_hash { KDF_SHA256, KDF_SHA384 };

/* Length of a secret. */
size_t kdf_hash_bytes(enum kdf_hash hash);

/*
 * HKDF-Expand-Label(secret, label, context, out_len), `label` with its "tls13 " before it. False
 * when something is longer than the form allows: the label or the context than 255 bytes, out_len
 * than 255 hashes, the secret than a block of the hash (64 bytes for SHA-256). `out` may be the
 * secret itself.
 */
bool kdf_expand(enum kdf_hash hash, struct bytes secret, struct bytes label, struct bytes context,
                unsigned char *out, size_t out_len);

/* HKDF-Extract(salt, input), one hash of bytes; an empty salt is zeros. False when the salt is
 * longer than a block. `out` may be the salt itself. */
bool kdf_extract(enum kdf_hash hash, struct bytes salt, struct bytes input, unsigned char *out);

/*
 * One step down the schedule: what Derive-Secret(previous, "derived", "") is salt for. An empty
 * `previous` is the first step, an empty `input` stands for zeros.
 */
bool kdf_next_secret(enum kdf_hash hash, struct bytes previous, struct bytes label,
                     struct bytes input, unsigned char *out);

#endif
