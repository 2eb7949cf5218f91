/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.h - the transport over a TCP or unix stream socket, on a libuv loop.
 *
 * Read buffers are borrowed from the loop's net at the read and never held by idle connections;
 * output that the peer does not take is queued in chunks and costs nothing while it does.
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

/* What the transports of one loop share. Fields are tcp.c's, but for the counters. */
struct net {
    uv_loop_t *loop;          /* borrowed */
    char *read_buffer;        /* owned; READ_BUFFER_BYTES */
    char *write_buffer;       /* owned; GATHER_BYTES_MAX */
    struct chunk_pool chunks; /* for output that waits */
    uint64_t queued_bytes;    /* output waiting in all transports now */
};

void net_init(struct net *net, uv_loop_t *loop);
void net_fini(struct net *net);

struct tcp_output;

struct tcp {
    struct transport transport; /* first field */
    struct net *net;            /* borrowed */
    struct tcp_output *output;  /* owned; NULL while nothing waits */
    int fd;                     /* borrowed from uv */
    bool is_finishing;          /* shut down once drained */
    bool is_closing;
    bool is_reading;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
};

/* Take over a connected, non-blocking stream socket, which is closed with the transport. */
void tcp_open(struct tcp *tcp, struct net *net, int fd, bool is_unix,
              const struct transport_events *events);

/* Once, on the loop: STATUS_OK, STATUS_REFUSED, STATUS_TIMEOUT, STATUS_IO, or STATUS_CLOSED when the
 * transport was closed meanwhile. */
typedef void tcp_connected_fn(struct tcp *tcp, enum status status);

struct tcp_connect {
    uv_connect_t request;
    tcp_connected_fn *on_connected;
};

/*
 * Connect. `connect` must live until on_connected, which never comes from inside this call. On an
 * error on_connected does not come; the owner closes the transport as ever and waits for on_closed.
 */
enum status tcp_connect(struct tcp *tcp, struct tcp_connect *connect, struct net *net,
                        const struct address *address, const struct transport_events *events,
                        tcp_connected_fn *on_connected);

/* True when the peer has closed or sent something although nothing is expected: one system call,
 * used before an idle connection carries a request that must not be sent twice. */
bool tcp_is_stale(struct tcp *tcp);

/* The local address, for health and logs; one system call. */
enum status tcp_local_address(const struct tcp *tcp, struct address *address);

#endif
