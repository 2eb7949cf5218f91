/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_ends.c - every way in which a connection begins and ends.
 */
#include "tests/unit/core/socket_end.h"

/* ---- ends ---- */

TEST(finish_comes_after_all_that_was_queued)
{
    struct bytes data = pattern();
    struct place place;
    struct end end;
    struct text read;

    open_place(&place);
    open_end(&place, &end);
    text_init(&read);
    assert_int_equal(write_one(&end, data), STATUS_AGAIN);
    transport_finish(&end.tcp.transport);
    transport_finish(&end.tcp.transport);
    assert_int_equal(write_one(&end, BYTES("late")), STATUS_CLOSED);
    peer_reads_until(&place, &end, &read, data.len);
    assert_memory_equal(read.at, data.at, data.len);
    run_until(&place, end.drains == 1);
    run_until(&place, !peer_reads(&end, &read));
    assert_int_equal(read.len, data.len);
    text_fini(&read);
    close_end(&place, &end);
    close_place(&place);
}

TEST(finish_leaves_the_other_direction_open)
{
    struct place place;
    struct end end;
    char byte;

    open_place(&place);
    open_end(&place, &end);
    transport_resume(&end.tcp.transport);
    transport_finish(&end.tcp.transport);
    assert_int_equal(recv(end.peer, &byte, 1, 0), 0);
    peer_sends(&end, BYTES("still here"));
    run_until(&place, end.got.len == 10);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_close_drops_what_is_queued_and_says_nothing_more)
{
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    transport_resume(&end.tcp.transport);
    assert_int_equal(write_one(&end, pattern()), STATUS_AGAIN);
    transport_close(&end.tcp.transport);
    assert_int_equal(transport_queued_bytes(&end.tcp.transport), 0);
    assert_int_equal(place.net.queued_bytes, 0);
    close_end(&place, &end);
    assert_int_equal(end.drains + end.breaks + end.ends, 0);
    close_place(&place);
}

TEST(an_abort_is_a_reset_for_the_peer)
{
    struct place place;
    struct end end;
    char byte;

    open_place(&place);
    open_end(&place, &end);
    transport_abort(&end.tcp.transport);
    assert_int_equal(recv(end.peer, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_close_without_unread_input_is_an_end_for_the_peer)
{
    struct place place;
    struct end end;
    char byte;

    open_place(&place);
    open_end(&place, &end);
    transport_close(&end.tcp.transport);
    assert_int_equal(recv(end.peer, &byte, 1, 0), 0);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_write_that_breaks_while_queued_is_told_once)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end); /* not reading: only the write can notice */
    assert_int_equal(write_one(&end, pattern()), STATUS_AGAIN);
    (void)setsockopt(end.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(end.peer);
    end.peer = -1;
    run_until(&place, end.breaks == 1);
    run_turns(&place, 5);
    assert_int_equal(end.breaks, 1);
    assert_int_equal(end.drains, 0);
    assert_int_equal(place.net.queued_bytes, 0);
    close_end(&place, &end);
    close_place(&place);
}

TEST(stale_is_who_has_closed_or_speaks_out_of_turn)
{
    struct place place;
    struct end end;

    open_place(&place);
    open_end(&place, &end);
    assert_false(transport_is_stale(&end.tcp.transport));
    peer_sends(&end, BYTES("!"));
    run_turns(&place, 3);
    assert_true(transport_is_stale(&end.tcp.transport));
    transport_resume(&end.tcp.transport);
    run_until(&place, end.got.len == 1); /* the look took nothing away */
    assert_false(transport_is_stale(&end.tcp.transport));
    (void)shutdown(end.peer, SHUT_WR);
    transport_pause(&end.tcp.transport);
    run_turns(&place, 3);
    assert_true(transport_is_stale(&end.tcp.transport));
    close_end(&place, &end);
    close_place(&place);
}

/* ---- connecting ---- */

TEST(a_connect_is_told_later_and_then_bytes_move)
{
    struct place place;
    struct address address;
    struct end end;
    int listener = listen_on(&address);

    open_place(&place);
    init_end(&end);
    assert_int_equal(tcp_connect(&end.tcp, &place.net, &address, &events, on_connected), STATUS_OK);
    assert_int_equal(end.connects, 0);
    run_until(&place, end.connects == 1);
    assert_int_equal(end.why, STATUS_OK);
    end.peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    transport_resume(&end.tcp.transport);
    peer_sends(&end, BYTES("hello"));
    run_until(&place, end.got.len == 5);
    assert_int_equal(write_one(&end, BYTES("hello")), STATUS_OK);
    assert_int_equal(end.connects, 1);
    (void)close(listener);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_refused_connect_is_told_later_too)
{
    struct place place;
    struct address address;
    struct end end;

    (void)close(listen_on(&address));
    open_place(&place);
    init_end(&end);
    assert_int_equal(tcp_connect(&end.tcp, &place.net, &address, &events, on_connected), STATUS_OK);
    assert_int_equal(end.connects, 0);
    run_until(&place, end.connects == 1);
    assert_int_equal(end.why, STATUS_REFUSED);
    run_turns(&place, 5);
    assert_int_equal(end.connects, 1);
    assert_int_equal(end.breaks + end.ends, 0);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_connect_that_the_system_refuses_at_once_is_told_later_too)
{
    struct place place;
    struct address address;
    struct end end;

    /* TCP goes to one host, not to a group of them. */
    assert_int_equal(address_parse_ip(BYTES("224.0.0.1"), 80, &address), STATUS_OK);
    open_place(&place);
    init_end(&end);
    assert_int_equal(tcp_connect(&end.tcp, &place.net, &address, &events, on_connected), STATUS_OK);
    assert_int_equal(end.connects, 0);
    run_until(&place, end.connects == 1);
    assert_int_equal(end.why, STATUS_IO);
    close_end(&place, &end);
    close_place(&place);
}

TEST(a_close_while_connecting_is_the_end_of_it)
{
    struct place place;
    struct address address;
    struct end end;
    int listener = listen_on(&address);

    open_place(&place);
    init_end(&end);
    assert_int_equal(tcp_connect(&end.tcp, &place.net, &address, &events, on_connected), STATUS_OK);
    close_end(&place, &end);
    run_turns(&place, 5);
    assert_int_equal(end.connects, 0);
    (void)close(listener);
    close_place(&place);
}

TESTS(UNIT(finish_comes_after_all_that_was_queued), UNIT(finish_leaves_the_other_direction_open),
      UNIT(a_close_drops_what_is_queued_and_says_nothing_more),
      UNIT(an_abort_is_a_reset_for_the_peer),
      UNIT(a_close_without_unread_input_is_an_end_for_the_peer),
      UNIT(a_write_that_breaks_while_queued_is_told_once),
      UNIT(stale_is_who_has_closed_or_speaks_out_of_turn),
      UNIT(a_connect_is_told_later_and_then_bytes_move), UNIT(a_refused_connect_is_told_later_too),
      UNIT(a_connect_that_the_system_refuses_at_once_is_told_later_too),
      UNIT(a_close_while_connecting_is_the_end_of_it))
