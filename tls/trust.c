/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - CA certificates and revocation lists, as the store that handshakes verify against.
 */
#include "tls/trust.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "tls/certificate.h"
#include "tls/pem.h"
#include "tls/trust_parts.h"
#include "tls/x509.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

/* A CertificateRequest must fit into one message; past this no names are sent, which means "any"
 * (RFC 8446 section 4.2.4, RFC 5246 section 7.4.4). */
#define NAMES_BYTES_MAX 16384

/* While it is read. */
struct draft {
    struct trust *trust;
    struct text der; /* of everything, for the id */
    size_t certificates_count;
    size_t crls_count;
    size_t names_bytes;
};

static enum status fault_of(struct text *fault, const char *sentence)
{
    text_clear(fault);
    text_add_str(fault, sentence);
    return STATUS_INVALID;
}

/* ---- CA certificates ---- */

static void add_name(struct draft *draft, const X509 *certificate)
{
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
    int length = name == NULL ? -1 : i2d_X509_NAME(name, NULL);

    CHECK(length >= 0);
    draft->names_bytes += (size_t)length;
    CHECK(sk_X509_NAME_push(draft->trust->names, name) > 0);
}

static enum status add_certificate(struct draft *draft, const struct pem *pem, struct text *fault)
{
    X509 *certificate;
    bool is_added;

    if (pem->kind != PEM_CERTIFICATE)
        return fault_of(fault, "ca.crt has a block that is no CERTIFICATE");
    if (draft->certificates_count == TRUST_CERTIFICATES_MAX)
        return fault_of(fault, "ca.crt has more than 512 certificates");
    certificate = pem_certificate(pem);
    if (certificate == NULL) {
        text_clear(fault);
        text_printf(fault, "certificate %zu of ca.crt is not a valid X.509 certificate",
                    draft->certificates_count + 1);
        return STATUS_INVALID;
    }
    is_added = X509_STORE_add_cert(draft->trust->store, certificate) == 1;
    CHECK(is_added);
    draft->certificates_count++;
    add_name(draft, certificate);
    x509_add_der(certificate, &draft->der);
    X509_free(certificate); /* the store has a reference of its own */
    return STATUS_OK;
}

static enum status read_certificates(struct draft *draft, struct bytes text, struct text *fault)
{
    struct pem pem;
    enum status status;

    if (text.len == 0)
        return fault_of(fault, "ca.crt is empty");
    if (text.len > CERTIFICATE_PEM_BYTES_MAX)
        return fault_of(fault, "ca.crt is larger than 1 MiB");
    pem_open(&pem, text);
    while ((status = pem_next(&pem)) == STATUS_OK)
        if ((status = add_certificate(draft, &pem, fault)) != STATUS_OK)
            goto done;
    if (status == STATUS_INVALID)
        (void)fault_of(fault, "ca.crt has a block that is not valid PEM");
    else if (draft->certificates_count == 0)
        status = fault_of(fault, "ca.crt has no CERTIFICATE block");
    else
        status = STATUS_OK;
done:
    pem_close(&pem);
    return status;
}

/* ---- revocation lists ---- */

/* A list need not say when the next one comes: then it is never outdated. */
static void note_end(struct trust *trust, const X509_CRL *crl)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    int64_t end_s = next == NULL ? INT64_MAX : x509_seconds(next);

    if (end_s < trust->lists_end_s)
        trust->lists_end_s = end_s;
}

static enum status add_crl(struct draft *draft, const struct pem *pem, struct text *fault)
{
    X509_CRL *crl;
    bool is_added;

    if (pem->kind != PEM_CRL)
        return fault_of(fault, "crl.pem has a block that is no X509 CRL");
    crl = pem_crl(pem);
    if (crl == NULL) {
        text_clear(fault);
        text_printf(fault, "list %zu of crl.pem is not a valid X.509 revocation list",
                    draft->crls_count + 1);
        return STATUS_INVALID;
    }
    is_added = X509_STORE_add_crl(draft->trust->store, crl) == 1;
    CHECK(is_added);
    draft->crls_count++;
    note_end(draft->trust, crl);
    text_add(&draft->der, bytes_from((const char *)pem->der, (size_t)pem->der_len));
    X509_CRL_free(crl);
    return STATUS_OK;
}

static enum status read_crls(struct draft *draft, struct bytes text, struct text *fault)
{
    struct pem pem;
    enum status status;

    if (text.len == 0)
        return STATUS_OK;
    if (text.len > CERTIFICATE_PEM_BYTES_MAX)
        return fault_of(fault, "crl.pem is larger than 1 MiB");
    pem_open(&pem, text);
    while ((status = pem_next(&pem)) == STATUS_OK)
        if ((status = add_crl(draft, &pem, fault)) != STATUS_OK)
            goto done;
    if (status == STATUS_INVALID)
        (void)fault_of(fault, "crl.pem has a block that is not valid PEM");
    else if (draft->crls_count == 0)
        status = fault_of(fault, "crl.pem has no X509 CRL block");
    else
        status = STATUS_OK;
done:
    pem_close(&pem);
    return status;
}

/* ---- the whole ---- */

/* PARTIAL_CHAIN: what is in ca.crt is believed, be it a root or not; an intermediate that is given
 * as the CA would otherwise wait for its root for ever. With lists the chain has to end at a root:
 * for OpenSSL would end it at the first certificate it believes, and then find no list for that
 * one, since its issuer is not in the chain. */
static void freeze(struct draft *draft)
{
    struct trust *trust = draft->trust;
    unsigned long flags = draft->crls_count == 0
                              ? X509_V_FLAG_PARTIAL_CHAIN
                              : X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;

    CHECK(X509_STORE_set_flags(trust->store, flags) == 1);
    if (draft->names_bytes > NAMES_BYTES_MAX) {
        sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
        trust->names = sk_X509_NAME_new_null();
        CHECK(trust->names != NULL);
    }
    CHECK(EVP_Digest(draft->der.at, draft->der.len, trust->id, NULL, EVP_sha256(), NULL) == 1);
}

static void trust_destroy(struct trust *trust)
{
    X509_STORE_free(trust->store);
    sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
    mem_free(trust);
}

static struct trust *trust_create(void)
{
    struct trust *trust = mem_new(struct trust);

    atomic_init(&trust->refs, 1);
    trust->lists_end_s = INT64_MAX;
    trust->store = X509_STORE_new();
    trust->names = sk_X509_NAME_new_null();
    CHECK(trust->store != NULL && trust->names != NULL);
    return trust;
}

enum status trust_parse(struct bytes ca_pem, struct bytes crl_pem, struct trust **trust,
                        struct text *fault)
{
    struct draft draft = {.trust = trust_create()};
    enum status status = read_certificates(&draft, ca_pem, fault);

    if (status == STATUS_OK)
        status = read_crls(&draft, crl_pem, fault);
    if (status == STATUS_OK) {
        freeze(&draft);
        *trust = draft.trust;
    } else {
        trust_destroy(draft.trust);
    }
    text_fini(&draft.der);
    return status;
}

struct trust *trust_ref(struct trust *trust)
{
    refs_take(&trust->refs);
    return trust;
}

void trust_unref(struct trust *trust)
{
    if (refs_drop(&trust->refs))
        trust_destroy(trust);
}

struct bytes trust_id(const struct trust *trust)
{
    return bytes_from((const char *)trust->id, sizeof(trust->id));
}

bool trust_equal(const struct trust *a, const struct trust *b)
{
    return a == b || (a != NULL && b != NULL && bytes_equal(trust_id(a), trust_id(b)));
}
