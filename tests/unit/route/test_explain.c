/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain.c - why a request goes where it goes, in words.
 */
#include "route/explain.h"
#include "tests/unit/route/make.h"

#include <stdio.h>
#include <stdlib.h>

static void add_split_route(struct maker *maker)
{
    const struct route_backend backends[2] = {
        {builder_cluster_slot(maker->builder, BYTES("default/web/80")), 3},
        {builder_cluster_slot(maker->builder, BYTES("default/empty/80")), 1},
    };
    const struct route split = {.path = BYTES("/split"),
                                .object = BYTES("Ingress default/split"),
                                .path_kind = PATH_PREFIX,
                                .backends = backends,
                                .backends_count = 2};
    const struct route redirect = {
        .path = BYTES("/old"), .path_kind = PATH_EXACT, .action = ROUTE_REDIRECT_HTTPS};
    const struct route broken = {.path = BYTES("/broken"),
                                 .object = BYTES("Ingress default/broken"),
                                 .unavailable = BYTES("Service default/nope not found"),
                                 .path_kind = PATH_PREFIX,
                                 .action = ROUTE_UNAVAILABLE};
    const struct route rewritten = {.path = BYTES("/strip"),
                                    .prefix_rewrite = BYTES("/"),
                                    .path_kind = PATH_STRING_PREFIX,
                                    .backends = backends,
                                    .backends_count = 1};
    const char *error;

    assert_int_equal(vhost_builder_add(maker->vhost, &split, &error), STATUS_OK);
    assert_int_equal(vhost_builder_add(maker->vhost, &rewritten, &error), STATUS_OK);
    assert_int_equal(vhost_builder_add(maker->vhost, &redirect, &error), STATUS_OK);
    assert_int_equal(vhost_builder_add(maker->vhost, &broken, &error), STATUS_OK);
}

static void put_empty_cluster(struct maker *maker)
{
    const struct cluster_spec spec = {.key = BYTES("default/empty/80"),
                                      .why_empty =
                                          BYTES("no endpoint of EndpointSlice default/empty-1")};

    builder_put_cluster(maker->builder, builder_cluster_slot(maker->builder, spec.key), &spec);
}

static struct table *sample(void)
{
    const struct finding findings[] = {
        {true, BYTES("a.yaml:3"), BYTES("Ingress default/broken"),
         BYTES("Service default/nope not found"), false},
        {false, BYTES("b.yaml:3"), BYTES("Ingress other/typo"),
         BYTES("host shop.example.com is taken by Ingress default/shop"), false},
        {false, BYTES("c.yaml:3"), BYTES("EndpointSlice default/empty-1"),
         BYTES("endpoint 169.254.0.1:80 is left out"), false},
        {false, BYTES("c.yaml:9"), BYTES("EndpointSlice default/empty-10"),
         BYTES("endpoint 169.254.0.2:80 is left out"), false},
        {true, BYTES("d.yaml:9"), BYTES("EndpointSlice other/slice"), BYTES("cannot be read"),
         true},
    };
    const struct object_status statuses[] = {
        {BYTES("IngressRoute a/claimed"), BYTES("claimed.example.com"), BYTES("two of them"),
         OBJECT_INVALID},
        {BYTES("IngressRoute b/refused"), BYTES("refused.example.com"), BYTES("not from here"),
         OBJECT_INVALID},
    };
    struct maker maker = maker_begin(NULL);

    maker_cluster(&maker, "default/web/80", 2, 8080);
    put_empty_cluster(&maker);
    maker_host(&maker, "app.example.com");
    maker_route(&maker, PATH_PREFIX, "/api", "default/web/80");
    maker_route(&maker, PATH_PREFIX, "/empty", "default/empty/80");
    maker_route(&maker, PATH_EXACT, "/exact", "default/web/80");
    maker_route(&maker, PATH_REGEX, "/v[0-9]/x", "default/web/80");
    add_split_route(&maker);
    maker_host(&maker, "*.wild.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "default/web/80");
    maker_host(&maker, "claimed.example.com");
    builder_set_findings(maker.builder, findings, 5);
    builder_set_statuses(maker.builder, statuses, 2);
    return maker_finish(&maker);
}

static bool health(void *context, const struct cluster_spec *cluster, const struct address *address,
                   struct text *out)
{
    (void)context;
    (void)cluster;
    text_add_str(out, address->ip[3] == 1 ? "healthy" : "left out for 3s");
    return true;
}

static bool all_unhealthy(void *context, const struct cluster_spec *cluster,
                          const struct address *address, struct text *out)
{
    (void)context;
    (void)cluster;
    (void)address;
    text_add_str(out, "unhealthy");
    return false;
}

/* Explains and looks for some lines; each is printed when the test fails. */
#define assert_explains(answers, request, ...)                                                     \
    check_explains(answers, request, (const char *const[]){__VA_ARGS__, NULL})

static void check_explains(bool answers, const struct explain_request *request,
                           const char *const *lines)
{
    struct table *table = sample();
    struct text text;
    char *words;
    bool says;

    text_init(&text);
    says = explain(table, request, health, NULL, &text);
    words = mem_string(text_bytes(&text));
    if (getenv("FAIRLEAD_TEST_SHOW") != NULL)
        print_message("%s\n", words);
    for (; *lines != NULL; lines++)
        if (strstr(words, *lines) == NULL)
            fail_msg("missing: %s\nin:\n%s", *lines, words);
    assert_int_equal(says, answers);
    mem_free(words);
    text_fini(&text);
    table_unref(table);
}

static const struct explain_request *get(const char *url)
{
    static struct explain_request request;

    request = (struct explain_request){.url = bytes_of(url)};
    return &request;
}

TEST(a_forwarded_request_names_host_route_object_service_and_endpoints)
{
    assert_explains(true, get("http://App.Example.com:8080/api/../api/x?q=1#f"),
                    "request   GET http://App.Example.com:8080/api/../api/x?q=1",
                    "host      app.example.com: named exactly\n",
                    "path      /api/x (the normal form, matched and forwarded)\n",
                    "route     prefix /api\n", "object    Ingress default/web spec.rules[0]\n",
                    "service   default/web/80, http1, round_robin: 2 ready endpoints\n",
                    "endpoint  10.0.0.1:8080 healthy\n",
                    "endpoint  10.0.0.2:8080 left out for 3s\n",
                    "verdict   forwarded to default/web/80\n");
}

TEST(a_host_header_stands_for_the_host_of_the_url)
{
    struct explain_request request = {.url = BYTES("/api"), .host = BYTES("app.example.com")};

    assert_explains(true, &request, "host      app.example.com: named exactly",
                    "verdict   forwarded");
    request.url = BYTES("http://10.0.0.9/api");
    assert_explains(true, &request, "host      app.example.com: named exactly");
}

TEST(shares_of_several_services_are_told_and_what_is_lost)
{
    assert_explains(
        true, get("http://app.example.com/split"),
        "service   default/web/80, weight 3 of 4 (75.0 %), ",
        "service   default/empty/80, weight 1 of 4 (25.0 %), http1, round_robin: 0 ready",
        "verdict   forwarded to default/web/80; 25.0 % of requests get 503");
}

TEST(a_rewritten_path_is_shown_as_it_is_forwarded)
{
    assert_explains(true, get("http://app.example.com/strip/x?q=1"), "path      /strip/x\n",
                    "forwarded as /x?q=1\n", "verdict   forwarded to default/web/80\n");
    assert_explains(true, get("http://app.example.com/strip"), "forwarded as /\n");
}

TEST(a_redirect_shows_where_it_leads)
{
    assert_explains(true, get("http://app.example.com/old?a=b"),
                    "verdict   301 to https://app.example.com/old?a=b\n");
}

TEST(hostile_96_a_route_without_service_says_why_it_answers_503)
{
    assert_explains(false, get("http://app.example.com/broken/x"), "route     prefix /broken\n",
                    "object    Ingress default/broken\n",
                    "error     Ingress default/broken: Service default/nope not found\n",
                    "verdict   503: Service default/nope not found\n");
}

TEST(hostile_96_a_service_without_endpoints_is_told)
{
    assert_explains(false, get("http://app.example.com/empty"),
                    "service   default/empty/80, http1, round_robin: 0 ready endpoints\n",
                    "verdict   503: no service of this route has a ready endpoint\n");
}

TEST(a_service_without_endpoints_says_why_and_what_was_told_of_its_slices)
{
    assert_explains(false, get("http://app.example.com/empty"),
                    "service   default/empty/80, http1, round_robin: 0 ready endpoints\n"
                    "warning   EndpointSlice default/empty-1: endpoint 169.254.0.1:80 is left out\n"
                    "hint      no endpoint of EndpointSlice default/empty-1\n"
                    "verdict   503: no service of this route has a ready endpoint\n");
}

TEST(an_unknown_host_gets_hosts_that_look_alike)
{
    assert_explains(
        false, get("http://ap.exmple.com/"), "host      ap.exmple.com: no object of ours names it",
        "nearest   app.example.com (looks alike)\n", "verdict   404: no object serves this host\n");
    assert_explains(false, get("http://example.com/"),
                    "nearest   app.example.com (is below the host asked for)\n");
    assert_explains(false, get("http://www.app.example.com/"),
                    "nearest   app.example.com (covers no names below it)\n");
}

TEST(an_unknown_host_is_told_what_a_wildcard_covers)
{
    assert_explains(false, get("http://a.b.wild.example.com/"),
                    "nearest   *.wild.example.com (a wildcard covers exactly one label)\n");
    assert_explains(
        false, get("http://wild.example.com/"),
        "nearest   *.wild.example.com (a wildcard does not cover the name it stands on)");
    assert_explains(true, get("http://a.wild.example.com/"),
                    "host      a.wild.example.com: covered by *.wild.example.com\n");
}

TEST(findings_that_name_the_unknown_host_are_shown)
{
    assert_explains(false, get("http://shop.example.com/"),
                    "warning   Ingress other/typo: host shop.example.com is taken by");
}

TEST(findings_about_a_host_that_only_ends_alike_are_not_shown)
{
    struct table *table = sample();
    struct text text;
    char *words;

    text_init(&text);
    assert_false(explain(table, get("http://example.com/"), NULL, NULL, &text));
    words = mem_string(text_bytes(&text));
    assert_null(strstr(words, "is taken by"));
    mem_free(words);
    text_fini(&text);
    table_unref(table);
}

TEST(a_host_whose_root_is_refused_gets_its_status)
{
    assert_explains(false, get("http://refused.example.com/"),
                    "status    IngressRoute b/refused invalid: not from here\n",
                    "verdict   404: the IngressRoute of this host is not valid\n");
    assert_explains(false, get("https://refused.example.com/"),
                    "status    IngressRoute b/refused invalid: not from here\n",
                    "verdict   the TLS handshake is refused (unrecognized_name): the IngressRoute "
                    "of this host is not valid\n");
}

TEST(a_host_that_is_claimed_and_has_no_route_at_all_gets_its_status)
{
    assert_explains(false, get("http://claimed.example.com/"),
                    "status    IngressRoute a/claimed invalid: two of them\n",
                    "verdict   404: the IngressRoute of this host is not valid\n");
}

TEST(a_path_without_route_gets_the_paths_of_the_host_and_why_each_does_not_match)
{
    assert_explains(false, get("http://app.example.com/apix"),
                    "nearest   prefix /api (this prefix covers whole segments only)  Ingress "
                    "default/web spec.rules[0]\n",
                    "nearest   regex  /v[0-9]/x (a regular expression must match the whole path)",
                    "verdict   404: the host is served, but none of its paths matches\n");
    assert_explains(false, get("http://app.example.com/API/x"),
                    "nearest   prefix /api (upper and lower case differ)");
    assert_explains(false, get("http://app.example.com/exact/"),
                    "exact  /exact (with and without a slash at the end are two paths)");
    assert_explains(false, get("http://app.example.com/exact/y"),
                    "exact  /exact (an exact path covers nothing below it)");
    assert_explains(false, get("http://app.example.com/a"),
                    "prefix /api (the rule is longer than the path)");
    assert_explains(false, get("http://app.example.com"), "path      /\n", "verdict   404");
}

TEST(a_websocket_on_a_route_that_does_not_allow_it_is_told)
{
    struct explain_request request = {.url = BYTES("http://app.example.com/api"),
                                      .wants_websocket = true};

    assert_explains(false, &request, "verdict   403: this route does not allow WebSockets\n");
}

TEST(bad_urls_get_one_clear_line)
{
    struct explain_request request = {.url = BYTES("http://a/"), .method = BYTES("G T")};

    assert_explains(false, get("app.example.com/api"), "verdict   not a URL");
    assert_explains(false, get(""), "verdict   not a URL");
    assert_explains(false, get("/api"), "verdict   no host");
    assert_explains(false, get("http:///api"), "verdict   no host");
    assert_explains(false, get("http://user@host/"), "verdict   400: the host is not HOST");
    assert_explains(false, get("http://a/%zz"), "verdict   400: the path has a % without");
    assert_explains(false, get("http://a/%00"), "verdict   400: the path has a %00");
    assert_explains(false, get("http://a/../x"), "verdict   400: the path climbs above the root");
    assert_explains(false, get("http://a/x y"), "verdict   400: the path has a byte");
    assert_explains(false, get("http://a/x\\y"), "verdict   400: the path has a backslash");
    assert_explains(false, &request, "verdict   400: the method is not a token");
    request.method = BYTES("TRACE");
    assert_explains(false, &request, "verdict   405");
}

TEST(nothing_in_a_url_can_forge_a_line)
{
    struct explain_request request = {.url = BYTES("http://a/\nverdict   forwarded")};

    assert_explains(false, &request, "http://a/\\x0Averdict   forwarded\n", "verdict   400");
}

TEST(a_route_whose_endpoints_are_all_unhealthy_answers_503)
{
    struct table *table = sample();
    struct text text;
    char *words;

    text_init(&text);
    assert_false(explain(table, get("http://app.example.com/api"), all_unhealthy, NULL, &text));
    assert_false(explain(table, get("http://app.example.com/split"), all_unhealthy, NULL, &text));
    words = mem_string(text_bytes(&text));
    assert_non_null(strstr(words, "503: no service of this route has a healthy endpoint"));
    assert_null(strstr(words, "has a ready endpoint"));
    mem_free(words);
    text_fini(&text);
    table_unref(table);
}

TESTS(UNIT(a_forwarded_request_names_host_route_object_service_and_endpoints),
      UNIT(a_host_header_stands_for_the_host_of_the_url),
      UNIT(shares_of_several_services_are_told_and_what_is_lost),
      UNIT(a_rewritten_path_is_shown_as_it_is_forwarded), UNIT(a_redirect_shows_where_it_leads),
      UNIT(hostile_96_a_route_without_service_says_why_it_answers_503),
      UNIT(hostile_96_a_service_without_endpoints_is_told),
      UNIT(a_service_without_endpoints_says_why_and_what_was_told_of_its_slices),
      UNIT(an_unknown_host_gets_hosts_that_look_alike),
      UNIT(an_unknown_host_is_told_what_a_wildcard_covers),
      UNIT(findings_that_name_the_unknown_host_are_shown),
      UNIT(findings_about_a_host_that_only_ends_alike_are_not_shown),
      UNIT(a_host_whose_root_is_refused_gets_its_status),
      UNIT(a_host_that_is_claimed_and_has_no_route_at_all_gets_its_status),
      UNIT(a_path_without_route_gets_the_paths_of_the_host_and_why_each_does_not_match),
      UNIT(a_websocket_on_a_route_that_does_not_allow_it_is_told),
      UNIT(bad_urls_get_one_clear_line), UNIT(nothing_in_a_url_can_forge_a_line),
      UNIT(a_route_whose_endpoints_are_all_unhealthy_answers_503))
