/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem.c - reading PEM with OpenSSL, which leaves its error queue behind and no more.
 */
#include "tls/pem.h"

#include "core/check.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits.h>

void pem_open(struct pem *pem, struct bytes text)
{
    CHECK(text.len <= INT_MAX);
    *pem = (struct pem){.bio = BIO_new_mem_buf(text.len == 0 ? "" : text.at, (int)text.len)};
    CHECK(pem->bio != NULL);
}

static void drop_block(struct pem *pem)
{
    if (pem->der != NULL)
        OPENSSL_clear_free(pem->der, (size_t)pem->der_len);
    pem->der = NULL;
    pem->der_len = 0;
}

void pem_close(struct pem *pem)
{
    drop_block(pem);
    BIO_free(pem->bio);
    ERR_clear_error();
}

static enum pem_kind kind_of(struct bytes name, struct bytes header)
{
    static const struct {
        const char *name;
        enum pem_kind kind;
    } rows[] = {
        {PEM_STRING_X509, PEM_CERTIFICATE},
        {PEM_STRING_X509_OLD, PEM_CERTIFICATE},
        {PEM_STRING_X509_CRL, PEM_CRL},
        {PEM_STRING_PKCS8INF, PEM_KEY},
        {PEM_STRING_RSA, PEM_KEY},
        {PEM_STRING_ECPRIVATEKEY, PEM_KEY},
        {PEM_STRING_PKCS8, PEM_ENCRYPTED_KEY},
        {PEM_STRING_ECPARAMETERS, PEM_PARAMETERS},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!bytes_equal(name, bytes_of(rows[i].name)))
            continue;
        return rows[i].kind == PEM_KEY && header.len > 0 ? PEM_ENCRYPTED_KEY : rows[i].kind;
    }
    return PEM_OTHER;
}

static bool is_end_of_text(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

enum status pem_next(struct pem *pem)
{
    char *name = NULL;
    char *header = NULL;
    bool is_end;

    drop_block(pem);
    ERR_clear_error();
    if (PEM_read_bio(pem->bio, &name, &header, &pem->der, &pem->der_len) != 1) {
        is_end = is_end_of_text();
        ERR_clear_error();
        return is_end ? STATUS_END : STATUS_INVALID;
    }
    pem->kind = kind_of(bytes_of(name), bytes_of(header));
    OPENSSL_free(name);
    OPENSSL_free(header);
    return STATUS_OK;
}

/* ---- what is in it ---- */

static bool is_all_read(const struct pem *pem, const unsigned char *at)
{
    ERR_clear_error();
    return at == pem->der + pem->der_len;
}

X509 *pem_certificate(const struct pem *pem)
{
    const unsigned char *at = pem->der;
    X509 *certificate = d2i_X509(NULL, &at, pem->der_len);

    if (is_all_read(pem, at) || certificate == NULL)
        return certificate;
    X509_free(certificate);
    return NULL;
}

X509_CRL *pem_crl(const struct pem *pem)
{
    const unsigned char *at = pem->der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, pem->der_len);

    if (is_all_read(pem, at) || crl == NULL)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

EVP_PKEY *pem_key(const struct pem *pem)
{
    const unsigned char *at = pem->der;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, pem->der_len);

    if (is_all_read(pem, at) || key == NULL)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}
