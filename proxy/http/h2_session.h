/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_session.h - what h2.c, h2_callbacks.c and h2_write.c share: one connection and its streams.
 *
 *     h2.c            what the caller asks for
 *     h2_callbacks.c  what nghttp2 reports
 *     h2_write.c      heads and bodies on their way out
 */
#ifndef PROXY_HTTP_H2_SESSION_H
#define PROXY_HTTP_H2_SESSION_H

#include "core/list.h"
#include "core/text.h"
#include "proxy/http/h2.h"
#include "proxy/http/h2_fold.h"
#include "proxy/http/h2_guard.h"
#include "proxy/http/h2_head.h"

struct nghttp2_session;
struct nghttp2_session_callbacks;

struct h2_stream {
    struct list link; /* in h2->streams */
    struct h2 *h2;
    void *owner; /* borrowed until on_closed; NULL when it was forgotten */
    uint32_t id;
    enum h2_error reset_error; /* when is_reset: what we said */
    enum method_id method_id;  /* client: of the request */
    bool wants_websocket;      /* client: it was an extended CONNECT */
    bool has_head;             /* the peer's request, or its final response, was reported */
    bool is_bad;               /* on_bad_request was called; its body is thrown away */
    bool is_reset;             /* by us: no event but on_closed follows */
    bool is_provoked;          /* ... for what the peer did: it counts (hostile-input 69) */
    bool peer_is_done;         /* its message is complete */
    bool peer_has_reset;
};

struct h2 {
    struct nghttp2_session *session; /* owned */
    const struct h2_events *events;  /* borrowed */
    void *context;                   /* borrowed */
    struct h2_config config;
    struct h2_pool *pool; /* borrowed, or owned when owns_pool */
    struct h2_guard guard;
    struct h2_head head;       /* of the header block that is arriving: there is one at a time */
    struct h2_stream *head_of; /* whose it is; NULL: its owner has gone, and its arena with it */
    struct h2_fold fold;       /* of what nghttp2 allocates while the session is made */
    struct list streams;       /* of struct h2_stream, owned */
    uint32_t streams_count;
    uint32_t refused_count; /* since it was asked for */
    uint64_t now_ms;        /* of the last h2_receive() */
    enum h2_end end;
    bool owns_pool;
    bool is_ended;      /* by a fault of the peer's: nothing is read any more */
    bool is_broken;     /* nghttp2 gave up: nothing is sent any more either */
    bool is_going_away; /* client: the peer said GOAWAY */
    /* Sending: what nghttp2 has packed and is not out yet. Between two calls of h2_output() it is
     * in `cut`. During one, DATA goes straight into the room. */
    struct bytes packed;
    struct text cut;
    char *room; /* borrowed, NULL outside h2_output() */
    size_t room_used;
    size_t room_max;
};

/* The stream, or NULL when it is not open, or was refused. */
struct h2_stream *h2_stream_find(const struct h2 *h2, int32_t id);
/* A new stream at the end of h2->streams. */
struct h2_stream *h2_stream_create(struct h2 *h2, void *owner);
void h2_stream_destroy(struct h2_stream *stream);
/* RST_STREAM for what the peer did. */
void h2_stream_refuse(struct h2_stream *stream, enum h2_error error);
/* The peer is at fault: GOAWAY, and nothing is read any more. Only the first reason counts. */
void h2_finish(struct h2 *h2, enum h2_end end, enum h2_error error);

/* h2_callbacks.c */
void h2_callbacks_set(struct nghttp2_session_callbacks *callbacks);

/* h2_write.c. Both return what nghttp2 does: below 0 an error, else for a request its id. */
int32_t h2_write_request(struct h2 *h2, struct h2_stream *stream, const struct request *request,
                         const struct forward_request *how, bool is_end);
int32_t h2_write_response(struct h2 *h2, struct h2_stream *stream, const struct response *response,
                          const struct forward_response *how, bool is_end);
/* The head of a DATA frame whose payload on_pull has put into the room behind it. */
void h2_write_data_head(struct h2 *h2, const uint8_t *head, size_t length);

#endif
