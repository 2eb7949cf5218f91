/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_annotations.c - annotations as typed values; what is not understood is told and counts as
 * absent.
 */
#include "tests/unit/controller/compile/world.h"

#define MANIFEST(annotations)                                                                      \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, annotations: "         \
    "{" annotations "}}\nspec:\n  rules:\n  - host: a.example.com\n    http:\n      paths:\n"      \
    "      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}\n"   \
    "      - {path: /ws, pathType: Prefix, backend: {service: {name: web, port: {number: "         \
    "80}}}}\n" NEXT SERVICE("web", "80")

static const char *dump_with(struct world *world, const char *manifest)
{
    world_put(world, "a.yaml", manifest);
    return world_dump(world);
}

TEST(response_timeout_is_read_under_both_prefixes_and_both_names)
{
    struct world world;

    world_open(&world);
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/response-timeout: 1m30s")),
               " timeout=90s");
    assert_has(dump_with(&world, MANIFEST("contour.heptio.com/response-timeout: 5s")),
               " timeout=5s");
    assert_has(dump_with(&world, MANIFEST("contour.heptio.com/request-timeout: 6s")),
               " timeout=6s");
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/request-timeout: 7s, "
                                          "contour.heptio.com/request-timeout: 6s")),
               " timeout=7s");
    assert_has(dump_with(&world, MANIFEST("contour.heptio.com/response-timeout: 8s, "
                                          "projectcontour.io/request-timeout: 7s")),
               " timeout=8s");
    world_close(&world);
}

TEST(infinity_zero_and_nothing_mean_no_response_timeout_without_a_word)
{
    struct world world;

    world_open(&world);
    assert_lacks(dump_with(&world, MANIFEST("projectcontour.io/response-timeout: infinity")),
                 "timeout");
    assert_lacks(dump_with(&world, MANIFEST("projectcontour.io/response-timeout: 0s")), "timeout");
    assert_lacks(dump_with(&world, MANIFEST("projectcontour.io/response-timeout: ''")), "timeout");
    world_close(&world);
}

TEST(a_duration_that_does_not_parse_is_told_about)
{
    struct world world;

    world_open(&world);
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/response-timeout: '90'")),
               "finding warning a.yaml:1 Ingress default/web: annotation response-timeout: \"90\"");
    assert_lacks(world_dump(&world), " timeout=");
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/response-timeout: -1s")),
               "annotation response-timeout: \"-1s\"");
    world_close(&world);
}

TEST(retries_need_retry_on)
{
    struct world world;

    world_open(&world);
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/num-retries: '3'")),
               "annotation num-retries: \"3\" has no effect without retry-on");
    assert_lacks(world_dump(&world), "retries=");
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/retry-on: 'reset, 5xx', "
                                          "projectcontour.io/num-retries: '3', "
                                          "projectcontour.io/per-try-timeout: 250ms")),
               " retry-on=5xx,reset retries=3 per-try=250ms");
    assert_lacks(world_dump(&world), "finding");
    world_close(&world);
}

TEST(num_retries_is_one_unless_a_sensible_number_is_given)
{
    struct world world;

    world_open(&world);
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/retry-on: 5xx")), " retries=1 ");
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/retry-on: 5xx, "
                                          "projectcontour.io/num-retries: '0'")),
               " retries=1 ");
    assert_lacks(world_dump(&world), "finding");
    assert_lacks(dump_with(&world, MANIFEST("projectcontour.io/retry-on: 5xx, "
                                            "projectcontour.io/num-retries: '-1'")),
                 "retries=");
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/retry-on: 5xx, "
                                          "projectcontour.io/num-retries: many")),
               " retries=1 ");
    assert_has(world_dump(&world), "annotation num-retries: \"many\"");
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/retry-on: 5xx, "
                                          "projectcontour.io/num-retries: '4000000000'")),
               " retries=100 ");
    world_close(&world);
}

TEST(conditions_to_retry_on_that_are_not_known_are_left_out_and_told)
{
    struct world world;

    world_open(&world);
    assert_has(dump_with(&world, MANIFEST("projectcontour.io/retry-on: '5xx,unavailable'")),
               " retry-on=5xx retries=1 ");
    assert_has(world_dump(&world), "annotation retry-on: \"unavailable\" is no condition");
    assert_lacks(dump_with(&world, MANIFEST("projectcontour.io/retry-on: sometimes")), "retries=");
    world_close(&world);
}

TEST(websocket_routes_of_both_prefixes_count_for_the_paths_they_name)
{
    struct world world;

    world_open(&world);
    (void)dump_with(&world, MANIFEST("projectcontour.io/websocket-routes: ' /ws , /none', "
                                     "contour.heptio.com/websocket-routes: /"));
    assert_line(world_dump(&world), "prefix /ws -> default/web/80 (0 endpoints) websocket");
    assert_line(world_dump(&world), "prefix / -> default/web/80 (0 endpoints) websocket");
    assert_has(world_dump(&world), "annotation websocket-routes: \"/none\" is no path");
    (void)dump_with(&world, MANIFEST("projectcontour.io/websocket-routes: ','"));
    assert_lacks(world_dump(&world), "websocket");
    world_close(&world);
}

TEST(allow_http_false_claims_the_host_and_serves_nothing)
{
    struct world world;

    world_open(&world);
    assert_string_equal(dump_with(&world, MANIFEST("kubernetes.io/ingress.allow-http: 'false'")),
                        "host a.example.com\n"
                        "finding warning a.yaml:1 Ingress default/web: annotation "
                        "kubernetes.io/ingress.allow-http: "
                        "it is \"false\", and no spec.tls names host a.example.com, so nobody is "
                        "served there: name "
                        "it in spec.tls, or leave the annotation out\n");
    assert_has(dump_with(&world, MANIFEST("kubernetes.io/ingress.allow-http: 'no'")),
               "annotation kubernetes.io/ingress.allow-http: \"no\" is neither true nor false");
    assert_line(world_dump(&world), "prefix / -> default/web/80");
    world_close(&world);
}

TEST(force_ssl_redirect_redirects_even_where_allow_http_is_false)
{
    struct world world;

    world_open(&world);
    (void)dump_with(&world, MANIFEST("ingress.kubernetes.io/force-ssl-redirect: 'true'"));
    assert_line(world_dump(&world), "prefix / -> redirect https");
    (void)dump_with(&world, MANIFEST("ingress.kubernetes.io/force-ssl-redirect: 'true', "
                                     "kubernetes.io/ingress.allow-http: 'false'"));
    assert_line(world_dump(&world), "prefix / -> redirect https");
    (void)dump_with(&world, MANIFEST("ingress.kubernetes.io/force-ssl-redirect: 'True'"));
    assert_line(world_dump(&world), "prefix / -> default/web/80");
    assert_has(world_dump(&world), "force-ssl-redirect: \"True\" is neither true nor false");
    world_close(&world);
}

TEST(circuit_breakers_come_from_the_service)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml", INGRESS("web", "a.example.com", "/", "Prefix", "web", "80"));
    world_put(&world, "s.yaml",
              "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
              "    projectcontour.io/max-connections: '5'\n"
              "    contour.heptio.com/max-pending-requests: '6'\n"
              "    projectcontour.io/max-requests: '0'\n"
              "    contour.heptio.com/max-retries: lots\n"
              "spec: {ports: [{port: 80}]}\n");
    assert_line(world_dump(&world),
                "cluster default/web/80 http1 round_robin max-connections=5 max-pending=6");
    assert_lacks(world_dump(&world), "max-requests=");
    assert_has(world_dump(&world),
               "Service default/web: annotation max-retries: \"lots\" is no number");
    world_close(&world);
}

TEST(hostile_92_no_text_of_an_annotation_reaches_the_table_but_as_a_quoted_finding)
{
    struct world world;

    world_open(&world);
    (void)dump_with(&world, MANIFEST("projectcontour.io/response-timeout: \"1s\\nhost evil\""));
    assert_lacks(world_dump(&world), "\nhost evil");
    assert_has(world_dump(&world), "\"1s\\x0Ahost evil\"");
    world_close(&world);
}

TESTS(UNIT(response_timeout_is_read_under_both_prefixes_and_both_names),
      UNIT(infinity_zero_and_nothing_mean_no_response_timeout_without_a_word),
      UNIT(a_duration_that_does_not_parse_is_told_about), UNIT(retries_need_retry_on),
      UNIT(num_retries_is_one_unless_a_sensible_number_is_given),
      UNIT(conditions_to_retry_on_that_are_not_known_are_left_out_and_told),
      UNIT(websocket_routes_of_both_prefixes_count_for_the_paths_they_name),
      UNIT(allow_http_false_claims_the_host_and_serves_nothing),
      UNIT(force_ssl_redirect_redirects_even_where_allow_http_is_false),
      UNIT(circuit_breakers_come_from_the_service),
      UNIT(hostile_92_no_text_of_an_annotation_reaches_the_table_but_as_a_quoted_finding))
