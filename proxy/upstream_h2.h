/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream_h2.h - HTTP/2 to an endpoint: many streams on one connection.
 *
 *     streams -> [upstream_h2] -> h2 session -> upstream -> endpoint
 */
#ifndef PROXY_UPSTREAM_H2_H
#define PROXY_UPSTREAM_H2_H

#include "proxy/flush.h"
#include "proxy/http/h2.h"
#include "proxy/upstream.h"

/* Streams on one connection, whatever more the endpoint allows; also what waits for a connect. */
#define UPSTREAM_H2_STREAMS_MAX 100
/* A connection older than this takes no new streams, and closes when the last one has ended. */
#define UPSTREAM_H2_AGE_MS (60 * 60 * 1000)

/* Of one stream's answer, to go on in one batch: the session tells it piece by piece, and a client
 * of HTTP/1 would be written to as often. Heads alone wait in their streams, since endpoints like
 * to send those of many streams first. */
struct upstream_h2_gathered {
    struct stream *stream; /* borrowed; NULL: nothing is held */
    struct batch batch;    /* borrows from the read, and from the stream's arena */
};

struct upstream_h2 {
    struct upstream *upstream; /* borrowed */
    struct h2 *session;        /* owned; NULL while connecting */
    struct list streams;       /* struct stream, by upstream_link: sent, or about to be */
    struct list waiting;       /* the same, for the connect, or for what a tunnel needs to know */
    uint32_t streams_count;    /* in both */
    bool has_settings;         /* the endpoint's have come */
    bool is_faulty;            /* what came is no HTTP/2, and we ended the session for it */
    bool is_silent;            /* a request waited in vain, and nothing else has come meanwhile */
    uint64_t heard_us;         /* when the last bytes came */
    uint64_t opened_ms;        /* or when the connect began */
    struct flush flush;
    struct upstream_h2_gathered gathered; /* empty outside on_bytes(); so are heads */
    uint32_t heads_count;                 /* streams with a held_head */
};

/* A connection of this endpoint that has room for the stream, which is added to it; NULL if there
 * is none. may_reuse: else one that is open already will not do. *is_open says whether it can be
 * sent at once, or stream_on_connected() follows. */
struct upstream *upstream_h2_take(struct endpoint *endpoint, struct stream *stream, bool may_reuse,
                                  bool *is_open);
/* One of the endpoint's connections has room for a stream. */
bool upstream_h2_has_room(const struct endpoint *endpoint);
/* Those of its connections that take no more streams, ever, are in cluster->leaving afterwards. */
void upstream_h2_count_leaving(const struct endpoint *endpoint);
/* The same with a connection that was just opened for it. */
void upstream_h2_join(struct upstream *upstream, struct stream *stream);

/* ---- between upstream_h2.c and upstream_h2_stream.c ---- */

extern const struct h2_events upstream_h2_events;

static inline void upstream_h2_ask_flush(struct upstream_h2 *h2)
{
    flush_ask(h2->upstream->worker, &h2->flush);
}

/* The session tells of settings or of a GOAWAY; its context is the upstream_h2. */
void upstream_h2_on_room(void *context);
/* A stream has left: the connection rests if that was the last one, or ends. */
void upstream_h2_rest(struct upstream *upstream);
/* The stream is none of the connection's any more, whatever the session knows. */
void upstream_h2_leave(struct upstream_h2 *h2, struct stream *stream);
/* The same, and the session hears of it: by a reset, unless H2_NO_ERROR. */
void upstream_h2_let_go(struct stream *stream, enum h2_error error);
/* The endpoint may have seen something of the request. */
bool upstream_h2_is_sent(const struct upstream_h2 *h2, const struct stream *stream);
/* A read is over: what was gathered goes on. */
void upstream_h2_hand_on(struct upstream_h2 *h2);

/* For upstream_h2_ops; see upstream.h. */
enum status upstream_h2_send_head(struct stream *stream);
enum status upstream_h2_send(struct stream *stream, const struct batch *batch);
void upstream_h2_pause(struct stream *stream);
void upstream_h2_resume(struct stream *stream);
size_t upstream_h2_queued_bytes(const struct stream *stream);
void upstream_h2_give_back(struct stream *stream);
void upstream_h2_drop(struct stream *stream);

#endif
