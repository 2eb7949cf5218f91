/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_host.c - when two hosts are the same, and when a session may move between them.
 */
#include "tests/unit/tls/make.h"
#include "tls/host.h"

/* What all tests begin with. */
struct place {
    struct identity ca, leaf, other;
    struct certificate *certificate, *other_certificate;
    struct trust *trust;
    struct tls_host_config config;
};

static void open_place(struct place *place)
{
    place->ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true});
    place->leaf = make_identity(&(struct recipe){.name = "a.test"});
    place->other = make_identity(&(struct recipe){.name = "a.test"});
    place->certificate = make_certificate(&place->leaf, NULL);
    place->other_certificate = make_certificate(&place->other, NULL);
    place->trust = make_trust(&place->ca, NULL);
    place->config = (struct tls_host_config){
        .certificates = {[CERTIFICATE_ECDSA] = place->certificate},
        .version_max = TLS_VERSION_1_3,
    };
}

static void close_place(struct place *place)
{
    certificate_unref(place->certificate);
    certificate_unref(place->other_certificate);
    trust_unref(place->trust);
    identity_free(&place->ca);
    identity_free(&place->leaf);
    identity_free(&place->other);
}

static void assert_compares(const struct tls_host_config *a, const struct tls_host_config *b,
                            bool is_equal, bool has_equal_auth)
{
    struct tls_host *first = tls_host_create(a);
    struct tls_host *second = tls_host_create(b);

    assert_int_equal(tls_host_equal(first, second), is_equal);
    assert_int_equal(bytes_equal(tls_host_id(first), tls_host_id(second)), is_equal);
    assert_int_equal(bytes_equal(tls_host_auth_id(first), tls_host_auth_id(second)),
                     has_equal_auth);
    assert_int_equal(tls_host_id(first).len, 16);
    tls_host_unref(first);
    tls_host_unref(second);
}

TEST(hosts_with_the_same_settings_are_equal)
{
    struct place place;
    struct tls_host *host;

    open_place(&place);
    assert_compares(&place.config, &place.config, true, true);
    host = tls_host_create(&place.config);
    assert_false(tls_host_equal(host, NULL));
    assert_true(tls_host_equal(NULL, NULL));
    tls_host_unref(host);
    close_place(&place);
}

TEST(a_host_keeps_what_it_was_made_of)
{
    struct place place;
    struct tls_host *host;

    open_place(&place);
    host = tls_host_ref(tls_host_create(&place.config));
    tls_host_unref(host);
    close_place(&place);
    assert_int_equal(certificate_kind(tls_host_config(host)->certificates[CERTIFICATE_ECDSA]),
                     CERTIFICATE_ECDSA);
    tls_host_unref(host);
}

TEST(hostile_80_each_setting_makes_another_host)
{
    struct place place;
    struct tls_host_config other;

    open_place(&place);
    other = place.config;
    other.certificates[CERTIFICATE_ECDSA] = place.other_certificate;
    assert_compares(&place.config, &other, false, true);
    other = place.config;
    other.version_min = TLS_VERSION_1_3;
    assert_compares(&place.config, &other, false, true);
    other = place.config;
    other.version_max = TLS_VERSION_1_2;
    assert_compares(&place.config, &other, false, true);
    other = place.config;
    other.client_auth = TLS_CLIENT_AUTH_OPTIONAL;
    other.client_trust = place.trust;
    assert_compares(&place.config, &other, false, false);
    close_place(&place);
}

TEST(hostile_80_who_must_show_a_certificate_and_to_whom_makes_another_host)
{
    struct place place;
    struct tls_host_config first, second;
    struct trust *other_trust;

    open_place(&place);
    other_trust = make_trust(&place.leaf, NULL);
    first = place.config;
    first.client_auth = TLS_CLIENT_AUTH_OPTIONAL;
    first.client_trust = place.trust;
    second = first;
    second.client_auth = TLS_CLIENT_AUTH_REQUIRED;
    assert_compares(&first, &second, false, false);
    second = first;
    second.client_trust = other_trust;
    assert_compares(&first, &second, false, false);
    trust_unref(other_trust);
    close_place(&place);
}

TEST(a_fresh_staple_makes_another_host_with_the_same_sessions)
{
    struct place place;
    struct identity leaf;
    struct text chain, key, staple, fault;
    struct certificate *plain, *stapled;
    struct tls_host_config config, other;
    struct tls_host *first, *second;

    open_place(&place);
    leaf = make_identity(&(struct recipe){.name = "a.test", .issuer = &place.ca});
    chain = make_pem(1, &leaf);
    key = make_key_pem(&leaf);
    staple = make_staple(&place.ca, &leaf);
    text_init(&fault);
    plain = make_certificate(&leaf, NULL);
    assert_int_equal(certificate_parse(text_bytes(&chain), text_bytes(&key), text_bytes(&staple),
                                       &stapled, &fault),
                     STATUS_OK);
    config = place.config;
    config.certificates[CERTIFICATE_ECDSA] = plain;
    other = config;
    other.certificates[CERTIFICATE_ECDSA] = stapled;
    first = tls_host_create(&config);
    second = tls_host_create(&other);
    assert_false(tls_host_equal(first, second));
    assert_true(bytes_equal(tls_host_id(first), tls_host_id(second)));
    tls_host_unref(first);
    tls_host_unref(second);
    certificate_unref(plain);
    certificate_unref(stapled);
    text_fini(&chain);
    text_fini(&key);
    text_fini(&staple);
    text_fini(&fault);
    identity_free(&leaf);
    close_place(&place);
}

TEST(upstreams_are_equal_when_all_their_settings_are)
{
    struct place place;
    struct tls_upstream_config config, other;
    struct tls_upstream *base, *same, *changed;

    open_place(&place);
    config = (struct tls_upstream_config){
        .server_name = BYTES("a.test"), .subject_name = BYTES("b.test"), .trust = place.trust};
    base = tls_upstream_create(&config);
    same = tls_upstream_create(&config);
    assert_true(tls_upstream_equal(base, same));
    assert_false(tls_upstream_equal(base, NULL));
    for (int field = 0; field < 4; field++) {
        other = config;
        if (field == 0)
            other.server_name = BYTES("c.test");
        else if (field == 1)
            other.subject_name = BYTES("c.test");
        else if (field == 2)
            other.is_h2 = true;
        else
            other = (struct tls_upstream_config){.server_name = BYTES("a.test")};
        changed = tls_upstream_create(&other);
        assert_false(tls_upstream_equal(base, changed));
        tls_upstream_unref(changed);
    }
    tls_upstream_unref(base);
    assert_bytes(tls_upstream_config(same)->subject_name, "b.test");
    tls_upstream_unref(same);
    close_place(&place);
}

TEST(versions_have_the_names_that_openssl_gives_them)
{
    assert_string_equal(tls_version_name(TLS_VERSION_1_2), "TLSv1.2");
    assert_string_equal(tls_version_name(TLS_VERSION_1_3), "TLSv1.3");
}

TESTS(UNIT(hosts_with_the_same_settings_are_equal), UNIT(a_host_keeps_what_it_was_made_of),
      UNIT(hostile_80_each_setting_makes_another_host),
      UNIT(hostile_80_who_must_show_a_certificate_and_to_whom_makes_another_host),
      UNIT(a_fresh_staple_makes_another_host_with_the_same_sessions),
      UNIT(upstreams_are_equal_when_all_their_settings_are),
      UNIT(versions_have_the_names_that_openssl_gives_them))
