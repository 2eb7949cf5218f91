/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_resumption.c - when a session goes on in another connection, and when it does not.
 */
#include "tests/unit/tls/resumption.h"
#include "tls/tickets.h"

TEST(a_session_goes_on_with_its_ticket_and_bytes_move)
{
    EACH_VERSION(version)
    {
        struct world world;

        open_world(&world);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        assert_true(comes_back(&world, "a.test", NULL));
        peer_write(&world.client, BYTES("hello"));
        run(&world);
        assert_bytes(text_bytes(&world.server.got), "hello");
        close_world(&world);
    }
}

TEST(workers_take_each_others_tickets)
{
    EACH_VERSION(version)
    {
        struct world world;
        struct tls_engine *other;

        open_world(&world);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        end_fini(&world.server);
        world.has_server = false;
        other = tls_engine_create(world.tickets, world_choose, &world);
        tls_engine_destroy(world.engine);
        world.engine = other;
        assert_true(comes_back(&world, "a.test", NULL));
        close_world(&world);
    }
}

TEST(hostile_80_a_session_does_not_go_on_at_another_host)
{
    EACH_VERSION(version)
    {
        struct world world;
        struct identity leaf = make_identity(&(struct recipe){.name = "b.test"});
        struct certificate *certificate = make_certificate(&leaf, NULL);
        struct tls_host_config config;

        open_world(&world);
        config = world.config;
        config.certificates[CERTIFICATE_ECDSA] = certificate;
        world.b = tls_host_create(&config);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        assert_false(comes_back(&world, "b.test", NULL));
        assert_ptr_equal(tls_host_of(world.server.tls), world.b);
        assert_int_equal(X509_cmp(SSL_get0_peer_certificate(world.client.ssl), leaf.certificate),
                         0);
        close_world(&world);
        certificate_unref(certificate);
        identity_free(&leaf);
    }
}

TEST(a_session_goes_on_at_another_name_with_the_same_settings)
{
    EACH_VERSION(version)
    {
        struct world world;

        open_world(&world);
        world.b = tls_host_create(&world.config);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        assert_true(comes_back(&world, "b.test", NULL));
        assert_ptr_equal(tls_host_of(world.server.tls), world.b);
        close_world(&world);
    }
}

TEST(hostile_80_keys_rotate_and_a_ticket_of_the_key_before_is_replaced)
{
    struct tls_tickets *tickets = tls_tickets_create(100);
    struct ticket_key first, second, found;
    int64_t now_s = 1000000000; /* long after it was made: the first key is gone */

    tickets_seal(tickets, now_s, &first);
    assert_int_equal(tickets_open(tickets, now_s + 99, first.name, &found), TICKET_CURRENT);
    assert_memory_equal(&first, &found, sizeof(first));
    assert_int_equal(tickets_open(tickets, now_s + 100, first.name, &found), TICKET_PREVIOUS);
    assert_memory_equal(&first, &found, sizeof(first));
    tickets_seal(tickets, now_s + 100, &second);
    assert_memory_not_equal(first.name, second.name, sizeof(first.name));
    assert_memory_not_equal(first.cipher_key, second.cipher_key, sizeof(first.cipher_key));
    assert_memory_not_equal(first.mac_key, second.mac_key, sizeof(first.mac_key));
    assert_int_equal(tickets_open(tickets, now_s + 200, first.name, &found), TICKET_UNKNOWN);
    assert_int_equal(tickets_open(tickets, now_s + 200, second.name, &found), TICKET_PREVIOUS);
    tls_tickets_destroy(tickets);
}

TEST(hostile_80_a_key_that_nobody_asked_for_in_time_is_gone_too)
{
    struct tls_tickets *tickets = tls_tickets_create(100);
    struct ticket_key key, found;
    int64_t now_s = 1000000000;

    tickets_seal(tickets, now_s, &key);
    assert_int_equal(tickets_open(tickets, now_s + 200, key.name, &found), TICKET_UNKNOWN);
    tls_tickets_destroy(tickets);
}

TEST(tickets_of_another_process_mean_a_full_handshake)
{
    EACH_VERSION(version)
    {
        struct world world;

        open_world(&world);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        end_fini(&world.server);
        world.has_server = false;
        tls_engine_destroy(world.engine);
        tls_tickets_destroy(world.tickets);
        world.tickets = tls_tickets_create(TLS_TICKETS_ROTATE_S);
        world.engine = tls_engine_create(world.tickets, world_choose, &world);
        assert_false(comes_back(&world, "a.test", NULL));
        assert_true(comes_back(&world, "a.test", NULL)); /* it got a new one */
        close_world(&world);
    }
}

/* Clients of TLS 1.3 show each ticket once. */
TEST(a_session_of_1_3_goes_on_and_on_for_each_connection_brings_a_ticket)
{
    struct world world;

    open_world(&world);
    set_version(&world, TLS1_3_VERSION);
    assert_false(comes_back(&world, "a.test", NULL));
    for (int i = 0; i < 3; i++) {
        assert_true(comes_back(&world, "a.test", NULL));
        assert_int_equal(world.client.tickets, 1);
    }
    close_world(&world);
}

TEST(a_ticket_of_1_2_is_kept_while_its_key_is_the_current_one)
{
    struct world world;

    open_world(&world);
    set_version(&world, TLS1_2_VERSION);
    assert_false(comes_back(&world, "a.test", NULL));
    assert_true(comes_back(&world, "a.test", NULL));
    assert_int_equal(world.client.tickets, 0);
    close_world(&world);
}

TEST(a_client_without_tickets_gets_no_session_id_to_come_back_with)
{
    struct world world;

    open_world(&world);
    set_version(&world, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(world.client.context, SSL_OP_NO_TICKET);
    for (int i = 0; i < 2; i++) {
        unsigned int length;

        assert_false(comes_back(&world, "a.test", NULL));
        (void)SSL_SESSION_get_id(SSL_get_session(world.client.ssl), &length);
        assert_int_equal(length, 0);
    }
    close_world(&world);
}

TEST(no_two_tickets_begin_alike)
{
    unsigned char ivs[2 * TLS_IVS_COUNT][TLS_IV_BYTES];
    struct world world;

    open_world(&world);
    for (int i = 0; i < 2 * TLS_IVS_COUNT; i++) {
        const unsigned char *ticket;
        size_t length;

        SSL_SESSION_free(world.client.session);
        world.client.session = NULL;
        assert_false(comes_back(&world, "a.test", NULL));
        SSL_SESSION_get0_ticket(world.client.session, &ticket, &length);
        memcpy(ivs[i], ticket + TICKET_NAME_BYTES, TLS_IV_BYTES);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(ivs[i], ivs[j], TLS_IV_BYTES);
    }
    close_world(&world);
}

TEST(hostile_80_a_session_may_go_on_for_a_day)
{
    const struct ticket_origin origin = {1000, INT64_MAX};

    assert_true(tickets_may_go_on(&origin, 1000 + 86399, 0));
    assert_false(tickets_may_go_on(&origin, 1000 + 86400, 0));
}

TEST(hostile_81_a_session_may_go_on_until_what_verified_its_client_ends)
{
    const struct ticket_origin origin = {1000, 1900000000};

    assert_true(tickets_may_go_on(&origin, 1000, 1899999999));
    assert_false(tickets_may_go_on(&origin, 1000, 1900000000));
}

/* As if its full handshake had been at the beginning of time, which was more than a day before the
 * clock's 0. */
static int make_old(SSL *ssl, void *context)
{
    const struct ticket_origin origin = {INT32_MIN, INT64_MAX};

    (void)context;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &origin, sizeof(origin));
}

TEST(hostile_80_a_session_ends_a_day_after_its_full_handshake_whatever_its_ticket)
{
    EACH_VERSION(version)
    {
        struct world world;

        open_world(&world);
        (void)SSL_CTX_set_session_ticket_cb(world.engine->server, make_old, tickets_on_read, NULL);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        assert_false(comes_back(&world, "a.test", NULL));
        close_world(&world);
    }
}

TEST(hostile_77_no_ticket_allows_early_data)
{
    struct world world;

    open_world(&world);
    assert_false(comes_back(&world, "a.test", NULL));
    assert_non_null(world.client.session);
    assert_int_equal(SSL_SESSION_get_max_early_data(world.client.session), 0);
    close_world(&world);
}

TEST(a_ticket_with_any_changed_byte_means_a_full_handshake)
{
    struct world world;
    SSL_SESSION *session;
    unsigned char *der = NULL;
    const unsigned char *ticket;
    size_t ticket_len;
    int length;

    open_world(&world);
    assert_false(comes_back(&world, "a.test", NULL));
    session = world.client.session;
    world.client.session = NULL;
    SSL_SESSION_get0_ticket(session, &ticket, &ticket_len);
    for (size_t at = 0; at < ticket_len; at += 7) {
        const unsigned char *from;
        unsigned char *found;

        length = i2d_SSL_SESSION(session, &der);
        assert_true(length > 0);
        found = memmem(der, (size_t)length, ticket, ticket_len);
        assert_non_null(found);
        found[at] ^= 1;
        from = der;
        SSL_SESSION_free(world.client.session);
        world.client.session = d2i_SSL_SESSION(NULL, &from, length);
        assert_non_null(world.client.session);
        assert_false(comes_back(&world, "a.test", NULL));
        OPENSSL_free(der);
        der = NULL;
    }
    SSL_SESSION_free(session);
    close_world(&world);
}

TESTS(UNIT(a_session_goes_on_with_its_ticket_and_bytes_move),
      UNIT(workers_take_each_others_tickets),
      UNIT(hostile_80_a_session_does_not_go_on_at_another_host),
      UNIT(a_session_goes_on_at_another_name_with_the_same_settings),
      UNIT(hostile_80_keys_rotate_and_a_ticket_of_the_key_before_is_replaced),
      UNIT(hostile_80_a_key_that_nobody_asked_for_in_time_is_gone_too),
      UNIT(tickets_of_another_process_mean_a_full_handshake),
      UNIT(a_session_of_1_3_goes_on_and_on_for_each_connection_brings_a_ticket),
      UNIT(a_ticket_of_1_2_is_kept_while_its_key_is_the_current_one),
      UNIT(a_client_without_tickets_gets_no_session_id_to_come_back_with),
      UNIT(no_two_tickets_begin_alike), UNIT(hostile_80_a_session_may_go_on_for_a_day),
      UNIT(hostile_81_a_session_may_go_on_until_what_verified_its_client_ends),
      UNIT(hostile_80_a_session_ends_a_day_after_its_full_handshake_whatever_its_ticket),
      UNIT(hostile_77_no_ticket_allows_early_data),
      UNIT(a_ticket_with_any_changed_byte_means_a_full_handshake))
