/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp.c - the transport over real sockets: order and back-pressure both ways.
 */
#include "tests/unit/core/socket_end.h"

/* ---- reading ---- */

TEST(bytes_come_and_then_the_end)
{
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    transport_resume(&end.tcp.transport);
    peer_sends(&end, BYTES("hello"));
    run_until(&place, end.got.len == 5);
    assert_bytes(text_bytes(&end.got), "hello");
    (void)shutdown(end.peer, SHUT_WR);
    run_until(&place, end.ends == 1);
    run_turns(&place, 5);
    assert_int_equal(end.ends, 1);
    assert_int_equal(write_one(&end, BYTES("still here")), STATUS_OK); /* it may still read */
    close_end(&place, &end);
    close_place(&place);
}

TEST(nothing_comes_before_it_is_resumed_or_while_it_is_paused)
{
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    peer_sends(&end, BYTES("one"));
    run_turns(&place, 5);
    assert_int_equal(end.reads, 0);
    transport_resume(&end.tcp.transport);
    run_until(&place, end.got.len == 3);
    transport_pause(&end.tcp.transport);
    peer_sends(&end, BYTES("two"));
    (void)shutdown(end.peer, SHUT_WR);
    run_turns(&place, 5);
    assert_int_equal(end.got.len, 3);
    assert_int_equal(end.ends, 0);
    transport_resume(&end.tcp.transport);
    run_until(&place, end.ends == 1);
    assert_bytes(text_bytes(&end.got), "onetwo");
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_pause_from_inside_lets_no_further_read_happen)
{
    struct place place;
    struct end end;
    struct bytes data = pattern();

    open_place(&place);
    open_end(&place, &end);
    end.pauses = true;
    transport_resume(&end.tcp.transport);
    assert_true(send(end.peer, data.at, data.len, MSG_DONTWAIT) > 0);
    run_until(&place, end.reads == 1);
    run_turns(&place, 5);
    assert_int_equal(end.reads, 1);
    assert_true(end.got.len <= READ_BUFFER_BYTES);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_close_from_inside_is_the_last_that_is_heard)
{
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    end.closes_at_bytes = true;
    transport_resume(&end.tcp.transport);
    peer_sends(&end, BYTES("bye"));
    (void)shutdown(end.peer, SHUT_WR);
    run_until(&place, end.closes == 1);
    run_turns(&place, 5);
    assert_int_equal(end.reads, 1);
    assert_int_equal(end.ends + end.breaks, 0);
    assert_int_equal(end.closes, 1);
    transport_resume(&end.tcp.transport); /* harmless afterwards */
    transport_pause(&end.tcp.transport);
    assert_int_equal(write_one(&end, BYTES("x")), STATUS_CLOSED);
    text_fini(&end.got);
    (void)close(end.peer);
    close_place(&place);
}

TEST(a_reset_is_a_break_and_not_an_end)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    transport_resume(&end.tcp.transport);
    (void)setsockopt(end.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(end.peer);
    end.peer = -1;
    run_until(&place, end.breaks == 1);
    run_turns(&place, 5);
    assert_int_equal(end.breaks, 1);
    assert_int_equal(end.ends, 0);
    assert_int_equal(end.why, STATUS_CLOSED);
    assert_int_equal(write_one(&end, BYTES("x")), STATUS_CLOSED);
    close_end(&place, &end);
    close_place(&place);
}

/* ---- writing ---- */

TEST(parts_go_out_in_order_whether_copied_together_or_not)
{
    static const size_t lengths[] = {1, 100, GATHER_BYTES_MAX / 2, GATHER_BYTES_MAX};
    struct bytes data = pattern();
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const struct bytes parts[] = {bytes_slice(data, 0, lengths[i]), BYTES_NONE,
                                      bytes_slice(data, lengths[i], lengths[i])};
        struct text read;

        text_init(&read);
        assert_int_not_equal(transport_write(&end.tcp.transport, parts, 3), STATUS_CLOSED);
        peer_reads_until(&place, &end, &read, 2 * lengths[i]);
        assert_memory_equal(read.at, data.at, read.len);
        text_fini(&read);
    }
    close_end(&place, &end);
    close_place(&place);
}

TEST(nothing_is_written_without_an_answer_that_says_so)
{
    struct bytes parts[TRANSPORT_PARTS_MAX] = {{NULL, 0}};
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    assert_int_equal(transport_write(&end.tcp.transport, parts, TRANSPORT_PARTS_MAX), STATUS_OK);
    assert_int_equal(write_one(&end, pattern()), STATUS_AGAIN);
    assert_int_equal(transport_write(&end.tcp.transport, parts, 1), STATUS_AGAIN);
    close_end(&place, &end);
    close_place(&place);
}

TEST(what_the_peer_does_not_take_is_queued_and_drained_once)
{
    struct bytes data = pattern();
    struct place place;
    struct end end;
    struct text read;

    open_place(&place);
    open_end(&place, &end);
    text_init(&read);
    assert_int_equal(write_one(&end, data), STATUS_AGAIN);
    assert_true(transport_queued_bytes(&end.tcp.transport) > 0);
    assert_int_equal(place.net.queued_bytes, transport_queued_bytes(&end.tcp.transport));
    run_turns(&place, 5);
    assert_int_equal(end.drains, 0);
    assert_int_equal(write_one(&end, data), STATUS_AGAIN); /* behind the first */
    peer_reads_until(&place, &end, &read, 2 * data.len);
    run_until(&place, end.drains == 1);
    run_turns(&place, 5);
    assert_int_equal(end.drains, 1);
    assert_memory_equal(read.at, data.at, data.len);
    assert_memory_equal(read.at + data.len, data.at, data.len);
    assert_int_equal(transport_queued_bytes(&end.tcp.transport), 0);
    assert_int_equal(write_one(&end, BYTES("again")), STATUS_OK);
    text_fini(&read);
    close_end(&place, &end);
    close_place(&place);
}

TEST(reading_goes_on_while_output_waits)
{
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    transport_resume(&end.tcp.transport);
    assert_int_equal(write_one(&end, pattern()), STATUS_AGAIN);
    peer_sends(&end, BYTES("hello"));
    run_until(&place, end.got.len == 5);
    assert_int_equal(end.drains, 0);
    close_end(&place, &end);
    close_place(&place);
}

TEST(unread_bytes_shrink_as_soon_as_the_peer_reads)
{
    struct place place;
    struct end end;
    struct text read;
    size_t before;

    open_place(&place);
    open_end(&place, &end);
    text_init(&read);
    assert_int_equal(transport_unread_bytes(&end.tcp.transport), 0);
    assert_int_equal(write_one(&end, pattern()), STATUS_AGAIN);
    do { /* until the peer's kernel takes no more */
        before = transport_unread_bytes(&end.tcp.transport);
        run_turns(&place, 300);
    } while (transport_unread_bytes(&end.tcp.transport) != before);
    assert_true(before > transport_queued_bytes(&end.tcp.transport));
    for (int i = 0; i < 1000 && transport_unread_bytes(&end.tcp.transport) == before; i++) {
        (void)peer_reads(&end, &read);
        run_turns(&place, 1);
    }
    assert_true(transport_unread_bytes(&end.tcp.transport) < before);
    text_fini(&read);
    close_end(&place, &end);
    close_place(&place);
}

TESTS(UNIT(bytes_come_and_then_the_end),
      UNIT(nothing_comes_before_it_is_resumed_or_while_it_is_paused),
      UNIT(a_pause_from_inside_lets_no_further_read_happen),
      UNIT(a_close_from_inside_is_the_last_that_is_heard), UNIT(a_reset_is_a_break_and_not_an_end),
      UNIT(parts_go_out_in_order_whether_copied_together_or_not),
      UNIT(nothing_is_written_without_an_answer_that_says_so),
      UNIT(what_the_peer_does_not_take_is_queued_and_drained_once),
      UNIT(reading_goes_on_while_output_waits), UNIT(unread_bytes_shrink_as_soon_as_the_peer_reads))
