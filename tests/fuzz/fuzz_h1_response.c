/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h1_response.c - a response head from an endpoint that is not to be trusted.
 *
 *     first byte: size of the pieces; second: bit 0 HEAD, bit 1 an upgrade was asked for;
 *     the rest: what the endpoint sent
 *
 * What is accepted, written for the client and read again must frame the same body.
 */
#include "core/check.h"
#include "proxy/http/forward.h"
#include "proxy/http/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits limits = {1024, 256, 20, false};
static const struct h1_limits limits_again = {8192, 512, 60, false};

static enum status scan_pieces(struct bytes raw, size_t step, size_t *head_len)
{
    struct h1_scan scan = {0};
    enum status status = STATUS_AGAIN;
    enum h1_fault fault;

    for (size_t len = 0; status == STATUS_AGAIN && len < raw.len;) {
        len = raw.len - len > step ? len + step : raw.len;
        status = h1_scan_response(&scan, bytes_from(raw.at, len), &limits, head_len, &fault);
    }
    return status;
}

static void check_again(const struct response *response, enum method_id method, bool upgrade,
                        struct arena *arena)
{
    struct forward_response how = {
        .client_version_minor = 1,
        .keep_alive = response->framing != BODY_UNTIL_CLOSE,
        .upgrade = response->websocket_accepted,
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
    CHECK(h1_parse_response(text_bytes(&out), &limits_again, method, upgrade, arena, &again) ==
          H1_FINE);
    CHECK(again.status == response->status);
    CHECK(again.framing == response->framing);
    CHECK(again.content_length == response->content_length);
    CHECK(again.websocket_accepted == response->websocket_accepted);
    CHECK(again.keep_alive == (again.framing != BODY_UNTIL_CLOSE));
    text_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes raw = {(const char *)data + 2, size - 2};
    struct h1_scan scan = {0};
    enum h1_fault fault = H1_FINE;
    size_t head_len = 0, head_len_pieces = 0;
    struct response response;
    struct arena arena;
    enum status status;
    enum method_id method;
    struct bytes rest = raw;
    bool upgrade, is_fine;

    if (size < 3)
        return 0;
    method = (data[1] & 1) != 0 ? METHOD_HEAD : METHOD_GET;
    upgrade = (data[1] & 2) != 0;
    status = h1_scan_response(&scan, raw, &limits, &head_len, &fault);
    CHECK(scan_pieces(raw, 1 + data[0] % 64, &head_len_pieces) == status);
    CHECK(head_len == head_len_pieces);
    arena_init(&arena, 4096);
    is_fine =
        status == STATUS_OK && h1_parse_response(bytes_from(raw.at, head_len), &limits, method,
                                                 upgrade, &arena, &response) == H1_FINE;
    if (is_fine)
        check_again(&response, method, upgrade, &arena);
    CHECK(h1_take_response(&rest, &limits, method, upgrade, &arena, &response) == is_fine);
    CHECK(!is_fine || raw.len - rest.len == head_len);
    arena_fini(&arena);
    return 0;
}
