/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - the transport that speaks TLS over another transport.
 *
 *     owner <-> [tls] <-> tcp <-> peer
 *
 * OpenSSL sees no socket and no memory BIO: it reads from the bytes that the transport below lends
 * for a call and writes into a buffer of the worker's engine, which goes out in one write. So an
 * idle connection holds no buffer.
 *
 * Renegotiation, compression, 0-RTT and everything below TLS 1.2 are off (hostile-input 77).
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "core/list.h"
#include "core/transport.h"
#include "tls/host.h"

#define TLS_HELLO_BYTES_MAX 65536 /* hostile-input 82 */
#define TLS_SERVER_NAME_MAX 255
/* Handshakes may hold a turn of the loop for so long; those left over go on in the next turn. */
#define TLS_TURN_BUDGET_US 2000

enum tls_failure {
    TLS_FAILURE_NONE,
#define TLS_FAILURE(name, label, sentence) TLS_FAILURE_##name,
#include "tls/failures.def"
#undef TLS_FAILURE
    TLS_FAILURE_COUNT
};
const char *tls_failure_label(enum tls_failure failure);
const char *tls_failure_sentence(enum tls_failure failure);

/*
 * The keys of session tickets, shared by all workers: made at random, a new one each
 * `rotate_s` seconds, the last two still accepted. Thread-safe; a lock is taken only when a ticket
 * is made or read.
 */
struct tls_tickets;
#define TLS_TICKETS_ROTATE_S 14400 /* 4 h */
struct tls_tickets *tls_tickets_create(uint32_t rotate_s);
void tls_tickets_destroy(struct tls_tickets *tickets);

/* What becomes of a connection whose ClientHello has come. */
enum tls_verdict {
    TLS_UNKNOWN_NAME, /* refused: alert unrecognized_name */
    TLS_UNAVAILABLE,  /* refused: alert internal_error, for what is behind the name cannot serve */
    TLS_SERVE,        /* the handshake goes on as `host`, and HTTP is offered by ALPN */
    TLS_SERVE_BYTES,  /* the same, and no protocol is named, whatever the client offers */
    TLS_PASS_ON,      /* somebody else answers it, see tls_passed_fn */
};
struct tls_choice {
    enum tls_verdict verdict;
    const struct tls_host *host; /* for the two that serve: borrowed, and lives until the call has
                                  * returned to the engine, which takes a ref */
};

/*
 * Who to be for a ClientHello. owner: of the connection. server_name: lower case, without a
 * trailing dot, checked to be a host name; empty when the client sent none.
 */
typedef struct tls_choice tls_choose_fn(void *context, void *owner, struct bytes server_name);

/* What the connections of one worker share. tickets: borrowed, NULL for none. choose: NULL when
 * nothing is ever accepted. */
struct tls_engine;
struct tls_engine *tls_engine_create(struct tls_tickets *tickets, tls_choose_fn *choose,
                                     void *context);
void tls_engine_destroy(struct tls_engine *engine); /* no connection is left */
/* Once a turn of the loop, last before it sleeps: begins the handshakes of tls_connect(), goes on
 * with those that the last turn left over and with connections that were resumed while input was
 * held. True when some are left again: then the loop must not sleep. */
bool tls_engine_turn(struct tls_engine *engine);

struct tls;
/* The handshake is complete; bytes may follow. Once. A failed one is told by on_broken instead
 * (STATUS_INVALID, or STATUS_CLOSED when the peer went), see tls_failure_of(). */
typedef void tls_ready_fn(struct tls *tls);
/*
 * TLS_PASS_ON was chosen: nothing has been answered, and nothing of the connection is TLS's any
 * more. data: all that has come, from the first byte on, borrowed for the call. The owner takes the
 * transport below back by setting its events and owner, and frees the struct tls: this call is the
 * last thing it did. The transport below may be reading.
 */
typedef void tls_passed_fn(struct tls *tls, struct bytes data);

/*
 * Speak TLS over `below`, which is open (for tls_connect: connected), not reading, and whose events
 * and owner this call takes over. `events` and `owner` are those of the new transport, as for any
 * transport. The handshake begins at once, in tls_connect() with the engine's next turn; no event
 * comes from inside these calls. on_bytes comes only after on_ready, and only while resumed; before
 * on_ready a write is STATUS_CLOSED. Closing it closes `below`; on_closed comes when that is
 * closed. The owner frees the struct tls with tls_destroy() from its on_closed.
 *
 * on_passed: for tls_accept(), and NULL where nothing is ever passed on.
 *
 * on_end is the peer's close_notify. An end without one is on_broken(STATUS_CLOSED), for whoever is
 * in between could have cut the bytes short; records that are wrong are on_broken(STATUS_INVALID).
 */
struct tls *tls_accept(struct tls_engine *engine, struct transport *below,
                       const struct transport_events *events, void *owner, tls_ready_fn *on_ready,
                       tls_passed_fn *on_passed);
struct tls *tls_connect(struct tls_engine *engine, struct transport *below,
                        const struct tls_upstream *upstream, const struct transport_events *events,
                        void *owner, tls_ready_fn *on_ready);
void tls_destroy(struct tls *tls);

struct transport *tls_transport(struct tls *tls);
struct tls *tls_of(struct transport *transport); /* the reverse; CHECKs that it is one */
enum tls_failure tls_failure_of(const struct tls *tls);
/* For TLS_FAILURE_CERTIFICATE_INVALID: what is wrong with it, such as "certificate has expired", a
 * constant of OpenSSL's. NULL where that says nothing, and for other failures. */
const char *tls_certificate_fault(const struct tls *tls);

/* After on_ready; all borrowed from the connection. */
bool tls_is_h2(const struct tls *tls); /* ALPN chose h2 */
bool tls_was_resumed(const struct tls *tls);
struct bytes tls_server_name(const struct tls *tls);       /* as given to tls_choose_fn */
const struct tls_host *tls_host_of(const struct tls *tls); /* what was chosen; ref held by tls */
const char *tls_version_of(const struct tls *tls);         /* "TLSv1.3" */
const char *tls_cipher_of(const struct tls *tls);          /* "TLS_AES_128_GCM_SHA256" */

/*
 * The verified client certificate as x-forwarded-client-cert writes it (Envoy's form):
 * Hash=<sha-256 hex>;Subject="...";URI=...;DNS=... Appended to `out`; false when the client sent
 * none. Values are escaped; nothing in it can forge another element.
 */
bool tls_client_certificate(const struct tls *tls, struct text *out);

#endif
