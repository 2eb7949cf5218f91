/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h2_guard.c - floods and broken frames against whole sessions; hostile-input 59, 67-71,
 * 73-75.
 */
#include "proxy/http/h2_guard.h"
#include "tests/unit/proxy/http/h2_wire.h"

static void ping_many(struct hand *hand, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        wire_ping(&hand->wire);
}

static void request_many(struct hand *hand, uint32_t first, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        wire_headers(&hand->wire, WIRE_WHOLE, first + at * 2, LINES(GET_LINES));
}

TEST(hostile_59_a_bad_preface)
{
    struct peer *server = peer_new(H2_SERVER);
    struct text told;

    text_init(&told);
    assert_int_equal(peer_receive(server, BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
                     STATUS_INVALID);
    tell_output(server, &told);
    assert_bytes(text_bytes(&told), "SETTINGS\nGOAWAY 0 1\n");
    assert_true(h2_is_over(server->h2));
    text_fini(&told);
    peer_free(server);
}

TEST(hostile_59_a_first_frame_that_is_no_settings)
{
    struct peer *server = peer_new(H2_SERVER);
    struct text wire, told;

    text_init(&wire);
    text_init(&told);
    text_add_str(&wire, H2_PREFACE);
    wire_ping(&wire);
    (void)peer_receive(server, text_bytes(&wire));
    tell_output(server, &told);
    assert_bytes(text_bytes(&told), "SETTINGS\nGOAWAY 0 1\n");
    assert_true(h2_is_over(server->h2));
    assert_int_equal(peer_receive(server, text_bytes(&wire)), STATUS_INVALID);
    text_fini(&wire);
    text_fini(&told);
    peer_free(server);
}

TEST(hostile_67_too_many_continuations)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_STREAM, 1, LINES(GET_LINES));
    for (int at = 0; at < H2_CONTINUATIONS_MAX + 1; at++)
        wire_frame(&hand.wire, WIRE_CONTINUATION, 0, 1, BYTES("\0\1x\1y"));
    assert_ended(&hand, "continuations", "GOAWAY 0 11\n");
    hand_free(&hand);
}

TEST(as_many_continuations_as_allowed)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_STREAM, 1, LINES(GET_LINES));
    for (int at = 1; at <= H2_CONTINUATIONS_MAX; at++)
        wire_frame(&hand.wire, WIRE_CONTINUATION, at == H2_CONTINUATIONS_MAX ? WIRE_END_HEADERS : 0,
                   1, BYTES("\0\1x\1y"));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "");
    assert_true(bytes_starts_with(text_bytes(&hand.peer->log),
                                  BYTES("1 request GET / a.example none end [x: y, x: y")));
    hand_free(&hand);
}

TEST(hostile_67_an_empty_continuation_that_is_not_the_last)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_STREAM, 1, LINES(GET_LINES));
    wire_frame(&hand.wire, WIRE_CONTINUATION, 0, 1, BYTES_NONE);
    assert_ended(&hand, "continuations", "GOAWAY 0 11\n");
    hand_free(&hand);
}

TEST(hostile_67_a_block_that_is_too_long_on_the_wire)
{
    struct hand hand = hand_of(H2_SERVER);
    static char part[16000]; /* 0: a literal with an empty name and value, and so on */

    wire_headers(&hand.wire, WIRE_END_STREAM, 1, LINES(GET_LINES));
    for (int at = 0; at < 5; at++)
        wire_frame(&hand.wire, WIRE_CONTINUATION, 0, 1, bytes_from(part, sizeof(part)));
    assert_ended(&hand, "continuations", "GOAWAY 0 11\n");
    hand_free(&hand);
}

TEST(hostile_68_rapid_reset)
{
    struct hand hand = hand_of(H2_SERVER);
    uint32_t id = 1;

    for (int at = 0; at < H2_RESETS_MAX; at++, id += 2) {
        request_many(&hand, id, 1);
        wire_number(&hand.wire, WIRE_RST_STREAM, id, H2_CANCEL);
    }
    assert_int_equal(hand_send(&hand), STATUS_OK);
    request_many(&hand, id, 1);
    wire_number(&hand.wire, WIRE_RST_STREAM, id, H2_CANCEL);
    assert_ended(&hand, "rapid_reset", "GOAWAY 399 11\n");
    hand_free(&hand);
}

TEST(resets_are_counted_anew_when_their_span_is_over)
{
    struct hand hand = hand_of(H2_SERVER);
    uint32_t id = 1;

    for (uint64_t span = 0; span < 3; span++) {
        for (int at = 0; at < H2_RESETS_MAX; at++, id += 2) {
            request_many(&hand, id, 1);
            wire_number(&hand.wire, WIRE_RST_STREAM, id, H2_CANCEL);
        }
        hand.peer->now_ms = span * H2_RESETS_SPAN_MS;
        assert_int_equal(hand_send(&hand), STATUS_OK);
    }
    hand_free(&hand);
}

TEST(hostile_68_more_streams_than_allowed)
{
    struct h2_config config = case_config(H2_SERVER);
    struct hand hand;

    config.streams_max = 2;
    hand = hand_with(&config);
    request_many(&hand, 1, 3);
    assert_ended(&hand, "protocol_error", "GOAWAY 3 1\n");
    assert_int_equal(h2_streams_count(hand.peer->h2), 2);
    hand_free(&hand);
}

TEST(hostile_69_resets_that_the_client_provokes)
{
    struct hand hand = hand_of(H2_SERVER);
    uint32_t id = 1;

    for (int at = 0; at <= H2_RESETS_MAX; at++, id += 2) {
        request_many(&hand, id, 1);
        wire_number(&hand.wire, WIRE_WINDOW_UPDATE, id, 0x7FFFFFFF); /* too much for a stream */
        (void)hand_send(&hand);
        tell_output(hand.peer, &hand.told);
    }
    assert_bytes(text_bytes(&hand.told), "RST 401 3\nGOAWAY 401 11\n");
    assert_string_equal(h2_end_label(h2_end_of(hand.peer->h2)), "rapid_reset");
    assert_true(h2_is_over(hand.peer->h2));
    hand_free(&hand);
}

TEST(hostile_69_bad_heads_are_in_the_same_budget)
{
    struct hand hand = hand_of(H2_SERVER);
    uint32_t id = 1;

    for (int at = 0; at <= H2_RESETS_MAX; at++, id += 2) {
        wire_headers(
            &hand.wire, WIRE_WHOLE, id,
            LINES({":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}));
        (void)hand_send(&hand);
        tell_output(hand.peer, &hand.told);
    }
    assert_bytes(text_bytes(&hand.told), "RST 401 1\nGOAWAY 401 11\n");
    assert_string_equal(h2_end_label(h2_end_of(hand.peer->h2)), "rapid_reset");
    hand_free(&hand);
}

TEST(resets_of_our_own_are_nobodys_fault)
{
    struct hand hand = hand_of(H2_SERVER);
    uint32_t id = 1;

    for (int at = 0; at <= H2_RESETS_MAX; at++, id += 2) {
        request_many(&hand, id, 1);
        assert_int_equal(hand_send(&hand), STATUS_OK);
        h2_reset(hand.peer->h2, id, H2_INTERNAL_ERROR);
        tell_output(hand.peer, &hand.told);
    }
    assert_bytes(text_bytes(&hand.told), "RST 401 2\n");
    assert_false(h2_is_over(hand.peer->h2));
    hand_free(&hand);
}

/* One frame, more often than allowed. */
static void assert_idle_flood(unsigned type, unsigned flags, uint32_t id, struct bytes payload)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    for (int at = 0; at < H2_IDLE_FRAMES_MAX - 1; at++) { /* the first SETTINGS counts too */
        wire_frame(&hand.wire, type, flags, id, payload);
        if (at % 500 == 0) {
            assert_int_equal(hand_send(&hand), STATUS_OK);
            tell_output(hand.peer, &hand.told);
        }
    }
    assert_int_equal(hand_send(&hand), STATUS_OK);
    tell_output(hand.peer, &hand.told);
    for (int at = 0; at < 3; at++) /* a request earns one, and the span began with the first */
        wire_frame(&hand.wire, type, flags, id, payload);
    assert_ended(&hand, "idle_frames", "GOAWAY 1 11\n");
    hand_free(&hand);
}

TEST(hostile_70_floods_of_frames_that_carry_nothing)
{
    assert_idle_flood(WIRE_PING, 0, 0, BYTES("12345678"));
    assert_idle_flood(WIRE_PING, WIRE_ACK, 0, BYTES("12345678"));
    assert_idle_flood(WIRE_SETTINGS, 0, 0, BYTES_NONE);
    assert_idle_flood(WIRE_PRIORITY, 0, 3, BYTES("\0\0\0\0\1"));
    assert_idle_flood(WIRE_DATA, 0, 1, BYTES_NONE);
    assert_idle_flood(WIRE_WINDOW_UPDATE, 0, 0, BYTES("\0\0\0\1"));
    assert_idle_flood(0x42, 0, 0, BYTES("x"));
}

TEST(idle_frames_are_counted_anew_when_their_span_is_over)
{
    struct hand hand = hand_of(H2_SERVER);

    for (int at = 0; at < 3; at++) {
        hand.peer->now_ms = (uint64_t)at * H2_IDLE_FRAMES_SPAN_MS;
        ping_many(&hand, H2_IDLE_FRAMES_MAX - 1);
        assert_int_equal(hand_send(&hand), STATUS_OK);
        tell_output(hand.peer, &hand.told);
    }
    hand_free(&hand);
}

TEST(window_updates_for_what_we_sent_are_no_flood)
{
    struct hand hand = hand_of(H2_SERVER);
    static char body[16384];

    hand.peer->answers = true;
    hand.peer->answer_body = bytes_from(body, sizeof(body));
    for (uint32_t at = 0; at < H2_IDLE_FRAMES_MAX; at++) {
        request_many(&hand, 1 + at % 200 * 2, at < 200 ? 1 : 0);
        wire_number(&hand.wire, WIRE_WINDOW_UPDATE, 0, sizeof(body));
        assert_int_equal(hand_send(&hand), STATUS_OK);
        tell_output(hand.peer, &hand.told);
    }
    for (int at = 0; at < 200; at++)
        wire_number(&hand.wire, WIRE_WINDOW_UPDATE, 0, 1);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    hand_free(&hand);
}

TEST(hostile_70_answers_that_the_peer_does_not_read)
{
    struct hand hand = hand_of(H2_SERVER);

    for (int at = 0; at < 4 && hand.peer->status == STATUS_OK; at++) {
        hand.peer->now_ms = (uint64_t)at * H2_IDLE_FRAMES_SPAN_MS;
        ping_many(&hand, H2_IDLE_FRAMES_MAX / 2);
        (void)hand_send(&hand);
    }
    assert_int_equal(hand.peer->status, STATUS_INVALID);
    assert_string_equal(h2_end_label(h2_end_of(hand.peer->h2)), "answers_unread");
    hand_free(&hand);
}

/* A stream counts as open until its reset is out, so these come to an end with streams_max. */
TEST(hostile_70_resets_that_the_peer_does_not_read)
{
    struct hand hand = hand_of(H2_SERVER);

    for (uint32_t id = 1; id < 10000; id += 2) {
        wire_headers(&hand.wire, WIRE_WHOLE, id, LINES({":method", "GET"}));
        (void)hand_send(&hand);
    }
    assert_int_equal(h2_streams_count(hand.peer->h2), 128);
    tell_output(hand.peer, &hand.told);
    assert_true(bytes_ends_with(text_bytes(&hand.told), BYTES("GOAWAY 255 1\n")));
    assert_true(h2_is_over(hand.peer->h2));
    hand_free(&hand);
}

TEST(hostile_71_settings_with_too_many_entries)
{
    struct hand hand = hand_of(H2_SERVER);
    struct text payload;

    text_init(&payload);
    for (unsigned at = 0; at < H2_SETTINGS_ENTRIES_MAX; at++)
        wire_setting(&payload, 0x100 + at, 1);
    wire_frame(&hand.wire, WIRE_SETTINGS, 0, 0, text_bytes(&payload));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "ACK\n");
    wire_setting(&payload, 0x200, 1);
    wire_frame(&hand.wire, WIRE_SETTINGS, 0, 0, text_bytes(&payload));
    assert_ended(&hand, "settings", "GOAWAY 0 11\n");
    text_fini(&payload);
    hand_free(&hand);
}

static void request_with_table_change(struct hand *hand, uint32_t id, bool changes)
{
    struct text block;

    text_init(&block);
    if (changes)
        text_add_byte(&block, 0x20);
    for (const struct line *line = LINES(GET_LINES); line->name != NULL; line++)
        block_line(&block, bytes_of(line->name), bytes_of(line->value));
    wire_frame(&hand->wire, WIRE_HEADERS, WIRE_WHOLE, id, text_bytes(&block));
    text_fini(&block);
}

TEST(hostile_71_table_size_changes_in_more_than_one_block_of_ten)
{
    struct hand hand = hand_of(H2_SERVER);

    for (uint32_t at = 0; at < 100; at++)
        request_with_table_change(&hand, 1 + at * 2, at % 10 == 0);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    for (uint32_t at = 100; at < 104; at++)
        request_with_table_change(&hand, 1 + at * 2, true);
    (void)hand_send(&hand);
    assert_string_equal(h2_end_label(h2_end_of(hand.peer->h2)), "settings");
    hand_free(&hand);
}

TEST(hostile_73_the_window_of_a_stream_overflows)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    wire_number(&hand.wire, WIRE_WINDOW_UPDATE, 1, 0x7FFFFFFF);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 3\n");
    assert_log(hand.peer, "1 request POST / a.example chunked []\n1 closed 3\n");
    hand_free(&hand);
}

TEST(hostile_73_the_window_of_the_connection_overflows)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_number(&hand.wire, WIRE_WINDOW_UPDATE, 0, 0x7FFFFFFF);
    assert_ended(&hand, "protocol_error", "GOAWAY 0 3\n");
    hand_free(&hand);
}

TEST(hostile_73_more_data_than_the_window_of_a_stream)
{
    struct hand hand = hand_of(H2_SERVER);
    static char data[16384];

    hand.peer->consumes = false;
    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    for (int at = 0; at < 6; at++)
        wire_frame(&hand.wire, WIRE_DATA, 0, 1, bytes_from(data, sizeof(data)));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "RST 1 3\n");
    assert_log(hand.peer, "1 request POST / a.example chunked []\n1 closed 3\n");
    hand_free(&hand);
}

/* Streams that we reset while their frames are on the way, in all orders of reading, answering and
 * sending; some of them the peer resets last. The sanitizers look on. */
TEST(hostile_74_frames_for_streams_that_were_reset)
{
    struct hand hand = hand_of(H2_SERVER);

    hand.peer->answers = true;
    hand.peer->answer_body = BYTES("answer");
    for (uint32_t at = 0; at < 10000; at++) {
        uint32_t id = 1 + at / 50 * 2;

        if (at % 50 == 0)
            wire_headers(&hand.wire, WIRE_END_HEADERS, id, LINES(POST_LINES));
        else if (at % 50 == 49)
            wire_number(&hand.wire, WIRE_RST_STREAM, id, H2_CANCEL);
        else if (at % 5 == 0)
            wire_number(&hand.wire, WIRE_WINDOW_UPDATE, id, 1);
        else
            wire_frame(&hand.wire, WIRE_DATA, 0, id, BYTES("data"));
        if (at % 50 == id % 43)
            h2_reset(hand.peer->h2, id, H2_INTERNAL_ERROR);
        if (at % 7 == 0)
            assert_int_equal(hand_send(&hand), STATUS_OK);
        if (at % 11 == 0)
            tell_output(hand.peer, &hand.told);
        hand.peer->now_ms += 100;
    }
    assert_int_equal(hand_send(&hand), STATUS_OK);
    tell_output(hand.peer, &hand.told);
    assert_int_equal(h2_streams_count(hand.peer->h2), 0);
    for (uint32_t at = 0; at < hand.peer->count; at++)
        assert_true(hand.peer->exchanges[at].is_closed);
    hand_free(&hand);
}

TEST(hostile_75_a_push_from_a_client)
{
    struct hand hand = hand_of(H2_SERVER);

    request_many(&hand, 1, 1);
    wire_frame(&hand.wire, WIRE_PUSH_PROMISE, WIRE_END_HEADERS, 1, BYTES("\0\0\0\2\x82"));
    assert_ended(&hand, "protocol_error", "GOAWAY 1 1\n");
    hand_free(&hand);
}

TEST(hostile_75_a_push_from_a_server_is_refused)
{
    struct hand hand = hand_of(H2_CLIENT);

    get(hand.peer, BYTES("/"));
    assert_told(&hand, "HEADERS 1 end\n");
    wire_frame(&hand.wire, WIRE_PUSH_PROMISE, WIRE_END_HEADERS, 1, BYTES("\0\0\0\2\x82"));
    assert_ended(&hand, "protocol_error", "GOAWAY 0 1\n");
    hand_free(&hand);
}

TEST(what_comes_for_a_stream_that_the_peer_has_reset)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    wire_number(&hand.wire, WIRE_RST_STREAM, 1, H2_CANCEL);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    wire_frame(&hand.wire, WIRE_DATA, 0, 1, BYTES("late"));
    assert_ended(&hand, "protocol_error", "GOAWAY 1 5\n");
    hand_free(&hand);
}

TEST(what_comes_for_a_stream_that_is_complete)
{
    struct hand hand = hand_of(H2_SERVER);

    hand.peer->answers = true;
    request_many(&hand, 1, 1);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, "HEADERS 1 end\n");
    request_many(&hand, 1, 1);
    assert_ended(&hand, "protocol_error", "GOAWAY 1 5\n");
    hand_free(&hand);
}

TEST(what_was_on_its_way_when_we_reset_a_stream_is_ignored)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, WIRE_END_HEADERS, 1, LINES(POST_LINES));
    assert_int_equal(hand_send(&hand), STATUS_OK);
    h2_reset(hand.peer->h2, 1, H2_CANCEL);
    assert_told(&hand, "RST 1 8\n");
    wire_frame(&hand.wire, WIRE_DATA, 0, 1, BYTES("late"));
    wire_headers(&hand.wire, WIRE_WHOLE, 1, LINES({"x-sum", "1"}));
    request_many(&hand, 3, 1);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_log(hand.peer, "1 request POST / a.example chunked []\n1 closed 8\n"
                          "3 request GET / a.example none end []\n");
    hand_free(&hand);
}

TEST(a_stream_number_that_was_left_out)
{
    struct hand hand = hand_of(H2_SERVER);

    request_many(&hand, 5, 1);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    request_many(&hand, 3, 1);
    assert_ended(&hand, "protocol_error", "GOAWAY 5 1\n");
    hand_free(&hand);
}

TEST(priorities_that_are_malformed)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_frame(&hand.wire, WIRE_PRIORITY, 0, 3, BYTES("\0\0\0\3\1"));
    assert_ended(&hand, "protocol_error", "GOAWAY 0 1\n");
    hand_free(&hand);
    hand = hand_of(H2_SERVER);
    wire_frame(&hand.wire, WIRE_PRIORITY, 0, 0, BYTES("\0\0\0\3\1"));
    assert_ended(&hand, "protocol_error", "GOAWAY 0 1\n");
    hand_free(&hand);
}

TEST(a_flood_is_seen_in_any_pieces)
{
    struct hand hand = hand_of(H2_SERVER);

    ping_many(&hand, H2_IDLE_FRAMES_MAX + 1);
    for (size_t at = 0; at < hand.wire.len; at++)
        (void)peer_receive(hand.peer, bytes_slice(text_bytes(&hand.wire), at, 1));
    assert_int_equal(hand.peer->status, STATUS_INVALID);
    assert_string_equal(h2_end_label(h2_end_of(hand.peer->h2)), "idle_frames");
    hand_free(&hand);
}

TEST(each_end_has_its_label)
{
    for (int at = 0; at < H2_ENDS_COUNT; at++) {
        for (int other = 0; other < at; other++)
            assert_string_not_equal(h2_end_label((enum h2_end)at),
                                    h2_end_label((enum h2_end)other));
    }
}

TESTS(UNIT(hostile_59_a_bad_preface), UNIT(hostile_59_a_first_frame_that_is_no_settings),
      UNIT(hostile_67_too_many_continuations), UNIT(as_many_continuations_as_allowed),
      UNIT(hostile_67_an_empty_continuation_that_is_not_the_last),
      UNIT(hostile_67_a_block_that_is_too_long_on_the_wire), UNIT(hostile_68_rapid_reset),
      UNIT(resets_are_counted_anew_when_their_span_is_over),
      UNIT(hostile_68_more_streams_than_allowed), UNIT(hostile_69_resets_that_the_client_provokes),
      UNIT(hostile_69_bad_heads_are_in_the_same_budget), UNIT(resets_of_our_own_are_nobodys_fault),
      UNIT(hostile_70_floods_of_frames_that_carry_nothing),
      UNIT(idle_frames_are_counted_anew_when_their_span_is_over),
      UNIT(window_updates_for_what_we_sent_are_no_flood),
      UNIT(hostile_70_answers_that_the_peer_does_not_read),
      UNIT(hostile_70_resets_that_the_peer_does_not_read),
      UNIT(hostile_71_settings_with_too_many_entries),
      UNIT(hostile_71_table_size_changes_in_more_than_one_block_of_ten),
      UNIT(hostile_73_the_window_of_a_stream_overflows),
      UNIT(hostile_73_the_window_of_the_connection_overflows),
      UNIT(hostile_73_more_data_than_the_window_of_a_stream),
      UNIT(hostile_74_frames_for_streams_that_were_reset), UNIT(hostile_75_a_push_from_a_client),
      UNIT(hostile_75_a_push_from_a_server_is_refused),
      UNIT(what_comes_for_a_stream_that_the_peer_has_reset),
      UNIT(what_comes_for_a_stream_that_is_complete),
      UNIT(what_was_on_its_way_when_we_reset_a_stream_is_ignored),
      UNIT(a_stream_number_that_was_left_out), UNIT(priorities_that_are_malformed),
      UNIT(a_flood_is_seen_in_any_pieces), UNIT(each_end_has_its_label))
