/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tickets.c - keys that change by the clock, and the tickets made with them.
 */
#include "tls/tickets.h"

#include "core/check.h"
#include "core/mem.h"
#include "tls/parts.h"
#include "tls/trust_parts.h"
#include "tls/x509.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <pthread.h>
#include <time.h>

struct tls_tickets {
    pthread_mutex_t lock; /* over all that follows */
    uint32_t rotate_s;
    int64_t made_at_s; /* the current key; monotonic */
    struct ticket_key current;
    struct ticket_key previous;
    EVP_CIPHER *cipher; /* owned; not under the lock: it stays as it is, and is found only once */
};

/* ---- keys ---- */

static int64_t now_s(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec;
}

static void make_key(struct ticket_key *key)
{
    CHECK(RAND_bytes(key->name, sizeof(key->name)) == 1);
    CHECK(RAND_priv_bytes(key->cipher_key, sizeof(key->cipher_key)) == 1);
    CHECK(RAND_priv_bytes(key->mac_key, sizeof(key->mac_key)) == 1);
}

struct tls_tickets *tls_tickets_create(uint32_t rotate_s)
{
    struct tls_tickets *tickets = mem_new(struct tls_tickets);

    CHECK(rotate_s > 0);
    CHECK(pthread_mutex_init(&tickets->lock, NULL) == 0);
    tickets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    CHECK(tickets->cipher != NULL);
    tickets->rotate_s = rotate_s;
    tickets->made_at_s = now_s();
    make_key(&tickets->current);
    make_key(&tickets->previous); /* one that no ticket was ever made with */
    return tickets;
}

void tls_tickets_destroy(struct tls_tickets *tickets)
{
    (void)pthread_mutex_destroy(&tickets->lock);
    EVP_CIPHER_free(tickets->cipher);
    OPENSSL_cleanse(tickets, sizeof(*tickets));
    mem_free(tickets);
}

uint32_t tickets_rotate_s(const struct tls_tickets *tickets)
{
    return tickets->rotate_s;
}

/* A key that nobody asked for in time goes as well: none is accepted for longer than two turns. */
static void rotate(struct tls_tickets *tickets, int64_t at_s)
{
    int64_t age_s = at_s - tickets->made_at_s;

    if (age_s < tickets->rotate_s)
        return;
    tickets->previous = tickets->current;
    make_key(&tickets->current);
    if (age_s >= 2 * (int64_t)tickets->rotate_s)
        make_key(&tickets->previous);
    tickets->made_at_s = at_s;
}

void tickets_seal(struct tls_tickets *tickets, int64_t at_s, struct ticket_key *key)
{
    CHECK(pthread_mutex_lock(&tickets->lock) == 0);
    rotate(tickets, at_s);
    *key = tickets->current;
    CHECK(pthread_mutex_unlock(&tickets->lock) == 0);
}

enum ticket_age tickets_open(struct tls_tickets *tickets, int64_t at_s, const unsigned char *name,
                             struct ticket_key *key)
{
    enum ticket_age age = TICKET_UNKNOWN;

    CHECK(pthread_mutex_lock(&tickets->lock) == 0);
    rotate(tickets, at_s);
    if (memcmp(name, tickets->current.name, TICKET_NAME_BYTES) == 0) {
        *key = tickets->current;
        age = TICKET_CURRENT;
    } else if (memcmp(name, tickets->previous.name, TICKET_NAME_BYTES) == 0) {
        *key = tickets->previous;
        age = TICKET_PREVIOUS;
    }
    CHECK(pthread_mutex_unlock(&tickets->lock) == 0);
    return age;
}

/* ---- OpenSSL's questions ---- */

static bool set_mac_key(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof(key->mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* Random bytes cost by the call and hardly by the byte, so an engine has them made for some tickets
 * at once. */
static bool take_iv(struct tls_engine *engine, unsigned char *iv)
{
    if (engine->ivs_left == 0) {
        if (RAND_bytes(engine->ivs[0], sizeof(engine->ivs)) != 1)
            return false;
        engine->ivs_left = TLS_IVS_COUNT;
    }
    memcpy(iv, engine->ivs[--engine->ivs_left], TLS_IV_BYTES);
    return true;
}

static bool begin_sealing(struct tls_engine *engine, struct ticket_key *key, unsigned char *iv,
                          EVP_CIPHER_CTX *cipher)
{
    return take_iv(engine, iv) &&
           EVP_EncryptInit_ex(cipher, engine->tickets->cipher, NULL, key->cipher_key, iv) == 1;
}

/* A client of TLS 1.3 shows a ticket once, so that nobody can tell its connections by it (RFC 8446
 * appendix C.4): without a new one each time, every other handshake would be a full one. */
static bool is_used_up(SSL *ssl, enum ticket_age age)
{
    return age == TICKET_PREVIOUS || SSL_version(ssl) == TLS1_3_VERSION;
}

/* Returns, when opening: 0 for a key that is not known, which means a full handshake, 1, or 2 for
 * "and make a new ticket". Below 0 the handshake fails. */
int tickets_on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int is_sealing)
{
    const struct tls *tls = SSL_get_app_data(ssl);
    struct tls_tickets *tickets = tls->engine->tickets;
    struct ticket_key key;
    enum ticket_age age = TICKET_CURRENT;
    bool is_ready;

    if (is_sealing) {
        tickets_seal(tickets, now_s(), &key);
        memcpy(name, key.name, TICKET_NAME_BYTES);
        is_ready = begin_sealing(tls->engine, &key, iv, cipher);
    } else {
        age = tickets_open(tickets, now_s(), name, &key);
        if (age == TICKET_UNKNOWN)
            return 0;
        is_ready = EVP_DecryptInit_ex(cipher, tickets->cipher, NULL, key.cipher_key, iv) == 1;
    }
    is_ready = is_ready && set_mac_key(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    if (!is_ready)
        return -1;
    return !is_sealing && is_used_up(ssl, age) ? 2 : 1;
}

/* Sessions are found by what their tickets hold and never by an id, which no client sees: it need
 * not be made of random bytes. */
int tickets_on_session_id(SSL *ssl, unsigned char *id, unsigned int *length)
{
    (void)ssl;
    memset(id, 0, *length);
    return 1;
}

/* ---- how long a session goes on ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A resumed session brings the client's certificate along unchecked, so what a full handshake would
 * find has ended is noted at the first: any certificate of the chain that verified it, some of
 * which only the client may have, or a list. Changes of authorities and lists are not noted: the
 * ids see to it that the same ones are asked for (hostile-input 81). */
static int64_t verified_until_s(const SSL *ssl)
{
    const struct tls *tls = SSL_get_app_data(ssl);
    const struct trust *trust = tls_host_config(tls->host)->client_trust;
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    int64_t until_s;

    if (SSL_get0_peer_certificate(ssl) == NULL)
        return INT64_MAX;
    if (trust == NULL || sk_X509_num(chain) <= 0) /* nothing to go by */
        return INT64_MIN;
    until_s = trust->lists_end_s;
    for (int i = 0; i < sk_X509_num(chain); i++)
        until_s = earlier(until_s, x509_seconds(X509_get0_notAfter(sk_X509_value(chain, i))));
    return until_s;
}

/* Each ticket starts the time of its session anew, so this travels with it from the first one on:
 * the full handshake. */
int tickets_on_make(SSL *ssl, void *context)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    struct ticket_origin origin;
    void *known;
    size_t known_len;

    (void)context;
    if (SSL_SESSION_get0_ticket_appdata(session, &known, &known_len) == 1 && known_len > 0)
        return 1;
    origin = (struct ticket_origin){now_s(), verified_until_s(ssl)};
    return SSL_SESSION_set1_ticket_appdata(session, &origin, sizeof(origin));
}

bool tickets_may_go_on(const struct ticket_origin *origin, int64_t at_s, int64_t unix_at_s)
{
    return at_s - origin->began_at_s < TICKET_SESSION_MAX_S && unix_at_s < origin->verified_until_s;
}

static bool may_go_on(SSL_SESSION *session)
{
    struct ticket_origin origin;
    void *known;
    size_t known_len;

    if (SSL_SESSION_get0_ticket_appdata(session, &known, &known_len) != 1 ||
        known_len != sizeof(origin))
        return false;
    memcpy(&origin, known, sizeof(origin));
    return tickets_may_go_on(&origin, now_s(), time(NULL));
}

SSL_TICKET_RETURN tickets_on_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                  size_t name_len, SSL_TICKET_STATUS status, void *context)
{
    (void)ssl;
    (void)name;
    (void)name_len;
    (void)context;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!may_go_on(session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}
