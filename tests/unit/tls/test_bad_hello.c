/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bad_hello.c - what comes of bytes that are no ClientHello, or none that ends as it should.
 */
#include "tests/unit/tls/wire.h"

static void send_raw(struct world *world, struct bytes data)
{
    begin(world, "a.test");
    text_add(&world->server.pipe.arrived, data);
    run_server(world);
}

TEST(plain_text_is_told_apart_and_not_answered)
{
    struct world world;

    open_world(&world);
    send_raw(&world, BYTES("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    assert_refused(&world, TLS_FAILURE_NOT_TLS, 0);
    assert_int_equal(world.server.pipe.sent.len, 0);
    close_world(&world);
}

TEST(hostile_77_an_ssl_2_hello_is_refused)
{
    struct world world;

    open_world(&world);
    send_raw(&world, BYTES("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x00\x00\x39\x00\x00\x38"
                           "\x00\x00\x35\x00\x00\x16\x00\x00\x13\x00\x00\x0a"
                           "0123456789abcdef"));
    assert_refused(&world, TLS_FAILURE_NOT_TLS, 0);
    close_world(&world);
}

TEST(hostile_77_an_ssl_3_hello_is_refused)
{
    struct world world;

    open_world(&world);
    send_raw(&world, BYTES("\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00"
                           "0123456789abcdef0123456789abcdef"
                           "\x00\x00\x02\x00\x35\x01\x00"));
    assert_int_equal(world.server.breaks, 1);
    assert_int_equal(world.server.readies, 0);
    close_world(&world);
}

TEST(a_hello_that_makes_no_sense_is_bad)
{
    struct world world;

    open_world(&world);
    send_raw(&world, BYTES("\x16\x03\x01\x00\x09\x01\x00\x00\x05hello"));
    assert_refused(&world, TLS_FAILURE_BAD_HELLO, 0);
    close_world(&world);
}

/* Handshake records of zeroes behind the head of a ClientHello of `length` bytes. */
static void make_large_hello(struct text *out, size_t length)
{
    char head[] = {1, (char)(length >> 16), (char)(length >> 8), (char)length};
    size_t left = length + sizeof(head);

    while (left > 0) {
        size_t piece = left < 16384 ? left : 16384;

        text_add(out, BYTES("\x16\x03\x01"));
        text_add_byte(out, (char)(piece >> 8));
        text_add_byte(out, (char)piece);
        for (size_t i = 0; i < piece; i++)
            text_add_byte(out, left == length + sizeof(head) && i < sizeof(head) ? head[i] : 0);
        left -= piece;
    }
}

TEST(hostile_82_a_hello_of_more_than_64_kib_is_refused_before_it_has_all_come)
{
    struct world world;
    struct text hello;

    open_world(&world);
    text_init(&hello);
    make_large_hello(&hello, 120000);
    begin(&world, "a.test");
    text_add(&world.server.pipe.arrived, text_bytes(&hello));
    world.server.pipe.lend_max = 4096;
    run_server(&world);
    assert_refused(&world, TLS_FAILURE_BAD_HELLO, 0);
    assert_true(world.server.pipe.arrived.len > 40000);
    text_fini(&hello);
    close_world(&world);
}

/* So many protocols that their extension takes about `length` bytes. */
static void set_long_alpn(struct world *world, size_t length)
{
    struct text protocols;

    text_init(&protocols);
    text_add(&protocols, BYTES("\x08http/1.1"));
    while (protocols.len < length) {
        text_add_byte(&protocols, 59);
        for (int i = 0; i < 59; i++)
            text_add_byte(&protocols, 'x');
    }
    assert_int_equal(SSL_CTX_set_alpn_protos(world->client.context,
                                             (const unsigned char *)protocols.at,
                                             (unsigned int)protocols.len),
                     0);
    text_fini(&protocols);
}

TEST(hostile_82_a_true_hello_of_more_than_64_kib_is_refused_however_it_comes)
{
    struct world world;

    open_world(&world);
    set_long_alpn(&world, 64800);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    set_long_alpn(&world, 65240);
    begin(&world, "a.test");
    world.server.pipe.lend_max = 1024 * 1024; /* all at once */
    run(&world);
    assert_refused(&world, TLS_FAILURE_BAD_HELLO, SSL_AD_DECODE_ERROR);
    close_world(&world);
}

TEST(a_client_that_goes_in_the_middle_of_its_handshake_is_told_as_closed)
{
    struct world world;
    struct text hello;

    open_world(&world);
    text_init(&hello);
    begin_hello(&world, "a.test", &hello);
    for (size_t length = 0; length <= hello.len; length++) {
        begin(&world, "a.test");
        text_add(&world.server.pipe.arrived, bytes_from(hello.at, length));
        world.server.pipe.has_peer_ended = true;
        run_server(&world);
        assert_refused(&world, TLS_FAILURE_CLOSED, 0);
        assert_int_equal(world.server.why, STATUS_CLOSED);
    }
    text_fini(&hello);
    close_world(&world);
}

TEST(a_client_that_does_not_believe_the_server_is_told_as_such)
{
    struct world world;

    open_world(&world);
    SSL_CTX_set_verify(world.client.context, SSL_VERIFY_PEER, NULL);
    begin(&world, "a.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_REFUSED_BY_PEER, 0);
    close_world(&world);
}

TEST(a_hello_with_any_one_byte_changed_breaks_nothing_but_itself)
{
    struct world world;
    struct text hello;

    open_world(&world);
    text_init(&hello);
    begin_hello(&world, "a.test", &hello);
    for (size_t at = 0; at < hello.len; at++) {
        hello.at[at] = (char)(hello.at[at] ^ 0x55);
        send_raw(&world, text_bytes(&hello));
        assert_int_equal(world.server.readies, 0);
        hello.at[at] = (char)(hello.at[at] ^ 0x55);
    }
    text_fini(&hello);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    close_world(&world);
}

TESTS(UNIT(plain_text_is_told_apart_and_not_answered), UNIT(hostile_77_an_ssl_2_hello_is_refused),
      UNIT(hostile_77_an_ssl_3_hello_is_refused), UNIT(a_hello_that_makes_no_sense_is_bad),
      UNIT(hostile_82_a_hello_of_more_than_64_kib_is_refused_before_it_has_all_come),
      UNIT(hostile_82_a_true_hello_of_more_than_64_kib_is_refused_however_it_comes),
      UNIT(a_client_that_goes_in_the_middle_of_its_handshake_is_told_as_closed),
      UNIT(a_client_that_does_not_believe_the_server_is_told_as_such),
      UNIT(a_hello_with_any_one_byte_changed_breaks_nothing_but_itself))
