/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.h - the transport over a TCP or unix stream socket.
 *
 *     net -> [tcp] -> transport_events
 *
 * A socket is registered once, and pausing, resuming and queueing cost no system call
 * (docs/decisions/0013). Read buffers are borrowed from the net at the read and never held by idle
 * connections; output that the peer does not take is queued in chunks and costs nothing while it
 * does.
 */
#ifndef CORE_TCP_H
#define CORE_TCP_H

#include "core/address.h"
#include "core/net.h"
#include "core/transport.h"

struct tcp;

/* Once, on the loop: STATUS_OK, STATUS_REFUSED, STATUS_TIMEOUT or STATUS_IO. Never after a close.
 */
typedef void tcp_connected_fn(struct tcp *tcp, enum status status);

struct tcp {
    struct transport transport;     /* first field */
    struct net *net;                /* borrowed */
    struct list due;                /* in net->due, or in no list */
    struct bufq *output;            /* owned; NULL while nothing waits */
    tcp_connected_fn *on_connected; /* NULL unless connecting */
    int fd;                         /* owned */
    int connect_error;              /* what connect(2) said at once, or 0 */
    bool is_readable;               /* an edge said so and no read has found it empty since */
    bool has_ended;                 /* an edge told of the peer's end or of an error: read to it */
    bool is_reading;
    bool is_finishing; /* shut down once drained */
    bool is_closing;
};

/* Take over a connected, non-blocking stream socket, which is closed with the transport. */
void tcp_open(struct tcp *tcp, struct net *net, int fd, const struct transport_events *events);

/*
 * Connect; on_connected follows, never from inside this call. STATUS_IO when the system has no
 * socket to give: then nothing was begun, and the transport must not be closed.
 */
enum status tcp_connect(struct tcp *tcp, struct net *net, const struct address *address,
                        const struct transport_events *events, tcp_connected_fn *on_connected);

/* For net.c: what epoll says of the socket; and what was put into net->due has its turn. */
void tcp_on_edges(struct tcp *tcp, uint32_t edges);
void tcp_on_due(struct tcp *tcp);

#endif
