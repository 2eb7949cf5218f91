/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kdf.c - the key schedule: by the book, and as OpenSSL's own does it.
 */
#include "core/mem.h"
#include "core/text.h"
#include "tests/unit/unit.h"
#include "tls/kdf.h"
#include "tls/provider.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#define EXPAND  EVP_KDF_HKDF_MODE_EXPAND_ONLY
#define EXTRACT EVP_KDF_HKDF_MODE_EXTRACT_ONLY

static struct bytes bytes_at(const unsigned char *at, size_t length)
{
    return bytes_from((const char *)at, length);
}

static void assert_hex(const unsigned char *at, size_t length, const char *hex)
{
    char found[2 * KDF_HASH_BYTES_MAX + 1];

    for (size_t i = 0; i < length; i++)
        (void)snprintf(found + 2 * i, 3, "%02x", at[i]);
    assert_string_equal(found, hex);
}

/* RFC 8448 section 3: "early", "derived", "handshake". */
TEST(the_schedule_of_rfc_8448_comes_out)
{
    static const unsigned char shared[] = {
        0x8b, 0xd4, 0x05, 0x4f, 0xb5, 0x5b, 0x9d, 0x63, 0xfd, 0xfb, 0xac,
        0xf9, 0xf0, 0x4b, 0x9f, 0x0d, 0x35, 0xe6, 0xd6, 0x3f, 0x53, 0x75,
        0x63, 0xef, 0xd4, 0x62, 0x72, 0x90, 0x0f, 0x89, 0x49, 0x2d,
    };
    struct bytes label = BYTES("tls13 derived");
    unsigned char secret[KDF_HASH_BYTES_MAX];

    assert_true(kdf_next_secret(KDF_SHA256, BYTES_NONE, label, BYTES_NONE, secret));
    assert_hex(secret, 32, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    assert_true(
        kdf_next_secret(KDF_SHA256, bytes_at(secret, 32), label, bytes_at(shared, 32), secret));
    assert_hex(secret, 32, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    assert_true(kdf_next_secret(KDF_SHA256, bytes_at(secret, 32), label, BYTES_NONE, secret));
    assert_hex(secret, 32, "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
}

TEST(what_is_longer_than_the_form_allows_is_refused)
{
    static const char much[256];
    unsigned char out[256 * 32];

    assert_true(kdf_expand(KDF_SHA256, bytes_from(much, 64), bytes_from(much, 255),
                           bytes_from(much, 255), out, 255 * 32));
    assert_false(kdf_expand(KDF_SHA256, bytes_from(much, 65), BYTES("x"), BYTES_NONE, out, 32));
    assert_false(kdf_expand(KDF_SHA256, BYTES("s"), bytes_from(much, 256), BYTES_NONE, out, 32));
    assert_false(kdf_expand(KDF_SHA256, BYTES("s"), BYTES("x"), bytes_from(much, 256), out, 32));
    assert_false(kdf_expand(KDF_SHA256, BYTES("s"), BYTES("x"), BYTES_NONE, out, 255 * 32 + 1));
    assert_false(kdf_extract(KDF_SHA256, bytes_from(much, 65), BYTES("x"), out));
}

/* ---- beside OpenSSL's ---- */

struct asked {
    char *digest;
    int mode;
    struct bytes key, salt, label, data;
};

static OSSL_PARAM octets(const char *name, struct bytes value)
{
    union {
        const char *given;
        void *asked; /* only read */
    } both = {.given = value.at};

    return OSSL_PARAM_construct_octet_string(name, both.asked, value.len);
}

/* The parameters that libssl gives, those left out that it leaves out. */
static bool derive(const char *provider, struct asked *asked, unsigned char *out, size_t out_len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, provider);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM parameters[8];
    OSSL_PARAM *next = parameters;
    bool is_made;

    assert_non_null(context);
    *next++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &asked->mode);
    *next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, asked->digest, 0);
    *next++ = octets(OSSL_KDF_PARAM_PREFIX, BYTES("tls13 "));
    *next++ = octets(OSSL_KDF_PARAM_LABEL, asked->label);
    if (asked->key.len > 0)
        *next++ = octets(OSSL_KDF_PARAM_KEY, asked->key);
    if (asked->salt.len > 0)
        *next++ = octets(OSSL_KDF_PARAM_SALT, asked->salt);
    if (asked->data.len > 0)
        *next++ = octets(OSSL_KDF_PARAM_DATA, asked->data);
    *next = OSSL_PARAM_construct_end();
    is_made = EVP_KDF_derive(context, out, out_len, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return is_made;
}

static void assert_same(struct asked *asked, size_t out_len)
{
    unsigned char *ours = mem_alloc(out_len);
    unsigned char *theirs = mem_alloc(out_len);

    assert_true(derive(PROVIDER_PREFERRED, asked, ours, out_len));
    assert_true(derive("provider=default", asked, theirs, out_len));
    assert_memory_equal(ours, theirs, out_len);
    mem_free(ours);
    mem_free(theirs);
}

static char sha256[] = "SHA2-256";
static char sha384[] = "SHA2-384";

TEST(openssl_finds_ours)
{
    EVP_KDF *kdf;

    provider_open();
    provider_open();
    kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, PROVIDER_PREFERRED);
    assert_string_equal(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf)), "fairlead");
    EVP_KDF_free(kdf);
    assert_true(OSSL_PROVIDER_available(NULL, "default"));
}

/* Key, iv, and secrets whose context is a hash; an exporter may ask for more than a hash. */
TEST(expanding_gives_what_openssl_gives)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef";
    const size_t lengths[] = {1, 12, 16, 32, 48, 49, 64, 100, 1000};

    provider_open();
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int j = 0; j < 4; j++) {
            size_t size = j % 2 == 0 ? 32 : 48;
            struct asked asked = {
                .digest = j % 2 == 0 ? sha256 : sha384,
                .mode = EXPAND,
                .key = bytes_from(secret, size),
                .label = BYTES("c hs traffic"),
                .data = j < 2 ? BYTES_NONE : bytes_from(secret, size),
            };

            assert_same(&asked, lengths[i]);
        }
    }
}

TEST(extracting_gives_what_openssl_gives)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char shared[200] = "as X25519 and ML-KEM together may give";

    provider_open();
    for (int i = 0; i < 8; i++) {
        size_t size = i % 2 == 0 ? 32 : 48;
        struct asked asked = {
            .digest = i % 2 == 0 ? sha256 : sha384,
            .mode = EXTRACT,
            .label = BYTES("derived"),
            .salt = (i & 2) != 0 ? bytes_from(secret, size) : BYTES_NONE,
            .key = (i & 4) != 0 ? bytes_from(shared, sizeof(shared)) : BYTES_NONE,
        };

        assert_same(&asked, size);
    }
}

TEST(what_no_schedule_asks_for_is_refused)
{
    static char sha1[] = "SHA1";
    struct asked asked = {.digest = sha256, .mode = EXPAND, .key = BYTES("k"), .label = BYTES("l")};
    unsigned char out[64];

    provider_open();
    assert_true(derive(PROVIDER_PREFERRED, &asked, out, 32));
    asked.digest = sha1;
    assert_false(derive(PROVIDER_PREFERRED, &asked, out, 20));
    asked.digest = sha256;
    asked.label = BYTES_NONE;
    assert_false(derive(PROVIDER_PREFERRED, &asked, out, 32));
    asked.label = BYTES("l");
    asked.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
    assert_false(derive(PROVIDER_PREFERRED, &asked, out, 32));
    asked.mode = EXTRACT;
    assert_false(derive(PROVIDER_PREFERRED, &asked, out, 64));
}

TESTS(UNIT(the_schedule_of_rfc_8448_comes_out),
      UNIT(what_is_longer_than_the_form_allows_is_refused), UNIT(openssl_finds_ours),
      UNIT(expanding_gives_what_openssl_gives), UNIT(extracting_gives_what_openssl_gives),
      UNIT(what_no_schedule_asks_for_is_refused))
