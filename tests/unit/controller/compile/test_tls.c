/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls.c - Secrets and what depends on them: which hosts a change costs, who may show what, and
 * that nothing is served in the open that was to be protected.
 */
#include "tests/unit/controller/compile/secret_manifests.h"

#define NOT_BEFORE_S 1577836800 /* 2020-01-01, of all certificates */
#define ENDED_AT_S   1609459200 /* 2021-01-01, of "ended" */
#define DAY_S        86400

/* An Ingress with one host and its certificate; more annotations in `annotations`. */
#define TLS_INGRESS(name, annotations, host, secret)                                               \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " name                      \
    ", annotations: {" annotations "}}\nspec:\n  tls: [{hosts: [" host "], secretName: " secret    \
    "}]\n  rules:\n  - host: " host "\n    http:\n      paths:\n      - {path: /" name             \
    ", pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}\n"

static void put_ca(struct world *world, const char *name)
{
    struct text manifest;

    text_init(&manifest);
    text_printf(&manifest,
                "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"%s\"}, "
                "\"stringData\": {",
                name);
    add_pem(&manifest, "ca.crt", "ca", "crt");
    text_add_str(&manifest, "}}");
    text_add_byte(&manifest, '\0');
    world_put(world, name, manifest.at);
    text_fini(&manifest);
}

static uint64_t hosts_compiled(const struct world *world)
{
    struct compile_stats stats;

    compiler_stats(world->compiler, &stats);
    return stats.hosts_compiled;
}

static const struct tls_host *tls_of(const struct world *world, const char *server_name)
{
    return table_tls_host(world->table, bytes_of(server_name));
}

static void open_with_two_hosts(struct world *world)
{
    world_open(world);
    world_put(world, "a.yaml", TLS_INGRESS("a", "", "a.example.com", "a-tls"));
    world_put(world, "b.yaml", TLS_INGRESS("b", "", "b.example.com", "b-tls"));
    world_put(world, "web.yaml", SERVICE("web", "80"));
    put_secret(world, "a-tls", "app", "app");
    put_secret(world, "b-tls", "other", "other");
    assert_true(world_run(world));
}

TEST(a_secret_change_compiles_only_the_hosts_that_use_it)
{
    struct world world;
    const struct tls_host *a, *b;

    open_with_two_hosts(&world);
    a = tls_of(&world, "a.example.com");
    b = tls_of(&world, "b.example.com");
    assert_non_null(a);
    put_secret(&world, "a-tls", "app-rsa", "app-rsa");
    assert_true(world_run(&world));
    assert_int_equal(hosts_compiled(&world), 1);
    assert_ptr_equal(tls_of(&world, "b.example.com"), b);
    assert_false(tls_host_equal(tls_of(&world, "a.example.com"), b));
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(a_secret_that_nothing_names_costs_nothing)
{
    struct world world;

    open_with_two_hosts(&world);
    put_secret(&world, "unrelated", "wildcard", "wildcard");
    assert_false(world_run(&world));
    assert_int_equal(hosts_compiled(&world), 0);
    world_close(&world);
}

TEST(a_secret_may_come_later_go_and_come_back)
{
    struct world world;

    open_with_two_hosts(&world);
    world_put(&world, "a-tls", NULL);
    assert_has(world_dump(&world), "https a.example.com handshake refused secret=default/a-tls\n");
    assert_has(world.dump.at, "Ingress default/a: spec.tls[0].secretName: Secret default/a-tls not "
                              "found\n");
    assert_lacks(world.dump.at, "certificate default/a-tls");
    assert_null(tls_of(&world, "a.example.com"));
    assert_same_as_fresh(&world);
    put_secret(&world, "a-tls", "app", "app");
    assert_has(world_dump(&world), "https a.example.com secret=default/a-tls min=TLSv1.2\n");
    assert_lacks(world.dump.at, "finding");
    assert_same_as_fresh(&world);
    world_close(&world);
}

/* The Secret "a-tls" with its certificate, and with too much under `key`. */
static void put_large(struct world *world, const char *key, size_t bytes)
{
    struct text manifest;

    text_init(&manifest);
    text_add_str(&manifest,
                 "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": "
                 "\"a-tls\"}, \"stringData\": {");
    if (strcmp(key, "tls.crt") != 0) {
        add_pem(&manifest, "tls.crt", "app", "crt");
        text_add_str(&manifest, ", ");
    }
    add_pem(&manifest, "tls.key", "app", "key");
    text_printf(&manifest, ", \"%s\": \"", key);
    for (size_t i = 0; i < bytes; i++)
        text_add_byte(&manifest, 'A');
    text_add_str(&manifest, "\"}}");
    text_add_byte(&manifest, '\0');
    world_put(world, "a-tls", manifest.at);
    text_fini(&manifest);
}

TEST(a_value_over_its_limit_is_told_as_such_where_it_is_asked_for)
{
    struct world world;

    open_with_two_hosts(&world);
    put_large(&world, "tls.crt", SECRET_PEM_BYTES_MAX + 1);
    assert_has(world_dump(&world), "Secret default/a-tls: tls.crt is larger than 1 MiB\n");
    put_large(&world, "tls.ocsp", SECRET_STAPLE_BYTES_MAX + 1);
    assert_has(world_dump(&world), "Secret default/a-tls: tls.ocsp is larger than 32 KiB\n");
    put_large(&world, "tls.ocsp-staple", SECRET_STAPLE_BYTES_MAX + 1);
    assert_has(world_dump(&world), "Secret default/a-tls: tls.ocsp-staple is larger than 32 KiB\n");
    put_large(&world, "ca.crl", SECRET_PEM_BYTES_MAX + 1);
    assert_lacks(world_dump(&world), "finding");
    world_put(&world, "a.yaml",
              TLS_INGRESS("a",
                          "fairlead.dev/client-ca-secret: a-tls, "
                          "fairlead.dev/client-certificate: required",
                          "a.example.com", "a-tls"));
    assert_has(world_dump(&world), "Secret default/a-tls has no value under the key ca.crt;");
    put_large(&world, "ca.crt", SECRET_PEM_BYTES_MAX + 1);
    assert_has(world_dump(&world), "Secret default/a-tls: ca.crt is larger than 1 MiB;");
    world_close(&world);
}

TEST(hostile_83_a_broken_secret_takes_out_its_own_hosts_and_no_others)
{
    struct world world;
    const struct tls_host *b;

    open_with_two_hosts(&world);
    b = tls_of(&world, "b.example.com");
    put_secret(&world, "a-tls", "app", "other");
    assert_true(world_run(&world));
    assert_null(tls_of(&world, "a.example.com"));
    assert_ptr_equal(tls_of(&world, "b.example.com"), b);
    assert_has(world_dump(&world), "Secret default/a-tls: tls.key does not belong to the first "
                                   "certificate of tls.crt");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(hostile_83_another_namespace_cannot_show_its_certificate_for_a_host_that_has_one)
{
    struct world world;

    open_with_two_hosts(&world);
    world_put(&world, "foreign.yaml",
              "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: z, namespace: "
              "tenant}\nspec: {tls: [{hosts: [a.example.com], secretName: z-tls}]}\n");
    world_put(&world, "a-tls", NULL);
    assert_has(world_dump(&world), "https a.example.com handshake refused secret=default/a-tls\n");
    assert_has(world.dump.at, "Ingress tenant/z: spec.tls[0]: Ingress default/a comes first");
    assert_lacks(world.dump.at, "Secret tenant/z-tls");
    world_close(&world);
}

TEST(the_default_certificate_follows_its_secret_and_stands_in_for_broken_ones)
{
    struct world world;

    world_open(&world);
    world.options.default_certificate = BYTES("default/fallback");
    compiler_destroy(world.compiler);
    world.compiler = compiler_create(&world.options);
    world_put(&world, "a.yaml", TLS_INGRESS("a", "", "a.example.com", "a-tls"));
    assert_has(world_dump(&world),
               "finding error --default-certificate: Secret default/fallback not "
               "found\n");
    assert_null(tls_of(&world, ""));
    put_secret(&world, "fallback", "default", "default");
    assert_has(world_dump(&world), "https default secret=default/fallback min=TLSv1.2\n");
    assert_has(world.dump.at, "https a.example.com secret=default/fallback min=TLSv1.2\n");
    assert_int_equal(hosts_compiled(&world), 1);
    assert_non_null(tls_of(&world, "unknown.test"));
    assert_same_as_fresh(&world);
    put_secret(&world, "a-tls", "app", "app");
    assert_has(world_dump(&world), "https a.example.com secret=default/a-tls min=TLSv1.2\n");
    world_put(&world, "fallback", NULL);
    assert_lacks(world_dump(&world), "https default");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(a_host_leaves_https_with_its_entry_and_http_with_its_rules)
{
    struct world world;

    open_with_two_hosts(&world);
    world_put(&world, "a.yaml", INGRESS("a", "a.example.com", "/", "Prefix", "web", "80"));
    assert_lacks(world_dump(&world), "https a.example.com");
    assert_line(world.dump.at, "host a.example.com");
    assert_same_as_fresh(&world);
    world_put(&world, "a.yaml",
              "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n"
              "spec: {tls: [{hosts: [A.Example.com], secretName: a-tls}]}\n");
    assert_has(world_dump(&world), "https a.example.com secret=default/a-tls");
    assert_lacks(world.dump.at, "host a.example.com");
    assert_same_as_fresh(&world);
    world_put(&world, "a.yaml", NULL);
    assert_lacks(world_dump(&world), "a.example.com");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(an_end_that_is_near_or_past_is_told_once_and_by_its_date)
{
    struct world world;

    world_open(&world);
    world.now_s = ENDED_AT_S - 8 * DAY_S;
    world_put(&world, "a.yaml", TLS_INGRESS("a", "", "a.example.com", "a-tls"));
    put_secret(&world, "a-tls", "ended", "ended");
    assert_lacks(world_dump(&world), "Secret default/a-tls: tls.crt");
    world.now_s = ENDED_AT_S - 7 * DAY_S;
    assert_has(world_dump(&world), "finding warning a-tls:1 Secret default/a-tls: tls.crt: the "
                                   "certificate (CN=a.example.com) ends at 2021-01-01T00:00:00Z\n");
    assert_same_as_fresh(&world);
    world.now_s = ENDED_AT_S - 6 * DAY_S;
    assert_false(world_run(&world));
    world.now_s = ENDED_AT_S + 1;
    assert_has(world_dump(&world), "finding error a-tls:1 Secret default/a-tls: tls.crt: the "
                                   "certificate (CN=a.example.com) ended at 2021-01-01T00:00:00Z; "
                                   "it is served all the same\n");
    assert_non_null(tls_of(&world, "a.example.com"));
    assert_same_as_fresh(&world);
    put_secret(&world, "a-tls", "app", "app");
    assert_lacks(world_dump(&world), "tls.crt");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(a_certificate_that_is_not_valid_yet_is_told_until_it_is)
{
    struct world world;

    world_open(&world);
    world.now_s = NOT_BEFORE_S - 1;
    world_put(&world, "a.yaml", TLS_INGRESS("a", "", "a.example.com", "a-tls"));
    put_secret(&world, "a-tls", "app", "app");
    assert_has(world_dump(&world), "is not valid before 2020-01-01T00:00:00Z");
    world.now_s = NOT_BEFORE_S;
    assert_lacks(world_dump(&world), "is not valid before");
    world_close(&world);
}

#define CLIENT_CA "fairlead.dev/client-ca-secret: ca"

TEST(hostile_79_a_host_whose_client_ca_is_missing_refuses_handshakes_until_it_comes)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml", TLS_INGRESS("a", CLIENT_CA, "a.example.com", "a-tls"));
    put_secret(&world, "a-tls", "app", "app");
    assert_has(world_dump(&world), "https a.example.com handshake refused");
    put_ca(&world, "ca");
    assert_has(world_dump(&world), "min=TLSv1.2 client-certificate=required\n");
    assert_int_equal(hosts_compiled(&world), 1);
    assert_same_as_fresh(&world);
    world_put(&world, "ca", NULL);
    assert_has(world_dump(&world), "https a.example.com handshake refused");
    world_close(&world);
}

TEST(hostile_79_client_certificates_that_are_half_asked_for_refuse_handshakes)
{
    static const char *const halves[] = {
        TLS_INGRESS("a", "fairlead.dev/client-certificate: required", "a.example.com", "a-tls"),
        TLS_INGRESS("a", "fairlead.dev/client-certificate: optional", "a.example.com", "a-tls"),
        TLS_INGRESS("a", "fairlead.dev/client-ca-secret: ''", "a.example.com", "a-tls"),
        TLS_INGRESS("a", "fairlead.dev/client-ca-secret: other/ca", "a.example.com", "a-tls"),
        TLS_INGRESS("a", "fairlead.dev/client-ca-secret: a-tls", "a.example.com", "a-tls"),
    };
    struct world world;

    world_open(&world);
    put_secret(&world, "a-tls", "app", "app");
    put_ca(&world, "ca");
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        world_put(&world, "a.yaml", halves[i]);
        assert_has(world_dump(&world), "https a.example.com handshake refused");
        assert_has(world.dump.at, "handshakes for host a.example.com are refused\n");
    }
    world_close(&world);
}

TEST(the_strictest_client_settings_of_all_ingresses_of_a_host_hold)
{
    struct world world;

    world_open(&world);
    put_secret(&world, "a-tls", "app", "app");
    put_ca(&world, "ca");
    world_put(&world, "a.yaml",
              TLS_INGRESS("a", CLIENT_CA ", fairlead.dev/client-certificate: optional",
                          "a.example.com", "a-tls"));
    assert_has(world_dump(&world), "client-certificate=optional\n");
    world_put(&world, "b.yaml", TLS_INGRESS("b", CLIENT_CA, "a.example.com", "a-tls"));
    assert_has(world_dump(&world), "client-certificate=required\n");
    assert_has(world.dump.at, "Ingress default/a: annotation fairlead.dev/client-ca-secret: what "
                              "Ingress default/b says about client certificates holds");
    assert_same_as_fresh(&world);
    world_close(&world);
}

#define HSTS(value, expected)                                                                      \
    {                                                                                              \
        "fairlead.dev/hsts: '" value "'", expected                                                 \
    }

TEST(hostile_92_hsts_is_written_from_its_parts_and_never_pasted)
{
    static const struct {
        const char *annotation;
        const char *expected; /* NULL: none, and a warning */
    } cases[] = {
        HSTS("300", "max-age=300"),
        HSTS("0", "max-age=0"),
        HSTS("24h", "max-age=86400"),
        HSTS("1h30m", "max-age=5400"),
        HSTS("300,includeSubDomains", "max-age=300; includeSubDomains"),
        HSTS("300 , preload , INCLUDESUBDOMAINS", "max-age=300; includeSubDomains; preload"),
        HSTS("", NULL),
        HSTS("-1s", NULL),
        HSTS("300,", NULL),
        HSTS("300; x", NULL),
        HSTS("max-age=300", "max-age=300"),
        HSTS("max-age=300; includeSubDomains; preload", "max-age=300; includeSubDomains; preload"),
        HSTS("max-age=", NULL),
        HSTS("300; includeSubDomains; x", NULL),
        HSTS("99999999999", NULL),
    };
    struct world world;

    world_open(&world);
    put_secret(&world, "a-tls", "app", "app");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char manifest[1024], wanted[128];

        (void)snprintf(manifest, sizeof(manifest), TLS_INGRESS("a", "%s", "a.example.com", "a-tls"),
                       cases[i].annotation);
        world_put(&world, "a.yaml", manifest);
        if (cases[i].expected == NULL) {
            assert_lacks(world_dump(&world), " hsts=");
            assert_has(world.dump.at, "annotation fairlead.dev/hsts: ");
            continue;
        }
        (void)snprintf(wanted, sizeof(wanted), " hsts=\"%s\"", cases[i].expected);
        assert_has(world_dump(&world), wanted);
        assert_lacks(world.dump.at, "annotation fairlead.dev/hsts: ");
    }
    world_close(&world);
}

#define UPSTREAM(annotations)                                                                      \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {" annotations              \
    "}}\nspec:\n  ports: [{port: 80, appProtocol: https}]\n" NEXT SLICE("web-1", "web", "8443",    \
                                                                        "10.0.0.1")
#define VERIFIED "fairlead.dev/upstream-ca-secret: ca, fairlead.dev/upstream-subject-name: web.test"

TEST(hostile_57_endpoints_that_cannot_be_verified_as_asked_are_not_spoken_to)
{
    struct world world;

    world_open(&world);
    world_put(&world, "i.yaml", INGRESS("i", "a.example.com", "/", "Prefix", "web", "80"));
    world_put(&world, "web.yaml", UPSTREAM(VERIFIED));
    assert_line(world_dump(&world), "prefix / -> 503 annotation fairlead.dev/upstream-ca-secret of "
                                    "Service default/web: Secret default/ca not found");
    assert_lacks(world.dump.at, "cluster ");
    put_ca(&world, "ca");
    assert_line(world_dump(&world), "prefix / -> default/web/80 (1 endpoint)");
    assert_has(world.dump.at,
               "cluster default/web/80 tls round_robin sni=web.test verified subject=web.test\n");
    assert_same_as_fresh(&world);
    world_put(&world, "ca",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: ca}\n"
              "stringData: {ca.crt: nothing}\n");
    assert_line(world_dump(&world), "prefix / -> 503 annotation fairlead.dev/upstream-ca-secret of "
                                    "Service default/web: Secret default/ca: ");
    assert_same_as_fresh(&world);
    world_put(&world, "web.yaml", UPSTREAM(""));
    assert_has(world_dump(&world), "cluster default/web/80 tls round_robin unverified\n");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(hostile_91_a_star_in_spec_tls_is_no_host_and_harms_nobody)
{
    struct world world;

    world_open(&world);
    put_secret(&world, "a-tls", "app", "app");
    world_put(
        &world, "any.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: any}\nspec:\n"
        "  tls: [{hosts: ['*'], secretName: a-tls}]\n"
        "  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, "
        "port: {number: 80}}}}]}}]\n");
    world_put(&world, "a.yaml", TLS_INGRESS("a", "", "a.example.com", "a-tls"));
    assert_has(world_dump(&world), "spec.tls[0].hosts[0]: \"*\" is no host name");
    assert_has(world.dump.at, "https a.example.com ");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(an_empty_annotation_of_a_service_is_another_than_none)
{
    static const char empty[] =
        UPSTREAM("fairlead.dev/upstream-ca-secret: ca, fairlead.dev/upstream-subject-name: \"\"");
    static const char none[] = UPSTREAM("fairlead.dev/upstream-ca-secret: ca");
    struct world world;

    world_open(&world);
    put_ca(&world, "ca");
    world_put(&world, "i.yaml", INGRESS("i", "a.example.com", "/", "Prefix", "web", "80"));
    world_put(&world, "web.yaml", empty);
    assert_line(world_dump(&world),
                "prefix / -> 503 annotation fairlead.dev/upstream-subject-name of "
                "Service default/web: \"\" is no host name");
    world_put(&world, "web.yaml", none);
    assert_line(world_dump(&world), "prefix / -> default/web/80 (1 endpoint)");
    assert_same_as_fresh(&world);
    world_put(&world, "web.yaml", empty);
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(a_certificate_is_listed_once_however_many_hosts_show_it)
{
    struct world world;

    world_open(&world);
    put_secret(&world, "wild", "wildcard", "wildcard");
    world_put(&world, "a.yaml", TLS_INGRESS("a", "", "a.example.com", "wild"));
    world_put(&world, "b.yaml", TLS_INGRESS("b", "", "b.example.com", "wild"));
    assert_true(world_run(&world));
    assert_int_equal(table_certificates_count(world.table), 1);
    assert_bytes(table_certificate(world.table, 0)->secret, "default/wild");
    world_put(&world, "a.yaml", NULL);
    assert_true(world_run(&world));
    assert_int_equal(table_certificates_count(world.table), 1);
    world_put(&world, "b.yaml", NULL);
    assert_true(world_run(&world));
    assert_int_equal(table_certificates_count(world.table), 0);
    world_close(&world);
}

TESTS(UNIT(a_secret_change_compiles_only_the_hosts_that_use_it),
      UNIT(a_secret_that_nothing_names_costs_nothing),
      UNIT(a_secret_may_come_later_go_and_come_back),
      UNIT(a_value_over_its_limit_is_told_as_such_where_it_is_asked_for),
      UNIT(hostile_83_a_broken_secret_takes_out_its_own_hosts_and_no_others),
      UNIT(hostile_83_another_namespace_cannot_show_its_certificate_for_a_host_that_has_one),
      UNIT(the_default_certificate_follows_its_secret_and_stands_in_for_broken_ones),
      UNIT(a_host_leaves_https_with_its_entry_and_http_with_its_rules),
      UNIT(an_end_that_is_near_or_past_is_told_once_and_by_its_date),
      UNIT(a_certificate_that_is_not_valid_yet_is_told_until_it_is),
      UNIT(hostile_79_a_host_whose_client_ca_is_missing_refuses_handshakes_until_it_comes),
      UNIT(hostile_79_client_certificates_that_are_half_asked_for_refuse_handshakes),
      UNIT(the_strictest_client_settings_of_all_ingresses_of_a_host_hold),
      UNIT(hostile_92_hsts_is_written_from_its_parts_and_never_pasted),
      UNIT(hostile_57_endpoints_that_cannot_be_verified_as_asked_are_not_spoken_to),
      UNIT(hostile_91_a_star_in_spec_tls_is_no_host_and_harms_nobody),
      UNIT(an_empty_annotation_of_a_service_is_another_than_none),
      UNIT(a_certificate_is_listed_once_however_many_hosts_show_it))
