/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h2_request.c - header blocks written by hand, and the requests they become; hostile-input
 * 60-66, 75.
 */
#include "tests/unit/proxy/http/h2_wire.h"

TEST(a_request_is_what_http_1_would_have_brought)
{
    REQUEST_IS("GET /p?a=b a.example none end [x-a: 1, accept: */*]\n", {":method", "GET"},
               {":scheme", "http"}, {":path", "/p?a=b"}, {":authority", "a.example"}, {"x-a", "1"},
               {"accept", "*/*"});
    REQUEST_IS("OPTIONS * a.example none end []\n", {":method", "OPTIONS"}, {":scheme", "http"},
               {":path", "*"}, {":authority", "a.example"});
    REQUEST_IS("BREW / a.example none end []\n", {":method", "BREW"}, {":scheme", "http"},
               {":path", "/"}, {":authority", "a.example"});
}

TEST(a_host_field_stands_in_for_authority)
{
    REQUEST_IS("GET / b.example none end [host: b.example]\n", {":method", "GET"},
               {":scheme", "http"}, {":path", "/"}, {"host", "b.example"});
}

TEST(the_body_is_framed_by_length_or_chunked)
{
    assert_request(LINES(POST_LINES, {"content-length", "3"}), WIRE_END_HEADERS,
                   "1 request POST / a.example length=3 [content-length: 3]\n", "");
    assert_request(LINES(POST_LINES), WIRE_END_HEADERS, "1 request POST / a.example chunked []\n",
                   "");
    REQUEST_IS("POST / a.example length=0 end [content-length: 0]\n", POST_LINES,
               {"content-length", "0"});
}

TEST(expectations_and_trailers_are_understood)
{
    assert_request(LINES(POST_LINES, {"expect", "100-continue"}, {"te", "trailers"}),
                   WIRE_END_HEADERS,
                   "1 request POST / a.example chunked expects trailers [expect: 100-continue, "
                   "te: trailers (hop)]\n",
                   "");
}

TEST(hostile_14_another_expectation_is_answered_with_417)
{
    REQUEST_BAD("bad_expect", GET_LINES, {"expect", "200-maybe"});
}

TEST(hostile_22_names_with_an_underscore_are_dropped)
{
    REQUEST_IS("GET / a.example none end [x-a: 1]\n", GET_LINES, {"x_forwarded_for", "1.1.1.1"},
               {"x-a", "1"}, {"under_score", "2"});
}

TEST(hostile_22_an_alias_stays_out_where_underscores_are_allowed)
{
    struct h2_config config = case_config(H2_SERVER);
    struct hand hand;

    config.limits.underscores_allowed = true;
    hand = hand_with(&config);
    wire_headers(&hand.wire, WIRE_WHOLE, 1,
                 LINES(GET_LINES, {"x_forwarded_for", "1.1.1.1"}, {"under_score", "2"}));
    hand_send(&hand);
    assert_log(hand.peer, "1 request GET / a.example none end [under_score: 2]\n");
    hand_free(&hand);
}

TEST(crumbs_of_a_cookie_are_joined)
{
    REQUEST_IS("GET / a.example none end [x-a: 1, cookie: a=1; b=2; c=3, x-b: 2]\n", GET_LINES,
               {"x-a", "1"}, {"cookie", "a=1"}, {"cookie", "b=2"}, {"x-b", "2"}, {"cookie", "c=3"});
}

TEST(hostile_60_pseudo_fields_that_are_unknown_repeated_missing_late_or_of_responses)
{
    REQUEST_RESET(GET_LINES, {":unknown", "x"});
    REQUEST_RESET(GET_LINES, {":path", "/"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":authority", "a.example"});
    REQUEST_RESET({":method", "GET"}, {":path", "/"}, {":authority", "a.example"});
    REQUEST_RESET({":scheme", "http"}, {":path", "/"}, {":authority", "a.example"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"x-a", "1"},
                  {":authority", "a.example"});
    REQUEST_RESET(GET_LINES, {":status", "200"});
}

TEST(hostile_60_a_pseudo_field_in_trailers)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    wire_headers(&hand.wire, WIRE_WHOLE, 1, LINES({":path", "/b"}));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 1\n");
    assert_log(hand.peer, "1 request POST / a.example chunked []\n1 closed 1\n");
    hand_free(&hand);
}

TEST(a_polite_reset_does_not_hide_why_we_reset_a_stream)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1,
                 LINES({":method", "GET"}, {":scheme", "https"}, {":path", "/"},
                       {":authority", "a.example"}));
    wire_number(&hand.wire, WIRE_RST_STREAM, 1, H2_NO_ERROR);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "1 closed 1\n");
    hand_free(&hand);
}

TEST(hostile_61_malformed_names_and_values)
{
    REQUEST_RESET(GET_LINES, {"X-Upper", "1"});
    REQUEST_RESET(GET_LINES, {"x:y", "1"});
    REQUEST_RESET(GET_LINES, {"x y", "1"});
    REQUEST_RESET(GET_LINES, {"x\1y", "1"});
    REQUEST_RESET(GET_LINES, {"", "1"});
    REQUEST_RESET(GET_LINES, {"x", "a\rb"});
    REQUEST_RESET(GET_LINES, {"x", "a\nb"});
    REQUEST_RESET(GET_LINES, {"x", " a"});
    REQUEST_RESET(GET_LINES, {"x", "a "});
    REQUEST_RESET(GET_LINES, {"x", "\ta"});
}

TEST(hostile_61_a_value_with_nul)
{
    struct hand hand = hand_of(H2_SERVER);
    struct text block;

    text_init(&block);
    for (const struct line *line = LINES(GET_LINES); line->name != NULL; line++)
        block_line(&block, bytes_of(line->name), bytes_of(line->value));
    block_line(&block, BYTES("x"), BYTES("a\0b"));
    wire_frame(&hand.wire, WIRE_HEADERS, WIRE_WHOLE, 1, text_bytes(&block));
    hand_send(&hand);
    assert_told(&hand, "RST 1 1\n");
    assert_log(hand.peer, "1 closed 1\n");
    text_fini(&block);
    hand_free(&hand);
}

TEST(hostile_21_bytes_over_0x7f_pass_unchanged)
{
    REQUEST_IS("GET / a.example none end [x: \x80\xFF]\n", GET_LINES, {"x", "\x80\xFF"});
}

TEST(hostile_62_fields_of_a_connection)
{
    REQUEST_RESET(GET_LINES, {"connection", "close"});
    REQUEST_RESET(GET_LINES, {"transfer-encoding", "chunked"});
    REQUEST_RESET(GET_LINES, {"upgrade", "h2c"});
    REQUEST_RESET(GET_LINES, {"keep-alive", "1"});
    REQUEST_RESET(GET_LINES, {"proxy-connection", "close"});
    REQUEST_RESET(GET_LINES, {"te", "gzip"});
}

static void assert_body_reset(const char *length, struct bytes data, const char *log)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES, {"content-length", length}));
    wire_frame(&hand.wire, WIRE_DATA, WIRE_END_STREAM, 1, data);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 1\n");
    assert_log(hand.peer, log);
    hand_free(&hand);
}

TEST(hostile_63_a_content_length_that_is_not_the_bodys)
{
    assert_body_reset("5", BYTES("four"),
                      "1 request POST / a.example length=5 [content-length: 5]\n1 closed 1\n");
    assert_body_reset("3", BYTES("four"),
                      "1 request POST / a.example length=3 [content-length: 3]\n1 closed 1\n");
    REQUEST_RESET(POST_LINES, {"content-length", "5"});
}

TEST(hostile_63_a_content_length_that_is_none)
{
    REQUEST_RESET(POST_LINES, {"content-length", "+0"});
    REQUEST_RESET(POST_LINES, {"content-length", ""});
    REQUEST_RESET(POST_LINES, {"content-length", "0"}, {"content-length", "0"});
    REQUEST_RESET(POST_LINES, {"content-length", "99999999999999999999"});
}

#define WITH_PATH(path)                                                                            \
    {":method", "GET"}, {":scheme", "http"}, {":path", path},                                      \
    {                                                                                              \
        ":authority", "a.example"                                                                  \
    }

TEST(hostile_64_method_path_and_scheme)
{
    REQUEST_RESET(WITH_PATH(""));
    REQUEST_RESET(WITH_PATH("a"));
    REQUEST_RESET(WITH_PATH("*"));
    REQUEST_RESET(WITH_PATH("/a b"));
    REQUEST_RESET(WITH_PATH("/a#b"));
    REQUEST_RESET(WITH_PATH("/\x80"));
    REQUEST_RESET(WITH_PATH("http://a.example/"));
    REQUEST_RESET({":method", "G T"}, {":scheme", "http"}, {":path", "/"},
                  {":authority", "a.example"});
    REQUEST_RESET({":method", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"}, {":scheme", "http"},
                  {":path", "/"}, {":authority", "a.example"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "https"}, {":path", "/"},
                  {":authority", "a.example"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "ftp"}, {":path", "/"},
                  {":authority", "a.example"});
}

TEST(hostile_26_connect_and_trace_are_answered_with_405)
{
    REQUEST_BAD("method_not_allowed", {":method", "CONNECT"}, {":authority", "a.example:80"});
    REQUEST_BAD("method_not_allowed", {":method", "TRACE"}, {":scheme", "http"}, {":path", "/"},
                {":authority", "a.example"});
}

TEST(hostile_65_authority_and_host)
{
    REQUEST_RESET(GET_LINES, {"host", "b.example"});
    REQUEST_RESET(GET_LINES, {"host", "a.example"}, {"host", "a.example"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"},
                  {":authority", "u@a.example"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"},
                  {":authority", "a.example:99999"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"},
                  {":authority", "a.example/x"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "a,b"});
    REQUEST_RESET({":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", ""});
    REQUEST_IS("GET / a.example none end [host: A.example:80]\n", GET_LINES,
               {"host", "A.example:80"});
}

static struct hand hand_with_limits(uint32_t head_bytes, uint32_t target_bytes, uint32_t fields)
{
    struct h2_config config = case_config(H2_SERVER);

    config.limits = (struct h1_limits){head_bytes, target_bytes, fields, false};
    return hand_with(&config);
}

/* The HPACK table is in step: the second request names what the first has put there. */
static void assert_limit(struct hand hand, const struct line *lines, const char *log)
{
    static const struct bytes indexed = {"\x40\3x-i\5there", 11}; /* with incremental indexing */
    static const struct bytes named = {"\xbe", 1};                /* the newest entry */
    struct text block;

    text_init(&block);
    for (; lines->name != NULL; lines++)
        block_line(&block, bytes_of(lines->name), bytes_of(lines->value));
    text_add(&block, indexed);
    wire_frame(&hand.wire, WIRE_HEADERS, WIRE_WHOLE, 1, text_bytes(&block));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "HEADERS 1 end\n");
    assert_log(hand.peer, log);
    peer_forget(hand.peer);

    text_clear(&block);
    for (const struct line *line = LINES(GET_LINES); line->name != NULL; line++)
        block_line(&block, bytes_of(line->name), bytes_of(line->value));
    text_add(&block, named);
    wire_frame(&hand.wire, WIRE_HEADERS, WIRE_WHOLE, 3, text_bytes(&block));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "3 request GET / a.example none end [x-i: there]\n");
    text_fini(&block);
    hand_free(&hand);
}

TEST(hostile_66_a_head_over_a_limit_is_answered_with_431_and_decoded_to_its_end)
{
    assert_limit(hand_with_limits(300, 100, 10),
                 LINES(GET_LINES, {"x", "0123456789012345678901234567890123456789"},
                       {"y", "0123456789012345678901234567890123456789"}),
                 "1 bad head_too_large\n1 closed 0\n");
    assert_limit(hand_with_limits(1000, 100, 2), LINES(GET_LINES, {"x", "1"}, {"y", "2"}),
                 "1 bad too_many_fields\n1 closed 0\n");
}

TEST(hostile_66_every_crumb_of_a_cookie_counts)
{
    assert_limit(hand_with_limits(1000, 100, 2), LINES(GET_LINES, {"cookie", "1"}, {"cookie", "2"}),
                 "1 bad too_many_fields\n1 closed 0\n");
}

TEST(hostile_31_a_target_that_is_too_long_is_answered_with_414)
{
    assert_limit(hand_with_limits(1000, 10, 10), LINES(WITH_PATH("/0123456789")),
                 "1 bad target_too_long\n1 closed 0\n");
}

TEST(a_bad_requests_body_is_thrown_away_and_then_stopped)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1,
                 LINES({":method", "TRACE"}, {":scheme", "http"}, {":path", "/"},
                       {":authority", "a.example"}));
    wire_frame(&hand.wire, WIRE_DATA, 0, 1, BYTES("body"));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "HEADERS 1 end\nRST 1 0\n");
    assert_log(hand.peer, "1 bad method_not_allowed\n1 closed 0\n");
    hand_free(&hand);
}

#define WEBSOCKET_LINES                                                                            \
    {":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"},   \
        {":authority", "a.example"},                                                               \
    {                                                                                              \
        "sec-websocket-version", "13"                                                              \
    }

TEST(an_extended_connect_is_the_get_that_http_1_would_use)
{
    assert_request(LINES(WEBSOCKET_LINES), WIRE_END_HEADERS,
                   "1 request GET /chat a.example chunked websocket [sec-websocket-version: 13, "
                   "upgrade: websocket (hop)]\n",
                   "");
}

TEST(hostile_75_an_extended_connect_that_is_not_for_a_websocket)
{
    static const char *const log = "1 closed 1\n";
    static const char *const told = "RST 1 1\n";

    assert_request(LINES({":method", "CONNECT"}, {":protocol", "connect-udp"}, {":scheme", "http"},
                         {":path", "/"}, {":authority", "a.example"}),
                   WIRE_END_HEADERS, log, told);
    assert_request(LINES({":protocol", "websocket"}, GET_LINES), WIRE_END_HEADERS, log, told);
    assert_request(LINES(WEBSOCKET_LINES, {"content-length", "1"}), WIRE_END_HEADERS, log, told);
    REQUEST_RESET(WEBSOCKET_LINES);
}

TEST(hostile_75_an_extended_connect_while_it_is_not_enabled)
{
    struct h2_config config = case_config(H2_SERVER);
    struct hand hand;

    config.websockets = false;
    hand = hand_with(&config);
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(WEBSOCKET_LINES));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 1\n");
    assert_log(hand.peer, "1 closed 1\n");
    hand_free(&hand);
}

TEST(hostile_11_trailers_without_names_that_mean_something)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    wire_frame(&hand.wire, WIRE_DATA, 0, 1, BYTES("body"));
    wire_headers(&hand.wire, WIRE_WHOLE, 1,
                 LINES({"x-sum", "1"}, {"authorization", "x"}, {"x-forwarded-for", "1.1.1.1"},
                       {"content-range", "x"}, {"x_under", "1"}, {"grpc-status", "0"},
                       {"set-cookie", "x"}, {"etag", "e"}, {"content-type", "x"}));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "1 request POST / a.example chunked []\n"
                          "1 end 4 [x-sum: 1, grpc-status: 0, etag: e]\n");
    hand_free(&hand);
}

TEST(hostile_11_trailers_over_a_limit)
{
    struct hand hand = hand_with_limits(1000, 100, 1);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    wire_headers(&hand.wire, WIRE_WHOLE, 1, LINES({"a", "1"}, {"b", "2"}));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 11\n");
    assert_log(hand.peer, "1 request POST / a.example chunked []\n1 closed 11\n");
    hand_free(&hand);
}

TESTS(UNIT(a_request_is_what_http_1_would_have_brought), UNIT(a_host_field_stands_in_for_authority),
      UNIT(the_body_is_framed_by_length_or_chunked), UNIT(expectations_and_trailers_are_understood),
      UNIT(hostile_14_another_expectation_is_answered_with_417),
      UNIT(hostile_22_names_with_an_underscore_are_dropped),
      UNIT(hostile_22_an_alias_stays_out_where_underscores_are_allowed),
      UNIT(crumbs_of_a_cookie_are_joined),
      UNIT(hostile_60_pseudo_fields_that_are_unknown_repeated_missing_late_or_of_responses),
      UNIT(hostile_60_a_pseudo_field_in_trailers),
      UNIT(a_polite_reset_does_not_hide_why_we_reset_a_stream),
      UNIT(hostile_61_malformed_names_and_values), UNIT(hostile_61_a_value_with_nul),
      UNIT(hostile_21_bytes_over_0x7f_pass_unchanged), UNIT(hostile_62_fields_of_a_connection),
      UNIT(hostile_63_a_content_length_that_is_not_the_bodys),
      UNIT(hostile_63_a_content_length_that_is_none), UNIT(hostile_64_method_path_and_scheme),
      UNIT(hostile_26_connect_and_trace_are_answered_with_405), UNIT(hostile_65_authority_and_host),
      UNIT(hostile_66_a_head_over_a_limit_is_answered_with_431_and_decoded_to_its_end),
      UNIT(hostile_66_every_crumb_of_a_cookie_counts),
      UNIT(hostile_31_a_target_that_is_too_long_is_answered_with_414),
      UNIT(a_bad_requests_body_is_thrown_away_and_then_stopped),
      UNIT(an_extended_connect_is_the_get_that_http_1_would_use),
      UNIT(hostile_75_an_extended_connect_that_is_not_for_a_websocket),
      UNIT(hostile_75_an_extended_connect_while_it_is_not_enabled),
      UNIT(hostile_11_trailers_without_names_that_mean_something),
      UNIT(hostile_11_trailers_over_a_limit))
