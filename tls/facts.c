/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.c - what is known of a connection after its handshake, also of one that failed.
 */
#include "tls/parts.h"
#include "tls/x509.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

/* A header field has to carry it: names past this are left out. */
#define CLIENT_CERTIFICATE_BYTES_MAX 8192

enum tls_failure tls_failure_of(const struct tls *tls)
{
    return tls->failure;
}

const char *tls_certificate_fault(const struct tls *tls)
{
    long result = SSL_get_verify_result(tls->ssl);

    if (tls->failure != TLS_FAILURE_CERTIFICATE_INVALID || result == X509_V_OK)
        return NULL;
    return X509_verify_cert_error_string(result);
}

bool tls_is_h2(const struct tls *tls)
{
    return tls->is_h2;
}

bool tls_was_resumed(const struct tls *tls)
{
    return SSL_session_reused(tls->ssl) == 1;
}

struct bytes tls_server_name(const struct tls *tls)
{
    return bytes_from(tls->server_name, tls->server_name_len);
}

const struct tls_host *tls_host_of(const struct tls *tls)
{
    return tls->host;
}

const char *tls_version_of(const struct tls *tls)
{
    return SSL_get_version(tls->ssl);
}

const char *tls_cipher_of(const struct tls *tls)
{
    return SSL_CIPHER_get_name(SSL_get_current_cipher(tls->ssl));
}

/* ---- the client's certificate ---- */

static void add_hash(struct text *out, const X509 *certificate)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    (void)X509_digest(certificate, EVP_sha256(), digest, &length);
    text_add(out, BYTES("Hash="));
    for (unsigned int i = 0; i < length; i++) {
        text_add_byte(out, digits[digest[i] >> 4]);
        text_add_byte(out, digits[digest[i] & 15]);
    }
}

/* RFC 2253's own escapes are those of a quoted value too: no quote stands alone. */
static void add_subject(struct text *out, const X509 *certificate)
{
    text_add(out, BYTES(";Subject=\""));
    x509_add_name(X509_get_subject_name(certificate), out);
    text_add_byte(out, '"');
}

static bool needs_quotes(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if (strchr(",;=\"\\", value.at[i]) != NULL && value.at[i] != '\0')
            return true;
    return false;
}

static void add_value(struct text *out, struct bytes value)
{
    bool is_quoted = needs_quotes(value);

    if (is_quoted)
        text_add_byte(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];

        if (byte == '"' || byte == '\\')
            text_add_byte(out, '\\');
        if (byte > 0x20 && byte < 0x7f)
            text_add_byte(out, byte);
        else
            text_printf(out, "%%%02X", (unsigned char)byte);
    }
    if (is_quoted)
        text_add_byte(out, '"');
}

/* All alternative names of one kind. */
static void add_names(struct text *out, const GENERAL_NAMES *names, int kind, const char *label)
{
    size_t begin = out->len;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int found;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found);
        size_t before = out->len;

        if (found != kind)
            continue;
        text_add_str(out, label);
        add_value(out, bytes_from((const char *)ASN1_STRING_get0_data(value),
                                  (size_t)ASN1_STRING_length(value)));
        if (out->len - begin > CLIENT_CERTIFICATE_BYTES_MAX / 4)
            out->len = before;
    }
}

static void add_alternative_names(struct text *out, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    if (names == NULL)
        return;
    add_names(out, names, GEN_URI, ";URI=");
    add_names(out, names, GEN_DNS, ";DNS=");
    GENERAL_NAMES_free(names);
}

bool tls_client_certificate(const struct tls *tls, struct text *out)
{
    const X509 *certificate = tls->is_client ? NULL : SSL_get0_peer_certificate(tls->ssl);
    size_t before = out->len;

    if (certificate == NULL)
        return false;
    add_hash(out, certificate);
    before = out->len;
    add_subject(out, certificate);
    if (out->len - before > CLIENT_CERTIFICATE_BYTES_MAX / 4)
        out->len = before;
    add_alternative_names(out, certificate);
    ERR_clear_error();
    return true;
}
