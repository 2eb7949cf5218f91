/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2.h - HTTP/2: bytes in, events out, and bytes to send when asked for them. No sockets, no clock;
 * nghttp2 lives here only.
 *
 *     bytes -> h2_guard (floods) -> nghttp2 (frames, HPACK) -> [h2] -> messages as in message.h
 *     bytes <- h2_output() <- nghttp2 <- [h2] <- h2_respond(), h2_request(), pulled bodies
 *
 * One session is one connection, as its server or its client. Each stream has an owner, a pointer
 * of the caller's. Window of a stream is given back only by h2_consume(), so whoever holds data
 * back holds the peer back; the window of the connection is always given back, so that no stream
 * can stand in another's way, and what a peer can make us hold is streams_max windows.
 *
 * Source: RFC 9113, RFC 7541, RFC 8441; hostile-input.md F.
 */
#ifndef PROXY_HTTP_H2_H
#define PROXY_HTTP_H2_H

#include "proxy/http/forward.h"
#include "proxy/http/h1.h"

/* Limits that an operator may change come with h2_config; these are for all. */
#define H2_CONTINUATIONS_MAX    16    /* of one header block: hostile-input 67 */
#define H2_RESETS_MAX           200   /* by the peer, or provoked by it, in H2_RESETS_SPAN_MS */
#define H2_RESETS_SPAN_MS       30000 /* hostile-input 68, 69 */
#define H2_IDLE_FRAMES_MAX      1000  /* frames that carry nothing, in H2_IDLE_FRAMES_SPAN_MS */
#define H2_IDLE_FRAMES_SPAN_MS  10000 /* hostile-input 70 */
#define H2_ANSWERS_QUEUED_MAX   1000  /* control frames that the peer does not read */
#define H2_SETTINGS_ENTRIES_MAX 32    /* hostile-input 71 */
#define H2_STREAM_WINDOW_BYTES  65535 /* default */
#define H2_PREFACE              "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum h2_side { H2_SERVER, H2_CLIENT };

/* RFC 9113 section 7. */
enum h2_error {
    H2_NO_ERROR = 0,
    H2_PROTOCOL_ERROR = 1,
    H2_INTERNAL_ERROR = 2,
    H2_FLOW_CONTROL_ERROR = 3,
    H2_STREAM_CLOSED = 5,
    H2_REFUSED_STREAM = 7,
    H2_CANCEL = 8,
    H2_ENHANCE_YOUR_CALM = 11,
    H2_INADEQUATE_SECURITY = 12,
    H2_HTTP_1_1_REQUIRED = 13,
};

/* Why a session was ended by us; each is a metric label. */
enum h2_end {
    H2_END_NONE,
    H2_END_PROTOCOL,      /* a connection error of the peer's, of any kind */
    H2_END_RESETS,        /* rapid reset: 68, 69 */
    H2_END_IDLE_FRAMES,   /* 70 */
    H2_END_ANSWERS,       /* 70: it does not read its acknowledgements */
    H2_END_CONTINUATIONS, /* 67 */
    H2_END_SETTINGS,      /* 71 */
    H2_ENDS_COUNT
};
const char *h2_end_label(enum h2_end end); /* "rapid_reset"; "none" */

struct h2_config {
    enum h2_side side;
    struct h1_limits limits; /* of heads: bytes as RFC 7541 section 4.1 counts, and fields */
    uint32_t streams_max;    /* streams that the peer may have open at the same time */
    uint32_t window_bytes;   /* of each stream, for what we receive; at least 16384 */
    bool websockets;         /* server: announce and accept extended CONNECT (RFC 8441) */
    struct bytes scheme;     /* "http" or "https": what :scheme has to be, or says; constant */
    struct h2_pool *pool;    /* borrowed, outlives the session; NULL: one of its own */
};

/*
 * Memory for what comes and goes with every stream, kept from one to the next. One for each worker;
 * not to be shared between threads. Destroy it after the last session.
 */
struct h2_pool *h2_pool_create(void);
void h2_pool_destroy(struct h2_pool *pool);

/* What a stream's owner has to send next. */
struct h2_pulled {
    size_t count; /* bytes that were put into the room; 0 and not is_end: nothing now, the stream
                   * sleeps until h2_resume() */
    bool is_end;  /* these are the last */
    const struct field *trailers; /* with is_end; names in lower case; borrowed for the call */
    uint32_t trailers_count;
};

/*
 * All are called from inside h2_receive() or h2_output(). They may call anything of the session but
 * h2_receive(), h2_output() and h2_destroy(). `owner` is what on_stream gave or h2_request() took.
 */
struct h2_events {
    /* Server: the peer opens a stream. Returns its owner, or NULL to refuse it (REFUSED_STREAM). */
    void *(*on_stream)(void *context, uint32_t id);
    /* The arena for the head that is arriving; it must live until on_closed. */
    struct arena *(*arena_of)(void *owner);
    /* Server: a whole request head. is_end: no body follows, and on_end does not come. */
    void (*on_request)(void *owner, const struct request *request, bool is_end);
    /* Server: a head over a limit (431) or with another fault that deserves an answer; the request
     * is not to be used, its body is thrown away. */
    void (*on_bad_request)(void *owner, enum h1_fault fault);
    /* Client: a response head, interim ones (status < 200) too. Framing is BODY_NONE where there
     * can be no body, else BODY_LENGTH, or BODY_CHUNKED when the length is not known. With is_end
     * and BODY_LENGTH the length is 0. */
    void (*on_response)(void *owner, const struct response *response, bool is_end);
    /* A run of the body, borrowed for the call; given back to the window by h2_consume(). */
    void (*on_data)(void *owner, struct bytes data);
    /* The peer's message is complete. Trailers, if any: checked, without framing, routing, auth and
     * forwarding names (hostile-input 11); in the stream's arena. */
    void (*on_end)(void *owner, const struct field *trailers, uint32_t count);
    /* The stream is over, exactly once for each. error: H2_NO_ERROR when both messages were
     * complete, or when a server that has answered wants no more of the request; else what it was
     * reset with, by the peer or by us. Its id and owner are forgotten. */
    void (*on_closed)(void *owner, uint32_t error, bool by_peer);
    /* The body to send. */
    struct h2_pulled (*on_pull)(void *owner, char *room, size_t max);
    /* Client: the peer's settings have come or changed, or it said GOAWAY: look at h2_room(). */
    void (*on_room)(void *context);
};

struct h2;

/* Queues the preface and our settings. `events` is borrowed, constant. */
struct h2 *h2_create(const struct h2_config *config, const struct h2_events *events, void *context);
/* Calls no events: streams that are open are forgotten. */
void h2_destroy(struct h2 *h2);

/*
 * Take bytes in. now_ms: monotonic milliseconds. STATUS_OK, or STATUS_INVALID when the session is
 * over by a fault of the peer's: a GOAWAY is queued, send what h2_output() has and close; nothing
 * that comes later is read. A fault within a frame may be known only when its GOAWAY is packed:
 * then this says STATUS_OK, nothing more is read either, and h2_is_over() is true after the output.
 * Streams that are open then get no on_closed; they end with h2_destroy().
 */
enum status h2_receive(struct h2 *h2, struct bytes data, uint64_t now_ms);

/* Fill `room` with what is to be sent next; returns the count, 0 when there is nothing now. `max`
 * is at least 16384 + 9. A frame may be cut: its rest comes first at the next call. Bodies are
 * pulled straight into the room. */
size_t h2_output(struct h2 *h2, char *room, size_t max);
bool h2_wants_output(const struct h2 *h2);
/* Nothing will be read or sent any more: close the connection once the output is out. */
bool h2_is_over(const struct h2 *h2);
enum h2_end h2_end_of(const struct h2 *h2);

/*
 * Server: the head of the answer, written from a parsed one as forward_response_head() does it for
 * HTTP/1: without hop-by-hop fields, names in lower case. Interim ones may come before. is_end: no
 * body and no trailers follow; else on_pull will be asked. Everything is copied. A 101 with
 * how->upgrade is written as the 200 that an extended CONNECT gets.
 *
 * When the answer ends before the request has, the stream stays open for the rest: h2_reset() with
 * H2_NO_ERROR tells the client to stop. After on_bad_request that is done here.
 */
void h2_respond(struct h2 *h2, uint32_t id, const struct response *response,
                const struct forward_response *how, bool is_end);
/*
 * Client: open a stream with this request, as forward_request_head() writes it for HTTP/1. A
 * request with wants_websocket and how->upgrade becomes an extended CONNECT. Everything is copied.
 * Returns the stream's id, or 0 when h2_room() is 0: then on_closed does not come.
 */
uint32_t h2_request(struct h2 *h2, void *owner, const struct request *request,
                    const struct forward_request *how, bool is_end);
/* Client: how many more streams may be opened now; 0 after a GOAWAY, UINT32_MAX never. */
uint32_t h2_room(const struct h2 *h2);
/* Client: the peer allows extended CONNECT. */
bool h2_peer_takes_websockets(const struct h2 *h2);
/* Client: the peer said GOAWAY, or ids are used up: no new streams, ever. */
bool h2_is_going_away(const struct h2 *h2);

/* There is something to pull again. */
void h2_resume(struct h2 *h2, uint32_t id);
/* The stream's data was dealt with: `count` bytes of window go back to the peer. */
void h2_consume(struct h2 *h2, uint32_t id, size_t count);
/* The owner hears nothing more of the stream, on_closed included. A body that it has not ended ends
 * here. */
void h2_forget(struct h2 *h2, uint32_t id);
/* RST_STREAM; on_closed follows, not from inside this call. */
void h2_reset(struct h2 *h2, uint32_t id, enum h2_error error);
/* Server: GOAWAY; streams that are open finish, new ones are refused, then h2_is_over(). May be
 * called again. The first call only gives notice (last id 2^31-1) when `is_notice`. */
void h2_shutdown(struct h2 *h2, bool is_notice);

/* Server: streams refused since the last call because streams_max were open. */
uint32_t h2_take_refused_count(struct h2 *h2);

uint32_t h2_streams_count(const struct h2 *h2); /* open now, for either side */

#endif
