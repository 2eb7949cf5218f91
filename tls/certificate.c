/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.c - a Secret's certificate, held against everything a handshake will ask of it.
 *
 * What is found here is said in the status of an object; what would only be found by OpenSSL in a
 * handshake would be seen by clients first.
 */
#include "tls/certificate.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "tls/certificate_parts.h"
#include "tls/pem.h"
#include "tls/staple.h"
#include "tls/x509.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static enum status fault_of(struct text *fault, const char *sentence)
{
    text_clear(fault);
    text_add_str(fault, sentence);
    return STATUS_INVALID;
}

/* ---- the chain ---- */

static enum status add_to_chain(struct certificate *certificate, const struct pem *pem,
                                struct text *fault)
{
    int count = certificate->leaf == NULL ? 0 : 1 + sk_X509_num(certificate->issuers);
    X509 *next;

    if (pem->kind != PEM_CERTIFICATE)
        return fault_of(fault, "tls.crt has a block that is no CERTIFICATE; only the certificate "
                               "and its issuers belong there");
    if (count == CERTIFICATE_CHAIN_MAX)
        return fault_of(fault, "tls.crt has more than 16 certificates");
    next = pem_certificate(pem);
    if (next == NULL) {
        text_clear(fault);
        text_printf(fault, "certificate %d of tls.crt is not a valid X.509 certificate", count + 1);
        return STATUS_INVALID;
    }
    if (certificate->leaf == NULL)
        certificate->leaf = next;
    else
        CHECK(sk_X509_push(certificate->issuers, next) > 0);
    return STATUS_OK;
}

static enum status read_chain(struct certificate *certificate, struct bytes text,
                              struct text *fault)
{
    struct pem pem;
    enum status status;

    if (text.len == 0)
        return fault_of(fault, "tls.crt is empty");
    if (text.len > CERTIFICATE_PEM_BYTES_MAX)
        return fault_of(fault, "tls.crt is larger than 1 MiB");
    pem_open(&pem, text);
    while ((status = pem_next(&pem)) == STATUS_OK)
        if ((status = add_to_chain(certificate, &pem, fault)) != STATUS_OK)
            goto done;
    if (status == STATUS_INVALID)
        (void)fault_of(fault, "tls.crt has a block that is not valid PEM");
    else if (certificate->leaf == NULL)
        status = fault_of(fault, "tls.crt has no CERTIFICATE block");
    else
        status = STATUS_OK;
done:
    pem_close(&pem);
    return status;
}

static X509 *chain_at(const struct certificate *certificate, int index)
{
    return index == 0 ? certificate->leaf : sk_X509_value(certificate->issuers, index - 1);
}

static int chain_count(const struct certificate *certificate)
{
    return 1 + sk_X509_num(certificate->issuers);
}

/* What is wrong with one certificate of the chain, or NULL. */
static const char *find_weakness(X509 *link)
{
    enum certificate_kind kind;

    if (!x509_key_kind(X509_get0_pubkey(link), &kind)) {
        ERR_clear_error();
        return "has a key of a kind that is not supported; use RSA, ECDSA on P-256, P-384 or "
               "P-521, or Ed25519";
    }
    if (!x509_is_key_strong(link))
        return "has an RSA key of less than 2048 bits";
    if (!x509_is_signature_strong(link))
        return "is signed with a weak digest; SHA-256 or better is needed";
    if (x509_seconds(X509_get0_notBefore(link)) == INT64_MIN ||
        x509_seconds(X509_get0_notAfter(link)) == INT64_MIN)
        return "has dates that are not valid";
    return NULL;
}

static enum status check_chain(const struct certificate *certificate, struct text *fault)
{
    int count = chain_count(certificate);

    if (!x509_has_names(certificate->leaf))
        return fault_of(fault, "the first certificate of tls.crt has neither a common name nor a "
                               "subject alternative name");
    for (int i = 0; i < count; i++) {
        const char *weakness = find_weakness(chain_at(certificate, i));

        if (weakness == NULL)
            continue;
        text_clear(fault);
        text_printf(fault, "certificate %d of tls.crt %s", i + 1, weakness);
        return STATUS_INVALID;
    }
    for (int i = 0; i + 1 < count; i++) {
        if (x509_is_signed_by(chain_at(certificate, i), chain_at(certificate, i + 1)))
            continue;
        text_clear(fault);
        text_printf(fault,
                    "certificate %d of tls.crt is not signed by certificate %d; the order is the "
                    "host's own certificate, then its issuer, then the issuer's issuer",
                    i + 1, i + 2);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* ---- the key ---- */

static enum status take_key(struct certificate *certificate, const struct pem *pem,
                            struct text *fault)
{
    if (pem->kind == PEM_PARAMETERS)
        return STATUS_OK;
    if (pem->kind == PEM_ENCRYPTED_KEY)
        return fault_of(fault, "tls.key is encrypted; store it without a passphrase");
    if (pem->kind != PEM_KEY)
        return fault_of(fault, "tls.key has a block that is no private key");
    if (certificate->key != NULL)
        return fault_of(fault, "tls.key has more than one private key");
    certificate->key = pem_key(pem);
    if (certificate->key == NULL)
        return fault_of(fault, "tls.key has a private key that is not valid");
    return STATUS_OK;
}

static enum status read_key(struct certificate *certificate, struct bytes text, struct text *fault)
{
    struct pem pem;
    enum status status;

    if (text.len == 0)
        return fault_of(fault, "tls.key is empty");
    if (text.len > CERTIFICATE_PEM_BYTES_MAX)
        return fault_of(fault, "tls.key is larger than 1 MiB");
    pem_open(&pem, text);
    while ((status = pem_next(&pem)) == STATUS_OK)
        if ((status = take_key(certificate, &pem, fault)) != STATUS_OK)
            goto done;
    if (status == STATUS_INVALID)
        (void)fault_of(fault, "tls.key has a block that is not valid PEM");
    else if (certificate->key == NULL)
        status = fault_of(fault, "tls.key has no private key");
    else
        status = STATUS_OK;
done:
    pem_close(&pem);
    return status;
}

static enum status check_key(struct certificate *certificate, struct text *fault)
{
    bool is_pair = X509_check_private_key(certificate->leaf, certificate->key) == 1;

    ERR_clear_error();
    if (!is_pair)
        return fault_of(fault, "tls.key does not belong to the first certificate of tls.crt");
    return STATUS_OK;
}

/* ---- what is asked later ---- */

static void note_times(struct certificate *certificate)
{
    certificate->not_before_s = INT64_MIN;
    certificate->not_after_s = INT64_MAX;
    for (int i = 0; i < chain_count(certificate); i++) {
        int64_t before_s = x509_seconds(X509_get0_notBefore(chain_at(certificate, i)));
        int64_t after_s = x509_seconds(X509_get0_notAfter(chain_at(certificate, i)));

        if (before_s > certificate->not_before_s)
            certificate->not_before_s = before_s;
        if (after_s < certificate->not_after_s)
            certificate->not_after_s = after_s;
    }
}

static void note_id(struct certificate *certificate)
{
    struct text der;

    text_init(&der);
    for (int i = 0; i < chain_count(certificate); i++)
        x509_add_der(chain_at(certificate, i), &der);
    CHECK(EVP_Digest(der.at, der.len, certificate->id, NULL, EVP_sha256(), NULL) == 1);
    text_fini(&der);
}

static void note_facts(struct certificate *certificate)
{
    CHECK(x509_key_kind(certificate->key, &certificate->kind));
    note_times(certificate);
    note_id(certificate);
    x509_add_name(X509_get_subject_name(certificate->leaf), &certificate->subject);
    x509_add_name(X509_get_issuer_name(certificate->leaf), &certificate->issuer);
}

static void certificate_destroy(struct certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->issuers, X509_free);
    EVP_PKEY_free(certificate->key);
    text_fini(&certificate->staple);
    text_fini(&certificate->subject);
    text_fini(&certificate->issuer);
    mem_free(certificate);
}

static enum status read_parts(struct certificate *certificate, struct bytes chain_pem,
                              struct bytes key_pem, struct bytes staple_der, struct text *fault)
{
    const char *wrong;
    enum status status;

    if ((status = read_chain(certificate, chain_pem, fault)) != STATUS_OK ||
        (status = check_chain(certificate, fault)) != STATUS_OK ||
        (status = read_key(certificate, key_pem, fault)) != STATUS_OK ||
        (status = check_key(certificate, fault)) != STATUS_OK)
        return status;
    wrong = staple_fault(staple_der, certificate->leaf, sk_X509_value(certificate->issuers, 0));
    if (wrong != NULL)
        return fault_of(fault, wrong);
    text_add(&certificate->staple, staple_der);
    return STATUS_OK;
}

enum status certificate_parse(struct bytes chain_pem, struct bytes key_pem, struct bytes staple_der,
                              struct certificate **certificate, struct text *fault)
{
    struct certificate *fresh = mem_new(struct certificate);
    enum status status;

    atomic_init(&fresh->refs, 1);
    fresh->issuers = sk_X509_new_null();
    CHECK(fresh->issuers != NULL);
    status = read_parts(fresh, chain_pem, key_pem, staple_der, fault);
    if (status != STATUS_OK) {
        certificate_destroy(fresh);
        return status;
    }
    note_facts(fresh);
    *certificate = fresh;
    return STATUS_OK;
}

struct certificate *certificate_ref(struct certificate *certificate)
{
    refs_take(&certificate->refs);
    return certificate;
}

void certificate_unref(struct certificate *certificate)
{
    if (refs_drop(&certificate->refs))
        certificate_destroy(certificate);
}

bool certificate_equal(const struct certificate *a, const struct certificate *b)
{
    if (a == b)
        return true;
    /* The key is that of the leaf: where the chains are the same, so are the keys. */
    return a != NULL && b != NULL && memcmp(a->id, b->id, sizeof(a->id)) == 0 &&
           bytes_equal(text_bytes(&a->staple), text_bytes(&b->staple));
}

/* ---- questions ---- */

enum certificate_kind certificate_kind(const struct certificate *certificate)
{
    return certificate->kind;
}

int64_t certificate_not_before_s(const struct certificate *certificate)
{
    return certificate->not_before_s;
}

int64_t certificate_not_after_s(const struct certificate *certificate)
{
    return certificate->not_after_s;
}

struct bytes certificate_id(const struct certificate *certificate)
{
    return bytes_from((const char *)certificate->id, sizeof(certificate->id));
}

struct bytes certificate_subject(const struct certificate *certificate)
{
    return text_bytes(&certificate->subject);
}

struct bytes certificate_issuer(const struct certificate *certificate)
{
    return text_bytes(&certificate->issuer);
}

/* OpenSSL takes a name that begins with a dot for "any name below". */
bool certificate_covers(const struct certificate *certificate, struct bytes host)
{
    const unsigned int flags =
        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    bool is_covered;
    char *name;

    if (host.len == 0 || host.at[0] == '.' || bytes_find(host, '\0') != BYTES_NOT_FOUND)
        return false;
    name = mem_string(host);
    is_covered = X509_check_ip_asc(certificate->leaf, name, 0) == 1 ||
                 X509_check_host(certificate->leaf, name, host.len, flags, NULL) == 1;
    mem_free(name);
    ERR_clear_error();
    return is_covered;
}
