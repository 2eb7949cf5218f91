/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.c - the table behind enum tls_failure, and how OpenSSL's reasons fall into it.
 */
#include "tls/failure.h"

#include "core/check.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static const struct {
    const char *label;
    const char *sentence;
} rows[TLS_FAILURE_COUNT] = {
    [TLS_FAILURE_NONE] = {"none", "the handshake did not fail"},
#define TLS_FAILURE(name, label, sentence) [TLS_FAILURE_##name] = {label, sentence},
#include "tls/failures.def"
#undef TLS_FAILURE
};

const char *tls_failure_label(enum tls_failure failure)
{
    CHECK(failure < TLS_FAILURE_COUNT);
    return rows[failure].label;
}

const char *tls_failure_sentence(enum tls_failure failure)
{
    CHECK(failure < TLS_FAILURE_COUNT);
    return rows[failure].sentence;
}

static enum tls_failure failure_of_reason(int reason)
{
    static const struct {
        int reason;
        enum tls_failure failure;
    } known[] = {
        {SSL_R_HTTP_REQUEST, TLS_FAILURE_NOT_TLS},
        {SSL_R_HTTPS_PROXY_REQUEST, TLS_FAILURE_NOT_TLS},
        {SSL_R_WRONG_VERSION_NUMBER, TLS_FAILURE_NOT_TLS},
        {SSL_R_UNSUPPORTED_PROTOCOL, TLS_FAILURE_VERSION},
        {SSL_R_VERSION_TOO_LOW, TLS_FAILURE_VERSION},
        {SSL_R_VERSION_TOO_HIGH, TLS_FAILURE_VERSION},
        {SSL_R_WRONG_SSL_VERSION, TLS_FAILURE_VERSION},
        {SSL_R_NO_PROTOCOLS_AVAILABLE, TLS_FAILURE_VERSION},
        {SSL_R_INAPPROPRIATE_FALLBACK, TLS_FAILURE_VERSION},
        {SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION, TLS_FAILURE_VERSION},
        {SSL_R_NO_SHARED_CIPHER, TLS_FAILURE_CIPHER},
        {SSL_R_NO_SHARED_GROUPS, TLS_FAILURE_CIPHER},
        {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_FAILURE_CIPHER},
        {SSL_R_NO_SUITABLE_DIGEST_ALGORITHM, TLS_FAILURE_CIPHER},
        {SSL_R_NO_SUITABLE_GROUPS, TLS_FAILURE_CIPHER},
        {SSL_R_NO_SUITABLE_KEY_SHARE, TLS_FAILURE_CIPHER},
        {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_FAILURE_CIPHER},
        {SSL_R_NO_APPLICATION_PROTOCOL, TLS_FAILURE_ALPN},
        {SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL, TLS_FAILURE_ALPN},
        {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_FAILURE_CERTIFICATE_MISSING},
        {SSL_R_CERTIFICATE_VERIFY_FAILED, TLS_FAILURE_CERTIFICATE_INVALID},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].reason == reason)
            return known[i].failure;
    return reason > SSL_AD_REASON_OFFSET ? TLS_FAILURE_REFUSED_BY_PEER : TLS_FAILURE_OTHER;
}

/* The first that says something: below it lie those of the parts that noticed first. */
enum tls_failure failure_of_errors(void)
{
    enum tls_failure failure = TLS_FAILURE_OTHER;
    unsigned long error;

    while ((error = ERR_get_error()) != 0)
        if (failure == TLS_FAILURE_OTHER && ERR_GET_LIB(error) == ERR_LIB_SSL)
            failure = failure_of_reason(ERR_GET_REASON(error));
    return failure;
}
