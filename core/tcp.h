/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.h - the transport over a TCP or unix stream socket, on a libuv loop.
 *
 * libuv watches the socket; reading and writing are done here with recv(2) and send(2), which cost
 * less than the read(2) and write(2) of libuv's own streams (docs/decisions/0013). Read buffers are
 * borrowed from the loop's net at the read and never held by idle connections; output that the peer
 * does not take is queued in chunks and costs nothing while it does.
 */
#ifndef CORE_TCP_H
#define CORE_TCP_H

#include "core/address.h"
#include "core/bufq.h"
#include "core/transport.h"

#include <uv.h>

#define READ_BUFFER_BYTES 65536
/* A write of several parts no longer than this is copied together first: for so little, copying
 * costs less than what the kernel does for a vector of parts. */
#define GATHER_BYTES_MAX 4096

/* What the transports of one loop share. Fields are tcp.c's, but for the counter. */
struct net {
    uv_loop_t *loop;          /* borrowed */
    char *read_buffer;        /* owned; READ_BUFFER_BYTES */
    char *write_buffer;       /* owned; GATHER_BYTES_MAX */
    struct chunk_pool chunks; /* for output that waits */
    uint64_t queued_bytes;    /* output waiting in all transports now */
};

void net_init(struct net *net, uv_loop_t *loop);
void net_fini(struct net *net);

struct tcp;

/* Once, on the loop: STATUS_OK, STATUS_REFUSED, STATUS_TIMEOUT or STATUS_IO. Never after a close. */
typedef void tcp_connected_fn(struct tcp *tcp, enum status status);

struct tcp {
    struct transport transport;     /* first field */
    struct net *net;                /* borrowed */
    struct bufq *output;            /* owned; NULL while nothing waits */
    tcp_connected_fn *on_connected; /* NULL unless connecting */
    int fd;                         /* owned */
    int connect_error;              /* what connect(2) said at once, or 0 */
    uint8_t watched;                /* events that libuv watches for */
    bool is_reading;
    bool is_finishing; /* shut down once drained */
    bool is_closing;
    uv_poll_t poll;
};

/* Take over a connected, non-blocking stream socket, which is closed with the transport. */
void tcp_open(struct tcp *tcp, struct net *net, int fd, const struct transport_events *events);

/*
 * Connect; on_connected follows, never from inside this call. STATUS_IO when the system has no socket
 * to give: then nothing was begun, and the transport must not be closed.
 */
enum status tcp_connect(struct tcp *tcp, struct net *net, const struct address *address,
                        const struct transport_events *events, tcp_connected_fn *on_connected);

/* True when the peer has closed or sent something although nothing is expected: one system call,
 * used before an idle connection carries a request that must not be sent twice. */
bool tcp_is_stale(struct tcp *tcp);

#endif
