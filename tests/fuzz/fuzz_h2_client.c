/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h2_client.c - what an endpoint that is not to be trusted may send to two open requests, a
 * GET on stream 1 and a POST on stream 3, and an extended CONNECT on stream 5.
 *
 *     first byte: size of the pieces; second: what the owners do, enum owner_habit;
 *     the rest: frames
 *
 * A response that is accepted, written for an HTTP/1 client and read again must frame the same
 * body.
 */
#include "tests/fuzz/h2_owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct response *response, struct arena *arena)
{
    struct forward_response how = {
        .client_version_minor = 1,
        .keep_alive = true,
        .framing = response->framing,
        .date = BYTES("Mon, 01 Jan 2026 00:00:00 GMT"),
    };
    struct h1_scan scan = {0};
    struct response again;
    struct text out;
    enum h1_fault fault;
    size_t head_len = 0;

    text_init(&out);
    forward_response_head(&out, response, &how);
    CHECK(h1_scan_response(&scan, text_bytes(&out), &limits_again, &head_len, &fault) == STATUS_OK);
    CHECK(head_len == out.len);
    CHECK(h1_parse_response(text_bytes(&out), &limits_again, METHOD_GET, false, arena, &again) ==
          H1_FINE);
    CHECK(again.status == response->status);
    CHECK(again.framing == response->framing);
    CHECK(again.framing != BODY_LENGTH || again.content_length == response->content_length);
    text_fini(&out);
}

static void on_response(void *context, const struct response *response, bool is_end)
{
    struct owner *owner = context;

    CHECK(response->status >= 100 && response->status <= 999 && response->status != 101);
    CHECK(!is_end || response->framing != BODY_CHUNKED);
    CHECK(!response->websocket_accepted || owner->id == 5);
    if (response->status >= 200)
        owner_has_head(owner, is_end);
    check_again(response, &owner->arena);
}

static void on_room(void *context)
{
    struct fuzz_session *session = context;

    CHECK(!h2_is_going_away(session->h2) || h2_room(session->h2) == 0);
}

static void ask(struct fuzz_session *session, struct request request, bool is_end)
{
    struct owner *owner = owner_new(session, 0);
    struct forward_request how = {
        .path = BYTES("/"),
        .host = BYTES("a.example"),
        .client_ip = BYTES("192.0.2.1"),
        .scheme = BYTES("http"),
        .upgrade = request.wants_websocket,
        .framing = is_end ? BODY_NONE : BODY_CHUNKED,
    };

    owner->id = h2_request(session->h2, owner, &request, &how, is_end);
    CHECK(owner->id != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h2_events events = {
        .arena_of = owner_arena,
        .on_response = on_response,
        .on_data = owner_on_data,
        .on_end = owner_on_end,
        .on_closed = owner_on_closed,
        .on_pull = owner_on_pull,
        .on_room = on_room,
    };
    struct h2_config config = {
        .side = H2_CLIENT,
        .limits = limits,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .scheme = BYTES("http"),
    };
    struct fuzz_session *session;

    if (size < 3)
        return 0;
    session = mem_new(struct fuzz_session);
    session->habits = data[1];
    session->h2 = h2_create(&config, &events, session);
    ask(session, (struct request){.method = BYTES("GET"), .method_id = METHOD_GET}, true);
    ask(session, (struct request){.method = BYTES("POST"), .method_id = METHOD_POST}, false);
    ask(session,
        (struct request){.method = BYTES("GET"), .method_id = METHOD_GET, .wants_websocket = true},
        false);
    session_drain(session);
    session_feed(session, bytes_from((const char *)data + 2, size - 2), 1 + (size_t)data[0] * 8);
    session_close(session);
    mem_free(session);
    return 0;
}
