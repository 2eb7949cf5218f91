/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - the client's end of a stream: an HTTP/1 connection (client_h1.c), or one stream of an
 * HTTP/2 session (client_h2.c).
 *
 *     client bytes -> conn -> [client_ops] -> stream_begin(), relay_request() ...
 *     client bytes <- conn <- [client_ops] <- relay_answer(), answer_send()
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "proxy/batch.h"
#include "proxy/conn.h"
#include "proxy/stream.h"

struct client_ops {
    /* ---- of the connection: what its transport tells ---- */
    void (*on_bytes)(struct conn *conn, struct bytes data);
    void (*on_end)(struct conn *conn);
    void (*on_drained)(struct conn *conn);
    void (*on_deadline)(struct conn *conn);
    /* The transport is dead and the connection closing: end the streams. */
    void (*on_gone)(struct conn *conn, enum failure why);
    /* Close soon once idle; say so to the client where the protocol can. */
    void (*drain)(struct conn *conn);
    bool (*is_idle)(const struct conn *conn);
    /* Free what the protocol keeps; the connection has closed. */
    void (*fini)(struct conn *conn);

    /* ---- of a stream: what it has to say ---- */
    enum status (*send)(struct stream *stream, const struct batch *batch);
    void (*update_reading)(struct stream *stream);
    void (*begin_tunnel)(struct stream *stream);
    void (*abort)(struct stream *stream);
    void (*finish)(struct stream *stream);
    size_t (*unread_bytes)(const struct stream *stream);
};

extern const struct client_ops client_h1_ops;
extern const struct client_ops client_h2_ops;
extern const struct client_ops client_tcp_ops; /* has no streams */

/*
 * Give the client what the batch has: the head of an answer, interim, final or a 101 that opens a
 * tunnel, runs of body, the end. In one write where the protocol writes at once.
 *
 * STATUS_OK; STATUS_AGAIN: all is taken, stop the source until stream_client_drained().
 * STATUS_CLOSED: the client is gone.
 */
static inline enum status client_send(struct stream *stream, const struct batch *batch)
{
    return stream->conn->ops->send(stream, batch);
}

/* stream->client_is_paused has changed: read the request's body, or not. */
static inline void client_update_reading(struct stream *stream)
{
    stream->conn->ops->update_reading(stream);
}

/* A tunnel is open: hand on what the protocol has kept back until now. */
static inline void client_begin_tunnel(struct stream *stream)
{
    stream->conn->ops->begin_tunnel(stream);
}

/* The answer cannot be completed, and the client must see that. */
static inline void client_abort(struct stream *stream)
{
    stream->conn->ops->abort(stream);
}

/* The stream has ended, and lets the client's end go on without it. */
static inline void client_finish(struct stream *stream)
{
    stream->conn->ops->finish(stream);
}

/* Bytes of the answer that the client has not read: less than before means that it reads. */
static inline size_t client_unread_bytes(const struct stream *stream)
{
    return stream->conn->ops->unread_bytes(stream);
}

#endif
