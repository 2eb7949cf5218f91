/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tickets.h - keys of session tickets, and what OpenSSL asks for them. Internal to tls/.
 *
 * Source: RFC 5077 section 4 for the form: AES-256-CBC, then HMAC-SHA256.
 */
#ifndef TLS_TICKETS_H
#define TLS_TICKETS_H

#include "tls/tls.h"

#include <openssl/ssl.h>

#define TICKET_NAME_BYTES 16
/* What one full handshake proved is believed for so long, however often the session went on since
 * (RFC 8446 section 4.6.1). */
#define TICKET_SESSION_MAX_S 86400

struct ticket_key {
    unsigned char name[TICKET_NAME_BYTES]; /* goes into the ticket, to find the key again */
    unsigned char cipher_key[32];
    unsigned char mac_key[32];
};

enum ticket_age { TICKET_CURRENT, TICKET_PREVIOUS, TICKET_UNKNOWN };

/* The key for new tickets. now_s: monotonic seconds. *key is to be wiped by the caller. */
void tickets_seal(struct tls_tickets *tickets, int64_t now_s, struct ticket_key *key);
/* The key of this name, and whether the ticket should be replaced. *key is written unless the age
 * is TICKET_UNKNOWN. */
enum ticket_age tickets_open(struct tls_tickets *tickets, int64_t now_s, const unsigned char *name,
                             struct ticket_key *key);
uint32_t tickets_rotate_s(const struct tls_tickets *tickets);

/* What a session's tickets remember of its full handshake, however often it went on since. */
struct ticket_origin {
    int64_t began_at_s;       /* monotonic */
    int64_t verified_until_s; /* Unix seconds: what verified the client's certificate has ended by
                               * then; INT64_MAX: there is none, or no end */
};

/* Whether a session of that full handshake may go on. now_s: monotonic. */
bool tickets_may_go_on(const struct ticket_origin *origin, int64_t now_s, int64_t unix_now_s);

/* For SSL_CTX_set_generate_session_id(), SSL_CTX_set_tlsext_ticket_key_evp_cb() and
 * SSL_CTX_set_session_ticket_cb(). */
int tickets_on_session_id(SSL *ssl, unsigned char *id, unsigned int *length);
int tickets_on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int is_sealing);
int tickets_on_make(SSL *ssl, void *context);
SSL_TICKET_RETURN tickets_on_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                  size_t name_len, SSL_TICKET_STATUS status, void *context);

#endif
