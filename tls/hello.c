/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello.c - a ClientHello came: which host is meant, and everything that host brings along.
 *
 *     ClientHello -> server name -> choose() -> versions, client certificates
 *                 -> no session goes on      -> certificates
 *
 * OpenSSL calls hello_choose() before it looks at versions, tickets or anything else, so what is
 * set here holds for all of the handshake.
 */
#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "tls/certificate_parts.h"
#include "tls/parts.h"
#include "tls/server_name.h"
#include "tls/trust_parts.h"

/* ---- the host ---- */

static int version_number(enum tls_version version)
{
    return version == TLS_VERSION_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

/* All that there are: OpenSSL takes the one that the client's signature algorithms allow. */
static bool set_certificates(SSL *ssl, const struct tls_host_config *config)
{
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        const struct certificate *certificate = config->certificates[kind];

        if (certificate != NULL && SSL_use_cert_and_key(ssl, certificate->leaf, certificate->key,
                                                        certificate->issuers, 1) != 1)
            return false;
    }
    return true;
}

static bool set_client_auth(SSL *ssl, const struct tls_host_config *config)
{
    STACK_OF(X509_NAME) * names;
    int mode = SSL_VERIFY_PEER;

    if (config->client_auth == TLS_CLIENT_AUTH_NONE)
        return true;
    if (config->client_auth == TLS_CLIENT_AUTH_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    names = SSL_dup_CA_list(config->client_trust->names);
    if (names == NULL)
        return false;
    SSL_set0_CA_list(ssl, names);
    SSL_set_verify(ssl, mode, NULL);
    return SSL_set1_verify_cert_store(ssl, config->client_trust->store) == 1;
}

/* The context keeps sessions to themselves: one of another context is not resumed, and the
 * handshake is a full one (hostile-input 80). */
static bool set_host(SSL *ssl, const struct tls_host *host)
{
    const struct tls_host_config *config = tls_host_config(host);
    struct bytes id = tls_host_id(host);

    return SSL_set_min_proto_version(ssl, version_number(config->version_min)) == 1 &&
           SSL_set_max_proto_version(ssl, version_number(config->version_max)) == 1 &&
           SSL_set_session_id_context(ssl, (const unsigned char *)id.at, (unsigned)id.len) == 1 &&
           set_client_auth(ssl, config);
}

/* Not called when a session goes on: then nobody shows one, and finding out what kind it is would
 * be for nothing. */
int hello_set_certificates(SSL *ssl, void *engine)
{
    const struct tls *tls = SSL_get_app_data(ssl);

    (void)engine;
    return set_certificates(ssl, tls_host_config(tls->host));
}

/* ---- the name ---- */

static int refuse(struct tls *tls, enum tls_failure failure, int *alert, int description)
{
    tls->failure = failure;
    *alert = description;
    return SSL_CLIENT_HELLO_ERROR;
}

/* STATUS_OK with an empty name when there is none. */
static enum status read_name(SSL *ssl, char *name, size_t *length)
{
    const unsigned char *content;
    size_t content_len;

    *length = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &content, &content_len) != 1)
        return STATUS_OK;
    return server_name_read(bytes_from((const char *)content, content_len), name, length);
}

static int be_host(struct tls *tls, const struct tls_host *host, struct bytes name, int *alert)
{
    CHECK(host != NULL);
    tls->host = tls_host_ref(refs_thaw(host));
    if (name.len > 0) {
        tls->server_name = mem_string(name);
        tls->server_name_len = name.len;
    }
    if (!set_host(tls->ssl, host))
        return refuse(tls, TLS_FAILURE_OTHER, alert, SSL_AD_INTERNAL_ERROR);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int choose(struct tls *tls, struct bytes name, int *alert)
{
    struct tls_choice choice =
        tls->engine->choose(tls->engine->choose_context, tls->transport.owner, name);

    switch (choice.verdict) {
    case TLS_UNKNOWN_NAME:
        return refuse(tls, TLS_FAILURE_UNKNOWN_NAME, alert, SSL_AD_UNRECOGNIZED_NAME);
    case TLS_UNAVAILABLE:
        return refuse(tls, TLS_FAILURE_UNAVAILABLE, alert, SSL_AD_INTERNAL_ERROR);
    case TLS_SERVE_BYTES:
        tls->names_no_protocol = true;
        break;
    case TLS_SERVE:
        break;
    case TLS_PASS_ON: /* OpenSSL leaves off as if to be called again, which never happens */
        CHECK(tls->on_passed != NULL);
        tls->state = TLS_PASSED;
        return SSL_CLIENT_HELLO_RETRY;
    }
    return be_host(tls, choice.host, name, alert);
}

int hello_choose(SSL *ssl, int *alert, void *engine)
{
    struct tls *tls = SSL_get_app_data(ssl);
    char name[TLS_SERVER_NAME_MAX];
    size_t length;
    enum status status = read_name(ssl, name, &length);

    (void)engine;
    if (status == STATUS_INVALID)
        return refuse(tls, TLS_FAILURE_BAD_HELLO, alert, SSL_AD_DECODE_ERROR);
    if (status != STATUS_OK)
        return refuse(tls, TLS_FAILURE_UNKNOWN_NAME, alert, SSL_AD_UNRECOGNIZED_NAME);
    if (tls->host == NULL && tls->ends.taken_bytes > TLS_HELLO_BYTES_MAX)
        return refuse(tls, TLS_FAILURE_BAD_HELLO, alert, SSL_AD_DECODE_ERROR);
    if (tls->host == NULL)
        return choose(tls, bytes_from(name, length), alert);
    /* The second one, after a HelloRetryRequest: the name must not change (RFC 8446 section
     * 4.1.2). */
    if (!bytes_equal(tls_server_name(tls), bytes_from(name, length)))
        return refuse(tls, TLS_FAILURE_BAD_HELLO, alert, SSL_AD_ILLEGAL_PARAMETER);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* ---- protocol and staple ---- */

static const unsigned char *find_protocol(struct bytes protocol, const unsigned char *offered,
                                          unsigned int offered_len)
{
    struct bytes rest = bytes_from((const char *)offered, offered_len);

    while (rest.len > 0) {
        size_t length = (unsigned char)rest.at[0];

        if (bytes_equal(bytes_slice(rest, 1, length), protocol))
            return (const unsigned char *)rest.at + 1;
        rest = bytes_skip(rest, 1 + length);
    }
    return NULL;
}

/* Not called when the client names no protocols, which means HTTP/1.1. RFC 7301 section 3.2. */
int hello_select_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                      const unsigned char *offered, unsigned int offered_len, void *engine)
{
    struct tls *tls = SSL_get_app_data(ssl);
    struct bytes protocol = BYTES("h2");

    (void)engine;
    if (tls->names_no_protocol)
        return SSL_TLSEXT_ERR_NOACK;
    *chosen = find_protocol(protocol, offered, offered_len);
    tls->is_h2 = *chosen != NULL;
    if (*chosen == NULL) {
        protocol = BYTES("http/1.1");
        *chosen = find_protocol(protocol, offered, offered_len);
    }
    if (*chosen == NULL)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen_len = (unsigned char)protocol.len;
    return SSL_TLSEXT_ERR_OK;
}

static const struct certificate *certificate_in_use(const struct tls *tls)
{
    const struct tls_host_config *config = tls_host_config(tls->host);
    const X509 *leaf = SSL_get_certificate(tls->ssl);

    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        if (config->certificates[kind] != NULL && config->certificates[kind]->leaf == leaf)
            return config->certificates[kind];
    return NULL;
}

int hello_staple(SSL *ssl, void *engine)
{
    struct tls *tls = SSL_get_app_data(ssl);
    const struct certificate *certificate = certificate_in_use(tls);
    unsigned char *copy;

    (void)engine;
    if (certificate == NULL || certificate->staple.len == 0)
        return SSL_TLSEXT_ERR_NOACK;
    copy = OPENSSL_memdup(certificate->staple.at, certificate->staple.len);
    if (copy == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    (void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)certificate->staple.len);
    return SSL_TLSEXT_ERR_OK;
}
