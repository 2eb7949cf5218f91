/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_upstream.c - our client and our server on one wire: whom an endpoint has to be.
 */
#include "tests/unit/tls/wire.h"

/* One connection between two ends of ours. */
struct wire {
    struct end client, server;
};

static void move(struct pipe *from, struct pipe *to)
{
    text_add(&to->arrived, text_bytes(&from->sent));
    text_clear(&from->sent);
    to->has_peer_ended = from->is_finished || from->is_closing;
}

static void run_wire(struct world *world, struct wire *wire)
{
    bool has_moved;

    do {
        move(&wire->client.pipe, &wire->server.pipe);
        move(&wire->server.pipe, &wire->client.pipe);
        has_moved = pipe_turn(&wire->client.pipe);
        has_moved = pipe_turn(&wire->server.pipe) || has_moved;
        has_moved = engine_turn(world->engine) || has_moved;
    } while (has_moved);
}

static void open_wire(struct world *world, struct wire *wire,
                      const struct tls_upstream_config *config)
{
    struct tls_upstream *upstream = tls_upstream_create(config);

    end_connect(&wire->client, world->engine, upstream);
    tls_upstream_unref(upstream); /* what counts is taken over at once */
    end_accept(&wire->server, world->engine);
    run_wire(world, wire);
}

static void close_wire(struct wire *wire)
{
    end_fini(&wire->client);
    end_fini(&wire->server);
}

/* What comes of a connection to "a.test" with these settings; NONE: both sides are ready. */
static void assert_comes_to(struct world *world, const struct tls_upstream_config *config,
                            enum tls_failure expected)
{
    struct wire wire;

    open_wire(world, &wire, config);
    assert_string_equal(tls_failure_label(wire.client.failure), tls_failure_label(expected));
    assert_int_equal(wire.client.readies, expected == TLS_FAILURE_NONE);
    assert_int_equal(wire.client.breaks, expected != TLS_FAILURE_NONE);
    close_wire(&wire);
}

TEST(two_ends_shake_hands_and_talk)
{
    struct bytes parts[] = {BYTES("hel"), BYTES("lo")};
    struct world world;
    struct wire wire;

    open_world(&world);
    open_wire(&world, &wire, &(struct tls_upstream_config){.server_name = BYTES("a.test")});
    assert_int_equal(wire.client.readies, 1);
    assert_int_equal(wire.server.readies, 1);
    wire.server.echoes = true;
    assert_int_equal(transport_write(transport_of(&wire.client), parts, 2), STATUS_OK);
    run_wire(&world, &wire);
    assert_bytes(text_bytes(&wire.client.got), "hello");
    transport_close(transport_of(&wire.server));
    run_wire(&world, &wire);
    assert_int_equal(wire.client.ends, 1);
    close_wire(&wire);
    close_world(&world);
}

TEST(nothing_is_sent_before_the_turn_and_the_owner_may_close_until_then)
{
    struct tls_upstream *upstream;
    struct world world;
    struct end client;

    open_world(&world);
    upstream = tls_upstream_create(&(struct tls_upstream_config){.server_name = BYTES("a.test")});
    end_connect(&client, world.engine, upstream);
    assert_int_equal(client.pipe.sent.len, 0);
    end_fini(&client);
    assert_int_equal(client.breaks, 0);
    assert_false(tls_engine_turn(world.engine));
    tls_upstream_unref(upstream);
    close_world(&world);
}

TEST(an_endpoint_that_is_gone_at_once_is_told_by_an_event)
{
    struct tls_upstream *upstream;
    struct world world;
    struct end client;

    open_world(&world);
    upstream = tls_upstream_create(&(struct tls_upstream_config){.server_name = BYTES("a.test")});
    end_connect(&client, world.engine, upstream);
    client.pipe.is_dead = true;
    assert_int_equal(client.breaks, 0);
    (void)tls_engine_turn(world.engine);
    assert_int_equal(client.breaks, 1);
    assert_int_equal(client.why, STATUS_CLOSED);
    assert_int_equal(client.failure, TLS_FAILURE_CLOSED);
    end_fini(&client);
    tls_upstream_unref(upstream);
    close_world(&world);
}

TEST(hostile_57_the_chain_is_verified_when_there_is_trust)
{
    struct world world;
    struct identity other = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct trust *right, *wrong;

    open_world(&world);
    right = make_trust(&world.ca, NULL);
    wrong = make_trust(&other, NULL);
    assert_comes_to(&world, &(struct tls_upstream_config){.server_name = BYTES("a.test")},
                    TLS_FAILURE_NONE);
    assert_comes_to(&world,
                    &(struct tls_upstream_config){.server_name = BYTES("a.test"), .trust = right},
                    TLS_FAILURE_NONE);
    assert_comes_to(&world,
                    &(struct tls_upstream_config){.server_name = BYTES("a.test"), .trust = wrong},
                    TLS_FAILURE_CERTIFICATE_INVALID);
    trust_unref(right);
    trust_unref(wrong);
    identity_free(&other);
    close_world(&world);
}

TEST(hostile_57_the_subject_must_be_among_the_alternative_names)
{
    const struct {
        struct bytes subject;
        enum tls_failure expected;
    } rows[] = {
        {BYTES("a.test"), TLS_FAILURE_NONE},
        {BYTES("10.0.0.1"), TLS_FAILURE_NONE},
        {BYTES("b.test"), TLS_FAILURE_CERTIFICATE_INVALID},
        {BYTES("10.0.0.2"), TLS_FAILURE_CERTIFICATE_INVALID},
        {BYTES("test"), TLS_FAILURE_CERTIFICATE_INVALID},
        {BYTES(".test"), TLS_FAILURE_CERTIFICATE_INVALID},
        {BYTES("a.test\0x"), TLS_FAILURE_CERTIFICATE_INVALID},
    };
    struct world world;
    struct trust *trust;

    open_world(&world);
    trust = make_trust(&world.ca, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_comes_to(&world,
                        &(struct tls_upstream_config){.server_name = BYTES("a.test"),
                                                      .trust = trust,
                                                      .subject_name = rows[i].subject},
                        rows[i].expected);
    trust_unref(trust);
    close_world(&world);
}

TEST(hostile_57_a_common_name_is_no_alternative_name)
{
    struct world world;
    struct identity leaf;
    struct certificate *certificate;
    struct trust *trust;

    open_world(&world);
    leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &world.ca});
    certificate = make_certificate(&leaf, &world.ca);
    trust = make_trust(&world.ca, NULL);
    world.config.certificates[CERTIFICATE_ECDSA] = certificate;
    set_a(&world);
    assert_comes_to(&world,
                    &(struct tls_upstream_config){.server_name = BYTES("a.test"),
                                                  .trust = trust,
                                                  .subject_name = BYTES("a.test")},
                    TLS_FAILURE_CERTIFICATE_INVALID);
    certificate_unref(certificate);
    trust_unref(trust);
    identity_free(&leaf);
    close_world(&world);
}

TEST(hostile_57_a_nul_inside_an_alternative_name_never_matches)
{
    struct world world;
    struct identity leaf;
    struct certificate *certificate;
    struct trust *trust;

    open_world(&world);
    leaf = make_identity_with_nul(&world.ca, "a.test", "b.test");
    certificate = make_certificate(&leaf, &world.ca);
    trust = make_trust(&world.ca, NULL);
    world.config.certificates[CERTIFICATE_ECDSA] = certificate;
    set_a(&world);
    assert_comes_to(&world,
                    &(struct tls_upstream_config){.server_name = BYTES("a.test"),
                                                  .trust = trust,
                                                  .subject_name = BYTES("a.test")},
                    TLS_FAILURE_CERTIFICATE_INVALID);
    certificate_unref(certificate);
    trust_unref(trust);
    identity_free(&leaf);
    close_world(&world);
}

TEST(an_expired_endpoint_is_refused_when_there_is_trust)
{
    struct world world;
    struct identity leaf;
    struct certificate *certificate;
    struct trust *trust;

    open_world(&world);
    leaf = make_identity(
        &(struct recipe){.name = "a.test", .issuer = &world.ca, .from_days = -9, .until_days = -1});
    certificate = make_certificate(&leaf, NULL);
    trust = make_trust(&world.ca, NULL);
    world.config.certificates[CERTIFICATE_ECDSA] = certificate;
    set_a(&world);
    assert_comes_to(&world,
                    &(struct tls_upstream_config){.server_name = BYTES("a.test"), .trust = trust},
                    TLS_FAILURE_CERTIFICATE_INVALID);
    assert_comes_to(&world, &(struct tls_upstream_config){.server_name = BYTES("a.test")},
                    TLS_FAILURE_NONE);
    certificate_unref(certificate);
    trust_unref(trust);
    identity_free(&leaf);
    close_world(&world);
}

TEST(a_client_that_wants_http_2_gets_it_and_one_that_does_not_does_not)
{
    struct world world;
    struct wire wire;

    open_world(&world);
    for (int is_h2 = 0; is_h2 < 2; is_h2++) {
        open_wire(&world, &wire,
                  &(struct tls_upstream_config){.server_name = BYTES("a.test"), .is_h2 = is_h2});
        assert_int_equal(wire.client.readies, 1);
        assert_int_equal(tls_is_h2(wire.client.tls), is_h2);
        assert_int_equal(tls_is_h2(wire.server.tls), is_h2);
        close_wire(&wire);
    }
    close_world(&world);
}

/* A server of OpenSSL's that knows no application protocols. */
TEST(an_endpoint_that_does_not_say_http_2_is_refused_when_it_is_wanted)
{
    struct world world;
    struct wire wire;

    open_world(&world);
    SSL_CTX_set_alpn_select_cb(world.engine->server, NULL, NULL);
    open_wire(&world, &wire,
              &(struct tls_upstream_config){.server_name = BYTES("a.test"), .is_h2 = true});
    assert_int_equal(wire.client.readies, 0);
    assert_int_equal(wire.client.breaks, 1);
    assert_int_equal(wire.client.failure, TLS_FAILURE_ALPN);
    close_wire(&wire);
    assert_comes_to(&world, &(struct tls_upstream_config){.server_name = BYTES("a.test")},
                    TLS_FAILURE_NONE);
    close_world(&world);
}

TEST(an_endpoint_that_does_not_know_the_name_says_so)
{
    struct world world;

    open_world(&world);
    assert_comes_to(&world, &(struct tls_upstream_config){.server_name = BYTES("c.test")},
                    TLS_FAILURE_REFUSED_BY_PEER);
    assert_comes_to(&world, &(struct tls_upstream_config){.is_h2 = false},
                    TLS_FAILURE_REFUSED_BY_PEER);
    close_world(&world);
}

TEST(hostile_56_plain_text_from_an_endpoint_is_no_answer)
{
    struct tls_upstream *upstream;
    struct world world;
    struct end client;

    open_world(&world);
    upstream = tls_upstream_create(&(struct tls_upstream_config){.server_name = BYTES("a.test")});
    end_connect(&client, world.engine, upstream);
    (void)tls_engine_turn(world.engine);
    text_add(&client.pipe.arrived, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    while (pipe_turn(&client.pipe))
        ;
    assert_int_equal(client.failure, TLS_FAILURE_NOT_TLS);
    assert_int_equal(client.why, STATUS_INVALID);
    assert_int_equal(client.got.len, 0);
    assert_int_equal(client.readies, 0);
    end_fini(&client);
    tls_upstream_unref(upstream);
    close_world(&world);
}

TESTS(UNIT(two_ends_shake_hands_and_talk),
      UNIT(nothing_is_sent_before_the_turn_and_the_owner_may_close_until_then),
      UNIT(an_endpoint_that_is_gone_at_once_is_told_by_an_event),
      UNIT(hostile_57_the_chain_is_verified_when_there_is_trust),
      UNIT(hostile_57_the_subject_must_be_among_the_alternative_names),
      UNIT(hostile_57_a_common_name_is_no_alternative_name),
      UNIT(hostile_57_a_nul_inside_an_alternative_name_never_matches),
      UNIT(an_expired_endpoint_is_refused_when_there_is_trust),
      UNIT(a_client_that_wants_http_2_gets_it_and_one_that_does_not_does_not),
      UNIT(an_endpoint_that_does_not_say_http_2_is_refused_when_it_is_wanted),
      UNIT(an_endpoint_that_does_not_know_the_name_says_so),
      UNIT(hostile_56_plain_text_from_an_endpoint_is_no_answer))
