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

struct upstream_h2 {
    struct upstream *upstream; /* borrowed */
    struct h2 *session;        /* owned; NULL while connecting */
    struct list streams;       /* struct stream, by upstream_link: sent, or about to be */
    struct list waiting;       /* the same, for the connect, or for what a tunnel needs to know */
    uint32_t streams_count;    /* in both */
    bool has_settings;         /* the endpoint's have come */
    uint64_t opened_ms;
    struct flush flush;
};

/* A connection of this endpoint that has room for the stream, which is added to it; NULL if there
 * is none. *is_open says whether it can be sent at once, or stream_on_connected() follows. */
struct upstream *upstream_h2_take(struct endpoint *endpoint, struct stream *stream, bool *is_open);
/* The same with a connection that was just opened for it. */
void upstream_h2_join(struct upstream *upstream, struct stream *stream);

#endif
