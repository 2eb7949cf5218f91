/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - one client connection: from accept through PROXY header and TLS handshake to the
 * protocol that is spoken on it, and its end.
 *
 *     tcp -> [tls] -> [conn] -> client_h1 or client_h2 -> streams
 *                         \---> tcp_relay -> endpoint
 *
 * An idle connection holds no buffer and no stream.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include "core/tcp.h"
#include "proxy/failure.h"
#include "proxy/listener.h"

#define CONN_MAGIC 0x636f6e6eu

/* Bytes after the current request that are kept until it is answered; then reading stops. */
#define PIPELINED_BYTES_MAX 65536
/* Bytes read and thrown away after the last answer, so that the client gets to read it. */
#define LINGER_BYTES_MAX (1024 * 1024)

enum conn_state {
    CONN_PROXY_HEADER, /* the PROXY header has not come yet */
    CONN_HANDSHAKE,    /* of TLS */
    CONN_IDLE,         /* HTTP/1: nothing of the next request has come */
    CONN_HEAD,         /* HTTP/1: part of a head has come */
    CONN_STREAM,       /* HTTP/1: a request is being answered */
    CONN_FLUSH,        /* HTTP/1: answered; the rest waits for the client to read */
    CONN_SESSION,      /* HTTP/2: the session knows more, see client_h2.c */
    CONN_RELAY,        /* no HTTP: the relay knows more, see tcp_relay.c */
    CONN_LINGER,       /* answered for the last time; reading on until the client closes */
    CONN_CLOSING,
};

struct client_h2;
struct client_ops;
struct tcp_relay;
struct stream;
struct tls;
struct tls_host;

struct conn {
    uint32_t magic;
    enum conn_state state;
    struct list link;             /* in worker->conns */
    struct worker *worker;        /* borrowed */
    struct listener *listener;    /* borrowed */
    const struct client_ops *ops; /* borrowed, constant; the protocol spoken */
    struct transport *transport;  /* borrowed: of tls if there is one, else of tcp */
    struct tls *tls;              /* owned; NULL on plain connections */
    struct client_h2 *h2;         /* owned; NULL unless HTTP/2 is spoken */
    struct stream *stream;        /* owned while CONN_STREAM */
    struct text client_cert;      /* owned; X-Forwarded-Client-Cert, empty for none */
    struct deadline deadline; /* of the state, but for CONN_STREAM, when the stream has its own */
    struct text pending;      /* bytes of the next request(s), or of the PROXY header */
    struct h1_scan scan;      /* of the head that pending begins with */
    struct address client;    /* the peer, or who the PROXY header says it is */
    struct address peer;      /* who connected */
    uint64_t head_started_us; /* clock at the first byte of the head */
    size_t unread_bytes;      /* by the client, when the wait for it to read began */
    uint32_t requests_count;
    uint32_t lingered_bytes;
    uint8_t client_ip_length;
    bool is_trusted;            /* the peer is one of config->trusted, or on a unix socket */
    bool is_parsing;            /* client_h1's read() is on the stack */
    bool client_ended;          /* the client sends no more */
    bool ends_after;            /* HTTP/1: no further request on this connection */
    bool must_linger;           /* unread bytes of the client may be on their way */
    char client_ip[46];         /* text of client, for forwarding */
    struct address destination; /* of the peer's client, if a PROXY header says it; else port 0 */
    struct tcp_relay *relay;    /* owned; NULL unless bytes are relayed as they come */
    struct tcp tcp;
};

/* A connection that was just accepted; the fd is the connection's from here. */
void conn_open(struct listener *listener, int fd, const struct address *peer);

static inline struct bytes conn_client_ip(const struct conn *conn)
{
    return bytes_from(conn->client_ip, conn->client_ip_length);
}

static inline bool conn_is_admin(const struct conn *conn)
{
    return conn->listener->config->is_admin;
}

/* The scheme of its requests, and the index of the table that they are matched in. */
static inline bool conn_is_secure(const struct conn *conn)
{
    return conn->listener->config->is_tls;
}

/* Arm the connection's deadline. */
void conn_arm(struct conn *conn, uint32_t span_ms);
/* The same; the client has to read some of what is queued now until then. */
void conn_arm_write(struct conn *conn);
/* When that deadline fires: true when the client has read some, and it was armed again. */
bool conn_is_read(struct conn *conn);

/* The answers are on their way: let the client read them before the connection goes. */
void conn_linger(struct conn *conn);
/* Bytes of a client that was told that the connection ends. */
void conn_linger_bytes(struct conn *conn, size_t count);
/* Close so that the client sees that what it got is not all. */
void conn_abort(struct conn *conn);
/* Close an idle connection soon, for a drain or for room. */
void conn_drain(struct conn *conn);
bool conn_is_idle(const struct conn *conn);
/* It is about to be closed because it was idle for too long. */
void conn_count_idle_end(struct conn *conn);
/* May be called twice, and from inside any of the connection's own callbacks. */
void conn_close(struct conn *conn);
/* The drain timeout is over: end the streams and close. */
void conn_cut(struct conn *conn);

/* For conn.c, client_h1.c and client_h2.c: which protocol is spoken from here on. */
void client_h1_begin(struct conn *conn);
/* `data`: what has come already, the preface included. */
void client_h2_begin(struct conn *conn, struct bytes data);

#endif
