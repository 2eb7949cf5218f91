/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_resumption.c - a session with a client certificate goes on as long as a full
 * handshake would let its client in.
 */
#include "tests/unit/tls/resumption.h"
#include "tls/trust_parts.h"

/* From now on "a.test" asks for certificates of these authorities. Time cannot be turned on here,
 * so what has ended is believed all the same where `ignores_time` says so. */
static void ask(struct world *world, enum tls_client_auth auth, struct trust *trust,
                bool ignores_time)
{
    if (ignores_time)
        (void)X509_STORE_set_flags(trust->store, X509_V_FLAG_NO_CHECK_TIME);
    world->config.client_auth = auth;
    world->config.client_trust = trust;
    set_a(world);
}

static struct trust *parse_trust(const struct text *authorities, const struct text *lists)
{
    struct text fault;
    struct trust *trust = NULL;

    text_init(&fault);
    (void)trust_parse(text_bytes(authorities), lists == NULL ? BYTES_NONE : text_bytes(lists),
                      &trust, &fault);
    assert_bytes(text_bytes(&fault), "");
    text_fini(&fault);
    return trust;
}

TEST(hostile_80_a_session_without_a_certificate_does_not_go_on_where_one_is_required)
{
    EACH_VERSION(version)
    {
        struct world world;
        struct trust *trust;
        SSL_SESSION *session;

        open_world(&world);
        trust = make_trust(&world.ca, NULL);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", NULL));
        session = world.client.session;
        world.client.session = NULL;
        world.config.client_auth = TLS_CLIENT_AUTH_REQUIRED;
        world.config.client_trust = trust;
        set_a(&world);
        begin(&world, "a.test");
        (void)SSL_set_session(world.client.ssl, session);
        run(&world);
        assert_refused(&world, TLS_FAILURE_CERTIFICATE_MISSING, 0);
        SSL_SESSION_free(session);
        trust_unref(trust);
        close_world(&world);
    }
}

TEST(hostile_80_a_session_with_a_certificate_goes_on_until_the_authorities_change)
{
    EACH_VERSION(version)
    {
        struct world world;
        struct identity client;
        struct text crl, said;
        struct trust *trust, *changed;

        open_world(&world);
        client = make_identity(&(struct recipe){.name = "me", .issuer = &world.ca});
        crl = make_crl(&world.ca, NULL, false);
        trust = make_trust(&world.ca, NULL);
        changed = make_trust(&world.ca, &crl);
        world.config.client_auth = TLS_CLIENT_AUTH_REQUIRED;
        world.config.client_trust = trust;
        set_a(&world);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", &client));
        assert_true(comes_back(&world, "a.test", NULL));
        text_init(&said);
        assert_true(tls_client_certificate(world.server.tls, &said));
        assert_true(bytes_ends_with(text_bytes(&said), BYTES(";Subject=\"CN=me\"")));
        world.config.client_trust = changed;
        set_a(&world);
        assert_false(comes_back(&world, "a.test", &client));
        text_fini(&said);
        text_fini(&crl);
        trust_unref(trust);
        trust_unref(changed);
        identity_free(&client);
        close_world(&world);
    }
}

/* Both lists are good; the client is in the second one. */
TEST(hostile_80_a_session_does_not_go_on_once_a_list_was_replaced)
{
    EACH_VERSION(version)
    {
        struct world world;
        struct identity client;
        struct text before, after;
        struct trust *trust, *changed;
        SSL_SESSION *session;

        open_world(&world);
        client = make_identity(&(struct recipe){.name = "me", .issuer = &world.ca});
        before = make_crl(&world.ca, NULL, false);
        after = make_crl(&world.ca, &client, false);
        trust = make_trust(&world.ca, &before);
        changed = make_trust(&world.ca, &after);
        ask(&world, TLS_CLIENT_AUTH_REQUIRED, trust, false);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", &client));
        assert_true(comes_back(&world, "a.test", NULL));
        ask(&world, TLS_CLIENT_AUTH_REQUIRED, changed, false);
        session = world.client.session;
        world.client.session = NULL;
        begin(&world, "a.test");
        (void)SSL_set_session(world.client.ssl, session);
        (void)SSL_use_cert_and_key(world.client.ssl, client.certificate, client.key, NULL, 1);
        run(&world);
        assert_refused(&world, TLS_FAILURE_CERTIFICATE_INVALID, SSL_AD_CERTIFICATE_REVOKED);
        SSL_SESSION_free(session);
        text_fini(&before);
        text_fini(&after);
        trust_unref(trust);
        trust_unref(changed);
        identity_free(&client);
        close_world(&world);
    }
}

/* The client comes twice: whether the second time is part of the first session. */
static void assert_goes_on(struct trust *trust, const struct identity *client, bool expected)
{
    EACH_VERSION(version)
    {
        struct world world;

        open_world(&world);
        ask(&world, TLS_CLIENT_AUTH_OPTIONAL, trust, true);
        set_version(&world, version);
        assert_false(comes_back(&world, "a.test", client));
        assert_int_equal(comes_back(&world, "a.test", client), expected);
        if (expected && version == TLS1_3_VERSION) /* with the ticket of one that went on itself */
            assert_true(comes_back(&world, "a.test", client));
        close_world(&world);
    }
}

TEST(hostile_81_a_session_does_not_outlast_the_certificate_it_began_with)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity client = make_identity(
        &(struct recipe){.name = "me", .issuer = &ca, .from_days = -9, .until_days = -1});
    struct trust *trust = make_trust(&ca, NULL);

    assert_goes_on(trust, &client, false);
    trust_unref(trust);
    identity_free(&client);
    identity_free(&ca);
}

TEST(hostile_81_a_session_does_not_outlast_a_revocation_list)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &ca});

    for (int is_outdated = 0; is_outdated < 2; is_outdated++) {
        struct text list = make_crl(&ca, NULL, is_outdated);
        struct trust *trust = make_trust(&ca, &list);

        assert_goes_on(trust, &client, !is_outdated);
        trust_unref(trust);
        text_fini(&list);
    }
    identity_free(&client);
    identity_free(&ca);
}

TEST(hostile_81_a_session_does_not_outlast_the_first_of_several_lists_to_end)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity middle =
        make_identity(&(struct recipe){.name = "middle", .is_ca = true, .issuer = &root});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &middle});
    struct text authorities = make_pem(2, &root, &middle);
    const struct identity *const order[][2] = {{&root, &middle}, {&middle, &root}};

    for (int i = 0; i < 2; i++) {
        struct text lists = make_crl(order[i][0], NULL, true);
        struct text good = make_crl(order[i][1], NULL, false);
        struct trust *trust;

        text_add(&lists, text_bytes(&good));
        trust = parse_trust(&authorities, &lists);
        assert_goes_on(trust, &client, false);
        trust_unref(trust);
        text_fini(&lists);
        text_fini(&good);
    }
    text_fini(&authorities);
    identity_free(&root);
    identity_free(&middle);
    identity_free(&client);
}

TEST(a_session_without_a_certificate_goes_on_whatever_became_of_the_lists)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct text list = make_crl(&ca, NULL, true);
    struct trust *trust = make_trust(&ca, &list);

    assert_goes_on(trust, NULL, true);
    trust_unref(trust);
    text_fini(&list);
    identity_free(&ca);
}

TEST(hostile_81_a_session_does_not_outlast_the_authority_of_its_client)
{
    struct identity ca = make_identity(
        &(struct recipe){.name = "ca", .is_ca = true, .from_days = -9, .until_days = -1});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &ca});
    struct trust *trust = make_trust(&ca, NULL);

    assert_goes_on(trust, &client, false);
    trust_unref(trust);
    identity_free(&client);
    identity_free(&ca);
}

/* Bundles of authorities often have one that has ended. */
TEST(a_session_outlasts_authorities_that_are_not_its_clients)
{
    struct identity ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    struct identity ended = make_identity(
        &(struct recipe){.name = "ended", .is_ca = true, .from_days = -9, .until_days = -1});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &ca});
    struct text authorities = make_pem(2, &ended, &ca);
    struct trust *trust = parse_trust(&authorities, NULL);

    assert_goes_on(trust, &client, true);
    trust_unref(trust);
    text_fini(&authorities);
    identity_free(&client);
    identity_free(&ended);
    identity_free(&ca);
}

TEST(hostile_81_a_session_does_not_outlast_an_issuer_that_the_client_sent)
{
    struct identity root = make_identity(&(struct recipe){.name = "root", .is_ca = true});
    struct identity middle = make_identity(&(struct recipe){
        .name = "middle", .is_ca = true, .issuer = &root, .from_days = -9, .until_days = -1});
    struct identity client = make_identity(&(struct recipe){.name = "me", .issuer = &middle});
    struct trust *trust = make_trust(&root, NULL);

    EACH_VERSION(version)
    {
        struct world world;

        open_world(&world);
        ask(&world, TLS_CLIENT_AUTH_REQUIRED, trust, true);
        set_version(&world, version);
        assert_int_equal(X509_up_ref(middle.certificate), 1);
        assert_int_equal(SSL_CTX_add_extra_chain_cert(world.client.context, middle.certificate), 1);
        assert_false(comes_back(&world, "a.test", &client));
        assert_false(comes_back(&world, "a.test", &client));
        close_world(&world);
    }
    trust_unref(trust);
    identity_free(&root);
    identity_free(&middle);
    identity_free(&client);
}

TESTS(UNIT(hostile_80_a_session_without_a_certificate_does_not_go_on_where_one_is_required),
      UNIT(hostile_80_a_session_with_a_certificate_goes_on_until_the_authorities_change),
      UNIT(hostile_80_a_session_does_not_go_on_once_a_list_was_replaced),
      UNIT(hostile_81_a_session_does_not_outlast_the_certificate_it_began_with),
      UNIT(hostile_81_a_session_does_not_outlast_a_revocation_list),
      UNIT(hostile_81_a_session_does_not_outlast_the_first_of_several_lists_to_end),
      UNIT(a_session_without_a_certificate_goes_on_whatever_became_of_the_lists),
      UNIT(hostile_81_a_session_does_not_outlast_the_authority_of_its_client),
      UNIT(a_session_outlasts_authorities_that_are_not_its_clients),
      UNIT(hostile_81_a_session_does_not_outlast_an_issuer_that_the_client_sent))
