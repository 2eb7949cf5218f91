/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.h - certificates for tests, made on the spot.
 *
 *     struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
 *     struct identity app = make_identity(&(struct recipe){.name = "app", .issuer = &ca});
 *     struct text chain = make_pem(2, &app, &ca);
 */
#ifndef TESTS_UNIT_TLS_MAKE_H
#define TESTS_UNIT_TLS_MAKE_H

#include "core/mem.h"
#include "core/text.h"
#include "tests/unit/unit.h"
#include "tls/certificate.h"
#include "tls/trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdarg.h>
#include <time.h>

enum key_type { KEY_P256, KEY_RSA, KEY_RSA_1024, KEY_ED25519, KEY_SECP256K1 };

struct identity {
    X509 *certificate; /* owned */
    EVP_PKEY *key;     /* owned */
};

struct recipe {
    const char *name; /* the common name; NULL for none */
    const char *sans; /* as OpenSSL's configuration writes them: "DNS:a.test,URI:spiffe://b" */
    const char *uses; /* the extended key usage: "clientAuth" */
    const struct identity *issuer; /* NULL: signed by itself */
    const struct identity *key_of; /* takes this one's key; NULL: a new one */
    enum key_type type;
    bool is_ca;
    bool is_sha1;
    int from_days, until_days; /* from now; both 0: yesterday and in 30 days */
    long serial;               /* 0: a random one */
};

static inline EVP_PKEY *make_key(enum key_type type)
{
    EVP_PKEY *key = NULL;

    switch (type) {
    case KEY_P256:
        key = EVP_EC_gen("P-256");
        break;
    case KEY_RSA:
        key = EVP_RSA_gen(2048);
        break;
    case KEY_RSA_1024:
        key = EVP_RSA_gen(1024);
        break;
    case KEY_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case KEY_SECP256K1:
        key = EVP_EC_gen("secp256k1");
        break;
    }
    assert_non_null(key);
    return key;
}

static inline void make_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void make_times(X509 *certificate, const struct recipe *recipe)
{
    bool is_usual = recipe->from_days == 0 && recipe->until_days == 0;

    (void)X509_time_adj_ex(X509_getm_notBefore(certificate), is_usual ? -1 : recipe->from_days, 0,
                           NULL);
    (void)X509_time_adj_ex(X509_getm_notAfter(certificate), is_usual ? 30 : recipe->until_days, 0,
                           NULL);
}

static inline struct identity make_identity(const struct recipe *recipe)
{
    struct identity made = {X509_new(), NULL};
    const struct identity *issuer = recipe->issuer != NULL ? recipe->issuer : &made;
    X509_NAME *name = X509_NAME_new();
    const EVP_MD *digest = recipe->is_sha1 ? EVP_sha1() : EVP_sha256();
    uint32_t random = 0;

    if (recipe->key_of != NULL) {
        made.key = recipe->key_of->key;
        EVP_PKEY_up_ref(made.key);
    } else {
        made.key = make_key(recipe->type);
    }
    assert_int_equal(RAND_bytes((unsigned char *)&random, sizeof(random)), 1);
    (void)X509_set_version(made.certificate, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(made.certificate),
                           recipe->serial != 0 ? recipe->serial : (long)random + 1);
    make_times(made.certificate, recipe);
    (void)X509_set_pubkey(made.certificate, made.key);
    if (recipe->name != NULL)
        (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                         (const unsigned char *)recipe->name, -1, -1, 0);
    (void)X509_set_subject_name(made.certificate, name);
    (void)X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
    make_extension(made.certificate, NID_basic_constraints,
                   recipe->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    make_extension(made.certificate, NID_subject_alt_name, recipe->sans);
    make_extension(made.certificate, NID_ext_key_usage, recipe->uses);
    if (EVP_PKEY_get_base_id(issuer->key) == EVP_PKEY_ED25519)
        digest = NULL;
    assert_true(X509_sign(made.certificate, issuer->key, digest) > 0);
    X509_NAME_free(name);
    return made;
}

/* A leaf whose one alternative name is `before`, a NUL and `after`. */
static inline struct identity make_identity_with_nul(const struct identity *issuer,
                                                     const char *before, const char *after)
{
    struct identity made = make_identity(&(struct recipe){.name = "nul", .issuer = issuer});
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    struct text text;

    text_init(&text);
    text_add_str(&text, before);
    text_add_byte(&text, '\0');
    text_add_str(&text, after);
    assert_int_equal(ASN1_STRING_set(value, text.at, (int)text.len), 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, value);
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
    assert_int_equal(X509_add1_ext_i2d(made.certificate, NID_subject_alt_name, names, 0, 0), 1);
    assert_true(X509_sign(made.certificate, issuer->key, EVP_sha256()) > 0);
    GENERAL_NAMES_free(names);
    text_fini(&text);
    return made;
}

static inline void identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static inline struct text make_text_of_bio(BIO *bio)
{
    struct text text;
    char *at;
    long length = BIO_get_mem_data(bio, &at);

    text_init(&text);
    text_add(&text, bytes_from(at, (size_t)length));
    BIO_free(bio);
    return text;
}

/* The certificates of `count` identities, one after the other. */
static inline struct text make_pem(int count, ...)
{
    BIO *bio = BIO_new(BIO_s_mem());
    va_list identities;

    va_start(identities, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(
            PEM_write_bio_X509(bio, va_arg(identities, const struct identity *)->certificate), 1);
    va_end(identities);
    return make_text_of_bio(bio);
}

static inline struct text make_key_pem(const struct identity *identity)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL), 1);
    return make_text_of_bio(bio);
}

/* What `ca` has revoked: the certificate of `revoked`, or nothing when that is NULL. */
static inline struct text make_crl(const struct identity *ca, const struct identity *revoked,
                                   bool is_outdated)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *last = ASN1_TIME_adj(NULL, time(NULL), -2, 0);
    ASN1_TIME *next = ASN1_TIME_adj(NULL, time(NULL), is_outdated ? -1 : 30, 0);

    (void)X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    (void)X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate));
    (void)X509_CRL_set1_lastUpdate(crl, last);
    (void)X509_CRL_set1_nextUpdate(crl, next);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();

        (void)X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
        (void)X509_REVOKED_set_revocationDate(entry, last);
        (void)X509_CRL_add0_revoked(crl, entry);
    }
    assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
    return make_text_of_bio(bio);
}

/* An OCSP response of `ca` that says `about` is good; DER. */
static inline struct text make_staple(const struct identity *ca, const struct identity *about)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, about->certificate, ca->certificate);
    ASN1_TIME *now = ASN1_TIME_adj(NULL, time(NULL), 0, 0);
    OCSP_RESPONSE *response;
    unsigned char *der = NULL;
    struct text text;
    int length;

    assert_non_null(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, NULL));
    assert_int_equal(OCSP_basic_sign(basic, ca->certificate, ca->key, EVP_sha256(), NULL, 0), 1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    length = i2d_OCSP_RESPONSE(response, &der);
    assert_true(length > 0);
    text_init(&text);
    text_add(&text, bytes_from((const char *)der, (size_t)length));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(now);
    return text;
}

/* What certificate_parse() makes of an identity and its issuer (NULL: none). */
static inline struct certificate *make_certificate(const struct identity *leaf,
                                                   const struct identity *issuer)
{
    struct text chain = issuer == NULL ? make_pem(1, leaf) : make_pem(2, leaf, issuer);
    struct text key = make_key_pem(leaf);
    struct text fault;
    struct certificate *certificate = NULL;

    text_init(&fault);
    (void)certificate_parse(text_bytes(&chain), text_bytes(&key), BYTES_NONE, &certificate, &fault);
    assert_bytes(text_bytes(&fault), "");
    text_fini(&chain);
    text_fini(&key);
    text_fini(&fault);
    return certificate;
}

/* Trust in a CA, with its revocation list unless that is NULL. */
static inline struct trust *make_trust(const struct identity *ca, const struct text *crl)
{
    struct text pem = make_pem(1, ca);
    struct text fault;
    struct trust *trust = NULL;

    text_init(&fault);
    (void)trust_parse(text_bytes(&pem), crl == NULL ? BYTES_NONE : text_bytes(crl), &trust, &fault);
    assert_bytes(text_bytes(&fault), "");
    text_fini(&pem);
    text_fini(&fault);
    return trust;
}

#endif
