/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - one request and its answer.
 *
 *     conn -> [stream] -> match -> filters -> balancer -> pool -> upstream
 */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include "core/deadline.h"
#include "core/mem.h"
#include "proxy/conn.h"
#include "proxy/http/forward.h"
#include "proxy/retry.h"

#define STREAM_MAGIC 0x7374726du

#define STREAM_ARENA_BYTES 8192
/* Request body kept for a retry; a longer body means no retry once it was sent. */
#define REPLAY_BYTES_MAX 65536u
/* Request body waiting for a connection to an endpoint; then the client is not read any more. */
#define BODY_WAITING_BYTES  65536
#define INTERIM_ANSWERS_MAX 8
#define TRIED_MAX           8 /* endpoints remembered as tried; later attempts may repeat */
#define SENT_AWAY_MAX       3 /* times that an endpoint took no stream at all */
#define STREAMS_KEPT_MAX    1024

/* What the stream waits for, or does next. */
enum stream_step {
    STREAM_ROUTE,   /* which route? */
    STREAM_FILTER,  /* redirect, permits */
    STREAM_PICK,    /* which endpoint, and is there a connection to it? */
    STREAM_PENDING, /* max-connections are open: wait for one */
    STREAM_BACKOFF, /* wait before the next attempt */
    STREAM_CONNECT, /* wait for the connection */
    STREAM_SEND,    /* write the head and what has come of the body */
    STREAM_RELAY,   /* bodies move, see relay.c */
    STREAM_TUNNEL,  /* bytes move, see tunnel.c */
    STREAM_ADMIN,   /* the admin port prepares an answer */
    STREAM_FINISH,  /* log, count, give everything back */
};

enum step_result { STEP_NEXT, STEP_WAIT, STEP_DONE };

struct admin_job;
struct client_h2_stream;
struct grpc_web;
struct upstream;

struct stream {
    uint32_t magic;
    enum stream_step step;
    bool running;   /* stream_run() is on the stack */
    bool run_again; /* something happened meanwhile */

    struct list link;                   /* in worker->free_streams, or waiting for a connection */
    struct worker *worker;              /* borrowed */
    struct conn *conn;                  /* borrowed; outlives the stream */
    struct client_h2_stream *client_h2; /* borrowed; NULL for HTTP/1 */
    struct arena arena;                 /* everything below that is as long as the request */
    struct deadline deadline;
    enum failure deadline_means; /* what has happened when the deadline fires */

    struct generation *generation; /* lease; NULL before a table was published */
    const struct route *route;     /* borrowed from the generation's table */
    struct request request;        /* borrows from the arena */
    struct bytes host;             /* normal form, in the arena */
    struct bytes path;             /* normal form, in the arena; what the route makes of it */
    struct bytes original_path;    /* what it was before a route rewrote it; else empty */
    struct bytes request_id;       /* in the arena */
    uint64_t started_us;

    /* the request's body, from the client to the endpoint */
    struct h1_body request_body;
    bool request_is_complete; /* read to its end */
    bool client_is_paused;
    struct field *request_trailers; /* in the arena; only an endpoint over HTTP/2 gets them */
    uint32_t request_trailers_count;
    struct bufq waiting; /* for the endpoint, not yet sent */
    struct text replay;  /* all that was sent to it, while a retry may need that */
    bool replay_is_kept;
    uint64_t request_bytes;     /* of the body so far */
    uint64_t window_started_ms; /* minimum rate of the body: hostile-input 85 */
    uint64_t window_bytes;
    uint64_t body_byte_ms; /* when the last of it came */

    /* attempts */
    struct cluster *cluster; /* borrowed from worker->clusters; NULL before STREAM_PICK */
    uint32_t cluster_slot;
    struct bytes set_cookie;   /* in the arena; of the session that this request begins, or empty */
    struct endpoint *endpoint; /* lease, or NULL */
    struct upstream *upstream; /* HTTP/1: owned while not NULL; HTTP/2: shared */
    struct list upstream_link; /* HTTP/2: in the connection's streams */
    uint32_t upstream_id;      /* HTTP/2: of the stream there; 0 = none */
    struct response *held_head; /* HTTP/2: of the answer, until the read is over; in the arena */
    size_t held_bytes;          /* HTTP/2: of the answer, taken and not given back to its window */
    struct bytes made_key;      /* of a WebSocket whose client sent none, in the arena */
    struct address tried[TRIED_MAX];
    uint32_t attempts;
    uint32_t sent_away_count;
    bool counts_as_request; /* in cluster->requests */
    bool counts_as_retry;   /* in cluster->retries */
    bool counts_as_pending; /* in cluster->pending, and linked */
    bool sent_on_reuse;     /* this attempt uses a kept connection */
    bool any_byte_sent;     /* of this attempt, to the endpoint */
    bool any_byte_came;     /* of an answer to it */
    bool is_unsendable;     /* the endpoint takes no more of the request */
    bool reuse_was_dead;    /* the one free retry on a fresh connection was used */
    bool was_refused;       /* the one free retry after a refused stream was used */
    uint64_t try_due_ms;    /* end of this attempt by per-try-timeout */
    uint64_t total_due_ms;  /* end of the answer by the route's timeout */
    uint64_t sent_us;

    /* the answer */
    struct h1_body response_body;
    enum body_framing client_framing;
    bool head_is_out; /* the answer's head went to the client */
    bool response_is_complete;
    bool upstream_is_paused;
    bool client_is_gone;
    bool is_malformed;   /* HTTP/2: reset instead of answered */
    size_t unread_bytes; /* by the client, when the wait for it to read began */
    uint32_t interims;
    uint16_t status; /* sent to the client, 0 = none */
    enum failure failure;
    bool is_redirect;
    bool is_admin;
    uint64_t response_bytes;         /* of the body so far */
    struct address endpoint_address; /* of the last attempt, for the log; port 0 = none */

    struct grpc_web *grpc_web;   /* in the arena; NULL unless gRPC-Web is translated */
    bool is_grpc;                /* and spoken as such to the endpoint; known once that is chosen */
    struct admin_job *admin_job; /* borrowed; NULL unless an answer is being prepared */

    /* tunnel */
    bool client_finished;
    bool upstream_finished;
};

/*
 * For the client's protocols: take a stream, read a head into stream->request with the stream's
 * arena, say what is there of the body (request_is_complete, relay_request()), and start it by
 * stream_begin(), or end it at once by stream_fail(), and then stream_run(). It may be finished,
 * and gone, when that returns: it ends by client_finish(), which gives it back by stream_keep().
 */
struct stream *stream_open(struct conn *conn, uint64_t started_us);
void stream_begin(struct stream *stream);
void stream_keep(struct stream *stream);
/* Give back a stream that did not begin: there was no request yet. */
void stream_discard(struct stream *stream);

void stream_client_ended(struct stream *stream);
void stream_client_drained(struct stream *stream);
/* The client, or its part of a connection, is dead. */
void stream_client_gone(struct stream *stream, enum failure why);

/* For the client's protocols: what a final head of ours or an endpoint's says besides. */
void stream_describe_answer(struct stream *stream, struct forward_response *how);

/* From the upstream; the stream may be gone afterwards. */
void stream_on_connected(struct stream *stream);
void stream_on_connect_failed(struct stream *stream, enum failure why);
void stream_on_upstream_drained(struct stream *stream);
/* A connection of the cluster may be free now. */
void stream_on_capacity(struct stream *stream);

/* Steps until one must wait. The last statement of whatever was called back: the stream may be
 * gone. */
void stream_run(struct stream *stream);

/* For relay.c, tunnel.c, admin.c: how a stream ends. Only record it; stream_run() acts. */
void stream_fail(struct stream *stream, enum failure failure);
/* Re-arm the deadline; it means `failure` unless the attempt's or the route's own end comes first.
 */
void stream_arm(struct stream *stream, uint32_t span_ms, enum failure failure);
/* Frees all streams kept for reuse. */
void streams_free_all(struct worker *worker);
/* For stream_store.c. */
void stream_on_deadline(struct deadline *deadline);

#endif
