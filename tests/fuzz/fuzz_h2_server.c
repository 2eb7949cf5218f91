/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h2_server.c - what a client may send after its preface.
 *
 *     first byte: size of the pieces; second: what the owners do, enum owner_habit;
 *     the rest: frames
 *
 * A request that is accepted, written for an HTTP/1 endpoint and read again must be the same.
 */
#include "tests/fuzz/h2_owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *on_stream(void *context, uint32_t id)
{
    struct fuzz_session *session = context;

    return (session->habits & HABIT_REFUSES) != 0 && id % 4 == 1 ? NULL : owner_new(session, id);
}

static void answer(struct owner *owner, uint16_t status, bool is_end)
{
    struct field field = {BYTES("X-Answer"), BYTES("1"), FIELD_OTHER, false};
    struct response response = {
        .status = status, .content_length = UINT64_MAX, .fields = &field, .fields_count = 1};
    struct forward_response how = {.framing = BODY_CHUNKED, .date = BYTES("now")};

    h2_respond(owner->session->h2, owner->id, &response, &how, is_end);
}

static void check_again(const struct request *request, struct arena *arena)
{
    struct forward_request how = {
        .path = request->path,
        .host = request->authority,
        .client_ip = BYTES("192.0.2.1"),
        .scheme = BYTES("http"),
        .expects_continue = request->expects_continue,
        .framing = request->framing,
        .content_length = request->content_length,
    };
    struct h1_scan scan = {0};
    struct request again;
    struct text out;
    enum h1_fault fault;
    size_t head_len = 0;

    text_init(&out);
    forward_request_head(&out, request, &how);
    CHECK(h1_scan_request(&scan, text_bytes(&out), &limits_again, &head_len, &fault) == STATUS_OK);
    CHECK(head_len == out.len);
    CHECK(h1_parse_request(text_bytes(&out), &limits_again, arena, &again) == H1_FINE);
    CHECK(bytes_equal(again.method, request->method));
    CHECK(bytes_equal(again.path, request->path));
    CHECK(bytes_equal(again.query, request->query));
    CHECK(bytes_equal(again.authority, request->authority));
    CHECK(again.framing == request->framing);
    CHECK(again.content_length == request->content_length);
    CHECK(again.expects_continue == request->expects_continue);
    CHECK(!again.wants_upgrade);
    text_fini(&out);
}

static void on_request(void *context, const struct request *request, bool is_end)
{
    struct owner *owner = context;

    owner_has_head(owner, is_end);
    CHECK(request->version_major == 2 && request->authority.len > 0);
    CHECK(request->wants_websocket == request->wants_upgrade);
    check_again(request, &owner->arena);
    if (owner->id % 3 == 0)
        answer(owner, 103, false);
    answer(owner, 200, owner->id % 5 == 0);
}

static void on_bad_request(void *context, enum h1_fault fault)
{
    struct owner *owner = context;

    CHECK(fault != H1_FINE && owner->state == OWNER_OPEN);
    owner->state = OWNER_HAS_END;
    answer(owner, h1_fault_code(fault), true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h2_events events = {
        .on_stream = on_stream,
        .arena_of = owner_arena,
        .on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_data = owner_on_data,
        .on_end = owner_on_end,
        .on_closed = owner_on_closed,
        .on_pull = owner_on_pull,
    };
    struct h2_config config = {
        .side = H2_SERVER,
        .limits = limits,
        .streams_max = 16,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .websockets = true,
        .scheme = BYTES("http"),
    };
    struct fuzz_session *session;

    if (size < 3)
        return 0;
    session = mem_new(struct fuzz_session);
    session->habits = data[1];
    session->h2 = h2_create(&config, &events, session);
    CHECK(h2_receive(session->h2, BYTES(H2_PREFACE), 0) == STATUS_OK);
    session_feed(session, bytes_from((const char *)data + 2, size - 2), 1 + (size_t)data[0] * 8);
    session_close(session);
    mem_free(session);
    return 0;
}
