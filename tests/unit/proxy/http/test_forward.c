/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_forward.c - the heads that go on, byte by byte; hostile-input.md R1, 45-47, 51.
 */
#include "proxy/http/forward.h"
#include "tests/unit/proxy/http/h1_case.h"

static struct forward_request how_default(void)
{
    return (struct forward_request){
        .path = BYTES("/p"),
        .host = BYTES("a.example"),
        .client_ip = BYTES("192.0.2.1"),
        .scheme = BYTES("http"),
        .port = BYTES("80"),
        .request_id = BYTES("id1"),
        .framing = BODY_NONE,
    };
}

/* What goes upstream for `raw`. */
static void assert_forwarded(struct bytes raw, const struct forward_request *how,
                             const char *expected)
{
    struct h1_case it;
    struct text out;

    assert_int_equal(case_request(&it, raw, raw.len, &case_limits), H1_FINE);
    text_init(&out);
    text_add_str(&out, "before|");
    forward_request_head(&out, &it.request, how);
    assert_bytes(bytes_skip(text_bytes(&out), 7), expected);
    text_fini(&out);
    case_close(&it);
}

#define OURS                                                                                       \
    "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"            \
    "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\nX-Request-Id: id1\r\n\r\n"

TEST(a_request_is_written_anew)
{
    struct forward_request how = how_default();

    assert_forwarded(BYTES("GET /p?q=1 HTTP/1.0\r\nA:b  \r\nhost:  a.example\r\nCookie: c=d\r\n"
                           "Accept-Encoding: gzip\r\n\r\n"),
                     &how,
                     "GET /p?q=1 HTTP/1.1\r\nHost: a.example\r\nA: b\r\nCookie: c=d\r\n"
                     "Accept-Encoding: gzip\r\n" OURS);
}

TEST(framing_is_written_by_us)
{
    struct forward_request how = how_default();

    how.framing = BODY_LENGTH;
    how.content_length = 18446744073709551615u;
    assert_forwarded(BYTES("POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n"),
                     &how,
                     "POST /p HTTP/1.1\r\nHost: a.example\r\n"
                     "Content-Length: 18446744073709551615\r\n" OURS);
    how.content_length = 0;
    assert_forwarded(BYTES("POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
                     &how, "POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n" OURS);
    how.framing = BODY_CHUNKED;
    assert_forwarded(
        BYTES("POST /p HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: Chunked\r\n\r\n"), &how,
        "POST /p HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n" OURS);
}

TEST(hostile_14_an_expectation_is_passed_on_only_when_told)
{
    struct forward_request how = how_default();
    struct bytes raw = BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n");

    assert_forwarded(raw, &how, "GET /p HTTP/1.1\r\nHost: a.example\r\n" OURS);
    how.expects_continue = true;
    assert_forwarded(raw, &how,
                     "GET /p HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n" OURS);
}

TEST(hostile_45_what_belongs_to_the_connection_is_not_passed_on)
{
    struct forward_request how = how_default();

    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-A\r\n"
                           "X-A: 1\r\nKeep-Alive: 2\r\nTE: trailers\r\nTrailer: x\r\n"
                           "Proxy-Connection: y\r\nUpgrade: z\r\nX-B: 3\r\n\r\n"),
                     &how, "GET /p HTTP/1.1\r\nHost: a.example\r\nX-B: 3\r\n" OURS);
}

TEST(hostile_46_a_strangers_forwarding_fields_are_dropped_and_set_anew)
{
    struct forward_request how = how_default();

    assert_forwarded(
        BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-Host: evil\r\n"
              "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 1.1.1.1\r\n"
              "X-Forwarded-Prefix: /x\r\nX-Forwarded-Client-Cert: y\r\n"
              "x-forwarded-user: root\r\nX-Request-Id: evil\r\n\r\n"),
        &how, "GET /p HTTP/1.1\r\nHost: a.example\r\n" OURS);
}

/* Design 5.10 over hostile-input 46: docs/decisions/0005-forwarding-headers.md. */
TEST(x_forwarded_for_is_appended_to_and_forwarded_untouched)
{
    struct forward_request how = how_default();

    assert_forwarded(
        BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n"
              "Forwarded: for=x\r\nX-Forwarded-For:\r\nx-forwarded-for: 3.3.3.3\r\n\r\n"),
        &how,
        "GET /p HTTP/1.1\r\nHost: a.example\r\nForwarded: for=x\r\n"
        "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.1\r\n"
        "X-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
        "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\n"
        "X-Request-Id: id1\r\n\r\n");
}

TEST(hostile_46_a_trusted_peers_forwarding_fields_are_kept)
{
    struct forward_request how = how_default();

    how.client_is_trusted = true;
    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 1.1.1.1\r\n"
                           "X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /x\r\n\r\n"),
                     &how,
                     "GET /p HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-Proto: https\r\n"
                     "X-Forwarded-Prefix: /x\r\nX-Forwarded-For: 1.1.1.1, 192.0.2.1\r\n"
                     "X-Real-IP: 192.0.2.1\r\nX-Forwarded-Host: a.example\r\n"
                     "X-Forwarded-Port: 80\r\nX-Request-Id: id1\r\n\r\n");
}

#define OURS_BUT_FOR_THE_ID                                                                        \
    "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"            \
    "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\n"

TEST(a_path_that_was_rewritten_goes_with_the_one_that_was_asked_for)
{
    struct forward_request how = how_default();

    how.path = BYTES("/x");
    how.original_path = BYTES("/a/x");
    how.request_id = BYTES_NONE;
    assert_forwarded(BYTES("GET /a/x?q=1 HTTP/1.1\r\nHost: a.example\r\n"
                           "X-ENVOY-Original-Path: /evil\r\n\r\n"),
                     &how,
                     "GET /x?q=1 HTTP/1.1\r\nHost: a.example\r\n" OURS_BUT_FOR_THE_ID
                     "X-Envoy-Original-Path: /a/x?q=1\r\n\r\n");
    how.client_is_trusted = true;
    assert_forwarded(BYTES("GET /a/x HTTP/1.1\r\nHost: a.example\r\n"
                           "X-Envoy-Original-Path: /before/a/x\r\n\r\n"),
                     &how,
                     "GET /x HTTP/1.1\r\nHost: a.example\r\n"
                     "X-Envoy-Original-Path: /before/a/x\r\n" OURS_BUT_FOR_THE_ID "\r\n");
}

TEST(hostile_46_a_strangers_original_path_is_dropped_where_nothing_was_rewritten)
{
    struct forward_request how = how_default();

    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\n"
                           "X-Envoy-Original-Path: /evil\r\n\r\n"),
                     &how, "GET /p HTTP/1.1\r\nHost: a.example\r\n" OURS);
}

TEST(hostile_47_proxy_h2c_and_internal_fields_are_dropped)
{
    struct forward_request how = how_default();

    how.client_is_trusted = true;
    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nProxy: evil\r\n"
                           "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                           "HTTP2-Settings: AAMAAABk\r\nX-Fairlead-Route: x\r\n\r\n"),
                     &how, "GET /p HTTP/1.1\r\nHost: a.example\r\n" OURS);
    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nHTTP2-Settings: AAMAAABk\r\n"
                           "x-fairlead-: y\r\nProxy-Authorization: z\r\n\r\n"),
                     &how, "GET /p HTTP/1.1\r\nHost: a.example\r\n" OURS);
}

TEST(an_upgrade_is_passed_on_when_told)
{
    struct forward_request how = how_default();

    how.upgrade = true;
    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n"
                           "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"),
                     &how,
                     "GET /p HTTP/1.1\r\nHost: a.example\r\nSec-WebSocket-Version: 13\r\n"
                     "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
                     "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\n"
                     "X-Forwarded-Port: 80\r\nX-Request-Id: id1\r\n"
                     "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(hostile_22_an_underscore_alias_never_reaches_an_origin)
{
    struct forward_request how = how_default();

    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\nX_Forwarded_For: 1.1.1.1\r\n"
                           "X-Real_IP: 1.1.1.1\r\n\r\n"),
                     &how, "GET /p HTTP/1.1\r\nHost: a.example\r\n" OURS);
}

TEST(hostile_25_an_origin_sees_origin_form)
{
    struct forward_request how = how_default();

    assert_forwarded(BYTES("GET http://a.example/p?q HTTP/1.1\r\nHost: A.example:80\r\n\r\n"), &how,
                     "GET /p?q HTTP/1.1\r\nHost: a.example\r\n" OURS);
}

/* ---- responses ---- */

static void assert_answered(struct bytes raw, enum method_id method,
                            const struct forward_response *how, const char *expected)
{
    struct h1_case it;
    struct text out;

    assert_int_equal(case_response(&it, raw, raw.len, method, true), H1_FINE);
    text_init(&out);
    forward_response_head(&out, &it.response, how);
    assert_bytes(text_bytes(&out), expected);
    text_fini(&out);
    case_close(&it);
}

static struct forward_response answer_default(enum body_framing framing)
{
    return (struct forward_response){
        .client_version_minor = 1,
        .keep_alive = true,
        .framing = framing,
        .date = BYTES("Mon, 01 Jan 2026 00:00:00 GMT"),
    };
}

TEST(a_response_is_written_anew)
{
    struct forward_response how = answer_default(BODY_LENGTH);

    assert_answered(BYTES("HTTP/1.0 404 Not Here\r\nserver:x \r\nContent-Length: 007\r\n"
                          "Set-Cookie: a\r\nSet-Cookie: b\r\nKeep-Alive: 5\r\nDate: today\r\n\r\n"),
                    METHOD_GET, &how,
                    "HTTP/1.1 404 Not Here\r\nserver: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
                    "Date: today\r\nContent-Length: 7\r\n\r\n");
}

TEST(a_missing_date_is_added)
{
    struct forward_response how = answer_default(BODY_CHUNKED);

    assert_answered(BYTES(OK_WITH("Transfer-Encoding: chunked\r\n")), METHOD_GET, &how,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                    "Date: Mon, 01 Jan 2026 00:00:00 GMT\r\n\r\n");
}

TEST(the_connection_towards_the_client_is_ours_to_name)
{
    struct forward_response how = answer_default(BODY_UNTIL_CLOSE);

    how.keep_alive = false;
    assert_answered(BYTES(OK_WITH("Date: d\r\nConnection: keep-alive\r\n")), METHOD_GET, &how,
                    "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\n\r\n");
    how = answer_default(BODY_LENGTH);
    how.client_version_minor = 0;
    how.client_wants_keep_alive_1_0 = true;
    assert_answered(BYTES(OK_WITH("Date: d\r\nContent-Length: 0\r\nConnection: close\r\n")),
                    METHOD_GET, &how,
                    "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 0\r\n"
                    "Connection: keep-alive\r\n\r\n");
}

TEST(a_length_without_a_body_is_passed_on_where_it_may_be)
{
    struct forward_response how = answer_default(BODY_NONE);

    assert_answered(BYTES(OK_WITH("Date: d\r\nContent-Length: 5\r\n")), METHOD_HEAD, &how,
                    "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 5\r\n\r\n");
    assert_answered(BYTES("HTTP/1.1 304 x\r\nDate: d\r\nContent-Length: 5\r\n\r\n"), METHOD_GET,
                    &how, "HTTP/1.1 304 x\r\nDate: d\r\nContent-Length: 5\r\n\r\n");
    assert_answered(BYTES("HTTP/1.1 204 x\r\nDate: d\r\nContent-Length: 5\r\n\r\n"), METHOD_GET,
                    &how, "HTTP/1.1 204 x\r\nDate: d\r\n\r\n");
}

TEST(an_interim_response_says_nothing_about_the_connection)
{
    struct forward_response how = answer_default(BODY_NONE);

    how.keep_alive = false;
    assert_answered(BYTES("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), METHOD_GET, &how,
                    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
}

TEST(a_101_opens_the_tunnel)
{
    struct forward_response how = answer_default(BODY_NONE);

    how.upgrade = true;
    assert_answered(BYTES("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n"
                          "upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"),
                    METHOD_GET, &how,
                    "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n"
                    "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(hostile_46_the_certificate_is_ours_to_tell)
{
    struct forward_request how = how_default();

    how.request_id = BYTES_NONE;
    how.client_cert = BYTES("Hash=1");
    assert_forwarded(BYTES("GET /p HTTP/1.1\r\nHost: a.example\r\n"
                           "X-Forwarded-Client-Cert: Hash=2\r\n\r\n"),
                     &how,
                     "GET /p HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.1\r\n"
                     "X-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
                     "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\n"
                     "X-Forwarded-Client-Cert: Hash=1\r\n\r\n");
}

/* As h2_request.c reads an extended CONNECT. */
TEST(a_websocket_whose_client_has_no_key_gets_one)
{
    struct field fields[] = {
        {BYTES("upgrade"), BYTES("websocket"), FIELD_UPGRADE, true},
        {BYTES("sec-websocket-version"), BYTES("13"), FIELD_SEC_WEBSOCKET_VERSION, false},
    };
    struct request request = {.method = BYTES("GET"), .fields = fields, .fields_count = 2};
    struct forward_request how = {.path = BYTES("/ws"),
                                  .host = BYTES("a.example"),
                                  .scheme = BYTES("https"),
                                  .upgrade = true,
                                  .websocket_key = BYTES("a-key")};
    struct text out;

    text_init(&out);
    forward_request_head(&out, &request, &how);
    assert_bytes(text_bytes(&out),
                 "GET /ws HTTP/1.1\r\nHost: a.example\r\nsec-websocket-version: 13\r\n"
                 "X-Forwarded-Proto: https\r\nConnection: upgrade\r\nUpgrade: "
                 "websocket\r\nSec-WebSocket-Key: a-key\r\n\r\n");
    request.fields_count = 1; /* nor a version */
    text_clear(&out);
    forward_request_head(&out, &request, &how);
    assert_bytes(text_bytes(&out), "GET /ws HTTP/1.1\r\nHost: a.example\r\n"
                                   "X-Forwarded-Proto: https\r\nConnection: upgrade\r\nUpgrade: "
                                   "websocket\r\nSec-WebSocket-Key: a-key\r\n"
                                   "Sec-WebSocket-Version: 13\r\n\r\n");
    text_fini(&out);
}

TEST(what_is_added_stands_in_place_of_the_endpoints)
{
    const struct field added[] = {
        {BYTES("strict-transport-security"), BYTES("max-age=1"), FIELD_STRICT_TRANSPORT_SECURITY,
         false},
        {BYTES("x-own"), BYTES("ours"), FIELD_OTHER, false},
    };
    struct forward_response how = answer_default(BODY_LENGTH);

    how.added = added;
    how.added_count = 2;
    assert_answered(BYTES(OK_WITH("Date: d\r\nStrict-Transport-Security: max-age=0\r\nX-OWN: a\r\n"
                                  "X-Owner: b\r\nx-own: c\r\nContent-Length: 0\r\n")),
                    METHOD_GET, &how,
                    "HTTP/1.1 200 OK\r\nDate: d\r\nX-Owner: b\r\n"
                    "strict-transport-security: max-age=1\r\nx-own: ours\r\n"
                    "Content-Length: 0\r\n\r\n");
}

TEST(a_cookie_that_is_added_stands_beside_the_endpoints)
{
    const struct field added = {BYTES("set-cookie"), BYTES("a=ours"), FIELD_SET_COOKIE, false};
    struct forward_response how = answer_default(BODY_LENGTH);

    how.added = &added;
    how.added_count = 1;
    assert_answered(BYTES(OK_WITH("Date: d\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
                                  "Content-Length: 0\r\n")),
                    METHOD_GET, &how,
                    "HTTP/1.1 200 OK\r\nDate: d\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
                    "set-cookie: a=ours\r\nContent-Length: 0\r\n\r\n");
}

/* R1 and 51: no byte of a head that was accepted can end a line early. */
TEST(hostile_51_no_line_end_comes_out_but_our_own)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char raw[] = "GET /_?_ HTTP/1.1\r\nHost: a\r\nN_me: v_lue\r\n\r\n";
        struct forward_request how = how_default();
        struct h1_case it;
        struct text out;
        size_t lines = 0;

        for (char *at = raw; *at != '\0'; at++) {
            if (*at == '_')
                *at = byte == 0 ? '\x01' : (char)byte;
        }
        text_init(&out);
        if (case_request(&it, bytes_of(raw), sizeof(raw) - 1, &case_limits) == H1_FINE) {
            how.path = it.request.path;
            forward_request_head(&out, &it.request, &how);
            for (size_t i = 0; i < out.len; i++)
                lines += out.at[i] == '\n' || out.at[i] == '\r' || out.at[i] == '\0';
            assert_true(lines == 2 * 10 || lines == 2 * 9); /* 9 when N_me was dropped */
        }
        text_fini(&out);
        case_close(&it);
    }
}

TEST(a_request_id_is_1_to_128_plain_bytes)
{
    char longest[129];

    memset(longest, 'a', sizeof(longest));
    assert_true(request_id_is_valid(BYTES("A-z0.9_:/+=")));
    assert_true(request_id_is_valid(bytes_from(longest, 128)));
    assert_false(request_id_is_valid(bytes_from(longest, 129)));
    assert_false(request_id_is_valid(BYTES_NONE));
    assert_false(request_id_is_valid(BYTES("a b")));
    assert_false(request_id_is_valid(BYTES("a\"")));
    assert_false(request_id_is_valid(BYTES("a\x80")));
}

TESTS(UNIT(a_request_is_written_anew), UNIT(framing_is_written_by_us),
      UNIT(hostile_14_an_expectation_is_passed_on_only_when_told),
      UNIT(hostile_45_what_belongs_to_the_connection_is_not_passed_on),
      UNIT(hostile_46_a_strangers_forwarding_fields_are_dropped_and_set_anew),
      UNIT(x_forwarded_for_is_appended_to_and_forwarded_untouched),
      UNIT(hostile_46_a_trusted_peers_forwarding_fields_are_kept),
      UNIT(a_path_that_was_rewritten_goes_with_the_one_that_was_asked_for),
      UNIT(hostile_46_a_strangers_original_path_is_dropped_where_nothing_was_rewritten),
      UNIT(hostile_47_proxy_h2c_and_internal_fields_are_dropped),
      UNIT(an_upgrade_is_passed_on_when_told),
      UNIT(hostile_22_an_underscore_alias_never_reaches_an_origin),
      UNIT(hostile_25_an_origin_sees_origin_form), UNIT(a_response_is_written_anew),
      UNIT(a_missing_date_is_added), UNIT(the_connection_towards_the_client_is_ours_to_name),
      UNIT(a_length_without_a_body_is_passed_on_where_it_may_be),
      UNIT(an_interim_response_says_nothing_about_the_connection), UNIT(a_101_opens_the_tunnel),
      UNIT(hostile_46_the_certificate_is_ours_to_tell),
      UNIT(a_websocket_whose_client_has_no_key_gets_one),
      UNIT(what_is_added_stands_in_place_of_the_endpoints),
      UNIT(a_cookie_that_is_added_stands_beside_the_endpoints),
      UNIT(hostile_51_no_line_end_comes_out_but_our_own),
      UNIT(a_request_id_is_1_to_128_plain_bytes))
