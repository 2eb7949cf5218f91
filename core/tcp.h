/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.h - the transport over a TCP or unix stream socket, and the loop that serves many of them.
 *
 *     net (one edge-triggered epoll) -> tcp
 *        \-> libuv's loop, as one more member of that epoll -> timers, threads, DNS, files
 *
 * A socket is registered once, and pausing, resuming and queueing cost no system call
 * (docs/decisions/0013). Read buffers are borrowed from the net at the read and never held by idle
 * connections; output that the peer does not take is queued in chunks and costs nothing while it
 * does.
 */
#ifndef CORE_TCP_H
#define CORE_TCP_H

#include "core/address.h"
#include "core/bufq.h"
#include "core/list.h"
#include "core/transport.h"

#include <uv.h>

#define READ_BUFFER_BYTES 65536
/* A write of several parts no longer than this is copied together first: for so little, copying
 * costs less than what the kernel does for a vector of parts. */
#define GATHER_BYTES_MAX 4096

/* What the transports of one loop share. Fields are tcp.c's, but for the counter. */
struct net {
    uv_loop_t *loop;     /* borrowed */
    int epoll_fd;        /* owned; all sockets, edge-triggered, and the loop's own descriptor */
    struct list due;     /* struct tcp: closed, or readable and left off */
    uint32_t open_count; /* transports that are not closed yet */
    char *read_buffer;   /* owned; READ_BUFFER_BYTES */
    char *write_buffer;  /* owned; GATHER_BYTES_MAX */
    struct chunk_pool chunks; /* for output that waits */
    uint64_t queued_bytes;    /* output waiting in all transports now */
    uint64_t woke_us;         /* when this turn began: monotonic, read once a turn */
    bool has_more;            /* the owner has work for the next turn: do not wait in this one */
};

void net_init(struct net *net, uv_loop_t *loop);
void net_fini(struct net *net); /* all transports are closed */

/* Before the loop sleeps, once a turn. */
typedef void net_turn_fn(void *context);

/* Run sockets and libuv's loop until neither has anything left to wait for. Stands for uv_run(). */
void net_run(struct net *net, net_turn_fn *before_wait, void *context);
/* One turn, waiting for something to happen if `may_wait`. False when there is nothing left. */
bool net_turn(struct net *net, bool may_wait);

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

#endif
