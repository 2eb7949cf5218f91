/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handshake.c - what comes of a ClientHello.
 */
#include "tests/unit/tls/wire.h"

static void set_alpn(struct world *world, const char *protocols)
{
    assert_int_equal(SSL_CTX_set_alpn_protos(world->client.context,
                                             (const unsigned char *)protocols,
                                             (unsigned int)strlen(protocols)),
                     0);
}

/* The macros behind these take no constants. */
static void set_groups(struct world *world, const char *groups)
{
    char *copy = mem_string(bytes_of(groups));

    assert_int_equal(SSL_CTX_set1_groups_list(world->client.context, copy), 1);
    mem_free(copy);
}

static void set_sigalgs(struct world *world, const char *algorithms)
{
    char *copy = mem_string(bytes_of(algorithms));

    assert_int_equal(SSL_CTX_set1_sigalgs_list(world->client.context, copy), 1);
    mem_free(copy);
}

/* ---- versions and ciphers ---- */

TEST(a_handshake_of_each_version_ends_with_both_sides_ready)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct world world;

    open_world(&world);
    for (int i = 0; i < 2; i++) {
        set_versions(&world, versions[i], versions[i]);
        begin(&world, "a.test");
        run(&world);
        assert_open(&world);
        assert_string_equal(tls_version_of(world.server.tls),
                            tls_version_name((enum tls_version)i));
        assert_false(tls_was_resumed(world.server.tls));
        assert_false(tls_is_h2(world.server.tls));
        assert_ptr_equal(tls_host_of(world.server.tls), world.a);
        assert_bytes(tls_server_name(world.server.tls), "a.test");
    }
    assert_string_equal(tls_cipher_of(world.server.tls), "TLS_AES_128_GCM_SHA256");
    close_world(&world);
}

TEST(a_handshake_that_comes_byte_by_byte_is_the_same)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    world.server.pipe.lend_max = 1;
    run(&world);
    assert_open(&world);
    close_world(&world);
}

TEST(a_server_answers_in_one_write_and_gives_one_ticket_with_the_first_it_says)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_int_equal(world.server.pipe.writes, 1);
    assert_int_equal(world.client.tickets, 0);
    server_says(&world, BYTES("hello"));
    assert_int_equal(world.server.pipe.writes, 2);
    assert_int_equal(world.client.tickets, 1);
    assert_bytes(text_bytes(&world.client.got), "hello");
    server_says(&world, BYTES(" again"));
    assert_int_equal(world.server.pipe.writes, 3);
    assert_int_equal(world.client.tickets, 1);
    assert_bytes(text_bytes(&world.client.got), "hello again");
    close_world(&world);
}

TEST(a_server_that_has_nothing_to_say_gives_the_ticket_when_it_closes)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    transport_close(transport_of(&world.server));
    run(&world);
    assert_int_equal(world.client.tickets, 1);
    assert_true(world.client.has_ended);
    close_world(&world);
}

TEST(hostile_77_versions_below_1_2_are_refused)
{
    const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    struct world world;

    open_world(&world);
    for (int i = 0; i < 2; i++) {
        set_versions(&world, versions[i], versions[i]);
        begin(&world, "a.test");
        run(&world);
        assert_refused(&world, TLS_FAILURE_VERSION, SSL_AD_PROTOCOL_VERSION);
    }
    close_world(&world);
}

TEST(a_host_narrows_the_versions)
{
    struct world world;

    open_world(&world);
    world.config.version_min = TLS_VERSION_1_3;
    set_a(&world);
    set_versions(&world, TLS1_2_VERSION, TLS1_2_VERSION);
    begin(&world, "a.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_VERSION, SSL_AD_PROTOCOL_VERSION);
    world.config.version_min = TLS_VERSION_1_2;
    world.config.version_max = TLS_VERSION_1_2;
    set_a(&world);
    set_versions(&world, TLS1_2_VERSION, TLS1_3_VERSION);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_string_equal(tls_version_of(world.server.tls), "TLSv1.2");
    close_world(&world);
}

TEST(ciphers_without_forward_secrecy_or_authenticated_encryption_are_refused)
{
    const char *const lists[] = {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA",
                                 "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256"};
    struct world world;

    open_world(&world);
    set_versions(&world, TLS1_2_VERSION, TLS1_2_VERSION);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        assert_int_equal(SSL_CTX_set_cipher_list(world.client.context, lists[i]), 1);
        begin(&world, "a.test");
        run(&world);
        assert_refused(&world, TLS_FAILURE_CIPHER, SSL_AD_HANDSHAKE_FAILURE);
    }
    close_world(&world);
}

TEST(chacha_is_taken_for_clients_that_put_it_first_and_only_for_them)
{
    struct world world;

    open_world(&world);
    set_versions(&world, TLS1_2_VERSION, TLS1_2_VERSION);
    assert_int_equal(
        SSL_CTX_set_cipher_list(world.client.context,
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"),
        1);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_string_equal(tls_cipher_of(world.server.tls), "ECDHE-ECDSA-CHACHA20-POLY1305");
    assert_int_equal(
        SSL_CTX_set_cipher_list(world.client.context,
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
                                "ECDHE-ECDSA-AES128-GCM-SHA256"),
        1);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_string_equal(tls_cipher_of(world.server.tls), "ECDHE-ECDSA-AES128-GCM-SHA256");
    close_world(&world);
}

TEST(a_client_without_a_common_group_is_refused_and_one_that_guessed_wrong_may_retry)
{
    struct world world;

    open_world(&world);
    set_versions(&world, TLS1_3_VERSION, TLS1_3_VERSION);
    set_groups(&world, "P-521:P-384");
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_bytes(text_bytes(&world.asked), "a.test;"); /* once, for both ClientHellos */
    set_groups(&world, "P-521");
    begin(&world, "a.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_CIPHER, SSL_AD_HANDSHAKE_FAILURE);
    close_world(&world);
}

/* ---- certificates ---- */

static int shown_kind(const struct world *world)
{
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(world->client.ssl)));
}

TEST(the_client_decides_between_the_certificates_of_a_host)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct identity rsa = make_identity(&(struct recipe){.name = "a.test", .type = KEY_RSA});
    struct world world;
    struct certificate *certificate;

    open_world(&world);
    certificate = make_certificate(&rsa, NULL);
    world.config.certificates[CERTIFICATE_RSA] = certificate;
    set_a(&world);
    for (int i = 0; i < 2; i++) {
        set_versions(&world, versions[i], versions[i]);
        set_sigalgs(&world, "ECDSA+SHA256:RSA-PSS+SHA256");
        begin(&world, "a.test");
        run(&world);
        assert_open(&world);
        assert_int_equal(shown_kind(&world), EVP_PKEY_EC);
        set_sigalgs(&world, "RSA-PSS+SHA256");
        begin(&world, "a.test");
        run(&world);
        assert_open(&world);
        assert_int_equal(shown_kind(&world), EVP_PKEY_RSA);
    }
    certificate_unref(certificate);
    close_world(&world);
    identity_free(&rsa);
}

TEST(a_client_that_understands_no_certificate_of_the_host_is_refused)
{
    struct world world;

    open_world(&world);
    set_sigalgs(&world, "RSA-PSS+SHA256");
    begin(&world, "a.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_CIPHER, SSL_AD_HANDSHAKE_FAILURE);
    close_world(&world);
}

TEST(the_chain_is_sent_as_it_was_given)
{
    struct world world;

    open_world(&world);
    begin(&world, "a.test");
    run(&world);
    assert_open(&world);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(world.client.ssl)), 2);
    close_world(&world);
}

TEST(a_staple_goes_to_clients_that_ask_for_it)
{
    struct world world;
    struct text chain, key, staple, fault;
    struct certificate *certificate = NULL;
    const unsigned char *sent;

    open_world(&world);
    chain = make_pem(1, &world.leaf);
    key = make_key_pem(&world.leaf);
    staple = make_staple(&world.ca, &world.leaf);
    text_init(&fault);
    assert_int_equal(certificate_parse(text_bytes(&chain), text_bytes(&key), text_bytes(&staple),
                                       &certificate, &fault),
                     STATUS_OK);
    begin(&world, "a.test");
    SSL_set_tlsext_status_type(world.client.ssl, TLSEXT_STATUSTYPE_ocsp);
    run(&world);
    assert_open(&world);
    assert_int_equal(SSL_get_tlsext_status_ocsp_resp(world.client.ssl, &sent), -1);
    world.config.certificates[CERTIFICATE_ECDSA] = certificate;
    set_a(&world);
    begin(&world, "a.test");
    SSL_set_tlsext_status_type(world.client.ssl, TLSEXT_STATUSTYPE_ocsp);
    run(&world);
    assert_open(&world);
    assert_int_equal(SSL_get_tlsext_status_ocsp_resp(world.client.ssl, &sent), (long)staple.len);
    assert_memory_equal(sent, staple.at, staple.len);
    certificate_unref(certificate);
    text_fini(&chain);
    text_fini(&key);
    text_fini(&staple);
    text_fini(&fault);
    close_world(&world);
}

/* ---- names ---- */

TEST(the_name_is_asked_for_in_lower_case_and_without_a_trailing_dot)
{
    struct world world;

    open_world(&world);
    begin(&world, "A.Test.");
    run(&world);
    assert_open(&world);
    assert_bytes(text_bytes(&world.asked), "a.test;");
    close_world(&world);
}

TEST(hostile_79_a_name_that_nobody_serves_is_refused_and_so_is_none)
{
    struct world world;

    open_world(&world);
    begin(&world, "c.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_UNKNOWN_NAME, SSL_AD_UNRECOGNIZED_NAME);
    begin(&world, NULL);
    run(&world);
    assert_refused(&world, TLS_FAILURE_UNKNOWN_NAME, SSL_AD_UNRECOGNIZED_NAME);
    assert_bytes(text_bytes(&world.asked), "c.test;;");
    close_world(&world);
}

TEST(hostile_79_an_address_or_junk_as_the_name_is_refused_without_asking)
{
    const char *const names[] = {"10.0.0.1", "::1", "a..test", "a.test/b", "*.test", "a b", "."};
    struct world world;

    open_world(&world);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin(&world, names[i]);
        run(&world);
        assert_refused(&world, TLS_FAILURE_UNKNOWN_NAME, SSL_AD_UNRECOGNIZED_NAME);
    }
    assert_int_equal(world.asked.len, 0);
    close_world(&world);
}

TEST(hostile_79_a_client_that_retries_cannot_change_the_name)
{
    char other[] = "b.test";
    struct world world;

    open_world(&world);
    world.b = tls_host_create(&world.config);
    set_groups(&world, "P-521:P-384"); /* the first guess is wrong: HelloRetryRequest */
    begin(&world, "a.test");
    (void)peer_turn(&world.client, &world.server.pipe);
    assert_true(pipe_turn(&world.server.pipe));
    assert_int_equal(SSL_set_tlsext_host_name(world.client.ssl, other), 1);
    run(&world);
    assert_refused(&world, TLS_FAILURE_BAD_HELLO, SSL_AD_ILLEGAL_PARAMETER);
    assert_bytes(text_bytes(&world.asked), "a.test;");
    close_world(&world);
}

/* ---- application protocols ---- */

TEST(http_2_is_preferred_and_http_1_1_is_what_remains)
{
    const struct {
        const char *offered;
        bool is_h2;
    } rows[] = {{"\x02h2", true},
                {"\x08http/1.1\x02h2", true},
                {"\x08http/1.1", false},
                {"\x06spdy/3\x08http/1.1", false}};
    struct world world;

    open_world(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set_alpn(&world, rows[i].offered);
        begin(&world, "a.test");
        run(&world);
        assert_open(&world);
        assert_int_equal(tls_is_h2(world.server.tls), rows[i].is_h2);
    }
    close_world(&world);
}

TEST(hostile_77_protocols_without_a_common_one_are_refused)
{
    struct world world;

    open_world(&world);
    set_alpn(&world, "\x03"
                     "ftp\x03h2c");
    begin(&world, "a.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_ALPN, SSL_AD_NO_APPLICATION_PROTOCOL);
    close_world(&world);
}

/* ---- connections that are not served, or not HTTP ---- */

TEST(what_is_not_available_is_refused_with_an_alert)
{
    struct world world;

    open_world(&world);
    begin(&world, "down.test");
    run(&world);
    assert_refused(&world, TLS_FAILURE_UNAVAILABLE, SSL_AD_INTERNAL_ERROR);
    close_world(&world);
}

TEST(a_host_that_serves_bytes_names_no_protocol_whatever_is_offered)
{
    const unsigned char *chosen;
    unsigned int chosen_len;
    struct world world;

    open_world(&world);
    set_alpn(&world, "\x06"
                     "mqtt/9"
                     "\x02h2");
    begin(&world, "bytes.test");
    run(&world);
    assert_open(&world);
    assert_false(tls_is_h2(world.server.tls));
    SSL_get0_alpn_selected(world.client.ssl, &chosen, &chosen_len);
    assert_int_equal(chosen_len, 0);
    close_world(&world);
}

/* ---- the budget of a turn ---- */

TEST(handshakes_past_the_budget_wait_for_the_next_turn)
{
    struct world world;
    struct end ends[3];
    struct text hello;
    int answered = 0;

    open_world(&world);
    text_init(&hello);
    begin_hello(&world, "a.test", &hello);
    world.engine->budget_ns = 0;
    (void)tls_engine_turn(world.engine);
    for (int i = 0; i < 3; i++) {
        end_accept(&ends[i], world.engine);
        text_add(&ends[i].pipe.arrived, text_bytes(&hello));
        (void)pipe_turn(&ends[i].pipe);
        answered += ends[i].pipe.sent.len > 0;
    }
    assert_int_equal(answered, 1);
    assert_false(ends[2].pipe.is_reading); /* what came is held, and no more is taken */
    assert_true(tls_engine_turn(world.engine));
    assert_true(ends[1].pipe.sent.len > 0);
    assert_int_equal(ends[2].pipe.sent.len, 0);
    assert_false(tls_engine_turn(world.engine));
    assert_true(ends[2].pipe.sent.len > 0);
    assert_true(ends[2].pipe.is_reading);
    for (int i = 0; i < 3; i++)
        end_fini(&ends[i]);
    text_fini(&hello);
    close_world(&world);
}

TEST(a_connection_may_close_while_it_waits_for_its_turn)
{
    struct world world;

    open_world(&world);
    world.engine->budget_ns = 0;
    world.engine->spent_ns = 1;
    begin(&world, "a.test");
    (void)peer_turn(&world.client, &world.server.pipe);
    (void)pipe_turn(&world.server.pipe);
    transport_close(transport_of(&world.server));
    assert_false(tls_engine_turn(world.engine));
    assert_int_equal(world.server.readies, 0);
    close_world(&world);
}

TESTS(UNIT(a_handshake_of_each_version_ends_with_both_sides_ready),
      UNIT(a_handshake_that_comes_byte_by_byte_is_the_same),
      UNIT(a_server_answers_in_one_write_and_gives_one_ticket_with_the_first_it_says),
      UNIT(a_server_that_has_nothing_to_say_gives_the_ticket_when_it_closes),
      UNIT(hostile_77_versions_below_1_2_are_refused), UNIT(a_host_narrows_the_versions),
      UNIT(ciphers_without_forward_secrecy_or_authenticated_encryption_are_refused),
      UNIT(chacha_is_taken_for_clients_that_put_it_first_and_only_for_them),
      UNIT(a_client_without_a_common_group_is_refused_and_one_that_guessed_wrong_may_retry),
      UNIT(the_client_decides_between_the_certificates_of_a_host),
      UNIT(a_client_that_understands_no_certificate_of_the_host_is_refused),
      UNIT(the_chain_is_sent_as_it_was_given), UNIT(a_staple_goes_to_clients_that_ask_for_it),
      UNIT(the_name_is_asked_for_in_lower_case_and_without_a_trailing_dot),
      UNIT(hostile_79_a_name_that_nobody_serves_is_refused_and_so_is_none),
      UNIT(hostile_79_an_address_or_junk_as_the_name_is_refused_without_asking),
      UNIT(hostile_79_a_client_that_retries_cannot_change_the_name),
      UNIT(http_2_is_preferred_and_http_1_1_is_what_remains),
      UNIT(hostile_77_protocols_without_a_common_one_are_refused),
      UNIT(what_is_not_available_is_refused_with_an_alert),
      UNIT(a_host_that_serves_bytes_names_no_protocol_whatever_is_offered),
      UNIT(handshakes_past_the_budget_wait_for_the_next_turn),
      UNIT(a_connection_may_close_while_it_waits_for_its_turn))
