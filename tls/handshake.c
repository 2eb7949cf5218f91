/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake.c - how a connection begins, or comes to nothing.
 */
#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "tls/failure.h"
#include "tls/parts.h"
#include "tls/trust_parts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <time.h>

/* ---- ends ---- */

void tls_break(struct tls *tls, enum status why)
{
    if (tls->state == TLS_BROKEN || tls->state == TLS_CLOSING)
        return;
    tls->state = TLS_BROKEN;
    list_remove(&tls->due);
    text_fini(&tls->held);
    transport_pause(tls->below);
    tls->transport.events->on_broken(&tls->transport, why);
}

/* A callback of OpenSSL's may know better and has said so. */
void handshake_fail(struct tls *tls, enum tls_failure failure)
{
    if (tls->failure == TLS_FAILURE_NONE)
        tls->failure = failure;
    tls_break(tls, tls->failure == TLS_FAILURE_CLOSED ? STATUS_CLOSED : STATUS_INVALID);
}

/* ---- steps ---- */

/* Before the ClientHello is understood, whatever is wrong is wrong with it. */
static enum tls_failure failure_now(const struct tls *tls)
{
    enum tls_failure failure = failure_of_errors();

    if (failure == TLS_FAILURE_OTHER && !tls->is_client && tls->host == NULL)
        return TLS_FAILURE_BAD_HELLO;
    return failure;
}

static bool is_protocol_right(struct tls *tls)
{
    const unsigned char *at = NULL;
    unsigned int length = 0;
    struct bytes chosen;

    if (!tls->is_client)
        return true;
    SSL_get0_alpn_selected(tls->ssl, &at, &length);
    chosen = bytes_from((const char *)at, length);
    tls->is_h2 = bytes_equal(chosen, BYTES("h2"));
    if (tls->is_h2_required)
        return tls->is_h2;
    return length == 0 || bytes_equal(chosen, BYTES("http/1.1"));
}

/* A server of TLS 1.3 has nothing to send when the client is done but a ticket, which is for later
 * connections: it needs no write of its own. */
static void hold_ticket(struct tls *tls)
{
    if (tls->is_client || SSL_version(tls->ssl) != TLS1_3_VERSION)
        return;
    text_add(&tls->ticket, text_bytes(tls->ends.output));
    text_clear(tls->ends.output);
}

static void complete(struct tls *tls)
{
    if (!is_protocol_right(tls)) {
        handshake_fail(tls, TLS_FAILURE_ALPN);
        return;
    }
    if (!tls->is_client)
        SSL_set0_CA_list(tls->ssl, NULL); /* sent; nobody asks for it again */
    tls->state = TLS_OPEN;
    tls->on_ready(tls);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One call into OpenSSL, on the clock. Returns its error, SSL_ERROR_NONE when it is complete. */
static int shake(struct tls *tls)
{
    uint64_t began_at_ns = now_ns();
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(tls->ssl);
    tls->engine->spent_ns += now_ns() - began_at_ns;
    return SSL_get_error(tls->ssl, result);
}

/* Every record begins with its type, and 20 to 23 are those there are (RFC 8446 section 5.1). An
 * SSLv2 hello begins otherwise: OpenSSL would take it, we do not (hostile-input 77). */
static bool is_record(char first)
{
    return first >= 20 && first <= 23;
}

static bool is_hello_too_large(const struct tls *tls)
{
    return !tls->is_client && tls->host == NULL && tls->ends.taken_bytes > TLS_HELLO_BYTES_MAX;
}

void handshake_step(struct tls *tls)
{
    int error;

    if (tls->failure != TLS_FAILURE_NONE) { /* known since tls_connect() */
        handshake_fail(tls, tls->failure);
        return;
    }
    if (tls->ends.taken_bytes == 0 && tls->ends.input.len > 0 &&
        !is_record(tls->ends.input.at[0])) {
        handshake_fail(tls, TLS_FAILURE_NOT_TLS);
        return;
    }
    error = shake(tls);
    if (tls->state == TLS_PASSED) /* OpenSSL has read and has written nothing */
        return;
    if (error == SSL_ERROR_NONE)
        hold_ticket(tls);
    if (tls_flush(tls) == STATUS_CLOSED &&
        (error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ))
        handshake_fail(tls, TLS_FAILURE_CLOSED);
    else if (error == SSL_ERROR_NONE)
        complete(tls);
    else if (error != SSL_ERROR_WANT_READ)
        handshake_fail(tls, failure_now(tls));
    else if (is_hello_too_large(tls))
        handshake_fail(tls, TLS_FAILURE_BAD_HELLO);
    ERR_clear_error();
}

/* ---- the beginning ---- */

static struct tls *tls_create(struct tls_engine *engine, SSL_CTX *context, struct transport *below,
                              const struct transport_events *events, void *owner,
                              tls_ready_fn *on_ready)
{
    struct tls *tls = mem_new(struct tls);
    BIO *bio;

    tls->transport = (struct transport){&tls_transport_ops, events, owner};
    tls->engine = engine;
    tls->below = below;
    tls->on_ready = on_ready;
    tls->ends.output = &engine->output;
    text_init(&tls->held);
    text_init(&tls->ticket);
    text_init(&tls->hello);
    list_init(&tls->due);
    below->events = &tls_below_events;
    below->owner = tls;
    tls->ssl = SSL_new(context);
    CHECK(tls->ssl != NULL);
    (void)SSL_set_app_data(tls->ssl, tls);
    bio = bio_create(engine->method, &tls->ends);
    SSL_set_bio(tls->ssl, bio, bio);
    return tls;
}

struct tls *tls_accept(struct tls_engine *engine, struct transport *below,
                       const struct transport_events *events, void *owner, tls_ready_fn *on_ready,
                       tls_passed_fn *on_passed)
{
    struct tls *tls = tls_create(engine, engine->server, below, events, owner, on_ready);

    CHECK(engine->choose != NULL);
    tls->on_passed = on_passed;
    SSL_set_accept_state(tls->ssl);
    transport_resume(below);
    return tls;
}

/* An address is held against the addresses in the certificate. A name that begins with a dot would
 * be any name below it for OpenSSL. */
static bool set_subject(SSL *ssl, struct bytes subject)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char *name;
    bool is_set;

    if (subject.len == 0)
        return true;
    if (subject.at[0] == '.')
        return false;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    name = mem_string(subject);
    is_set = (strlen(name) == subject.len && X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) ||
             X509_VERIFY_PARAM_set1_host(param, subject.at, subject.len) == 1;
    mem_free(name);
    ERR_clear_error();
    return is_set;
}

static bool set_verification(SSL *ssl, const struct tls_upstream_config *config)
{
    if (config->trust == NULL) {
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return true;
    }
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return SSL_set1_verify_cert_store(ssl, config->trust->store) == 1 &&
           set_subject(ssl, config->subject_name);
}

static bool set_server_name(SSL *ssl, struct bytes given)
{
    char *name = mem_string(given); /* the macro behind the call takes no constant */
    bool is_set = given.len == 0 || SSL_set_tlsext_host_name(ssl, name) == 1;

    mem_free(name);
    return is_set;
}

static bool set_upstream(SSL *ssl, const struct tls_upstream_config *config)
{
    static const unsigned char h2[] = "\x02h2";
    static const unsigned char h1[] = "\x08http/1.1";
    const unsigned char *protocols = config->is_h2 ? h2 : h1;
    unsigned int length = config->is_h2 ? sizeof(h2) - 1 : sizeof(h1) - 1;

    return set_server_name(ssl, config->server_name) &&
           SSL_set_alpn_protos(ssl, protocols, length) == 0 && set_verification(ssl, config);
}

/* The ClientHello goes out in the engine's turn, when the owner has its struct tls and can be told
 * that it came to nothing. */
struct tls *tls_connect(struct tls_engine *engine, struct transport *below,
                        const struct tls_upstream *upstream, const struct transport_events *events,
                        void *owner, tls_ready_fn *on_ready)
{
    const struct tls_upstream_config *config = tls_upstream_config(upstream);
    struct tls *tls = tls_create(engine, engine->client, below, events, owner, on_ready);

    tls->is_client = true;
    tls->is_h2_required = config->is_h2;
    SSL_set_connect_state(tls->ssl);
    if (!set_upstream(tls->ssl, config))
        tls->failure = TLS_FAILURE_CERTIFICATE_INVALID; /* none can have such a name */
    ERR_clear_error();
    list_push_back(&engine->waiting, &tls->due);
    return tls;
}

void tls_destroy(struct tls *tls)
{
    list_remove(&tls->due);
    SSL_free(tls->ssl);
    text_fini(&tls->held);
    text_fini(&tls->ticket);
    text_fini(&tls->hello);
    if (tls->host != NULL)
        tls_host_unref(refs_thaw(tls->host));
    mem_free(tls->server_name);
    mem_free(tls);
}
