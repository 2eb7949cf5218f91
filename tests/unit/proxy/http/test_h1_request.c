/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h1_request.c - what a client's head may be, rule by rule of hostile-input.md A and B.
 */
#include "tests/unit/proxy/http/h1_case.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

/* Parse a request that must be fine; the caller closes the case. */
static const struct request *accepted(struct h1_case *it, struct bytes raw)
{
    assert_int_equal(case_request(it, raw, raw.len, &case_limits), H1_FINE);
    return &it->request;
}

TEST(a_plain_request_is_taken_apart)
{
    struct h1_case it;
    const struct request *request =
        accepted(&it, BYTES("GET /a/b?c=d HTTP/1.1\r\nHost: a.example:80\r\nX-A:\tb c \t\r\n\r\n"));

    assert_bytes(request->method, "GET");
    assert_int_equal(request->method_id, METHOD_GET);
    assert_bytes(request->path, "/a/b");
    assert_bytes(request->query, "?c=d");
    assert_bytes(request->authority, "a.example:80");
    assert_int_equal(request->version_minor, 1);
    assert_int_equal(request->fields_count, 2);
    assert_int_equal(request->fields[0].id, FIELD_HOST);
    assert_bytes(request->fields[1].name, "X-A");
    assert_bytes(request->fields[1].value, "b c");
    assert_int_equal(request->framing, BODY_NONE);
    assert_true(request->keep_alive);
    assert_false(request->wants_upgrade);
    case_close(&it);
}

TEST(the_second_question_mark_belongs_to_the_query)
{
    struct h1_case it;
    const struct request *request = accepted(&it, BYTES("GET /a?b?c HTTP/1.1\r\nHost: a\r\n\r\n"));

    assert_bytes(request->path, "/a");
    assert_bytes(request->query, "?b?c");
    case_close(&it);
}

TEST(a_field_may_have_an_empty_value)
{
    struct h1_case it;
    const struct request *request = accepted(&it, BYTES(GET_WITH("A:\r\nB: \r\nC: d\r\n")));

    assert_int_equal(request->fields_count, 4);
    assert_int_equal(request->fields[1].value.len, 0);
    assert_int_equal(request->fields[2].value.len, 0);
    assert_bytes(request->fields[3].value, "d");
    case_close(&it);
}

TEST(more_fields_than_the_first_block_holds_keep_their_order)
{
    struct text raw;
    struct h1_case it;
    const struct request *request;

    text_init(&raw);
    text_add_str(&raw, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned i = 1; i < 100; i++)
        text_printf(&raw, "N%u: v%u\r\n", i, i);
    text_add_str(&raw, "\r\n");
    request = accepted(&it, text_bytes(&raw));
    assert_int_equal(request->fields_count, 100);
    assert_bytes(request->fields[0].value, "a");
    assert_bytes(request->fields[99].name, "N99");
    assert_bytes(request->fields[99].value, "v99");
    case_close(&it);
    text_fini(&raw);
}

TEST(keep_alive_follows_version_and_connection)
{
    static const struct {
        struct bytes raw;
        bool keep_alive;
    } cases[] = {
        {{GET_WITH(""), sizeof(GET_WITH("")) - 1}, true},
        {{GET_WITH("Connection: close\r\n"), sizeof(GET_WITH("Connection: close\r\n")) - 1}, false},
        {{"GET / HTTP/1.0\r\n\r\n", 18}, false},
        {{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 42}, true},
        {{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", 49}, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct h1_case it;

        assert_int_equal(accepted(&it, cases[i].raw)->keep_alive, cases[i].keep_alive);
        case_close(&it);
    }
}

/* ---- A. framing ---- */

TEST(hostile_01_length_and_encoding_together_are_refused)
{
    REFUSED(POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            H1_LENGTH_AND_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            H1_LENGTH_AND_ENCODING);
    ANSWERED(POST_WITH("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 400);
    ANSWERED(
        "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        400);
    ANSWERED(POST_WITH("Content-Length: 5\r\nTransfer-Encoding:\r\n"), 400);
}

TEST(hostile_02_more_than_one_length_is_refused)
{
    REFUSED(POST_WITH("Content-Length: 5\r\nContent-Length: 5\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 5\r\nContent-Length: 6\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 5, 5\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 5,\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("content-length: 5\r\nA: b\r\nCONTENT-LENGTH: 5\r\n"), H1_BAD_CONTENT_LENGTH);
}

TEST(hostile_03_a_length_is_digits_that_fit_int64)
{
    struct h1_case it;

    REFUSED(POST_WITH("Content-Length: +5\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: -1\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 0x5\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 1_0\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 5 5\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length:\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: \r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 5.0\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 10000000000000000000\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 99999999999999999999\r\n"), H1_BAD_CONTENT_LENGTH);
    REFUSED(POST_WITH("Content-Length: 9223372036854775808\r\n"), H1_BAD_CONTENT_LENGTH);
    assert_true(accepted(&it, BYTES(POST_WITH("Content-Length: 9223372036854775807\r\n")))
                    ->content_length == INT64_MAX);
    case_close(&it);
    assert_int_equal(accepted(&it, BYTES(POST_WITH("Content-Length: 0\r\n")))->framing,
                     BODY_LENGTH);
    case_close(&it);
}

TEST(hostile_04_an_encoding_is_exactly_chunked)
{
    struct h1_case it;

    assert_int_equal(accepted(&it, BYTES(POST_WITH("Transfer-Encoding: ChunKed\r\n")))->framing,
                     BODY_CHUNKED);
    case_close(&it);
    REFUSED(POST_WITH("Transfer-Encoding: gzip\r\n"), H1_UNKNOWN_TRANSFER_CODING);
    REFUSED(POST_WITH("Transfer-Encoding: identity\r\n"), H1_UNKNOWN_TRANSFER_CODING);
    REFUSED(POST_WITH("Transfer-Encoding: xchunked\r\n"), H1_UNKNOWN_TRANSFER_CODING);
    ANSWERED(POST_WITH("Transfer-Encoding: gzip\r\n"), 501);
    REFUSED(POST_WITH("Transfer-Encoding: gzip, chunked\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: chunked, gzip\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: chunked, chunked\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: \"chunked\"\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: chunked,\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: ,chunked\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding: chunked;q=1\r\n"), H1_BAD_TRANSFER_ENCODING);
    REFUSED(POST_WITH("Transfer-Encoding:\r\n"), H1_BAD_TRANSFER_ENCODING);
    ANSWERED(POST_WITH("Transfer-Encoding: \x0b"
                       "chunked\r\n"),
             400);
    ANSWERED(POST_WITH("Transfer-Encoding: chunked\x0c\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding: chun\0ked\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding: chunked\x80\r\n"), 400);
}

TEST(hostile_05_an_encoding_in_http_1_0_is_refused)
{
    REFUSED("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            H1_BAD_TRANSFER_ENCODING);
}

TEST(hostile_06_disguised_framing_names_are_refused)
{
    ANSWERED(POST_WITH("Content-Length : 5\r\n"), 400);
    ANSWERED(POST_WITH("Content-Length\t: 5\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding : chunked\r\n"), 400);
    ANSWERED(POST_WITH(" Transfer-Encoding: chunked\r\n"), 400);
    ANSWERED(POST_WITH("\x0bTransfer-Encoding: chunked\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding\x0b: chunked\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding\x0c: chunked\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding\0: chunked\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding\xa0: chunked\r\n"), 400);
    ANSWERED(POST_WITH("Content\0-Length: 5\r\n"), 400);
}

TEST(hostile_12_what_follows_a_head_is_not_part_of_it)
{
    struct h1_case it;

    accepted(&it, BYTES("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_int_equal(it.head_len, 28);
    assert_bytes(it.request.path, "/1");
    case_close(&it);
}

TEST(hostile_14_only_100_continue_may_be_expected)
{
    struct h1_case it;

    assert_true(accepted(&it, BYTES(POST_WITH("Expect: 100-Continue\r\nContent-Length: 1\r\n")))
                    ->expects_continue);
    case_close(&it);
    assert_false(
        accepted(&it, BYTES("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"))->expects_continue);
    case_close(&it);
    REFUSED(POST_WITH("Expect: 200-ok\r\n"), H1_BAD_EXPECT);
    REFUSED(POST_WITH("Expect: 100-continue, x\r\n"), H1_BAD_EXPECT);
    REFUSED(POST_WITH("Expect: 100-continue\r\nExpect: 100-continue\r\n"), H1_BAD_EXPECT);
    ANSWERED(POST_WITH("Expect:\r\n"), 417);
}

TEST(hostile_15_a_body_on_any_method_is_framed)
{
    struct h1_case it;

    assert_int_equal(accepted(&it, BYTES(GET_WITH("Content-Length: 5\r\n")))->content_length, 5);
    assert_int_equal(it.request.framing, BODY_LENGTH);
    case_close(&it);
    accepted(&it, BYTES("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_int_equal(it.request.framing, BODY_CHUNKED);
    case_close(&it);
    accepted(&it, BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"));
    assert_int_equal(it.request.framing, BODY_LENGTH);
    case_close(&it);
}

TEST(hostile_16_an_upgrade_with_a_body_is_refused)
{
    REFUSED(GET_WITH("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n"),
            H1_UPGRADE_WITH_BODY);
    REFUSED(GET_WITH("Upgrade: x\r\nTransfer-Encoding: chunked\r\n"), H1_UPGRADE_WITH_BODY);
    ACCEPTED(GET_WITH("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 0\r\n"));
}

/* ---- B. syntax ---- */

TEST(hostile_17_a_bare_lf_is_no_line_end)
{
    REFUSED("GET / HTTP/1.1\nHost: a\r\n\r\n", H1_BAD_LINE_END);
    REFUSED("GET / HTTP/1.1\r\nHost: a\n\r\n", H1_BAD_LINE_END);
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\n\n", H1_BAD_LINE_END);
    REFUSED("GET / HTTP/1.1\r\nHost: a\n\n", H1_BAD_LINE_END);
    REFUSED("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE_END);
    REFUSED("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_LINE_END);
}

TEST(hostile_18_a_bare_cr_is_refused_anywhere)
{
    ANSWERED("GET / HTTP/1.1\rHost: a\r\n\r\n", 400);
    ANSWERED("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED(GET_WITH("A: b\rc\r\n"), 400);
    ANSWERED(GET_WITH("A: b\r\r\n"), 400);
    ANSWERED(GET_WITH("A\r: b\r\n"), 400);
    ANSWERED(GET_WITH("\rA: b\r\n"), 400);
    ANSWERED(GET_WITH("A: b\r\n\rX\r\n"), 400);
    ANSWERED(GET_WITH("A: b\r\n\r"), 400); /* CR CR LF */
}

TEST(hostile_19_a_folded_line_is_refused)
{
    ANSWERED(GET_WITH("A: b\r\n c\r\n"), 400);
    ANSWERED(GET_WITH("A: b\r\n\tc\r\n"), 400);
    ANSWERED(GET_WITH("A:\r\n b\r\n"), 400);
    ANSWERED("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400);
    ANSWERED(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED(GET_WITH("A: b\r\n \r\n"), 400);
    ANSWERED(POST_WITH("Content-Length: 5\r\n 5\r\n"), 400);
    ANSWERED(POST_WITH("Transfer-Encoding:\r\n chunked\r\n"), 400);
}

TEST(hostile_20_a_name_is_a_token_and_a_line_has_a_colon)
{
    REFUSED(GET_WITH(": b\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("A\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("A b: c\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("A(: c\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("A\"b\": c\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("A/b: c\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("A@b: c\r\n"), H1_BAD_FIELD);
    REFUSED(GET_WITH("\xc3\xa4: c\r\n"), H1_BAD_FIELD);
    ACCEPTED(GET_WITH("!#$%&'*+-.^`|~09azAZ: b\r\n"));
}

TEST(hostile_21_no_control_byte_but_tab_in_a_value)
{
    struct h1_case it;

    for (unsigned byte = 0; byte < 256; byte++) {
        char raw[] = "GET / HTTP/1.1\r\nHost: a\r\nA: b_c\r\n\r\n";
        bool fine = byte == '\t' || (byte >= 0x20 && byte != 0x7F);

        *strchr(raw, '_') = (char)byte;
        assert_int_equal(request_fault(bytes_from(raw, sizeof(raw) - 1)) == H1_FINE, fine);
    }
    accepted(&it, BYTES(GET_WITH("A: \x80\xff\r\n")));
    assert_bytes(it.request.fields[1].value, "\x80\xff");
    case_close(&it);
}

TEST(hostile_22_names_with_an_underscore_are_dropped_and_counted)
{
    struct h1_limits allowing = case_limits;
    struct bytes raw = BYTES(GET_WITH("X_Forwarded_For: 1.2.3.4\r\nA: b\r\nContent_Length: 5\r\n"));
    struct bytes free_names = BYTES(GET_WITH("My_Own: 1\r\nX_Y: 2\r\n"));
    struct h1_case it;

    accepted(&it, raw);
    assert_int_equal(it.request.fields_count, 2);
    assert_int_equal(it.request.fields_dropped_count, 2);
    assert_int_equal(it.request.framing, BODY_NONE);
    case_close(&it);
    allowing.underscores_allowed = true;
    assert_int_equal(case_request(&it, free_names, free_names.len, &allowing), H1_FINE);
    assert_int_equal(it.request.fields_count, 3);
    case_close(&it);
    /* Even then a name that others read as a trusted one is dropped. */
    assert_int_equal(case_request(&it, raw, raw.len, &allowing), H1_FINE);
    assert_int_equal(it.request.fields_count, 2);
    assert_int_equal(it.request.fields_dropped_count, 2);
    case_close(&it);
}

TEST(hostile_23_http_1_1_has_exactly_one_host)
{
    struct h1_case it;

    REFUSED("GET / HTTP/1.1\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET http://a/ HTTP/1.1\r\n\r\n", H1_BAD_HOST);
    assert_int_equal(accepted(&it, BYTES("GET / HTTP/1.0\r\n\r\n"))->authority.len, 0);
    case_close(&it);
}

TEST(hostile_24_a_host_is_host_and_port_and_nothing_else)
{
    REFUSED("GET / HTTP/1.1\r\nHost:\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.0\r\nHost:\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a:+8\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: []\r\n\r\n", H1_BAD_HOST);
    REFUSED("GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", H1_BAD_HOST);
    ACCEPTED("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n");
    ACCEPTED("GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:65535\r\n\r\n");
    ACCEPTED("GET / HTTP/1.1\r\nHost: a_b-c.example.:8080\r\n\r\n");
}

TEST(hostile_25_an_absolute_target_replaces_the_host_it_agrees_with)
{
    struct h1_case it;

    accepted(&it, BYTES("GET http://A.example:80/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n"));
    assert_bytes(it.request.authority, "A.example:80");
    assert_bytes(it.request.path, "/x");
    assert_bytes(it.request.query, "?y");
    assert_bytes(it.request.scheme, "http");
    case_close(&it);
    accepted(&it, BYTES("GET HTTPS://a?y=/z HTTP/1.1\r\nHost: a:443\r\n\r\n"));
    assert_bytes(it.request.path, "/");
    assert_bytes(it.request.query, "?y=/z");
    assert_bytes(it.request.scheme, "https");
    case_close(&it);
    accepted(&it, BYTES("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_bytes(it.request.path, "*");
    case_close(&it);
    REFUSED("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", H1_HOST_MISMATCH);
    REFUSED("GET http://a/ HTTP/1.1\r\nHost: a:8080\r\n\r\n", H1_HOST_MISMATCH);
    REFUSED("GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", H1_HOST_MISMATCH);
    REFUSED("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET http://a:99999/ HTTP/1.1\r\nHost: a:99999\r\n\r\n", H1_BAD_HOST);
}

TEST(hostile_26_target_forms_go_with_their_methods)
{
    struct h1_case it;

    REFUSED("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", H1_METHOD_NOT_ALLOWED);
    REFUSED("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", H1_METHOD_NOT_ALLOWED);
    ANSWERED("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405);
    REFUSED("GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET a HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET * HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("OPTIONS *?x HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    REFUSED("GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET);
    assert_bytes(accepted(&it, BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"))->path, "*");
    case_close(&it);
}

TEST(hostile_27_a_method_is_a_token_of_at_most_32_bytes)
{
    struct h1_case it;

    accepted(&it, BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_int_equal(it.request.method_id, METHOD_OTHER);
    case_close(&it);
    accepted(&it, BYTES("get / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_int_equal(it.request.method_id, METHOD_OTHER);
    case_close(&it);
    ACCEPTED("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n");
    ACCEPTED("PRI / HTTP/1.1\r\nHost: a\r\n\r\n");
    REFUSED("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD);
    REFUSED("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", H1_BAD_METHOD);
    REFUSED("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD);
    REFUSED("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD);
    REFUSED("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", H1_METHOD_NOT_ALLOWED);
}

TEST(hostile_28_a_request_line_has_three_parts_and_two_blanks)
{
    ANSWERED("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET /\r\n", 400);
    ANSWERED("GET\r\n", 400);
    ANSWERED("GET / \r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/1.\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / http/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    ANSWERED("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    ANSWERED("GET / HTTP/3.1\r\nHost: a\r\n\r\n", 505);
    ACCEPTED("GET / HTTP/1.2\r\nHost: a\r\n\r\n");
}

TEST(hostile_29_a_target_is_visible_ascii_without_a_fragment)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char raw[] = "GET /_x HTTP/1.1\r\nHost: a\r\n\r\n";
        bool fine = byte >= 0x21 && byte <= 0x7E && byte != '#';

        raw[5] = (char)byte;
        assert_int_equal(request_fault(bytes_from(raw, sizeof(raw) - 1)) == H1_FINE, fine);
        raw[5] = '?'; /* and in the query */
        raw[6] = (char)byte;
        assert_int_equal(request_fault(bytes_from(raw, sizeof(raw) - 1)) == H1_FINE, fine);
    }
}

TEST(hostile_30_one_empty_line_may_come_first_and_no_other_junk)
{
    ACCEPTED("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    REFUSED("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_REQUEST_LINE);
    ANSWERED("\x01GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSED("\x16\x03\x01", H1_TLS);
    ANSWERED("\x16\x03\x01", 0);
    ANSWERED("\x80\x2e\x01", 0);
    REFUSED("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H1_HTTP2_PREFACE);
    ANSWERED("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0);
}

/* ---- D. what stays on this side ---- */

static bool stays(const struct request *request, const char *name)
{
    for (uint32_t i = 0; i < request->fields_count; i++) {
        if (bytes_equal_nocase(request->fields[i].name, bytes_of(name)))
            return request->fields[i].hop_by_hop;
    }
    fail_msg("no field %s", name);
    return false;
}

TEST(hostile_45_hop_by_hop_fields_and_those_named_in_connection_stay)
{
    struct h1_case it;
    const struct request *request = accepted(
        &it, BYTES(GET_WITH("Connection: foo, ,\"x\" , BAR\r\nconnection: Cookie2\r\nFoo: 1\r\n"
                            "bar: 2\r\nBaz: 3\r\nKeep-Alive: 4\r\nTE: trailers\r\nTrailer: a\r\n"
                            "Proxy-Connection: x\r\nCookie2: y\r\nUser-Agent: z\r\n")));

    assert_true(stays(request, "Connection"));
    assert_true(stays(request, "Foo"));
    assert_true(stays(request, "bar"));
    assert_true(stays(request, "Cookie2"));
    assert_true(stays(request, "Keep-Alive"));
    assert_true(stays(request, "TE"));
    assert_true(stays(request, "Trailer"));
    assert_true(stays(request, "Proxy-Connection"));
    assert_false(stays(request, "Baz"));
    assert_false(stays(request, "User-Agent"));
    case_close(&it);
}

TEST(hostile_45_connection_can_not_remove_protected_fields)
{
    struct h1_case it;
    const struct request *request = accepted(
        &it,
        BYTES(GET_WITH("Connection: host, content-length, x-forwarded-for, X-Forwarded-Prefix, "
                       "forwarded, authorization, x-forwarded-client-cert, client-cert, "
                       "ssl-client-verify, x-real-ip\r\nContent-Length: 5\r\n"
                       "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Prefix: /\r\nForwarded: x\r\n"
                       "Authorization: y\r\nX-Forwarded-Client-Cert: z\r\nClient-Cert: c\r\n"
                       "SSL-Client-Verify: SUCCESS\r\nX-Real-IP: 1.2.3.4\r\n")));

    for (uint32_t i = 0; i < request->fields_count; i++)
        assert_int_equal(request->fields[i].hop_by_hop, request->fields[i].id == FIELD_CONNECTION);
    assert_int_equal(request->framing, BODY_LENGTH);
    case_close(&it);
}

TEST(connection_names_a_bounded_number_of_fields)
{
    struct text raw;

    text_init(&raw);
    text_add_str(&raw, "GET / HTTP/1.1\r\nHost: a\r\nConnection: a");
    for (unsigned i = 1; i < 64; i++)
        text_add_str(&raw, ",a");
    text_add_str(&raw, "\r\n\r\n");
    assert_int_equal(request_fault(text_bytes(&raw)), H1_FINE);
    raw.len -= 4;
    text_add_str(&raw, ",a\r\n\r\n");
    assert_int_equal(request_fault(text_bytes(&raw)), H1_TOO_MANY_OPTIONS);
    text_fini(&raw);
}

TEST(hostile_47_an_upgrade_to_h2c_is_not_wanted)
{
    struct h1_case it;

    assert_false(accepted(&it, BYTES(GET_WITH("Connection: Upgrade, HTTP2-Settings\r\n"
                                              "Upgrade: h2c\r\nHTTP2-Settings: AA\r\n")))
                     ->wants_upgrade);
    case_close(&it);
    assert_false(
        accepted(&it, BYTES(GET_WITH("Connection: upgrade\r\nUpgrade: websocket, H2C\r\n")))
            ->wants_upgrade);
    case_close(&it);
}

#define WEBSOCKET(method, version, key, number, upgrade)                                           \
    method " / HTTP/" version                                                                      \
           "\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: " upgrade                   \
           "\r\nSec-WebSocket-Key: " key "\r\nSec-WebSocket-Version: " number "\r\n\r\n"

TEST(hostile_49_a_websocket_request_is_exactly_one)
{
    struct h1_case it;

    accepted(&it, BYTES(WEBSOCKET("GET", "1.1", KEY, "13", "WebSocket")));
    assert_true(it.request.wants_websocket);
    assert_bytes(it.request.websocket_key, KEY);
    case_close(&it);
    static const struct bytes others[] = {
        {WEBSOCKET("POST", "1.1", KEY, "13", "websocket"),
         sizeof(WEBSOCKET("POST", "1.1", KEY, "13", "websocket")) - 1},
        {WEBSOCKET("GET", "1.0", KEY, "13", "websocket"),
         sizeof(WEBSOCKET("GET", "1.0", KEY, "13", "websocket")) - 1},
        {WEBSOCKET("GET", "1.1", "abc", "13", "websocket"),
         sizeof(WEBSOCKET("GET", "1.1", "abc", "13", "websocket")) - 1},
        {WEBSOCKET("GET", "1.1", KEY, "8", "websocket"),
         sizeof(WEBSOCKET("GET", "1.1", KEY, "8", "websocket")) - 1},
        {WEBSOCKET("GET", "1.1", KEY, "13", "websocket, x"),
         sizeof(WEBSOCKET("GET", "1.1", KEY, "13", "websocket, x")) - 1},
        {WEBSOCKET("GET", "1.1", KEY "\r\nSec-WebSocket-Key: " KEY, "13", "websocket"),
         sizeof(WEBSOCKET("GET", "1.1", KEY "\r\nSec-WebSocket-Key: " KEY, "13", "websocket")) - 1},
        {GET_WITH("Upgrade: websocket\r\nSec-WebSocket-Key: " KEY
                  "\r\nSec-WebSocket-Version: 13\r\n"),
         sizeof(GET_WITH("Upgrade: websocket\r\nSec-WebSocket-Key: " KEY
                         "\r\nSec-WebSocket-Version: 13\r\n")) -
             1},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(accepted(&it, others[i])->wants_websocket);
        case_close(&it);
    }
}

TESTS(UNIT(a_plain_request_is_taken_apart), UNIT(the_second_question_mark_belongs_to_the_query),
      UNIT(a_field_may_have_an_empty_value),
      UNIT(more_fields_than_the_first_block_holds_keep_their_order),
      UNIT(keep_alive_follows_version_and_connection),
      UNIT(hostile_01_length_and_encoding_together_are_refused),
      UNIT(hostile_02_more_than_one_length_is_refused),
      UNIT(hostile_03_a_length_is_digits_that_fit_int64),
      UNIT(hostile_04_an_encoding_is_exactly_chunked),
      UNIT(hostile_05_an_encoding_in_http_1_0_is_refused),
      UNIT(hostile_06_disguised_framing_names_are_refused),
      UNIT(hostile_12_what_follows_a_head_is_not_part_of_it),
      UNIT(hostile_14_only_100_continue_may_be_expected),
      UNIT(hostile_15_a_body_on_any_method_is_framed),
      UNIT(hostile_16_an_upgrade_with_a_body_is_refused), UNIT(hostile_17_a_bare_lf_is_no_line_end),
      UNIT(hostile_18_a_bare_cr_is_refused_anywhere), UNIT(hostile_19_a_folded_line_is_refused),
      UNIT(hostile_20_a_name_is_a_token_and_a_line_has_a_colon),
      UNIT(hostile_21_no_control_byte_but_tab_in_a_value),
      UNIT(hostile_22_names_with_an_underscore_are_dropped_and_counted),
      UNIT(hostile_23_http_1_1_has_exactly_one_host),
      UNIT(hostile_24_a_host_is_host_and_port_and_nothing_else),
      UNIT(hostile_25_an_absolute_target_replaces_the_host_it_agrees_with),
      UNIT(hostile_26_target_forms_go_with_their_methods),
      UNIT(hostile_27_a_method_is_a_token_of_at_most_32_bytes),
      UNIT(hostile_28_a_request_line_has_three_parts_and_two_blanks),
      UNIT(hostile_29_a_target_is_visible_ascii_without_a_fragment),
      UNIT(hostile_30_one_empty_line_may_come_first_and_no_other_junk),
      UNIT(hostile_45_hop_by_hop_fields_and_those_named_in_connection_stay),
      UNIT(hostile_45_connection_can_not_remove_protected_fields),
      UNIT(connection_names_a_bounded_number_of_fields),
      UNIT(hostile_47_an_upgrade_to_h2c_is_not_wanted),
      UNIT(hostile_49_a_websocket_request_is_exactly_one))
