/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.h - one connection to an endpoint, kept between requests.
 *
 *     stream <-> [upstream_ops] <-> upstream -> [tls] -> tcp -> endpoint
 *
 * HTTP/1 (upstream_h1.c) carries one stream at a time, HTTP/2 (upstream_h2.c) many.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "core/deadline.h"
#include "core/tcp.h"
#include "proxy/batch.h"
#include "proxy/failure.h"
#include "proxy/http/h1.h"
#include "proxy/worker.h"

#define UPSTREAM_MAGIC 0x75707374u

enum upstream_state {
    UPSTREAM_CONNECTING, /* TCP, then TLS */
    UPSTREAM_BUSY,       /* carries a stream's request; HTTP/2: is open */
    UPSTREAM_IDLE,       /* kept in its pool, armed for reading */
    UPSTREAM_CLOSING,
};

struct pool;
struct stream;
struct tcp_relay;
struct tls;
struct tls_upstream;
struct upstream_h2;
struct upstream;

struct upstream_ops {
    /* ---- of the connection ---- */
    void (*on_open)(struct upstream *upstream); /* connected, and the handshake is done */
    void (*on_open_failed)(struct upstream *upstream, enum failure why);
    void (*on_bytes)(struct upstream *upstream, struct bytes data);
    void (*on_end)(struct upstream *upstream, bool is_reset);
    void (*on_drained)(struct upstream *upstream);
    void (*fini)(struct upstream *upstream);

    /* ---- of a stream that uses it ---- */
    enum status (*send_head)(struct stream *stream);
    enum status (*send)(struct stream *stream, const struct batch *batch);
    void (*pause)(struct stream *stream);
    void (*resume)(struct stream *stream);
    size_t (*queued_bytes)(const struct stream *stream);
    void (*give_back)(struct stream *stream);
    void (*drop)(struct stream *stream);
};

static inline bool cluster_speaks_h2(const struct cluster *cluster)
{
    return cluster->spec->protocol == CLUSTER_H2C || cluster->spec->protocol == CLUSTER_H2;
}

extern const struct upstream_ops upstream_h1_ops;
extern const struct upstream_ops upstream_h2_ops;
extern const struct upstream_ops upstream_tcp_ops; /* has no streams, and is never kept */

struct upstream {
    uint32_t magic;
    enum upstream_state state;
    const struct upstream_ops *ops;  /* borrowed, constant; the protocol spoken */
    struct list link;                /* HTTP/1: in its pool's idle list while UPSTREAM_IDLE;
                                      * HTTP/2: in its pool's sessions until it closes */
    struct worker *worker;           /* borrowed */
    struct cluster *cluster;         /* borrowed; lives while it has connections */
    struct endpoint *endpoint;       /* borrowed; lives while it has a pool */
    struct pool *pool;               /* borrowed; lives while it has connections */
    struct transport *transport;     /* borrowed: of tls if there is one, else of tcp */
    struct tls *tls;                 /* owned; NULL for plain connections */
    struct tls_upstream *tls_policy; /* ref; as the cluster said when it was opened, or NULL */
    struct upstream_h2 *h2;          /* owned; NULL unless HTTP/2 is spoken */
    struct stream *stream;           /* HTTP/1: borrowed; NULL unless CONNECTING or BUSY */
    struct tcp_relay *relay;         /* borrowed, until it closes; NULL for HTTP */
    struct deadline deadline;        /* of being idle, or of an HTTP/2 connect */
    struct h1_scan scan;             /* of the response head */
    struct text partial;             /* part of a response head that came in pieces */
    uint32_t requests_count;
    bool keeps;     /* HTTP/1: the endpoint keeps it after this answer, and nothing was left over */
    bool has_ended; /* the endpoint sends no more */
    bool tls_has_failed; /* and that was said */
    bool is_leaving;     /* HTTP/2: takes no more streams; in cluster->leaving */
    struct tcp tcp;
};

/* Begin to connect. HTTP/1: for a stream, which hears how it went. NULL when the system refused. */
struct upstream *upstream_open(struct worker *worker, struct cluster *cluster,
                               struct endpoint *endpoint, struct stream *stream);
/* The same for a relay. Its bytes go out as they are: the cluster of a tcp route speaks nothing. */
struct upstream *upstream_open_tcp(struct worker *worker, struct cluster *cluster,
                                   struct endpoint *endpoint, struct tcp_relay *relay);
/* --connect-timeout is over: was it TCP, or TLS? That is said in the log, and counted. */
enum failure upstream_connect_timed_out(struct upstream *upstream);
/* Hand an idle one to a stream. */
void upstream_lend(struct upstream *upstream, struct stream *stream);
/* Ends at once; a stream, if any, hears nothing of it. Its place goes to the next stream that
 * waits for the cluster. May be called twice. */
void upstream_close(struct upstream *upstream);
/* The same, and the endpoint sees that what it got is not all. */
void upstream_abort(struct upstream *upstream);
/* As upstream_close(), but the place is the caller's: nobody is woken. */
void upstream_discard(struct upstream *upstream);
/* Kept, or not, when nothing uses it now. */
bool upstream_may_be_kept(const struct upstream *upstream);
void upstream_keep_until_idle(struct upstream *upstream);

/* ---- for a stream: stream->upstream is set and open ---- */

/* The request's head, what waits of its body, and its end if it has come. As transport_write();
 * STATUS_REFUSED: a WebSocket, and the endpoint's protocol has none. */
enum status upstream_send_head(struct stream *stream);
/* Runs and the end, after the head. STATUS_AGAIN: stop the source until
 * stream_on_upstream_drained(). STATUS_CLOSED: no more can be sent, an answer may still come. */
enum status upstream_send(struct stream *stream, const struct batch *batch);
/* The client is behind: hold the answer back, and go on. */
void upstream_pause(struct stream *stream);
void upstream_resume(struct stream *stream);
/* Bytes of the request that the endpoint has not taken. */
size_t upstream_queued_bytes(const struct stream *stream);
/* The answer is complete: the connection can carry others, as far as it is clean. */
void upstream_give_back(struct stream *stream);
/* The attempt is over before that. */
void upstream_drop(struct stream *stream);

#endif
