/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_case.h - HTTP/2 sessions in memory, for the tests of this folder.
 *
 * A peer writes down what it is told, one line for each event, and sends what a test gave it:
 *
 *     1 request GET /path?query a.example none [name: value, ...]
 *     1 data 5
 *     1 end [name: value]
 *     1 closed 0
 *
 * Two of them talk through pump(); or a test writes the other side's frames by hand, see frame().
 */
#ifndef TESTS_UNIT_PROXY_HTTP_H2_CASE_H
#define TESTS_UNIT_PROXY_HTTP_H2_CASE_H

#include "core/text.h"
#include "proxy/http/h2.h"
#include "tests/unit/unit.h"

#define EXCHANGES_MAX 1024
#define ROOM_BYTES    65536

/* One stream at one peer. */
struct exchange {
    struct peer *peer;
    struct arena arena;
    uint32_t id;
    bool is_closed;
    uint64_t received_count; /* bytes of body */
    struct text kept;        /* the body, when the peer keeps it */
    struct bytes to_send;    /* what is still to be pulled */
    bool sends_more;         /* ... and then sleep instead of ending */
    const struct field *trailers;
    uint32_t trailers_count;
};

struct peer {
    struct h2 *h2;
    struct text log;
    struct exchange exchanges[EXCHANGES_MAX];
    uint32_t count;
    bool consumes;          /* gives window back at once */
    bool keeps;             /* bodies */
    bool refuses;           /* streams */
    bool answers;           /* each request, when its head is there */
    bool reset_in_data;     /* calls h2_reset() from on_data */
    struct response answer; /* with this head */
    struct forward_response how;
    struct bytes answer_body;
    const struct field *answer_trailers;
    uint32_t answer_trailers_count;
    uint64_t now_ms;
    enum status status; /* of the last h2_receive() */
    char room[ROOM_BYTES];
};

static inline void log_fields(struct text *log, const struct field *fields, uint32_t count)
{
    text_add_str(log, " [");
    for (uint32_t at = 0; at < count; at++) {
        text_printf(log, "%s%.*s: %.*s", at > 0 ? ", " : "", BYTES_ARG(fields[at].name),
                    BYTES_ARG(fields[at].value));
        if (fields[at].hop_by_hop)
            text_add_str(log, " (hop)");
    }
    text_add_str(log, "]\n");
}

static inline const char *framing_text(enum body_framing framing)
{
    static const char *const texts[] = {"none", "length", "chunked", "close"};

    return texts[framing];
}

static inline struct exchange *exchange_new(struct peer *peer, uint32_t id)
{
    struct exchange *exchange = &peer->exchanges[peer->count++];

    assert_true(peer->count <= EXCHANGES_MAX);
    exchange->peer = peer;
    exchange->id = id;
    arena_init(&exchange->arena, 1024);
    text_init(&exchange->kept);
    return exchange;
}

static inline void *case_on_stream(void *context, uint32_t id)
{
    struct peer *peer = context;

    return peer->refuses ? NULL : exchange_new(peer, id);
}

static inline struct arena *case_arena_of(void *owner)
{
    return &((struct exchange *)owner)->arena;
}

static inline void exchange_answer(struct exchange *exchange)
{
    struct peer *peer = exchange->peer;

    exchange->to_send = peer->answer_body;
    exchange->trailers = peer->answer_trailers;
    exchange->trailers_count = peer->answer_trailers_count;
    h2_respond(peer->h2, exchange->id, &peer->answer, &peer->how,
               peer->answer_body.len == 0 && peer->answer_trailers_count == 0);
}

static inline void case_on_request(void *owner, const struct request *request, bool is_end)
{
    struct exchange *exchange = owner;
    struct peer *peer = exchange->peer;

    text_printf(&peer->log, "%u request %.*s %.*s%.*s %.*s %s", (unsigned)exchange->id,
                BYTES_ARG(request->method), BYTES_ARG(request->path), BYTES_ARG(request->query),
                BYTES_ARG(request->authority), framing_text(request->framing));
    if (request->framing == BODY_LENGTH)
        text_printf(&peer->log, "=%u", (unsigned)request->content_length);
    text_add_str(&peer->log, is_end ? " end" : "");
    text_add_str(&peer->log, request->wants_websocket ? " websocket" : "");
    text_add_str(&peer->log, request->expects_continue ? " expects" : "");
    text_add_str(&peer->log, request->takes_trailers ? " trailers" : "");
    log_fields(&peer->log, request->fields, request->fields_count);
    if (peer->answers)
        exchange_answer(exchange);
}

static inline void case_on_bad_request(void *owner, enum h1_fault fault)
{
    struct exchange *exchange = owner;
    struct response response = {.status = h1_fault_code(fault), .content_length = 0};
    struct forward_response how = {.framing = BODY_LENGTH};

    text_printf(&exchange->peer->log, "%u bad %s\n", (unsigned)exchange->id,
                h1_fault_reason(fault));
    h2_respond(exchange->peer->h2, exchange->id, &response, &how, true);
}

static inline void case_on_response(void *owner, const struct response *response, bool is_end)
{
    struct exchange *exchange = owner;
    struct text *log = &exchange->peer->log;

    text_printf(log, "%u response %u %s", (unsigned)exchange->id, (unsigned)response->status,
                framing_text(response->framing));
    if (response->content_length != UINT64_MAX)
        text_printf(log, "=%u", (unsigned)response->content_length);
    text_add_str(log, response->websocket_accepted ? " websocket" : "");
    text_add_str(log, is_end ? " end" : "");
    log_fields(log, response->fields, response->fields_count);
}

static inline void case_on_data(void *owner, struct bytes data)
{
    struct exchange *exchange = owner;
    struct peer *peer = exchange->peer;

    exchange->received_count += data.len;
    if (peer->keeps)
        text_add(&exchange->kept, data);
    if (peer->consumes)
        h2_consume(peer->h2, exchange->id, data.len);
    if (peer->reset_in_data)
        h2_reset(peer->h2, exchange->id, H2_CANCEL);
}

static inline void case_on_end(void *owner, const struct field *trailers, uint32_t count)
{
    struct exchange *exchange = owner;

    text_printf(&exchange->peer->log, "%u end %u", (unsigned)exchange->id,
                (unsigned)exchange->received_count);
    log_fields(&exchange->peer->log, trailers, count);
}

static inline void case_on_closed(void *owner, uint32_t error, bool by_peer)
{
    struct exchange *exchange = owner;

    (void)by_peer;
    assert_false(exchange->is_closed);
    exchange->is_closed = true;
    text_printf(&exchange->peer->log, "%u closed %u\n", (unsigned)exchange->id, (unsigned)error);
}

static inline struct h2_pulled case_on_pull(void *owner, char *room, size_t max)
{
    struct exchange *exchange = owner;
    struct bytes part = bytes_slice(exchange->to_send, 0, max);
    bool is_end = part.len == exchange->to_send.len && !exchange->sends_more;

    if (part.len > 0)
        memcpy(room, part.at, part.len);
    exchange->to_send = bytes_skip(exchange->to_send, part.len);
    return (struct h2_pulled){
        .count = part.len,
        .is_end = is_end,
        .trailers = exchange->trailers,
        .trailers_count = is_end ? exchange->trailers_count : 0,
    };
}

static inline void case_on_room(void *context)
{
    struct peer *peer = context;

    text_printf(&peer->log, "room %u\n", (unsigned)h2_room(peer->h2));
}

static const struct h2_events case_events = {
    case_on_stream, case_arena_of, case_on_request, case_on_bad_request, case_on_response,
    case_on_data,   case_on_end,   case_on_closed,  case_on_pull,        case_on_room,
};

static inline struct h2_config case_config(enum h2_side side)
{
    return (struct h2_config){
        .side = side,
        .limits = H1_LIMITS_DEFAULT,
        .streams_max = 128,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .websockets = true,
        .scheme = BYTES("http"),
    };
}

static inline struct peer *peer_with(const struct h2_config *config)
{
    struct peer *peer = mem_new(struct peer);

    text_init(&peer->log);
    peer->consumes = true;
    peer->answer = (struct response){.status = 200, .content_length = UINT64_MAX};
    peer->how = (struct forward_response){.framing = BODY_CHUNKED, .date = BYTES("now")};
    peer->h2 = h2_create(config, &case_events, peer);
    return peer;
}

static inline struct peer *peer_new(enum h2_side side)
{
    struct h2_config config = case_config(side);

    return peer_with(&config);
}

static inline void peer_free(struct peer *peer)
{
    h2_destroy(peer->h2);
    for (uint32_t at = 0; at < peer->count; at++) {
        arena_fini(&peer->exchanges[at].arena);
        text_fini(&peer->exchanges[at].kept);
    }
    text_fini(&peer->log);
    mem_free(peer);
}

static inline enum status peer_receive(struct peer *peer, struct bytes data)
{
    peer->status = h2_receive(peer->h2, data, peer->now_ms);
    return peer->status;
}

/* All that `from` has to say now, to `to` in pieces of `step` bytes; false when it was nothing. */
static inline bool carry(struct peer *from, struct peer *to, size_t step)
{
    bool any = false;
    size_t count;

    while ((count = h2_output(from->h2, from->room, ROOM_BYTES)) > 0) {
        struct bytes data = bytes_from(from->room, count);

        for (any = true; data.len > 0; data = bytes_skip(data, step))
            (void)peer_receive(to, bytes_slice(data, 0, step));
    }
    return any;
}

static inline void pump_by(struct peer *a, struct peer *b, size_t step)
{
    bool any;

    do {
        any = carry(a, b, step);
        any = carry(b, a, step) || any;
    } while (any);
}

static inline void pump(struct peer *a, struct peer *b)
{
    pump_by(a, b, ROOM_BYTES);
}

static inline void peer_forget(struct peer *peer)
{
    text_clear(&peer->log);
}

#define assert_log(peer, expected) assert_bytes(text_bytes(&(peer)->log), expected)

/* ---- requests of a client ---- */

static inline struct request case_request_of(struct bytes method, struct bytes path)
{
    return (struct request){.method = method,
                            .method_id =
                                bytes_equal(method, BYTES("POST")) ? METHOD_POST : METHOD_GET,
                            .path = path,
                            .version_major = 1,
                            .version_minor = 1};
}

/* Opens a stream; a body makes it a request with one. */
static inline struct exchange *ask(struct peer *client, const struct request *request,
                                   struct bytes body)
{
    struct forward_request how = {.path = request->path,
                                  .host = BYTES("a.example"),
                                  .scheme = BYTES("http"),
                                  .upgrade = request->wants_websocket,
                                  .framing = BODY_NONE};
    struct exchange *exchange = exchange_new(client, 0);
    bool has_body = body.len > 0 || request->wants_websocket;

    how.framing = has_body ? BODY_CHUNKED : BODY_NONE;
    exchange->to_send = body;
    exchange->sends_more = request->wants_websocket;
    exchange->id = h2_request(client->h2, exchange, request, &how, !has_body);
    return exchange;
}

static inline struct exchange *get(struct peer *client, struct bytes path)
{
    struct request request = case_request_of(BYTES("GET"), path);

    return ask(client, &request, BYTES_NONE);
}

static inline struct exchange *post(struct peer *client, struct bytes path, struct bytes body)
{
    struct request request = case_request_of(BYTES("POST"), path);

    return ask(client, &request, body);
}

#endif
