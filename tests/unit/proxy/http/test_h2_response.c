/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h2_response.c - header blocks written by hand, and the responses they become; hostile-input
 * 11, 53, 55.
 */
#include "tests/unit/proxy/http/h2_wire.h"

/* A client has asked; the server's frames are `lines`. */
static void assert_response_to(struct bytes method, enum method_id id, const struct line *lines,
                               unsigned flags, const char *log)
{
    struct request request = {.method = method, .method_id = id, .path = BYTES("/")};
    struct hand hand = hand_of(H2_CLIENT);

    ask(hand.peer, &request, BYTES_NONE);
    assert_told(&hand, "HEADERS 1 end\n");
    wire_headers(&hand.wire, flags, 1, lines);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    tell_output(hand.peer, &hand.told);
    assert_log(hand.peer, log);
    hand_free(&hand);
}

#define RESPONSE_IS(log, flags, ...)                                                               \
    assert_response_to(BYTES("GET"), METHOD_GET, LINES(__VA_ARGS__), flags, "1 response " log)
#define RESPONSE_RESET(error, ...)                                                                 \
    assert_response_to(BYTES("GET"), METHOD_GET, LINES(__VA_ARGS__), WIRE_WHOLE,                   \
                       "1 closed " error "\n")

TEST(the_body_is_framed_by_length_or_chunked)
{
    RESPONSE_IS("200 chunked [x-a: 1]\n", WIRE_END_HEADERS, {":status", "200"}, {"x-a", "1"});
    RESPONSE_IS("200 length=5 [content-length: 5]\n", WIRE_END_HEADERS, {":status", "200"},
                {"content-length", "5"});
}

TEST(a_response_that_ends_with_its_head_has_a_body_of_no_bytes)
{
    RESPONSE_IS("200 length=0 end []\n1 closed 0\n", WIRE_WHOLE, {":status", "200"});
    RESPONSE_IS("404 length=0 end [content-length: 0]\n1 closed 0\n", WIRE_WHOLE,
                {":status", "404"}, {"content-length", "0"});
}

TEST(responses_without_a_body_have_none)
{
    RESPONSE_IS("204 none end []\n1 closed 0\n", WIRE_WHOLE, {":status", "204"});
    RESPONSE_IS("304 none=7 end [content-length: 7]\n1 closed 0\n", WIRE_WHOLE, {":status", "304"},
                {"content-length", "7"});
    assert_response_to(BYTES("HEAD"), METHOD_HEAD,
                       LINES({":status", "200"}, {"content-length", "7"}), WIRE_WHOLE,
                       "1 response 200 none=7 end [content-length: 7]\n1 closed 0\n");
}

TEST(names_with_an_underscore_are_the_endpoints_own_business)
{
    RESPONSE_IS("200 chunked [x_a: 1]\n", WIRE_END_HEADERS, {":status", "200"}, {"x_a", "1"});
}

TEST(hostile_53_responses_that_are_malformed)
{
    RESPONSE_RESET("1", {"x-a", "1"});
    RESPONSE_RESET("1", {":status", "20"});
    RESPONSE_RESET("1", {":status", "099"});
    RESPONSE_RESET("1", {":status", "200"}, {":status", "200"});
    RESPONSE_RESET("1", {":status", "200"}, {":path", "/"});
    RESPONSE_RESET("1", {":status", "200"}, {"content-length", "1"}, {"content-length", "1"});
    RESPONSE_RESET("1", {":status", "200"}, {"content-length", "x"});
    RESPONSE_RESET("1", {":status", "200"}, {"content-length", "5"});
    RESPONSE_RESET("1", {":status", "200"}, {"transfer-encoding", "chunked"});
    RESPONSE_RESET("1", {":status", "200"}, {"connection", "close"});
    RESPONSE_RESET("1", {":status", "200"}, {"X-Upper", "1"});
    RESPONSE_RESET("1", {":status", "200"}, {"x", "a\nb"});
}

TEST(hostile_55_http_2_has_no_101)
{
    assert_response_to(BYTES("GET"), METHOD_GET, LINES({":status", "101"}), WIRE_END_HEADERS,
                       "1 closed 1\n");
}

TEST(hostile_55_a_head_over_a_limit_is_no_response)
{
    struct h2_config config = case_config(H2_CLIENT);
    struct hand hand;

    config.limits.fields_max = 2;
    hand = hand_with(&config);
    get(hand.peer, BYTES("/"));
    tell_output(hand.peer, &hand.told);
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1,
                 LINES({":status", "200"}, {"a", "1"}, {"b", "2"}, {"c", "3"}));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 11\n");
    assert_log(hand.peer, "1 closed 11\n");
    hand_free(&hand);
}

TEST(interim_responses_come_before_the_final_one)
{
    struct hand hand = hand_of(H2_CLIENT);

    get(hand.peer, BYTES("/"));
    tell_output(hand.peer, &hand.told);
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES({":status", "103"}, {"link", "x"}));
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES({":status", "100"}));
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES({":status", "200"}));
    wire_frame(&hand.wire, WIRE_DATA, 0, 1, BYTES("body"));
    wire_headers(&hand.wire, WIRE_WHOLE, 1, LINES({"grpc-status", "0"}, {"server", "x"}));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "1 response 103 none [link: x]\n1 response 100 none []\n"
                          "1 response 200 chunked []\n1 end 4 [grpc-status: 0]\n1 closed 0\n");
    hand_free(&hand);
}

TEST(a_body_cut_short_by_a_polite_reset_is_not_complete)
{
    struct hand hand = hand_of(H2_CLIENT);

    get(hand.peer, BYTES("/"));
    tell_output(hand.peer, &hand.told);
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES({":status", "200"}));
    wire_number(&hand.wire, WIRE_RST_STREAM, 1, H2_NO_ERROR);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "1 response 200 chunked []\n1 closed 8\n");
    hand_free(&hand);
}

TEST(a_server_that_has_answered_may_want_no_more_of_the_request)
{
    struct hand hand = hand_of(H2_CLIENT);
    struct exchange *exchange = post(hand.peer, BYTES("/"), BYTES("part"));

    exchange->sends_more = true;
    assert_told(&hand, "HEADERS 1\nDATA 1 4\n");
    wire_headers(&hand.wire, WIRE_WHOLE, 1, LINES({":status", "413"}));
    wire_number(&hand.wire, WIRE_RST_STREAM, 1, H2_NO_ERROR);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "1 response 413 length=0 end []\n1 closed 0\n");
    hand_free(&hand);
}

TESTS(UNIT(the_body_is_framed_by_length_or_chunked),
      UNIT(a_response_that_ends_with_its_head_has_a_body_of_no_bytes),
      UNIT(responses_without_a_body_have_none),
      UNIT(names_with_an_underscore_are_the_endpoints_own_business),
      UNIT(hostile_53_responses_that_are_malformed), UNIT(hostile_55_http_2_has_no_101),
      UNIT(hostile_55_a_head_over_a_limit_is_no_response),
      UNIT(interim_responses_come_before_the_final_one),
      UNIT(a_body_cut_short_by_a_polite_reset_is_not_complete),
      UNIT(a_server_that_has_answered_may_want_no_more_of_the_request))
