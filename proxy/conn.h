/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - one client connection: finds heads in its bytes, lets one stream at a time run, and
 * ends.
 *
 *     transport -> [conn] -> stream -> upstream
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
    CONN_IDLE,         /* nothing of the next request has come */
    CONN_HEAD,         /* part of a head has come */
    CONN_STREAM,       /* a request is being answered */
    CONN_FLUSH,        /* answered; the rest waits for the client to read */
    CONN_LINGER,       /* answered for the last time; reading on until the client closes */
    CONN_CLOSING,
};

struct stream;

struct conn {
    uint32_t magic;
    enum conn_state state;
    struct list link;          /* in worker->conns */
    struct worker *worker;     /* borrowed */
    struct listener *listener; /* borrowed */
    struct stream *stream;     /* owned while CONN_STREAM */
    struct deadline deadline;  /* of the state, but for CONN_STREAM, when the stream has its own */
    struct text pending;       /* bytes of the next request(s), or of the PROXY header */
    struct h1_scan scan;       /* of the head that pending begins with */
    struct address client;     /* the peer, or who the PROXY header says it is */
    struct address peer;       /* who connected */
    uint64_t head_started_us;  /* clock at the first byte of the head */
    size_t unread_bytes;       /* by the client, when the wait for it to read began */
    uint32_t requests_count;
    uint32_t lingered_bytes;
    uint8_t client_ip_length;
    bool is_trusted;    /* the peer is one of config->trusted */
    bool is_parsing;    /* conn_read() is on the stack */
    bool client_ended;  /* the client sends no more */
    bool ends_after;    /* no further request on this connection */
    bool must_linger;   /* unread bytes of the client may be on their way */
    char client_ip[46]; /* text of client, for forwarding */
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

/* Read or not, as the state and the stream's back-pressure say. */
void conn_update_reading(struct conn *conn);
/* Answer bytes of the stream; as transport_write(). */
enum status conn_write(struct conn *conn, const struct bytes *parts, size_t count);
/* The stream gives the connection back: it has answered, and the request was read to its end unless
 * ends_after is set. */
void conn_stream_is_done(struct conn *conn);
/* The answer cannot be completed: the client must see that. */
void conn_abort(struct conn *conn);
/* Close an idle connection soon, for a drain or for room. */
void conn_drain(struct conn *conn);
bool conn_is_idle(const struct conn *conn);
void conn_close(struct conn *conn);

#endif
