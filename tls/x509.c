/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509.c - what may be asked of an X.509 certificate, without OpenSSL's way of answering.
 */
#include "tls/x509.h"

#include "core/check.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <time.h>

/* ---- keys and signatures ---- */

static bool is_tls_curve(const EVP_PKEY *key)
{
    char name[32] = "";

    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), NULL) !=
        1) {
        ERR_clear_error();
        return false;
    }
    return bytes_equal(bytes_of(name), BYTES("prime256v1")) ||
           bytes_equal(bytes_of(name), BYTES("secp384r1")) ||
           bytes_equal(bytes_of(name), BYTES("secp521r1"));
}

bool x509_key_kind(const EVP_PKEY *key, enum certificate_kind *kind)
{
    switch (key == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        *kind = CERTIFICATE_RSA;
        return true;
    case EVP_PKEY_EC:
        *kind = CERTIFICATE_ECDSA;
        return is_tls_curve(key);
    case EVP_PKEY_ED25519:
        *kind = CERTIFICATE_ED25519;
        return true;
    default:
        return false;
    }
}

bool x509_is_key_strong(X509 *certificate)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    bool is_strong = key != NULL && EVP_PKEY_get_security_bits(key) >= X509_SECURITY_BITS_MIN;

    ERR_clear_error();
    return is_strong;
}

bool x509_is_signature_strong(X509 *certificate)
{
    int bits = -1;
    bool is_known;

    if ((X509_get_extension_flags(certificate) & EXFLAG_SS) != 0)
        return true;
    is_known = X509_get_signature_info(certificate, NULL, NULL, &bits, NULL) == 1;
    ERR_clear_error();
    return is_known && bits >= X509_SECURITY_BITS_MIN;
}

bool x509_is_signed_by(X509 *certificate, X509 *issuer)
{
    bool is_signed = X509_check_issued(issuer, certificate) == X509_V_OK &&
                     X509_get0_pubkey(issuer) != NULL &&
                     X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

    ERR_clear_error();
    return is_signed;
}

/* ---- names and times ---- */

bool x509_has_names(const X509 *certificate)
{
    return X509_NAME_get_index_by_NID(X509_get_subject_name(certificate), NID_commonName, -1) >=
               0 ||
           X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0;
}

int64_t x509_seconds(const ASN1_TIME *time)
{
    struct tm broken_down;

    if (time == NULL || ASN1_TIME_to_tm(time, &broken_down) != 1) {
        ERR_clear_error();
        return INT64_MIN;
    }
    return timegm(&broken_down);
}

/* OpenSSL escapes all but DEL, and what is not printable must not come through whatever it does. */
static void add_printable(struct text *out, const char *at, long length)
{
    for (long i = 0; i < length; i++)
        text_add_byte(out, at[i] >= 0x20 && at[i] <= 0x7e ? at[i] : '?');
}

void x509_add_name(const X509_NAME *name, struct text *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL;
    long length;

    CHECK(bio != NULL);
    if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
        length = BIO_get_mem_data(bio, &at);
        add_printable(out, at, length);
    }
    BIO_free(bio);
    ERR_clear_error();
}

void x509_add_der(X509 *certificate, struct text *out)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);

    CHECK(length > 0);
    text_add(out, bytes_from((const char *)der, (size_t)length));
    OPENSSL_free(der);
}
