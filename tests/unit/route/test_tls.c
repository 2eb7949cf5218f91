/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls.c - hosts over TLS: who answers a ClientHello, which routes are there, what is shared
 * and what is shown.
 */
#include "route/explain.h"
#include "tests/unit/certificates.h"
#include "tests/unit/route/make.h"

static struct certificate *certificate_of(const char *name)
{
    struct text chain = certificate_file(name, "crt"), key = certificate_file(name, "key"), fault;
    struct certificate *certificate;

    text_init(&fault);
    assert_int_equal(
        certificate_parse(text_bytes(&chain), text_bytes(&key), BYTES_NONE, &certificate, &fault),
        STATUS_OK);
    text_fini(&chain);
    text_fini(&key);
    text_fini(&fault);
    return certificate;
}

/* The caller has one reference. */
static struct tls_host *host_of(const char *name, enum tls_version version_min)
{
    struct certificate *certificate = certificate_of(name);
    struct tls_host_config config = {.version_min = version_min, .version_max = TLS_VERSION_1_3};
    struct tls_host *host;

    config.certificates[certificate_kind(certificate)] = certificate;
    host = tls_host_create(&config);
    certificate_unref(certificate);
    return host;
}

/* Begins a host over TLS; certificate: NULL for none. */
static void tls_host_begin(struct maker *maker, const char *name, const char *certificate)
{
    struct tls_host *host = certificate == NULL ? NULL : host_of(certificate, TLS_VERSION_1_2);

    maker_host(maker, NULL);
    maker->vhost = vhost_builder_create(bytes_of(name), SCHEME_HTTPS);
    vhost_builder_set_tls(maker->vhost, host, BYTES("default/web-tls"));
    if (host != NULL)
        tls_host_unref(host);
}

static void set_default(struct maker *maker, const char *certificate)
{
    struct tls_host *host = host_of(certificate, TLS_VERSION_1_2);

    builder_set_default_tls(maker->builder, host, BYTES("fairlead/default"));
    tls_host_unref(host);
}

/* The subject of what is shown for a server name, or "refused". */
static const char *shown(const struct table *table, const char *server_name)
{
    static char subject[128];
    const struct tls_host *host = table_tls_host(table, bytes_of(server_name));
    const struct tls_host_config *config;

    if (host == NULL)
        return "refused";
    config = tls_host_config(host);
    (void)snprintf(subject, sizeof(subject), "%.*s",
                   BYTES_ARG(certificate_subject(config->certificates[CERTIFICATE_ECDSA])));
    return subject;
}

static struct table *make_table(bool with_default)
{
    struct maker maker = maker_begin(NULL);

    maker_cluster(&maker, "plain", 1, 80);
    maker_cluster(&maker, "secure", 1, 80);
    maker_host(&maker, "*");
    maker_route(&maker, PATH_PREFIX, "/", "plain");
    maker_host(&maker, "a.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "plain");
    tls_host_begin(&maker, "a.example.com", "app");
    maker_route(&maker, PATH_PREFIX, "/x", "secure");
    tls_host_begin(&maker, "*.example.com", "wildcard");
    maker_route(&maker, PATH_PREFIX, "/", "secure");
    tls_host_begin(&maker, "broken.example.com", NULL);
    maker_route(&maker, PATH_PREFIX, "/", "secure");
    maker_host(&maker, NULL);
    if (with_default)
        set_default(&maker, "default");
    maker_default(&maker, "plain");
    return maker_finish(&maker);
}

TEST(a_server_name_gets_its_own_host_then_the_wildcard_then_the_default_certificate)
{
    struct table *table = make_table(true);

    assert_string_equal(shown(table, "a.example.com"), "CN=a.example.com");
    assert_string_equal(shown(table, "b.example.com"), "CN=*.example.com");
    assert_string_equal(shown(table, "c.b.example.com"), "CN=default.test");
    assert_string_equal(shown(table, "elsewhere.test"), "CN=default.test");
    assert_string_equal(shown(table, ""), "CN=default.test");
    table_unref(table);
}

TEST(without_a_default_certificate_unknown_and_missing_server_names_are_refused)
{
    struct table *table = make_table(false);

    assert_string_equal(shown(table, "a.example.com"), "CN=a.example.com");
    assert_string_equal(shown(table, "elsewhere.test"), "refused");
    assert_string_equal(shown(table, ""), "refused");
    assert_string_equal(shown(table, ".example.com"), "refused");
    table_unref(table);
}

TEST(hostile_83_a_host_without_a_usable_certificate_is_refused_and_shows_nobody_elses)
{
    struct table *table = make_table(true);

    assert_string_equal(shown(table, "broken.example.com"), "refused");
    table_unref(table);
}

static enum match_result match(const struct table *table, enum scheme scheme, const char *host,
                               const char *path)
{
    const struct route *route;

    return match_route(table, scheme, bytes_of(host), bytes_of(path), &route);
}

TEST(each_scheme_has_its_own_routes_under_one_name)
{
    struct table *table = make_table(false);

    assert_int_equal(match(table, SCHEME_HTTP, "a.example.com", "/y"), MATCH_ROUTE);
    assert_int_equal(match(table, SCHEME_HTTPS, "a.example.com", "/y"), MATCH_NO_PATH);
    assert_int_equal(match(table, SCHEME_HTTPS, "a.example.com", "/x"), MATCH_ROUTE);
    assert_int_equal(match(table, SCHEME_HTTPS, "b.example.com", "/"), MATCH_ROUTE);
    table_unref(table);
}

TEST(hostile_44_a_host_that_is_named_over_http_only_is_no_wildcards_over_https)
{
    struct table *first = make_table(false), *second;
    struct maker maker = maker_begin(first);

    maker_host(&maker, "plain.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "a");
    second = maker_finish(&maker);
    assert_int_equal(match(first, SCHEME_HTTPS, "plain.example.com", "/"), MATCH_ROUTE);
    assert_int_equal(match(second, SCHEME_HTTPS, "plain.example.com", "/"), MATCH_NO_HOST);
    assert_string_equal(shown(first, "plain.example.com"), "CN=*.example.com");
    assert_string_equal(shown(second, "plain.example.com"), "refused");
    assert_string_equal(shown(second, "b.example.com"), "CN=*.example.com");
    table_unref(first);
    table_unref(second);
}

TEST(rules_without_a_host_and_the_default_backend_are_never_served_over_tls)
{
    struct table *table = make_table(true);

    assert_int_equal(match(table, SCHEME_HTTP, "elsewhere.test", "/"), MATCH_ROUTE);
    assert_int_equal(match(table, SCHEME_HTTPS, "elsewhere.test", "/"), MATCH_NO_HOST);
    assert_int_equal(match(table, SCHEME_HTTPS, "", "/"), MATCH_NO_HOST);
    assert_null(table_vhost(table, SCHEME_HTTPS, BYTES("elsewhere.test")));
    table_unref(table);
}

TEST(removing_a_host_of_one_scheme_leaves_the_other)
{
    struct table *first = make_table(false), *second;
    struct maker maker = maker_begin(first);

    builder_remove_vhost(maker.builder, SCHEME_HTTP, BYTES("a.example.com"));
    builder_remove_vhost(maker.builder, SCHEME_HTTPS, BYTES("*.example.com"));
    assert_true(builder_is_changed(maker.builder));
    second = maker_finish(&maker);
    assert_string_equal(shown(second, "a.example.com"), "CN=a.example.com");
    assert_string_equal(shown(second, "b.example.com"), "refused");
    assert_string_equal(shown(first, "b.example.com"), "CN=*.example.com");
    assert_int_equal(table_hosts_count(first) - table_hosts_count(second), 2);
    table_unref(first);
    table_unref(second);
}

TEST(the_same_certificates_put_again_are_no_change_and_others_are)
{
    struct table *table = make_table(true);
    struct maker maker = maker_begin(table);

    tls_host_begin(&maker, "a.example.com", "app");
    maker_route(&maker, PATH_PREFIX, "/x", "secure");
    maker_host(&maker, NULL);
    set_default(&maker, "default");
    assert_false(builder_is_changed(maker.builder));
    set_default(&maker, "other");
    assert_true(builder_is_changed(maker.builder));
    set_default(&maker, "default");
    assert_false(builder_is_changed(maker.builder));
    tls_host_begin(&maker, "a.example.com", "app-rsa");
    maker_route(&maker, PATH_PREFIX, "/x", "secure");
    maker_host(&maker, NULL);
    assert_true(builder_is_changed(maker.builder));
    builder_destroy(maker.builder);
    table_unref(table);
}

TEST(a_cluster_whose_endpoints_are_spoken_to_otherwise_is_another_cluster)
{
    struct tls_upstream_config config = {.server_name = BYTES("api.internal")};
    struct tls_upstream *upstream = tls_upstream_create(&config), *other;
    struct cluster_spec spec = {
        .key = BYTES("api"), .protocol = CLUSTER_TLS, .tls = upstream, .limits = {1, 1, 1, 1}};
    struct builder *builder = builder_create(NULL);
    uint32_t slot = builder_cluster_slot(builder, spec.key);
    struct table *table;

    builder_put_cluster(builder, slot, &spec);
    table = builder_finish(builder);
    config.server_name = BYTES("other.internal");
    other = tls_upstream_create(&config);
    builder = builder_create(table);
    builder_put_cluster(builder, slot, &spec);
    assert_false(builder_is_changed(builder));
    spec.tls = other;
    builder_put_cluster(builder, slot, &spec);
    assert_true(builder_is_changed(builder));
    spec.tls = NULL;
    builder_put_cluster(builder, slot, &spec);
    assert_true(builder_is_changed(builder));
    builder_destroy(builder);
    tls_upstream_unref(upstream);
    tls_upstream_unref(other);
    assert_bytes(tls_upstream_config(table_cluster(table, slot)->tls)->server_name, "api.internal");
    table_unref(table);
}

TEST(certificates_are_sorted_and_shared_while_they_stay_the_same)
{
    const struct served_certificate list[] = {{BYTES("b/x"), BYTES("CN=x"), 2},
                                              {BYTES("a/y"), BYTES("CN=y"), 1}};
    struct builder *builder = builder_create(NULL);
    struct table *first, *second;

    builder_set_certificates(builder, list, 2);
    first = builder_finish(builder);
    assert_int_equal(table_certificates_count(first), 2);
    assert_bytes(table_certificate(first, 0)->secret, "a/y");
    assert_int_equal(table_certificate(first, 1)->not_after_s, 2);
    builder = builder_create(first);
    builder_set_certificates(builder, list, 2);
    assert_false(builder_is_changed(builder));
    second = builder_finish(builder);
    assert_ptr_equal(table_certificate(first, 0), table_certificate(second, 0));
    builder = builder_create(second);
    builder_set_certificates(builder, list, 1);
    assert_true(builder_is_changed(builder));
    builder_destroy(builder);
    table_unref(first);
    table_unref(second);
}

static void check_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("not found: %s\nin:\n%s", part, text);
}

TEST(the_dump_shows_hosts_over_tls_apart_and_the_default_certificate)
{
    struct table *table = make_table(true);
    char *dump = dump_of(table);
    struct text json;

    check_has(dump, "host a.example.com\n  prefix /               -> plain (1 endpoint)");
    check_has(dump, "https a.example.com secret=default/web-tls min=TLSv1.2\n  prefix /x");
    check_has(dump, "https broken.example.com handshake refused secret=default/web-tls\n");
    check_has(dump, "https default secret=fairlead/default min=TLSv1.2\n");
    mem_free(dump);
    text_init(&json);
    table_dump_json(table, &json);
    text_add_byte(&json, '\0');
    check_has(json.at, "{\"name\":\"a.example.com\",\"tls\":{\"secret\":\"default/web-tls\","
                       "\"handshake\":\"answered\",\"version_min\":\"TLSv1.2\","
                       "\"version_max\":\"TLSv1.3\",\"client_certificate\":\"none\"},\"routes\"");
    check_has(json.at, "\"default_tls\":{\"secret\":\"fairlead/default\"");
    text_fini(&json);
    table_unref(table);
}

static void check_explains(bool with_default, const char *url, bool answers,
                           const char *const *parts)
{
    const struct explain_request request = {.url = bytes_of(url)};
    struct table *table = make_table(with_default);
    struct text text;

    text_init(&text);
    assert_int_equal(explain(table, &request, NULL, NULL, &text), answers);
    text_add_byte(&text, '\0');
    for (; *parts != NULL; parts++)
        check_has(text.at, *parts);
    text_fini(&text);
    table_unref(table);
}

#define assert_explains(with_default, url, answers, ...)                                           \
    check_explains(with_default, url, answers, (const char *const[]){__VA_ARGS__, NULL})

TEST(explain_walks_the_handshake_of_an_https_url)
{
    assert_explains(false, "https://a.example.com/x", true,
                    "host      a.example.com: named exactly\n", "secret    default/web-tls\n",
                    "leaf      CN=a.example.com, until 2120-01-01T00:00:00Z\n",
                    "tls       TLSv1.2 to TLSv1.3\n", "verdict   forwarded to secure\n");
    assert_explains(true, "https://elsewhere.test/", false,
                    "host      elsewhere.test: no object of ours serves it over HTTPS\n",
                    "secret    fairlead/default: the default certificate",
                    "until 2120-01-01T00:00:00Z; does not cover elsewhere.test\n",
                    "verdict   404: no object serves this host\n");
}

TEST(explain_says_why_a_handshake_is_refused_and_what_to_change)
{
    assert_explains(true, "https://broken.example.com/", false, "secret    default/web-tls\n",
                    "hint      mend the Secret that tls names",
                    "verdict   the TLS handshake is refused: what the host needs");
    assert_explains(false, "https://elsewhere.test/", false, "hint      add an Ingress with a rule",
                    "verdict   the TLS handshake is refused (unrecognized_name)");
}

TESTS(UNIT(a_server_name_gets_its_own_host_then_the_wildcard_then_the_default_certificate),
      UNIT(without_a_default_certificate_unknown_and_missing_server_names_are_refused),
      UNIT(hostile_83_a_host_without_a_usable_certificate_is_refused_and_shows_nobody_elses),
      UNIT(each_scheme_has_its_own_routes_under_one_name),
      UNIT(hostile_44_a_host_that_is_named_over_http_only_is_no_wildcards_over_https),
      UNIT(rules_without_a_host_and_the_default_backend_are_never_served_over_tls),
      UNIT(removing_a_host_of_one_scheme_leaves_the_other),
      UNIT(the_same_certificates_put_again_are_no_change_and_others_are),
      UNIT(a_cluster_whose_endpoints_are_spoken_to_otherwise_is_another_cluster),
      UNIT(certificates_are_sorted_and_shared_while_they_stay_the_same),
      UNIT(the_dump_shows_hosts_over_tls_apart_and_the_default_certificate),
      UNIT(explain_walks_the_handshake_of_an_https_url),
      UNIT(explain_says_why_a_handshake_is_refused_and_what_to_change))
