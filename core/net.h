/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the loop that serves many sockets, libuv's loop among them.
 *
 *     [net] (one edge-triggered epoll) -> tcp
 *        \-> libuv's loop, as one more member of that epoll -> timers, threads, DNS, files
 *
 * Source: docs/decisions/0013
 */
#ifndef CORE_NET_H
#define CORE_NET_H

#include "core/bufq.h"
#include "core/list.h"

#include <uv.h>

#define READ_BUFFER_BYTES 65536
/* A write of several parts no longer than this is copied together first: for so little, copying
 * costs less than what the kernel does for a vector of parts. */
#define GATHER_BYTES_MAX 4096

/* What the transports of one loop share. Fields are net.c's and tcp.c's, but for the counter. */
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

#endif
