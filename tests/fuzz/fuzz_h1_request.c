/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h1_request.c - a request head from anybody.
 *
 *     first byte: size of the pieces; the rest: what the client sent
 *
 * Pieces must not matter, and what is accepted, written for an endpoint and read again must mean
 * the same: nothing we send can be taken for another request.
 */
#include "core/check.h"
#include "proxy/http/forward.h"
#include "proxy/http/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits limits = {1024, 256, 20, false};
static const struct h1_limits limits_again = {8192, 512, 60, true};

static enum status scan_whole(struct bytes raw, size_t *head_len, enum h1_fault *fault)
{
    struct h1_scan scan = {0};

    return h1_scan_request(&scan, raw, &limits, head_len, fault);
}

static enum status scan_pieces(struct bytes raw, size_t step, size_t *head_len)
{
    struct h1_scan scan = {0};
    enum status status = STATUS_AGAIN;
    enum h1_fault fault;

    for (size_t len = 0; status == STATUS_AGAIN && len < raw.len;) {
        len = raw.len - len > step ? len + step : raw.len;
        status = h1_scan_request(&scan, bytes_from(raw.at, len), &limits, head_len, &fault);
    }
    return status;
}

/* The head we would send: as the stream would, but with the path as it came. */
static void write_head(const struct request *request, struct text *out)
{
    struct forward_request how = {
        .path = request->path,
        .host = request->authority.len > 0 ? request->authority : BYTES("h"),
        .client_ip = BYTES("192.0.2.1"),
        .scheme = BYTES("http"),
        .port = BYTES("80"),
        .request_id = BYTES("id"),
        .upgrade = request->wants_upgrade,
        .expects_continue = request->expects_continue,
        .framing = request->framing,
        .content_length = request->content_length,
    };

    forward_request_head(out, request, &how);
}

static uint32_t count_of(const struct request *request, enum field_id id)
{
    uint32_t count = 0;

    for (uint32_t at = 0; at < request->fields_count; at++)
        count += request->fields[at].id == id;
    return count;
}

static void check_again(const struct request *request, struct arena *arena)
{
    struct h1_scan scan = {0};
    struct request again;
    struct text out;
    enum h1_fault fault;
    size_t head_len = 0;

    text_init(&out);
    write_head(request, &out);
    CHECK(h1_scan_request(&scan, text_bytes(&out), &limits_again, &head_len, &fault) == STATUS_OK);
    CHECK(head_len == out.len);
    CHECK(h1_parse_request(text_bytes(&out), &limits_again, arena, &again) == H1_FINE);
    CHECK(bytes_equal(again.method, request->method));
    CHECK(bytes_equal(again.path, request->path));
    CHECK(bytes_equal(again.query, request->query));
    CHECK(again.framing == request->framing);
    CHECK(again.content_length == request->content_length);
    CHECK(again.expects_continue == request->expects_continue);
    CHECK(again.wants_upgrade == request->wants_upgrade);
    CHECK(again.wants_websocket == request->wants_websocket);
    CHECK(again.keep_alive && again.version_minor == 1);
    CHECK(again.scheme.len == 0);
    CHECK(count_of(&again, FIELD_HOST) == 1);
    CHECK(count_of(&again, FIELD_X_FORWARDED_FOR) == 1);
    CHECK(count_of(&again, FIELD_X_FORWARDED_PROTO) == 1);
    CHECK(count_of(&again, FIELD_X_REAL_IP) == 1);
    CHECK(count_of(&again, FIELD_X_REQUEST_ID) == 1);
    CHECK(count_of(&again, FIELD_X_FORWARDED_OTHER) == 0);
    CHECK(count_of(&again, FIELD_X_FAIRLEAD) == 0);
    CHECK(count_of(&again, FIELD_PROXY) == 0);
    CHECK(count_of(&again, FIELD_TE) == 0);
    text_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes raw = {(const char *)data + 1, size - 1};
    enum h1_fault fault = H1_FINE;
    size_t head_len = 0, head_len_pieces = 0;
    struct request request;
    struct arena arena;
    struct bytes rest = raw;
    enum status status;
    bool is_fine;

    if (size < 2)
        return 0;
    status = scan_whole(raw, &head_len, &fault);
    CHECK(scan_pieces(raw, 1 + data[0] % 64, &head_len_pieces) == status);
    CHECK(head_len == head_len_pieces);
    CHECK(status != STATUS_INVALID || fault != H1_FINE);
    arena_init(&arena, 4096);
    is_fine = status == STATUS_OK &&
              h1_parse_request(bytes_from(raw.at, head_len), &limits, &arena, &request) == H1_FINE;
    if (is_fine)
        check_again(&request, &arena);
    is_fine = is_fine && raw.at[0] != '\r';
    CHECK(h1_take_request(&rest, &limits, &arena, &request) == is_fine);
    CHECK(!is_fine || raw.len - rest.len == head_len);
    arena_fini(&arena);
    return 0;
}
