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

/* Of one stream's answer, to go on in one batch: the session tells it piece by piece, and a client of
 * HTTP/1 would be written to as often. Heads alone wait in their streams, since endpoints like to
 * send those of many streams first. */
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
/* The same with a connection that was just opened for it. */
void upstream_h2_join(struct upstream *upstream, struct stream *stream);

#endif
