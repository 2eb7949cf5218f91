/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_relay.h - a client connection whose bytes go to an endpoint and back as they come: no HTTP.
 *
 *     client <-> tcp -> [tls] -> conn <-> [tcp_relay] <-> upstream -> tcp <-> endpoint
 *
 * It begins with the ClientHello: the vhost of its server name has a `tcp` route. Where that vhost
 * has certificates the handshake is ours and the plain bytes are relayed; else the TLS bytes are,
 * the ClientHello first (docs/decisions/0022-tcp-relays-are-no-streams.md).
 *
 * Source: spec/contour.md 2.10, 4.6; design 5.17.
 */
#ifndef PROXY_TCP_RELAY_H
#define PROXY_TCP_RELAY_H

#include "proxy/conn.h"
#include "proxy/retry.h"
#include "route/current.h"

#define TCP_RELAY_MAGIC 0x74637072u
/* How often the side that is left is looked at, whether it has read what it was sent. */
#define TCP_BREAK_LOOK_MS 40

enum tcp_relay_state {
    TCP_CHOSEN,     /* the ClientHello has come, and the handshake is under way if it is ours */
    TCP_CONNECTING, /* the client is not read until an endpoint is there */
    TCP_OPEN,       /* bytes move */
    TCP_BREAKING,   /* one side is dead; the other gets to read what it was sent */
    TCP_ENDED,
};

struct cluster;
struct endpoint;
struct generation;
struct upstream;

struct tcp_relay {
    uint32_t magic;
    enum tcp_relay_state state;
    struct conn *conn;             /* borrowed; owns the relay */
    struct upstream *upstream;     /* owned; NULL unless one is opening or open */
    struct generation *generation; /* lease; until the endpoint is there, for a relay may live for
                                    * hours and a table must not */
    const struct route *route;     /* borrowed from the generation's table, as long */
    struct text object;            /* the route's; for the log */
    struct text server_name;
    struct text hello;         /* passed on, not sent yet */
    struct cluster *cluster;   /* borrowed from worker->clusters; this counts in its requests */
    struct endpoint *endpoint; /* lease, or NULL */
    uint32_t cluster_slot;
    uint32_t attempts;
    struct address tried[CONNECT_ATTEMPTS_MAX];
    struct address endpoint_address; /* of the last attempt, for the log; port 0 = none */
    uint64_t started_us;             /* clock at the ClientHello */
    uint64_t bytes_in;               /* from the client */
    uint64_t bytes_out;
    uint64_t break_due_ms; /* when the side that is left has had time enough */
    enum failure failure;
    bool is_passthrough;
    bool client_ended; /* sends no more */
    bool client_is_broken;
    bool endpoint_ended;
    bool endpoint_is_broken;
};

/* For the worker: a ClientHello came for a vhost with a `tcp` route. What to do about it; the
 * connection owns a relay afterwards. */
struct tls_choice tcp_relay_choose(struct conn *conn, const struct vhost *vhost,
                                   struct bytes server_name);

/* ---- for conn.c, of a connection that owns one ---- */

/* The handshake is done, or not ours. hello: what has come of a connection that is passed on. */
void tcp_relay_begin(struct conn *conn, struct bytes hello);
/* The client's transport is dead, and not closed yet. */
void tcp_relay_client_broken(struct conn *conn);
/* The handshake came to nothing before there was one: not a TLS handshake of ours. */
bool tcp_relay_is_passthrough(const struct conn *conn);

/* ---- for tcp_attempt.c ---- */

/* The endpoint is connected. */
void tcp_relay_opened(struct tcp_relay *relay);
/* Both sides close, after what they were sent where the failure is FAILURE_NONE, else with a reset,
 * for neither must take what it got for all. */
void tcp_relay_end(struct tcp_relay *relay, enum failure failure);

#endif
