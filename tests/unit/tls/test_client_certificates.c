/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_certificates.c - who is let in, and what is said of them.
 */
#include "tests/unit/tls/wire.h"

/* A world whose host asks for certificates of the world's CA. */
static void open_asking_world(struct world *world, enum tls_client_auth auth,
                              const struct text *crl)
{
    struct trust *trust;

    open_world(world);
    trust = make_trust(&world->ca, crl);
    world->config.client_auth = auth;
    world->config.client_trust = trust;
    set_a(world);
    trust_unref(trust); /* the host has its own */
}

/* A connection of a client with this certificate, NULL: without one, in each version. */
static void begin_as(struct world *world, const struct identity *client, int version)
{
    (void)SSL_CTX_set_min_proto_version(world->client.context, version);
    (void)SSL_CTX_set_max_proto_version(world->client.context, version);
    begin(world, "a.test");
    if (client != NULL)
        assert_int_equal(
            SSL_use_cert_and_key(world->client.ssl, client->certificate, client->key, NULL, 1), 1);
    run(world);
}

static void assert_let_in(struct world *world, const struct identity *client)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        begin_as(world, client, version);
        assert_open(world);
    }
}

static void assert_kept_out(struct world *world, const struct identity *client,
                            enum tls_failure why)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        begin_as(world, client, version);
        assert_refused(world, why, 0);
        assert_int_equal(world->server.got.len, 0);
    }
}

static void assert_recipe_kept_out(struct world *world, const struct recipe *recipe)
{
    struct identity client = make_identity(recipe);

    assert_kept_out(world, &client, TLS_FAILURE_CERTIFICATE_INVALID);
    identity_free(&client);
}

TEST(a_required_certificate_lets_in_who_has_one_and_nobody_else)
{
    struct world world;
    struct identity client;

    open_asking_world(&world, TLS_CLIENT_AUTH_REQUIRED, NULL);
    client = make_identity(&(struct recipe){.name = "me", .issuer = &world.ca});
    assert_let_in(&world, &client);
    assert_kept_out(&world, NULL, TLS_FAILURE_CERTIFICATE_MISSING);
    identity_free(&client);
    close_world(&world);
}

TEST(an_optional_certificate_lets_in_who_has_none_and_who_has_a_good_one)
{
    struct world world;
    struct identity client;

    open_asking_world(&world, TLS_CLIENT_AUTH_OPTIONAL, NULL);
    client = make_identity(&(struct recipe){.name = "me", .issuer = &world.ca});
    assert_let_in(&world, &client);
    assert_let_in(&world, NULL);
    identity_free(&client);
    close_world(&world);
}

TEST(hostile_81_a_certificate_that_is_wrong_in_any_way_is_refused_required_or_not)
{
    const enum tls_client_auth auths[] = {TLS_CLIENT_AUTH_OPTIONAL, TLS_CLIENT_AUTH_REQUIRED};

    for (int i = 0; i < 2; i++) {
        struct world world;
        struct identity other = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
        struct identity plain;

        open_asking_world(&world, auths[i], NULL);
        plain = make_identity(&(struct recipe){.name = "plain", .issuer = &world.ca});
        /* of an authority of the same name; of itself; of somebody who is no authority */
        assert_recipe_kept_out(&world, &(struct recipe){.name = "me", .issuer = &other});
        assert_recipe_kept_out(&world, &(struct recipe){.name = "me"});
        assert_recipe_kept_out(&world, &(struct recipe){.name = "me", .issuer = &plain});
        /* no more, not yet, for another use */
        assert_recipe_kept_out(
            &world,
            &(struct recipe){.name = "me", .issuer = &world.ca, .from_days = -9, .until_days = -1});
        assert_recipe_kept_out(
            &world,
            &(struct recipe){.name = "me", .issuer = &world.ca, .from_days = 1, .until_days = 9});
        assert_recipe_kept_out(
            &world, &(struct recipe){.name = "me", .issuer = &world.ca, .uses = "serverAuth"});
        /* signed with what can be forged */
        assert_recipe_kept_out(
            &world, &(struct recipe){.name = "me", .issuer = &world.ca, .is_sha1 = true});
        identity_free(&other);
        identity_free(&plain);
        close_world(&world);
    }
}

TEST(hostile_81_a_revoked_certificate_is_refused_and_one_beside_it_is_not)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity bad = make_identity(&(struct recipe){.name = "bad", .issuer = &ca});
    struct identity good = make_identity(&(struct recipe){.name = "good", .issuer = &ca});
    struct text crl = make_crl(&ca, &bad, false);
    struct trust *trust = make_trust(&ca, &crl);
    struct world world;

    open_world(&world);
    world.config.client_auth = TLS_CLIENT_AUTH_REQUIRED;
    world.config.client_trust = trust;
    set_a(&world);
    assert_let_in(&world, &good);
    assert_kept_out(&world, &bad, TLS_FAILURE_CERTIFICATE_INVALID);
    trust_unref(trust);
    text_fini(&crl);
    close_world(&world);
    identity_free(&ca);
    identity_free(&bad);
    identity_free(&good);
}

TEST(hostile_81_a_list_that_is_outdated_or_of_somebody_else_lets_nobody_in)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity other = make_identity(&(struct recipe){.name = "other", .is_ca = true});
    struct identity good = make_identity(&(struct recipe){.name = "good", .issuer = &ca});
    const struct identity *const of[] = {&ca, &other};

    for (int i = 0; i < 2; i++) {
        struct text crl = make_crl(of[i], NULL, i == 0);
        struct trust *trust = make_trust(&ca, &crl);
        struct world world;

        open_world(&world);
        world.config.client_auth = TLS_CLIENT_AUTH_OPTIONAL;
        world.config.client_trust = trust;
        set_a(&world);
        assert_kept_out(&world, &good, TLS_FAILURE_CERTIFICATE_INVALID);
        trust_unref(trust);
        text_fini(&crl);
        close_world(&world);
    }
    identity_free(&ca);
    identity_free(&other);
    identity_free(&good);
}

TEST(hostile_81_every_issuer_of_a_chain_needs_its_list)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity middle =
        make_identity(&(struct recipe){.name = "middle", .is_ca = true, .issuer = &root});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &middle});
    struct text authorities = make_pem(2, &root, &middle);
    struct text lists = make_crl(&middle, NULL, false);
    struct text of_root = make_crl(&root, NULL, false);
    struct text fault;

    text_init(&fault);
    for (int i = 0; i < 2; i++) {
        struct world world;
        struct trust *trust;

        open_world(&world);
        assert_int_equal(trust_parse(text_bytes(&authorities), text_bytes(&lists), &trust, &fault),
                         STATUS_OK);
        world.config.client_auth = TLS_CLIENT_AUTH_REQUIRED;
        world.config.client_trust = trust;
        set_a(&world);
        if (i == 0)
            assert_kept_out(&world, &client, TLS_FAILURE_CERTIFICATE_INVALID);
        else
            assert_let_in(&world, &client);
        text_add(&lists, text_bytes(&of_root));
        trust_unref(trust);
        close_world(&world);
    }
    text_fini(&fault);
    text_fini(&authorities);
    text_fini(&lists);
    text_fini(&of_root);
    identity_free(&root);
    identity_free(&middle);
    identity_free(&client);
}

TEST(the_client_is_told_which_authorities_count)
{
    struct world world;
    const STACK_OF(X509_NAME) * names;

    open_asking_world(&world, TLS_CLIENT_AUTH_OPTIONAL, NULL);
    begin_as(&world, NULL, TLS1_3_VERSION);
    names = SSL_get0_peer_CA_list(world.client.ssl);
    assert_int_equal(sk_X509_NAME_num(names), 1);
    assert_int_equal(
        X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(world.ca.certificate)),
        0);
    close_world(&world);
}

TEST(an_intermediate_that_is_given_as_the_authority_is_believed)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity middle =
        make_identity(&(struct recipe){.name = "middle", .is_ca = true, .issuer = &root});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &middle});
    struct trust *trust = make_trust(&middle, NULL);
    struct world world;

    open_world(&world);
    world.config.client_auth = TLS_CLIENT_AUTH_REQUIRED;
    world.config.client_trust = trust;
    set_a(&world);
    assert_let_in(&world, &client);
    trust_unref(trust);
    close_world(&world);
    identity_free(&root);
    identity_free(&middle);
    identity_free(&client);
}

/* ---- what is said of them ---- */

/* What tls_client_certificate() says, without the hash. */
static void assert_described(const struct recipe *recipe, const char *expected)
{
    struct recipe signed_by_ca = *recipe;
    struct world world;
    struct identity client;
    struct text said;

    open_asking_world(&world, TLS_CLIENT_AUTH_REQUIRED, NULL);
    signed_by_ca.issuer = &world.ca;
    client = make_identity(&signed_by_ca);
    begin_as(&world, &client, TLS1_3_VERSION);
    assert_open(&world);
    text_init(&said);
    assert_true(tls_client_certificate(world.server.tls, &said));
    assert_true(bytes_starts_with(text_bytes(&said), BYTES("Hash=")));
    assert_int_equal(bytes_find(text_bytes(&said), ';'), 5 + 64);
    assert_bytes(bytes_skip(text_bytes(&said), 5 + 64), expected);
    text_fini(&said);
    identity_free(&client);
    close_world(&world);
}

TEST(a_certificate_is_described_as_envoy_does_it)
{
    assert_described(
        &(struct recipe){.name = "me", .sans = "DNS:a.test,URI:spiffe://b/c,DNS:d.test"},
        ";Subject=\"CN=me\";URI=spiffe://b/c;DNS=a.test;DNS=d.test");
    assert_described(&(struct recipe){.name = "me"}, ";Subject=\"CN=me\"");
}

TEST(nothing_in_a_certificate_can_forge_another_element)
{
    assert_described(&(struct recipe){.name = "me\";URI=spiffe://admin"},
                     ";Subject=\"CN=me\\\"\\;URI=spiffe://admin\"");
    assert_described(&(struct recipe){.name = "me\\"}, ";Subject=\"CN=me\\\\\"");
    assert_described(&(struct recipe){.name = "me", .sans = "URI:x;Hash=0\"y"},
                     ";Subject=\"CN=me\";URI=\"x;Hash=0\\\"y\"");
    assert_described(&(struct recipe){.name = "me", .sans = "URI:a b\r\nc\x7f"},
                     ";Subject=\"CN=me\";URI=a%20b%0D%0Ac%7F");
}

TEST(without_a_certificate_there_is_nothing_to_say)
{
    struct world world;
    struct text said;

    open_asking_world(&world, TLS_CLIENT_AUTH_OPTIONAL, NULL);
    begin_as(&world, NULL, TLS1_3_VERSION);
    assert_open(&world);
    text_init(&said);
    assert_false(tls_client_certificate(world.server.tls, &said));
    assert_int_equal(said.len, 0);
    text_fini(&said);
    close_world(&world);
}

TESTS(UNIT(a_required_certificate_lets_in_who_has_one_and_nobody_else),
      UNIT(an_optional_certificate_lets_in_who_has_none_and_who_has_a_good_one),
      UNIT(hostile_81_a_certificate_that_is_wrong_in_any_way_is_refused_required_or_not),
      UNIT(hostile_81_a_revoked_certificate_is_refused_and_one_beside_it_is_not),
      UNIT(hostile_81_a_list_that_is_outdated_or_of_somebody_else_lets_nobody_in),
      UNIT(hostile_81_every_issuer_of_a_chain_needs_its_list),
      UNIT(the_client_is_told_which_authorities_count),
      UNIT(an_intermediate_that_is_given_as_the_authority_is_believed),
      UNIT(a_certificate_is_described_as_envoy_does_it),
      UNIT(nothing_in_a_certificate_can_forge_another_element),
      UNIT(without_a_certificate_there_is_nothing_to_say))
