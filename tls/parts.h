/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - what engines and connections are made of. Internal to tls/.
 *
 *     engine.c     contexts, budget, turns         bio.c    where OpenSSL reads and writes
 *     hello.c      who to be for a ClientHello     tls.c    the transport
 *     handshake.c  beginning, and coming to nothing
 *     provider.c   what we compute in OpenSSL's place
 */
#ifndef TLS_PARTS_H
#define TLS_PARTS_H

#include "core/text.h"
#include "tls/bio.h"
#include "tls/tls.h"

#include <openssl/ssl.h>

#define TLS_RECORD_BYTES 16384 /* content of one record, RFC 8446 section 5.1 */
#define TLS_PLAIN_BYTES  65536 /* given to on_bytes at most */
#define TLS_IV_BYTES     16
#define TLS_IVS_COUNT    16

struct tls_engine {
    struct tls_tickets *tickets; /* borrowed */
    tls_choose_fn *choose;
    void *choose_context; /* borrowed */
    SSL_CTX *server;      /* owned */
    SSL_CTX *client;      /* owned */
    BIO_METHOD *method;   /* owned */
    struct text output;   /* owned; records on their way down, empty between calls */
    char *plain;          /* owned; TLS_PLAIN_BYTES, lent to on_bytes */
    char *record;         /* owned; TLS_RECORD_BYTES, where small parts become one record */
    struct list due;      /* struct tls: reading goes on, or an end has to be told */
    struct list waiting;  /* struct tls: handshakes that had to leave room for others */
    uint64_t spent_ns;    /* in handshakes, this turn */
    uint64_t budget_ns;
    unsigned char ivs[TLS_IVS_COUNT][TLS_IV_BYTES]; /* of tickets to come, each for one */
    size_t ivs_left;
};

enum tls_state {
    TLS_SHAKING, /* -> OPEN, PASSED or BROKEN */
    TLS_OPEN,    /* -> BROKEN */
    TLS_BROKEN,  /* on_broken was told; the owner has to close */
    TLS_CLOSING, /* until below is closed */
    TLS_PASSED,  /* somebody else's; on_passed follows as the last thing */
};

/* What has become of the peer's direction. */
enum tls_end {
    TLS_END_NONE,
    TLS_END_NOTIFIED, /* close_notify came; on_end is told once the owner reads */
    TLS_END_TOLD,
};

struct tls {
    struct transport transport; /* first field */
    struct tls_engine *engine;  /* borrowed */
    struct transport *below;    /* borrowed from the owner */
    SSL *ssl;                   /* owned */
    struct bio_ends ends;       /* what the BIO of ssl reads from and writes to */
    struct text held;           /* owned; input that waits until the owner reads on */
    struct text ticket;         /* owned; records that go out with the first ones of the owner's */
    struct text hello; /* owned; all that has come, as long as it may have to be passed on */
    struct list due;   /* in engine->due, engine->waiting or no list */
    const struct tls_host *host; /* ref; NULL until chosen */
    char *server_name;           /* owned; NULL when there is none */
    size_t server_name_len;
    tls_ready_fn *on_ready;
    tls_passed_fn *on_passed; /* NULL of a client */
    enum tls_state state;
    enum tls_end end;
    enum tls_failure failure;
    uint32_t unasked_bytes; /* answers to post-handshake messages that below had to queue */
    bool is_client;
    bool is_h2;
    bool is_h2_required;    /* of a client */
    bool names_no_protocol; /* of a server: TLS_SERVE_BYTES */
    bool is_reading;        /* as the owner wants it */
    bool is_finishing;
    bool is_blocked; /* a write said AGAIN: on_drained is owed */
};

/* engine.c */
bool engine_is_over_budget(const struct tls_engine *engine);

/* hello.c: the callbacks of a server's context. */
int hello_choose(SSL *ssl, int *alert, void *engine);
int hello_set_certificates(SSL *ssl, void *engine);
int hello_select_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                      const unsigned char *offered, unsigned int offered_len, void *engine);
int hello_staple(SSL *ssl, void *engine);

/* handshake.c */
void handshake_step(struct tls *tls);
/* Nothing more will come of it: tell the owner. Only from events and turns. */
void tls_break(struct tls *tls, enum status why);
void handshake_fail(struct tls *tls, enum tls_failure failure);

/* tls.c */
extern const struct transport_ops tls_transport_ops;
extern const struct transport_events tls_below_events;
/* Send what OpenSSL has written. STATUS_OK when that was nothing. */
enum status tls_flush(struct tls *tls);
/* From a turn: go on with what is held. */
void tls_go_on(struct tls *tls);

#endif
