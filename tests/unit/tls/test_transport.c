/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_transport.c - bytes through an open connection: both ways, paused, clogged, cut and ended.
 */
#include "tests/unit/tls/wire.h"

static void open_connection(struct world *world)
{
    open_world(world);
    begin(world, "a.test");
    run(world);
    assert_open(world);
}

static struct text pattern(size_t length)
{
    struct text text;

    text_init(&text);
    text_reserve(&text, length);
    for (size_t i = 0; i < length; i++)
        text.at[i] = (char)(i * 31 + i / 256);
    text.len = length;
    return text;
}

static enum status write_one(struct world *world, struct bytes data)
{
    return transport_write(transport_of(&world->server), &data, 1);
}

/* ---- both ways ---- */

TEST(a_mebibyte_goes_each_way_unchanged)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct text data = pattern(1024 * 1024);

    for (int i = 0; i < 2; i++) {
        struct world world;

        open_world(&world);
        (void)SSL_CTX_set_max_proto_version(world.client.context, versions[i]);
        begin(&world, "a.test");
        run(&world);
        assert_open(&world);
        peer_write(&world.client, text_bytes(&data));
        run(&world);
        assert_int_equal(world.server.got.len, data.len);
        assert_memory_equal(world.server.got.at, data.at, data.len);
        assert_int_equal(write_one(&world, text_bytes(&data)), STATUS_OK);
        run(&world);
        assert_int_equal(world.client.got.len, data.len);
        assert_memory_equal(world.client.got.at, data.at, data.len);
        close_world(&world);
    }
    text_fini(&data);
}

TEST(records_that_come_together_are_given_together)
{
    struct world world;

    open_connection(&world);
    for (int i = 0; i < 10; i++)
        peer_write(&world.client, BYTES("0123456789"));
    run(&world);
    assert_int_equal(world.server.got.len, 100);
    assert_int_equal(world.server.reads, 1);
    close_world(&world);
}

TEST(records_in_pieces_of_any_size_are_put_together)
{
    struct text data = pattern(3000);

    for (size_t piece = 1; piece < 40; piece += 3) {
        struct world world;

        open_connection(&world);
        peer_write(&world.client, text_bytes(&data));
        world.server.pipe.lend_max = piece;
        run(&world);
        assert_int_equal(world.server.got.len, data.len);
        assert_memory_equal(world.server.got.at, data.at, data.len);
        close_world(&world);
    }
    text_fini(&data);
}

/* The number of whole records, and that each but the last is full. */
static int count_full_records(struct bytes sent)
{
    int count = 0;

    while (sent.len > 0) {
        size_t length = ((size_t)(unsigned char)sent.at[3] << 8) | (unsigned char)sent.at[4];

        if (sent.len > length + 5)
            assert_true(length >= 16384);
        sent = bytes_skip(sent, 5 + length);
        count++;
    }
    return count;
}

TEST(parts_of_one_write_fill_records_and_go_out_in_one_write)
{
    const size_t sizes[] = {1, 0, 300, 16000, 20000, 5, 16384, 16383, 40000};
    struct bytes parts[9];
    struct text data = pattern(200000);
    struct world world;
    size_t total = 0;
    int writes;

    open_connection(&world);
    server_says(&world, BYTES(".")); /* else the ticket would come along */
    text_clear(&world.client.got);
    for (int i = 0; i < 9; i++) {
        parts[i] = bytes_from(data.at + total, sizes[i]);
        total += sizes[i];
    }
    writes = world.server.pipe.writes;
    assert_int_equal(transport_write(transport_of(&world.server), parts, 9), STATUS_OK);
    assert_int_equal(world.server.pipe.writes - writes, 1);
    assert_int_equal(count_full_records(text_bytes(&world.server.pipe.sent)),
                     (total + 16383) / 16384);
    run(&world);
    assert_int_equal(world.client.got.len, total);
    assert_memory_equal(world.client.got.at, data.at, total);
    text_fini(&data);
    close_world(&world);
}

TEST(a_write_of_nothing_sends_nothing)
{
    struct bytes nothing[2] = {BYTES_NONE, BYTES_NONE};
    struct world world;

    open_connection(&world);
    assert_int_equal(transport_write(transport_of(&world.server), nothing, 2), STATUS_OK);
    assert_int_equal(transport_write(transport_of(&world.server), NULL, 0), STATUS_OK);
    assert_int_equal(world.server.pipe.sent.len, 0);
    close_world(&world);
}

TEST(an_owner_may_write_from_inside_what_it_reads)
{
    struct text data = pattern(150000);
    struct world world;

    open_connection(&world);
    world.server.echoes = true;
    peer_write(&world.client, text_bytes(&data));
    run(&world);
    assert_int_equal(world.client.got.len, data.len);
    assert_memory_equal(world.client.got.at, data.at, data.len);
    text_fini(&data);
    close_world(&world);
}

/* ---- back-pressure ---- */

TEST(a_write_that_is_queued_below_says_again_and_is_drained_once)
{
    struct world world;

    open_connection(&world);
    world.server.pipe.is_clogged = true;
    assert_int_equal(write_one(&world, BYTES("one")), STATUS_AGAIN);
    assert_int_equal(write_one(&world, BYTES("two")), STATUS_AGAIN);
    assert_true(transport_queued_bytes(transport_of(&world.server)) > 6);
    assert_true(transport_unread_bytes(transport_of(&world.server)) > 6);
    run(&world);
    assert_int_equal(world.server.drains, 0);
    world.server.pipe.is_clogged = false;
    run(&world);
    assert_int_equal(world.server.drains, 1);
    assert_bytes(text_bytes(&world.client.got), "onetwo");
    close_world(&world);
}

TEST(what_the_owner_did_not_write_is_drained_without_telling_it)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    world.server.pipe.is_clogged = true; /* the answer to the ClientHello */
    run(&world);
    assert_true(world.server.pipe.queued.len > 0);
    world.server.pipe.is_clogged = false;
    run(&world);
    assert_open(&world);
    assert_int_equal(world.server.drains, 0);
    close_world(&world);
}

TEST(a_paused_connection_reads_nothing_below_and_goes_on_when_resumed)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    world.server.stays_paused = true;
    run(&world);
    assert_open(&world);
    assert_false(world.server.pipe.is_reading);
    peer_write(&world.client, BYTES("hello"));
    run(&world);
    assert_int_equal(world.server.got.len, 0);
    transport_resume(transport_of(&world.server));
    run(&world);
    assert_bytes(text_bytes(&world.server.got), "hello");
    close_world(&world);
}

TEST(what_came_with_the_end_of_the_handshake_waits_for_the_owner)
{
    struct world world;

    open_world(&world);
    (void)SSL_CTX_set_max_proto_version(world.client.context, TLS1_3_VERSION);
    begin(&world, "a.test");
    world.server.stays_paused = true;
    (void)peer_turn(&world.client, &world.server.pipe);
    (void)pipe_turn(&world.server.pipe);
    (void)peer_turn(&world.client, &world.server.pipe); /* Finished */
    peer_write(&world.client, BYTES("hello"));
    (void)peer_turn(&world.client, &world.server.pipe);
    assert_true(pipe_turn(&world.server.pipe)); /* both in one read */
    assert_int_equal(world.server.readies, 1);
    assert_int_equal(world.server.got.len, 0);
    assert_true(transport_is_stale(transport_of(&world.server)));
    transport_resume(transport_of(&world.server));
    assert_int_equal(world.server.got.len, 0); /* never from inside */
    assert_false(tls_engine_turn(world.engine));
    assert_bytes(text_bytes(&world.server.got), "hello");
    assert_true(world.server.pipe.is_reading);
    close_world(&world);
}

TEST(an_owner_that_pauses_at_each_read_gets_every_byte_once)
{
    struct text data = pattern(300000);
    struct world world;

    open_connection(&world);
    world.server.pauses = true;
    world.server.pipe.lend_max = 200000; /* more than fits into what is given at once */
    peer_write(&world.client, text_bytes(&data));
    while (world.server.got.len < data.len) {
        size_t before = world.server.got.len;

        transport_resume(transport_of(&world.server));
        run(&world);
        assert_true(world.server.got.len > before);
        assert_false(world.server.pipe.is_reading);
    }
    assert_memory_equal(world.server.got.at, data.at, data.len);
    text_fini(&data);
    close_world(&world);
}

/* ---- ends ---- */

TEST(close_notify_is_an_end_and_the_other_direction_stays_open)
{
    struct world world;

    open_connection(&world);
    peer_write(&world.client, BYTES("last"));
    (void)SSL_shutdown(world.client.ssl);
    run(&world);
    world.server.pipe.has_peer_ended = true;
    run(&world);
    assert_bytes(text_bytes(&world.server.got), "last");
    assert_int_equal(world.server.ends, 1);
    assert_int_equal(world.server.breaks, 0);
    assert_int_equal(write_one(&world, BYTES("answer")), STATUS_OK);
    run(&world);
    assert_bytes(text_bytes(&world.client.got), "answer");
    close_world(&world);
}

TEST(an_end_without_close_notify_is_a_break)
{
    struct world world;

    open_connection(&world);
    peer_write(&world.client, BYTES("half of it"));
    run(&world);
    world.server.pipe.has_peer_ended = true;
    run(&world);
    assert_bytes(text_bytes(&world.server.got), "half of it");
    assert_int_equal(world.server.ends, 0);
    assert_int_equal(world.server.breaks, 1);
    assert_int_equal(world.server.why, STATUS_CLOSED);
    assert_int_equal(world.server.failure, TLS_FAILURE_NONE);
    close_world(&world);
}

TEST(an_end_waits_while_the_owner_is_paused)
{
    struct world world;

    open_connection(&world);
    world.server.pauses = true;
    peer_write(&world.client, BYTES("last"));
    (void)SSL_shutdown(world.client.ssl);
    run(&world);
    assert_bytes(text_bytes(&world.server.got), "last");
    assert_int_equal(world.server.ends, 0);
    transport_resume(transport_of(&world.server));
    run(&world);
    assert_int_equal(world.server.ends, 1);
    transport_resume(transport_of(&world.server));
    run(&world);
    assert_int_equal(world.server.ends, 1);
    close_world(&world);
}

TEST(bytes_after_close_notify_are_nothing)
{
    struct world world;

    open_connection(&world);
    (void)SSL_shutdown(world.client.ssl);
    (void)peer_turn(&world.client, &world.server.pipe);
    text_add(&world.server.pipe.arrived, BYTES("junk"));
    run(&world);
    assert_int_equal(world.server.ends, 1);
    assert_int_equal(world.server.breaks, 0);
    assert_int_equal(world.server.got.len, 0);
    close_world(&world);
}

TEST(finish_says_close_notify_and_reading_goes_on)
{
    struct world world;

    open_connection(&world);
    assert_int_equal(write_one(&world, BYTES("all")), STATUS_OK);
    transport_finish(transport_of(&world.server));
    transport_finish(transport_of(&world.server));
    assert_int_equal(write_one(&world, BYTES("late")), STATUS_CLOSED);
    assert_true(world.server.pipe.is_finished);
    run(&world);
    assert_bytes(text_bytes(&world.client.got), "all");
    assert_true(world.client.has_ended);
    peer_write(&world.client, BYTES("still here"));
    run(&world);
    assert_bytes(text_bytes(&world.server.got), "still here");
    close_world(&world);
}

TEST(close_says_close_notify_and_abort_does_not)
{
    struct world world;

    open_connection(&world);
    transport_close(transport_of(&world.server));
    transport_close(transport_of(&world.server));
    assert_int_equal(world.server.closes, 0); /* never from inside */
    run(&world);
    assert_true(world.client.has_ended);
    assert_int_equal(world.server.closes, 1);
    assert_false(world.server.pipe.was_reset);
    close_world(&world);
    open_connection(&world);
    transport_abort(transport_of(&world.server));
    run(&world);
    assert_false(world.client.has_ended);
    assert_true(world.server.pipe.was_reset);
    close_world(&world);
}

TEST(an_owner_may_close_from_inside_what_it_reads)
{
    struct text data = pattern(200000);
    struct world world;

    open_connection(&world);
    world.server.closes_when_read = true;
    peer_write(&world.client, text_bytes(&data));
    world.server.pipe.lend_max = 200000;
    run(&world);
    assert_int_equal(world.server.reads, 1);
    assert_int_equal(world.server.closes, 1);
    assert_int_equal(world.server.ends + world.server.breaks, 0);
    text_fini(&data);
    close_world(&world);
}

TEST(a_write_to_a_dead_connection_says_closed)
{
    struct world world;

    open_connection(&world);
    world.server.pipe.is_dead = true;
    assert_int_equal(write_one(&world, BYTES("hello")), STATUS_CLOSED);
    assert_int_equal(world.server.breaks, 0);
    close_world(&world);
}

TEST(nothing_can_be_written_before_the_handshake_is_complete)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    assert_int_equal(write_one(&world, BYTES("hello")), STATUS_CLOSED);
    assert_int_equal(world.server.pipe.sent.len, 0);
    close_world(&world);
}

TEST(a_break_below_is_a_break)
{
    struct world world;

    open_connection(&world);
    world.server.pipe.transport.events->on_broken(&world.server.pipe.transport, STATUS_TIMEOUT);
    run(&world);
    assert_int_equal(world.server.breaks, 1);
    assert_int_equal(world.server.why, STATUS_TIMEOUT);
    close_world(&world);
}

/* ---- records that are wrong ---- */

TEST(any_changed_byte_of_a_record_breaks_the_connection_and_gives_nothing_of_it)
{
    struct text data = pattern(40);

    for (size_t at = 0; at < 60; at++) {
        struct world world;

        open_connection(&world);
        peer_write(&world.client, text_bytes(&data));
        (void)peer_turn(&world.client, &world.server.pipe);
        assert_true(world.server.pipe.arrived.len > at);
        world.server.pipe.arrived.at[at] = (char)(world.server.pipe.arrived.at[at] ^ 1);
        run_server(&world);
        assert_int_equal(world.server.got.len, 0);
        if (world.server.breaks == 0) { /* a length: it waits for more, which does not come */
            assert_true(at == 3 || at == 4);
            world.server.pipe.has_peer_ended = true;
            run_server(&world);
        }
        assert_int_equal(world.server.breaks, 1);
        close_world(&world);
    }
    text_fini(&data);
}

TEST(what_came_before_a_wrong_record_is_given)
{
    struct world world;

    open_connection(&world);
    peer_write(&world.client, BYTES("good"));
    (void)peer_turn(&world.client, &world.server.pipe);
    text_add(&world.server.pipe.arrived, BYTES("\x17\x03\x03\x00\x20"
                                               "this is no ciphertext of any key"));
    run(&world);
    assert_bytes(text_bytes(&world.server.got), "good");
    assert_int_equal(world.server.breaks, 1);
    assert_int_equal(world.server.why, STATUS_INVALID);
    close_world(&world);
}

/* ---- after the handshake ---- */

TEST(key_updates_are_answered_and_change_nothing)
{
    struct world world;

    open_connection(&world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(world.client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        peer_write(&world.client, BYTES("ping"));
        run(&world);
        assert_int_equal(write_one(&world, BYTES("pong")), STATUS_OK);
        run(&world);
    }
    assert_bytes(text_bytes(&world.server.got), "pingpingping");
    assert_bytes(text_bytes(&world.client.got), "pongpongpong");
    close_world(&world);
}

TEST(a_peer_that_asks_for_answers_without_reading_them_is_cut)
{
    struct world world;
    int rounds = 0;

    open_connection(&world);
    world.server.pipe.is_clogged = true;
    while (world.server.breaks == 0 && rounds++ < 10000) {
        assert_int_equal(SSL_key_update(world.client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        peer_write(&world.client, BYTES("x"));
        run(&world);
    }
    assert_int_equal(world.server.breaks, 1);
    assert_true(rounds < 2000);
    close_world(&world);
}

TEST(hostile_77_a_client_cannot_renegotiate)
{
    struct world world;

    open_world(&world);
    (void)SSL_CTX_set_max_proto_version(world.client.context, TLS1_2_VERSION);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_int_equal(SSL_renegotiate(world.client.ssl), 1);
    (void)SSL_do_handshake(world.client.ssl);
    run(&world);
    assert_int_equal(ERR_GET_REASON(world.client.error), SSL_R_NO_RENEGOTIATION);
    assert_int_equal(world.server.readies, 1);
    assert_bytes(text_bytes(&world.asked), "a.test;");
    close_world(&world);
}

/* ---- stale or not ---- */

TEST(stale_is_what_has_something_unread_in_any_layer)
{
    struct world world;

    open_connection(&world);
    assert_false(transport_is_stale(transport_of(&world.server)));
    peer_write(&world.client, BYTES("hello"));
    (void)peer_turn(&world.client, &world.server.pipe);
    assert_true(transport_is_stale(transport_of(&world.server)));
    world.server.pipe.lend_max = 7;
    assert_true(pipe_turn(&world.server.pipe)); /* part of a record, now inside OpenSSL */
    text_clear(&world.server.pipe.arrived);
    assert_true(transport_is_stale(transport_of(&world.server)));
    close_world(&world);
}

TESTS(UNIT(a_mebibyte_goes_each_way_unchanged), UNIT(records_that_come_together_are_given_together),
      UNIT(records_in_pieces_of_any_size_are_put_together),
      UNIT(parts_of_one_write_fill_records_and_go_out_in_one_write),
      UNIT(a_write_of_nothing_sends_nothing), UNIT(an_owner_may_write_from_inside_what_it_reads),
      UNIT(a_write_that_is_queued_below_says_again_and_is_drained_once),
      UNIT(what_the_owner_did_not_write_is_drained_without_telling_it),
      UNIT(a_paused_connection_reads_nothing_below_and_goes_on_when_resumed),
      UNIT(what_came_with_the_end_of_the_handshake_waits_for_the_owner),
      UNIT(an_owner_that_pauses_at_each_read_gets_every_byte_once),
      UNIT(close_notify_is_an_end_and_the_other_direction_stays_open),
      UNIT(an_end_without_close_notify_is_a_break), UNIT(an_end_waits_while_the_owner_is_paused),
      UNIT(bytes_after_close_notify_are_nothing),
      UNIT(finish_says_close_notify_and_reading_goes_on),
      UNIT(close_says_close_notify_and_abort_does_not),
      UNIT(an_owner_may_close_from_inside_what_it_reads),
      UNIT(a_write_to_a_dead_connection_says_closed),
      UNIT(nothing_can_be_written_before_the_handshake_is_complete), UNIT(a_break_below_is_a_break),
      UNIT(any_changed_byte_of_a_record_breaks_the_connection_and_gives_nothing_of_it),
      UNIT(what_came_before_a_wrong_record_is_given),
      UNIT(key_updates_are_answered_and_change_nothing),
      UNIT(a_peer_that_asks_for_answers_without_reading_them_is_cut),
      UNIT(hostile_77_a_client_cannot_renegotiate),
      UNIT(stale_is_what_has_something_unread_in_any_layer))
