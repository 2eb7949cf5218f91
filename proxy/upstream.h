/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.h - one connection to an endpoint, used by one stream at a time and kept in between.
 *
 *     stream <-> [upstream] <-> transport -> endpoint
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "core/deadline.h"
#include "core/tcp.h"
#include "proxy/http/h1.h"
#include "proxy/worker.h"

#define UPSTREAM_MAGIC 0x75707374u

enum upstream_state {
    UPSTREAM_CONNECTING,
    UPSTREAM_BUSY, /* carries a stream's request */
    UPSTREAM_IDLE, /* kept in its pool, armed for reading */
    UPSTREAM_CLOSING,
};

struct pool;
struct stream;

struct upstream {
    uint32_t magic;
    enum upstream_state state;
    struct list link;          /* in its pool's idle list while UPSTREAM_IDLE */
    struct worker *worker;     /* borrowed */
    struct cluster *cluster;   /* borrowed; lives while it has connections */
    struct endpoint *endpoint; /* borrowed; lives while it has a pool */
    struct pool *pool;         /* borrowed; lives while it has connections */
    struct stream *stream;     /* borrowed; NULL unless CONNECTING or BUSY */
    struct deadline deadline;  /* of the connect or of being idle */
    struct h1_scan scan;       /* of the response head */
    struct text partial;       /* part of a response head that came in pieces */
    uint32_t requests_count;
    bool has_ended; /* the endpoint sends no more */
    struct tcp tcp;
};

/* Begin to connect for a stream. NULL when the system refused to. */
struct upstream *upstream_open(struct worker *worker, struct cluster *cluster,
                               struct endpoint *endpoint, struct stream *stream);
/* Hand an idle one to a stream. */
void upstream_lend(struct upstream *upstream, struct stream *stream);
/* The stream is done with it. Kept if it can carry another request, else closed. */
void upstream_give_back(struct upstream *upstream, bool is_clean);
/* Ends at once; the stream, if any, hears nothing of it. Its place goes to the next stream that
 * waits for the cluster. May be called twice. */
void upstream_close(struct upstream *upstream);
/* The same, but the place is the caller's: nobody is woken. */
void upstream_discard(struct upstream *upstream);

#endif
