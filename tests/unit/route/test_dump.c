/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dump.c - the table as text and as JSON.
 */
#include "route/dump.h"
#include "tests/unit/route/make.h"

static void add_options_host(struct maker *maker)
{
    uint32_t api = builder_cluster_slot(maker->builder, BYTES("default/api/80"));
    uint32_t gone = builder_cluster_slot(maker->builder, BYTES("default/gone/80"));
    const struct route_backend backends[2] = {{api, 3}, {gone, 1}};
    const struct route full = {
        .path = BYTES("/full"),
        .object = BYTES("Ingress default/full"),
        .field = BYTES("spec.rules[0].http.paths[0]"),
        .path_kind = PATH_PREFIX,
        .response_timeout_ms = 30000,
        .retry = {RETRY_ON_5XX | RETRY_ON_RESET, 2, 1500},
        .websocket = true,
        .backends = backends,
        .backends_count = 2,
    };
    const struct route redirect = {
        .path = BYTES("/old"), .path_kind = PATH_EXACT, .action = ROUTE_REDIRECT_HTTPS};
    const struct route broken = {
        .path = BYTES("/broken"),
        .object = BYTES("Ingress \"evil\"\nhost forged"),
        .unavailable = BYTES("Service default/nope not found"),
        .path_kind = PATH_STRING_PREFIX,
        .action = ROUTE_UNAVAILABLE,
    };
    const char *error;

    maker_host(maker, "app.example.com");
    assert_int_equal(vhost_builder_add(maker->vhost, &full, &error), STATUS_OK);
    assert_int_equal(vhost_builder_add(maker->vhost, &redirect, &error), STATUS_OK);
    assert_int_equal(vhost_builder_add(maker->vhost, &broken, &error), STATUS_OK);
    maker_route(maker, PATH_REGEX, "/v[0-9]+/.*", "default/api/80");
    maker_default(maker, "default/api/80");
}

static void add_api_cluster(struct maker *maker)
{
    const struct endpoint_spec endpoints[2] = {
        {{.port = 8080, .ip = {10, 0, 0, 1}}, 1},
        {{.is_v6 = 1, .port = 8080, .ip = {[0] = 0xfd, [15] = 1}}, 2},
    };
    const struct cluster_spec spec = {
        .key = BYTES("default/api/80"),
        .protocol = CLUSTER_H2C,
        .policy = CLUSTER_LEAST_REQUEST,
        .limits = {5, 1024, 1024, 3},
        .endpoints_count = 2,
        .endpoints = endpoints,
    };

    builder_put_cluster(maker->builder, builder_cluster_slot(maker->builder, spec.key), &spec);
}

static struct table *sample(void)
{
    const struct finding findings[] = {
        {false, BYTES("a.yaml:3"), BYTES("Ingress default/web"), BYTES("says \"x\""), false},
        {true, BYTES("b.yaml:1"), BYTES_NONE, BYTES("does not parse"), false},
    };
    struct maker maker = maker_begin(NULL);

    maker_default(&maker, "default/api/80");
    maker_host(&maker, "*");
    maker_route(&maker, PATH_PREFIX, "/", "default/api/80");
    maker_host(&maker, "*.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "default/api/80");
    add_options_host(&maker);
    add_api_cluster(&maker);
    builder_set_findings(maker.builder, findings, 2);
    return maker_finish(&maker);
}

TEST(the_text_dump_lists_hosts_routes_clusters_and_findings_in_order)
{
    struct table *table = sample();
    char *dump = dump_of(table);

    assert_string_equal(
        dump,
        "host app.example.com\n"
        "  exact  /old            -> redirect https\n"
        "  regex  /v[0-9]+/.*     -> default/api/80 (2 endpoints)          Ingress default/web "
        "spec.rules[0]\n"
        "  string /broken         -> 503 Service default/nope not found    Ingress "
        "\"evil\"\\x0Ahost forged\n"
        "  prefix /full           -> default/api/80 weight=3 (2 endpoints), default/gone/80 "
        "weight=1 (0 endpoints) websocket timeout=30s retry-on=5xx,reset retries=2 per-try=1500ms "
        "Ingress default/full spec.rules[0].http.paths[0]\n"
        "  default                -> default/api/80 (2 endpoints)          Ingress default/web "
        "spec.rules[0]\n"
        "host *.example.com\n"
        "  prefix /               -> default/api/80 (2 endpoints)          Ingress default/web "
        "spec.rules[0]\n"
        "host *\n"
        "  prefix /               -> default/api/80 (2 endpoints)          Ingress default/web "
        "spec.rules[0]\n"
        "default                  -> default/api/80 (2 endpoints)          Ingress default/web "
        "spec.rules[0]\n"
        "cluster default/api/80 h2c least_request max-connections=5\n"
        "  10.0.0.1:8080\n"
        "  [fd00::1]:8080 weight=2\n"
        "finding warning a.yaml:3 Ingress default/web: says \"x\"\n"
        "finding error b.yaml:1: does not parse\n");
    mem_free(dump);
    table_unref(table);
}

TEST(the_json_dump_says_the_same)
{
    struct table *table = sample();
    struct text text;
    char *json;

    text_init(&text);
    table_dump_json(table, &text);
    json = mem_string(text_bytes(&text));
    assert_non_null(strstr(json, "{\"hosts\":[{\"name\":\"app.example.com\",\"routes\":["
                                 "{\"kind\":\"exact\",\"path\":\"/old\",\"action\":"
                                 "\"redirect_https\",\"object\":\"\",\"field\":\"\"},"));
    assert_non_null(strstr(
        json, "\"backends\":[{\"cluster\":\"default/api/80\",\"weight\":3,\"endpoints\":2},"
              "{\"cluster\":\"default/gone/80\",\"weight\":1,\"endpoints\":0}],\"websocket\":true,"
              "\"response_timeout_ms\":30000,\"retry\":{\"on\":[\"5xx\",\"reset\"],\"retries\":2,"
              "\"per_try_timeout_ms\":1500}"));
    assert_non_null(strstr(json, "Ingress \\\"evil\\\"\\nhost forged"));
    assert_non_null(strstr(json, "{\"address\":\"[fd00::1]:8080\",\"weight\":2}]}"));
    assert_non_null(strstr(json,
                           "],\"findings\":[{\"level\":\"warning\",\"location\":\"a.yaml:3\","
                           "\"object\":\"Ingress default/web\",\"text\":\"says \\\"x\\\"\"}"));
    assert_string_equal(json + strlen(json) - 3, "]}\n");
    mem_free(json);
    text_fini(&text);
    table_unref(table);
}

static const char *second_is_unhealthy(void *context, const struct cluster_spec *cluster,
                                       uint32_t endpoint)
{
    (void)context;
    (void)cluster;
    return endpoint == 1 ? "unhealthy" : NULL;
}

TEST(a_running_process_adds_what_it_knows_of_endpoints)
{
    struct table *table = sample();
    struct text text;
    char *dump;

    text_init(&text);
    table_dump_text_live(table, second_is_unhealthy, NULL, &text);
    table_dump_json_live(table, second_is_unhealthy, NULL, &text);
    dump = mem_string(text_bytes(&text));
    assert_non_null(
        strstr(dump, "\n  10.0.0.1:8080\n  [fd00::1]:8080 weight=2 health=unhealthy\n"));
    assert_non_null(
        strstr(dump, "{\"address\":\"[fd00::1]:8080\",\"weight\":2,\"health\":\"unhealthy\"}]}"));
    mem_free(dump);
    text_fini(&text);
    table_unref(table);
}

TEST(an_empty_table_dumps_as_empty_lists)
{
    struct table *table = builder_finish(builder_create(NULL));
    struct text text;

    text_init(&text);
    table_dump_text(table, &text);
    assert_int_equal(text.len, 0);
    table_dump_json(table, &text);
    assert_bytes(text_bytes(&text), "{\"hosts\":[],\"clusters\":[],\"findings\":[]}\n");
    text_fini(&text);
    table_unref(table);
}

TESTS(UNIT(the_text_dump_lists_hosts_routes_clusters_and_findings_in_order),
      UNIT(the_json_dump_says_the_same), UNIT(a_running_process_adds_what_it_knows_of_endpoints),
      UNIT(an_empty_table_dumps_as_empty_lists))
