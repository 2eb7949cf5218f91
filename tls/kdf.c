/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kdf.c - the key schedule of TLS 1.3 over hashes that live on the stack.
 *
 * OpenSSL has deprecated these calls of its hashes for others that find, allocate and free their
 * parts in each of the eighty hashes of a handshake, which is what this file is there to avoid
 * (docs/decisions/0016).
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/kdf.h"

#include "core/mem.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define BLOCK_BYTES_MAX SHA512_CBLOCK
#define ROUNDS_MAX      255
/* Two bytes of length, then a label and a context, each with a byte for its length. */
#define INFO_BYTES_MAX (2 + 2 * 256)

/* ---- hashes ---- */

struct hash {
    enum kdf_hash kind;
    union {
        SHA256_CTX sha256;
        SHA512_CTX sha384; /* is SHA-512 that begins otherwise */
    } at;
};

size_t kdf_hash_bytes(enum kdf_hash hash)
{
    return hash == KDF_SHA256 ? SHA256_DIGEST_LENGTH : SHA384_DIGEST_LENGTH;
}

static size_t block_bytes(enum kdf_hash hash)
{
    return hash == KDF_SHA256 ? SHA256_CBLOCK : SHA512_CBLOCK;
}

static void hash_begin(struct hash *hash, enum kdf_hash kind)
{
    hash->kind = kind;
    if (kind == KDF_SHA256)
        (void)SHA256_Init(&hash->at.sha256);
    else
        (void)SHA384_Init(&hash->at.sha384);
}

static void hash_add(struct hash *hash, const void *at, size_t length)
{
    if (hash->kind == KDF_SHA256)
        (void)SHA256_Update(&hash->at.sha256, at, length);
    else
        (void)SHA384_Update(&hash->at.sha384, at, length);
}

static void hash_end(struct hash *hash, unsigned char *out)
{
    if (hash->kind == KDF_SHA256)
        (void)SHA256_Final(out, &hash->at.sha256);
    else
        (void)SHA384_Final(out, &hash->at.sha384);
}

/* ---- HMAC ---- */

struct hmac {
    struct hash inner;
    struct hash outer;
};

static void begin_padded(struct hash *hash, enum kdf_hash kind, struct bytes key,
                         unsigned char padding)
{
    unsigned char block[BLOCK_BYTES_MAX] = {0};

    if (key.len > 0)
        memcpy(block, key.at, key.len);
    for (size_t i = 0; i < block_bytes(kind); i++)
        block[i] ^= padding;
    hash_begin(hash, kind);
    hash_add(hash, block, block_bytes(kind));
    OPENSSL_cleanse(block, sizeof(block));
}

/* The key is no longer than a block. */
static void hmac_begin(struct hmac *hmac, enum kdf_hash kind, struct bytes key)
{
    begin_padded(&hmac->inner, kind, key, 0x36);
    begin_padded(&hmac->outer, kind, key, 0x5c);
}

static void hmac_add(struct hmac *hmac, const void *at, size_t length)
{
    hash_add(&hmac->inner, at, length);
}

static void hmac_end(struct hmac *hmac, unsigned char *out)
{
    unsigned char inner[KDF_HASH_BYTES_MAX];

    hash_end(&hmac->inner, inner);
    hash_add(&hmac->outer, inner, kdf_hash_bytes(hmac->outer.kind));
    hash_end(&hmac->outer, out);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(hmac, sizeof(*hmac));
}

/* ---- HKDF ---- */

bool kdf_extract(enum kdf_hash hash, struct bytes salt, struct bytes input, unsigned char *out)
{
    struct hmac hmac;

    if (salt.len > block_bytes(hash))
        return false;
    hmac_begin(&hmac, hash, salt);
    hmac_add(&hmac, input.at, input.len);
    hmac_end(&hmac, out);
    return true;
}

static size_t write_info(unsigned char *info, size_t out_len, struct bytes label,
                         struct bytes context)
{
    unsigned char *at = info;

    *at++ = (unsigned char)(out_len >> 8);
    *at++ = (unsigned char)out_len;
    *at++ = (unsigned char)label.len;
    memcpy(at, label.at, label.len);
    at += label.len;
    *at++ = (unsigned char)context.len;
    if (context.len > 0)
        memcpy(at, context.at, context.len);
    return (size_t)(at - info) + context.len;
}

bool kdf_expand(enum kdf_hash hash, struct bytes secret, struct bytes label, struct bytes context,
                unsigned char *out, size_t out_len)
{
    unsigned char info[INFO_BYTES_MAX] MEM_UNCLEARED;
    unsigned char round[KDF_HASH_BYTES_MAX];
    size_t size = kdf_hash_bytes(hash);
    size_t info_len;
    struct hmac keyed MEM_UNCLEARED;
    struct hmac hmac MEM_UNCLEARED;

    if (secret.len > block_bytes(hash) || label.len > 255 || context.len > 255 ||
        out_len > ROUNDS_MAX * size)
        return false;
    info_len = write_info(info, out_len, label, context);
    hmac_begin(&keyed, hash, secret);
    for (unsigned char number = 1; out_len > 0; number++) {
        size_t taken = out_len < size ? out_len : size;

        hmac = keyed;
        if (number > 1)
            hmac_add(&hmac, round, size);
        hmac_add(&hmac, info, info_len);
        hmac_add(&hmac, &number, 1);
        hmac_end(&hmac, round);
        memcpy(out, round, taken);
        out += taken;
        out_len -= taken;
    }
    OPENSSL_cleanse(&keyed, sizeof(keyed));
    OPENSSL_cleanse(round, sizeof(round));
    return true;
}

/* ---- the schedule ---- */

static bool salt_after(enum kdf_hash hash, struct bytes previous, struct bytes label,
                       unsigned char *salt)
{
    unsigned char of_nothing[KDF_HASH_BYTES_MAX];
    size_t size = kdf_hash_bytes(hash);
    struct hash empty;

    hash_begin(&empty, hash);
    hash_end(&empty, of_nothing);
    return kdf_expand(hash, previous, label, bytes_from((const char *)of_nothing, size), salt,
                      size);
}

bool kdf_next_secret(enum kdf_hash hash, struct bytes previous, struct bytes label,
                     struct bytes input, unsigned char *out)
{
    static const char zeros[KDF_HASH_BYTES_MAX];
    unsigned char salt[KDF_HASH_BYTES_MAX];
    struct bytes salted_with = BYTES_NONE;
    bool is_made;

    if (previous.len > 0) {
        if (!salt_after(hash, previous, label, salt))
            return false;
        salted_with = bytes_from((const char *)salt, kdf_hash_bytes(hash));
    }
    if (input.len == 0)
        input = bytes_from(zeros, kdf_hash_bytes(hash));
    is_made = kdf_extract(hash, salted_with, input, out);
    OPENSSL_cleanse(salt, sizeof(salt));
    return is_made;
}
