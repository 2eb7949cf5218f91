/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h1_response.c - what an endpoint's head may be: hostile-input.md 49, 53 and 55.
 */
#include "tests/unit/proxy/http/h1_case.h"

static const struct response *accepted(struct h1_case *it, struct bytes raw, enum method_id method)
{
    assert_int_equal(case_response(it, raw, raw.len, method, true), H1_FINE);
    return &it->response;
}

TEST(a_plain_response_is_taken_apart)
{
    struct h1_case it;
    const struct response *response = accepted(
        &it, BYTES("HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 5\r\n\r\n"), METHOD_GET);

    assert_int_equal(response->status, 404);
    assert_bytes(response->reason, "Not Found");
    assert_int_equal(response->fields_count, 2);
    assert_int_equal(response->framing, BODY_LENGTH);
    assert_int_equal(response->content_length, 5);
    assert_true(response->keep_alive);
    case_close(&it);
}

TEST(a_reason_may_be_empty_or_missing)
{
    struct h1_case it;

    assert_int_equal(accepted(&it, BYTES("HTTP/1.1 200 \r\n\r\n"), METHOD_GET)->reason.len, 0);
    case_close(&it);
    assert_int_equal(accepted(&it, BYTES("HTTP/1.1 200\r\n\r\n"), METHOD_GET)->reason.len, 0);
    case_close(&it);
    assert_bytes(accepted(&it, BYTES("HTTP/1.1 299 a\xe4 b\r\n\r\n"), METHOD_GET)->reason,
                 "a\xe4 b");
    case_close(&it);
}

TEST(a_response_without_framing_ends_when_the_connection_does)
{
    struct h1_case it;

    accepted(&it, BYTES(OK_WITH("A_b: c\r\n")), METHOD_GET);
    assert_int_equal(it.response.framing, BODY_UNTIL_CLOSE);
    assert_true(it.response.content_length == UINT64_MAX);
    assert_false(it.response.keep_alive);
    assert_int_equal(it.response.fields_count, 1); /* underscores are the origin's own matter */
    case_close(&it);
}

TEST(an_http_1_0_endpoint_keeps_the_connection_only_when_it_says_so)
{
    struct h1_case it;

    assert_false(accepted(&it, BYTES("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"), METHOD_GET)
                     ->keep_alive);
    case_close(&it);
    assert_true(accepted(&it,
                         BYTES("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                               "Content-Length: 1\r\n\r\n"),
                         METHOD_GET)
                    ->keep_alive);
    case_close(&it);
    assert_false(
        accepted(&it, BYTES(OK_WITH("Connection: close\r\nContent-Length: 1\r\n")), METHOD_GET)
            ->keep_alive);
    case_close(&it);
}

TEST(hostile_53_framing_that_could_be_read_otherwise_is_refused)
{
    RESPONSE_REFUSED(OK_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                     H1_LENGTH_AND_ENCODING);
    RESPONSE_REFUSED(OK_WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
                     H1_LENGTH_AND_ENCODING);
    RESPONSE_REFUSED(OK_WITH("Content-Length: 5\r\nContent-Length: 5\r\n"), H1_BAD_CONTENT_LENGTH);
    RESPONSE_REFUSED(OK_WITH("Content-Length: -5\r\n"), H1_BAD_CONTENT_LENGTH);
    RESPONSE_REFUSED(OK_WITH("Content-Length: 5, 5\r\n"), H1_BAD_CONTENT_LENGTH);
    RESPONSE_REFUSED(OK_WITH("Content-Length:\r\n"), H1_BAD_CONTENT_LENGTH);
    RESPONSE_REFUSED(OK_WITH("Transfer-Encoding: gzip, chunked\r\n"), H1_BAD_TRANSFER_ENCODING);
    RESPONSE_REFUSED(OK_WITH("Transfer-Encoding: chunked, chunked\r\n"), H1_BAD_TRANSFER_ENCODING);
    RESPONSE_REFUSED(OK_WITH("Transfer-Encoding: identity\r\n"), H1_UNKNOWN_TRANSFER_CODING);
    RESPONSE_REFUSED("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                     H1_BAD_TRANSFER_ENCODING);
}

TEST(hostile_53_line_ends_nul_and_folds_are_refused)
{
    RESPONSE_REFUSED("HTTP/1.1 200 OK\nA: b\r\n\r\n", H1_BAD_LINE_END);
    RESPONSE_REFUSED(OK_WITH("A: b\nC: d\r\n"), H1_BAD_LINE_END);
    RESPONSE_REFUSED("HTTP/1.1 200 OK\r\nA: b\r\n\n", H1_BAD_LINE_END);
    RESPONSE_REFUSED(OK_WITH("A: b\rc\r\n"), H1_BAD_LINE_END);
    RESPONSE_REFUSED("HTTP/1.1 200 O\rK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED(OK_WITH("A: b\0c\r\n"), H1_BAD_FIELD);
    RESPONSE_REFUSED(OK_WITH("A: b\r\n c\r\n"), H1_BAD_FIELD);
    RESPONSE_REFUSED(OK_WITH("A : b\r\n"), H1_BAD_FIELD);
    RESPONSE_REFUSED(OK_WITH("A\r\n"), H1_BAD_FIELD);
}

TEST(hostile_53_a_bad_status_line_is_refused)
{
    RESPONSE_REFUSED("HTTP/1.1 20 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1 2000 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1 099 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1 2x0 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1  200 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1\t200 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1 200\tOK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1 200 O\x01K\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/2.0 200 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/0.9 200 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("HTTP/1.1\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("\r\nHTTP/1.1 200 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("ICY 200 OK\r\n\r\n", H1_BAD_STATUS_LINE);
    RESPONSE_REFUSED("<html>", H1_BAD_STATUS_LINE);
}

TEST(hostile_53_some_responses_have_no_body_whatever_they_say)
{
    static const struct {
        struct bytes raw;
        enum method_id method;
        uint64_t length;
    } cases[] = {
        {{OK_WITH("Content-Length: 5\r\n"), sizeof(OK_WITH("Content-Length: 5\r\n")) - 1},
         METHOD_HEAD,
         5},
        {{OK_WITH("Transfer-Encoding: chunked\r\n"),
          sizeof(OK_WITH("Transfer-Encoding: chunked\r\n")) - 1},
         METHOD_HEAD,
         UINT64_MAX},
        {{"HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", 37}, METHOD_GET, 5},
        {{"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", 37}, METHOD_GET, UINT64_MAX},
        {{"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", 46}, METHOD_GET, UINT64_MAX},
        {{"HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n", 37}, METHOD_GET, UINT64_MAX},
        {{"HTTP/1.1 100 x\r\n\r\n", 18}, METHOD_GET, UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct h1_case it;

        accepted(&it, cases[i].raw, cases[i].method);
        assert_int_equal(it.response.framing, BODY_NONE);
        assert_true(it.response.content_length == cases[i].length);
        assert_true(it.response.keep_alive);
        case_close(&it);
    }
}

#define SWITCHING                                                                                  \
    "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"                              \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

TEST(hostile_55_a_101_that_was_not_asked_for_is_refused)
{
    RESPONSE_REFUSED(SWITCHING, H1_UNASKED_UPGRADE);
    assert_int_equal(h1_fault_code(H1_UNASKED_UPGRADE), 502);
}

TEST(hostile_49_a_websocket_is_accepted_by_upgrade_and_accept)
{
    struct h1_case it;

    accepted(&it, BYTES(SWITCHING), METHOD_GET);
    assert_true(it.response.websocket_accepted);
    assert_bytes(it.response.websocket_accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(it.response.framing, BODY_NONE);
    case_close(&it);
    assert_false(accepted(&it,
                          BYTES("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: other\r\n"
                                "Sec-WebSocket-Accept: a\r\n\r\n"),
                          METHOD_GET)
                     ->websocket_accepted);
    case_close(&it);
    assert_false(
        accepted(&it,
                 BYTES("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n"),
                 METHOD_GET)
            ->websocket_accepted);
    case_close(&it);
    assert_false(accepted(&it,
                          BYTES("HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
                                "Upgrade: websocket\r\n\r\n"),
                          METHOD_GET)
                     ->websocket_accepted);
    case_close(&it);
}

TEST(hostile_45_hop_by_hop_fields_of_a_response_stay)
{
    struct h1_case it;

    accepted(&it,
             BYTES(OK_WITH("Connection: keep-alive, X-Foo\r\nKeep-Alive: timeout=5\r\n"
                           "X-Foo: 1\r\nX-Bar: 2\r\nProxy-Authenticate: b\r\n")),
             METHOD_GET);
    assert_true(it.response.fields[0].hop_by_hop);
    assert_true(it.response.fields[1].hop_by_hop);
    assert_true(it.response.fields[2].hop_by_hop);
    assert_false(it.response.fields[3].hop_by_hop);
    assert_true(it.response.fields[4].hop_by_hop);
    case_close(&it);
}

TEST(any_split_of_a_response_gives_the_same_answer)
{
    struct bytes raw = BYTES(OK_WITH("A: b\r\nContent-Length: 5\r\n") "hello");

    for (size_t step = 1; step <= raw.len; step++) {
        struct h1_case it;

        assert_int_equal(case_response(&it, raw, step, METHOD_GET, false), H1_FINE);
        assert_int_equal(it.head_len, raw.len - 5);
        assert_int_equal(it.response.content_length, 5);
        case_close(&it);
    }
}

TESTS(UNIT(a_plain_response_is_taken_apart), UNIT(a_reason_may_be_empty_or_missing),
      UNIT(a_response_without_framing_ends_when_the_connection_does),
      UNIT(an_http_1_0_endpoint_keeps_the_connection_only_when_it_says_so),
      UNIT(hostile_53_framing_that_could_be_read_otherwise_is_refused),
      UNIT(hostile_53_line_ends_nul_and_folds_are_refused),
      UNIT(hostile_53_a_bad_status_line_is_refused),
      UNIT(hostile_53_some_responses_have_no_body_whatever_they_say),
      UNIT(hostile_55_a_101_that_was_not_asked_for_is_refused),
      UNIT(hostile_49_a_websocket_is_accepted_by_upgrade_and_accept),
      UNIT(hostile_45_hop_by_hop_fields_of_a_response_stay),
      UNIT(any_split_of_a_response_gives_the_same_answer))
