/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_h2.h - HTTP/2 from a client: a session whose streams are ours.
 *
 *     conn -> [client_h2] -> h2 session -> client_h2_stream -> stream
 */
#ifndef PROXY_CLIENT_H2_H
#define PROXY_CLIENT_H2_H

#include "proxy/client.h"
#include "proxy/flush.h"
#include "proxy/http/h2.h"

/* Of an answer's body, waiting for the client's window; then its source is paused. */
#define CLIENT_H2_OUT_BYTES 65536
/* After so long without a stream a session goes to rest, and takes less memory. */
#define CLIENT_H2_REST_MS  100
#define CLIENT_H2_KEPT_MAX 1024 /* client_h2_streams kept for reuse */

struct client_h2 {
    struct conn *conn;   /* borrowed */
    struct h2 *session;  /* owned */
    struct list streams; /* struct client_h2_stream */
    struct list early;   /* of them, by early_link: answered before the request was complete */
    struct flush flush;
    struct client_h2_stream *head_of; /* whose head has begun to arrive and is not complete */
    uint64_t idle_until_ms;           /* when there are no streams: the end */
    bool head_is_timed;               /* ... for so long that conn->deadline waits for it */
    bool is_resting;                  /* since it was idle for a while; see h2_rest() */
    bool is_draining;                 /* the client was told that it will end */
    bool is_going_away;               /* ... and that it takes no more streams */
};

/* One stream of the session: outlives the `stream` until what that said has gone out. */
struct client_h2_stream {
    struct list link;         /* in client->streams, or in worker->free_client_streams */
    struct list early_link;   /* in client->early, or alone */
    struct client_h2 *client; /* borrowed */
    struct stream *stream;    /* owned; NULL when it has finished */
    uint32_t id;
    bool is_closed;         /* the session has forgotten it */
    bool is_outlived;       /* ... but not the stream, which goes on without a client */
    bool is_reset;          /* by us */
    bool out_ended;         /* nothing is added to `out` any more */
    bool end_is_out;        /* the end was handed to the session */
    bool client_ended;      /* the request is complete, or the client's side of a tunnel */
    size_t held_bytes;      /* of the request, taken and not given back to its window */
    struct bufq out;        /* body of the answer */
    struct arena arena;     /* trailers, of the request and of the answer */
    struct field *trailers; /* in the arena */
    uint32_t trailers_count;
    size_t unread_bytes; /* once the stream has finished: at the last look */
};

void client_h2_streams_free(struct worker *worker); /* those kept for reuse */

/* ---- between client_h2.c and client_h2_stream.c ---- */

extern const struct h2_events client_h2_events;

void client_h2_stream_release(struct client_h2_stream *half); /* its stream has finished */
void client_h2_stream_reset(struct client_h2_stream *half, enum h2_error error);
size_t client_h2_stream_unread_bytes(const struct client_h2_stream *half);
/* The last stream has gone: so long the client may keep the connection. */
void client_h2_arm_idle(struct client_h2 *client);

static inline void client_h2_ask_flush(struct client_h2 *client)
{
    flush_ask(client->conn->worker, &client->flush);
}

/* For client_h2_ops; see client.h. */
enum status client_h2_stream_send(struct stream *stream, const struct batch *batch);
void client_h2_stream_update_reading(struct stream *stream);
void client_h2_stream_begin_tunnel(struct stream *stream);
void client_h2_stream_abort(struct stream *stream);
void client_h2_stream_finished(struct stream *stream);
size_t client_h2_stream_unread(const struct stream *stream);

#endif
