/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.c - what the connections of one worker share: OpenSSL's contexts, buffers, and turns.
 *
 * A server's context knows no certificate: each connection gets those of its host when its
 * ClientHello has been read, see hello.c.
 */
#include "core/check.h"
#include "core/mem.h"
#include "tls/parts.h"
#include "tls/provider.h"
#include "tls/tickets.h"

#include <openssl/err.h>

/* TLS 1.2: forward secrecy and authenticated encryption, or nothing (RFC 9325 section 4.2). */
#define CIPHERS_1_2                                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_1_3    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SECURITY_LEVEL 2 /* as X509_SECURITY_BITS_MIN; distributions set others by default */

static void set_groups(SSL_CTX *context)
{
    /* Arrays, since the macro behind the call takes no constant. */
    char groups[] = "X25519MLKEM768:X25519:P-256:P-384";
    char before_3_5[] = "X25519:P-256:P-384";

    if (SSL_CTX_set1_groups_list(context, groups) == 1)
        return;
    ERR_clear_error();
    CHECK(SSL_CTX_set1_groups_list(context, before_3_5) == 1);
}

static SSL_CTX *context_create(const SSL_METHOD *method)
{
    SSL_CTX *context;

    provider_open();
    context = SSL_CTX_new_ex(NULL, PROVIDER_PREFERRED, method);
    CHECK(context != NULL);
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    CHECK(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
    CHECK(SSL_CTX_set_cipher_list(context, CIPHERS_1_2) == 1);
    CHECK(SSL_CTX_set_ciphersuites(context, CIPHERS_1_3) == 1);
    set_groups(context);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_clear_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    /* Certificates come with their chains: none is completed by searching. */
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

/* One ticket is enough for a client that keeps its connections, and halves what follows a
 * handshake. */
static void set_tickets(SSL_CTX *context, const struct tls_tickets *tickets)
{
    CHECK(SSL_CTX_set_num_tickets(context, 1) == 1);
    CHECK(SSL_CTX_set_generate_session_id(context, tickets_on_session_id) == 1);
    CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, tickets_on_key) == 1);
    CHECK(SSL_CTX_set_session_ticket_cb(context, tickets_on_make, tickets_on_read, NULL) == 1);
    (void)SSL_CTX_set_timeout(context, tickets_rotate_s(tickets));
    CHECK(SSL_CTX_set_max_early_data(context, 0) == 1);
}

static SSL_CTX *server_context_create(struct tls_engine *engine)
{
    SSL_CTX *context = context_create(TLS_server_method());

    (void)SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_client_hello_cb(context, hello_choose, engine);
    SSL_CTX_set_cert_cb(context, hello_set_certificates, engine);
    SSL_CTX_set_alpn_select_cb(context, hello_select_alpn, engine);
    (void)SSL_CTX_set_tlsext_status_cb(context, hello_staple);
    (void)SSL_CTX_set_tlsext_status_arg(context, engine);
    if (engine->tickets != NULL)
        set_tickets(context, engine->tickets);
    else
        (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return context;
}

/* Sessions with endpoints are not resumed: pools keep their connections. */
static SSL_CTX *client_context_create(void)
{
    SSL_CTX *context = context_create(TLS_client_method());

    (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return context;
}

struct tls_engine *tls_engine_create(struct tls_tickets *tickets, tls_choose_fn *choose,
                                     void *context)
{
    struct tls_engine *engine = mem_new(struct tls_engine);

    engine->tickets = tickets;
    engine->choose = choose;
    engine->choose_context = context;
    engine->server = server_context_create(engine);
    engine->client = client_context_create();
    engine->method = bio_method_create();
    engine->plain = mem_resize(NULL, TLS_PLAIN_BYTES);
    engine->record = mem_resize(NULL, TLS_RECORD_BYTES);
    engine->budget_ns = TLS_TURN_BUDGET_US * 1000;
    text_init(&engine->output);
    list_init(&engine->due);
    list_init(&engine->waiting);
    return engine;
}

void tls_engine_destroy(struct tls_engine *engine)
{
    CHECK(list_is_empty(&engine->due) && list_is_empty(&engine->waiting));
    SSL_CTX_free(engine->server);
    SSL_CTX_free(engine->client);
    BIO_meth_free(engine->method);
    text_fini(&engine->output);
    OPENSSL_cleanse(engine->plain, TLS_PLAIN_BYTES);
    OPENSSL_cleanse(engine->record, TLS_RECORD_BYTES);
    mem_free(engine->plain);
    mem_free(engine->record);
    mem_free(engine);
}

/* ---- turns ---- */

bool engine_is_over_budget(const struct tls_engine *engine)
{
    return engine->spent_ns > engine->budget_ns;
}

/* What becomes due meanwhile waits for the turn after this one. */
static void run_due(struct tls_engine *engine)
{
    struct list now;
    struct list *first;

    list_init(&now);
    while ((first = list_first(&engine->due)) != NULL) {
        list_remove(first);
        list_push_back(&now, first);
    }
    while ((first = list_first(&now)) != NULL) {
        list_remove(first);
        tls_go_on(LIST_ENTRY(first, struct tls, due));
    }
}

bool tls_engine_turn(struct tls_engine *engine)
{
    struct list *first;

    engine->spent_ns = 0;
    run_due(engine);
    while (!engine_is_over_budget(engine) && (first = list_first(&engine->waiting)) != NULL) {
        list_remove(first);
        tls_go_on(LIST_ENTRY(first, struct tls, due));
    }
    return !list_is_empty(&engine->due) || !list_is_empty(&engine->waiting);
}
