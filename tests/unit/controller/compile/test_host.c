/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_host.c - hosts and paths: kinds, normal forms, who gets a place that two claim, and
 * defaults.
 */
#include "tests/unit/controller/compile/world.h"

#define HEAD(name, metadata)                                                                       \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " name metadata "}\nspec:"  \
    "\n"
#define CREATED(day)      ", creationTimestamp: '2020-01-" day "T00:00:00Z'"
#define RULE(host, paths) "  rules:\n  - host: " host "\n    http:\n      paths:\n" paths
#define PATH(path, type, service)                                                                  \
    "      - {path: '" path "', pathType: " type ", backend: {service: {name: " service            \
    ", port: {number: 80}}}}\n"
#define DEFAULT(service) "  defaultBackend: {service: {name: " service ", port: {number: 80}}}\n"
#define SERVICES         SERVICE("web", "80") NEXT SERVICE("api", "80") NEXT SERVICE("old", "80")

static void open_with_services(struct world *world)
{
    world_open(world);
    world_put(world, "services.yaml", SERVICES);
}

static const char *dump_with(struct world *world, const char *manifest)
{
    world_put(world, "a.yaml", manifest);
    assert_same_as_fresh(world);
    return world_dump(world);
}

static enum match_result match(struct world *world, const char *host, const char *path,
                               const struct route **route)
{
    (void)world_run(world);
    return match_route(world->table, SCHEME_HTTP, bytes_of(host), bytes_of(path), route);
}

TEST(every_path_type_has_its_kind)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world, HEAD("web", "")
                                RULE("a.example.com",
                                     PATH("/e", "Exact", "web") PATH("/p", "Prefix", "web")
                                         PATH("/s", "ImplementationSpecific", "web")
                                             PATH("/r/[0-9]+", "ImplementationSpecific", "web")));
    assert_line(world.dump.at, "exact /e -> default/web/80");
    assert_line(world.dump.at, "prefix /p -> default/web/80");
    assert_line(world.dump.at, "string /s -> default/web/80");
    assert_line(world.dump.at, "regex /r/[0-9]+ -> default/web/80");
    world_close(&world);
}

TEST(an_empty_path_is_the_root_and_an_unknown_type_is_left_out)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world,
                    HEAD("web", "") RULE("a.example.com", PATH("", "ImplementationSpecific", "web")
                                                              PATH("/x", "Regex", "web")));
    assert_line(world.dump.at, "string / -> default/web/80");
    assert_lacks(world.dump.at, "  exact");
    assert_has(world.dump.at, "finding error a.yaml:1 Ingress default/web: "
                              "spec.rules[0].http.paths[1]: path \"/x\" is left out");
    world_close(&world);
}

TEST(hostile_36_dot_segments_in_a_rule_are_resolved_and_climbing_is_refused)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world,
                    HEAD("web", "") RULE("a.example.com", PATH("/a/./b/%2e%2e/c", "Exact", "web")
                                                              PATH("/../x", "Prefix", "web")));
    assert_line(world.dump.at, "exact /a/c -> default/web/80");
    assert_has(world.dump.at, "path is matched in its normal form \"/a/c\"");
    assert_has(world.dump.at, "path \"/../x\" is left out: its .. climb above the root");
    world_close(&world);
}

TEST(hostile_34_to_38_rules_take_the_same_normal_form_as_requests)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world, HEAD("web", "") RULE(
                                "a.example.com",
                                PATH("/n%00", "Exact", "web") PATH("/b%5Cc", "Exact", "web")
                                    PATH("/s%2fs", "Exact", "web") PATH("/%61//b", "Exact", "web")
                                        PATH("relative", "Prefix", "web")));
    assert_has(world.dump.at, "path \"/n%00\" is left out: it has a NUL");
    assert_has(world.dump.at, "path \"/b%5Cc\" is left out: it has a backslash");
    assert_line(world.dump.at, "exact /s%2Fs -> default/web/80");
    assert_line(world.dump.at, "exact /a/b -> default/web/80");
    assert_has(world.dump.at, "path \"relative\" is left out: it does not start with /");
    world_close(&world);
}

TEST(hostile_42_a_pattern_that_does_not_compile_takes_only_itself_out)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world, HEAD("web", "")
                                RULE("a.example.com", PATH("/[x", "ImplementationSpecific", "web")
                                                          PATH("/y", "Exact", "web")));
    assert_line(world.dump.at, "exact /y -> default/web/80");
    assert_has(world.dump.at, "spec.rules[0].http.paths[0]: pattern \"/[x\" is left out: ");
    world_close(&world);
}

TEST(hosts_are_lower_cased_and_checked)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(
        &world, HEAD("web", "") RULE("A.Example.COM", PATH("/", "Prefix", "web"))
                    NEXT HEAD("wild", "") RULE("'*.Example.com'", PATH("/", "Prefix", "web"))
                        NEXT HEAD("bad", "") RULE("'*.*.example.com'", PATH("/", "Prefix", "web"))
                            NEXT HEAD("ip", "") RULE("'a_b c'", PATH("/", "Prefix", "web")));
    assert_line(world.dump.at, "host a.example.com");
    assert_line(world.dump.at, "host *.example.com");
    assert_has(world.dump.at, "Ingress default/bad: spec.rules[0].host: \"*.*.example.com\"");
    assert_has(world.dump.at, "Ingress default/ip: spec.rules[0].host: \"a_b c\"");
    world_close(&world);
}

TEST(hostile_95_the_oldest_ingress_keeps_a_place_and_the_loser_is_told)
{
    struct world world;

    open_with_services(&world);
    world_put(&world, "z.yaml",
              HEAD("z", CREATED("02")) RULE("a.example.com", PATH("/x", "Prefix", "old")));
    (void)dump_with(&world,
                    HEAD("b", CREATED("03")) RULE("a.example.com", PATH("/x/", "Prefix", "api")));
    assert_line(world.dump.at, "prefix /x -> default/old/80");
    assert_has(world.dump.at,
               "finding warning a.yaml:1 Ingress default/b: spec.rules[0].http.paths[0]: Ingress "
               "default/z spec.rules[0].http.paths[0] has path \"/x\" of host a.example.com "
               "already, and is older");
    world_put(&world, "z.yaml", NULL);
    assert_line(world_dump(&world), "prefix /x -> default/api/80");
    assert_lacks(world.dump.at, "finding");
    world_close(&world);
}

TEST(without_timestamps_the_name_decides_and_a_timestamp_is_older_than_none)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world,
                    HEAD("c", "") RULE("a.example.com", PATH("/", "Prefix", "web"))
                        NEXT HEAD("b", "") RULE("a.example.com", PATH("/", "Prefix", "api")));
    assert_line(world.dump.at, "prefix / -> default/api/80");
    (void)dump_with(&world,
                    HEAD("c", CREATED("09")) RULE("a.example.com", PATH("/", "Prefix", "web"))
                        NEXT HEAD("b", "") RULE("a.example.com", PATH("/", "Prefix", "api")));
    assert_line(world.dump.at, "prefix / -> default/web/80");
    world_close(&world);
}

TEST(within_one_object_the_first_entry_wins)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world,
                    HEAD("web", "")
                        RULE("a.example.com", PATH("/x", "Prefix", "web") PATH("/x", "Exact", "old")
                                                  PATH("/x", "Prefix", "api")));
    assert_line(world.dump.at, "prefix /x -> default/web/80");
    assert_line(world.dump.at, "exact /x -> default/old/80");
    assert_has(world.dump.at, "spec.rules[0].http.paths[2]: spec.rules[0].http.paths[0] has path "
                              "\"/x\" of host a.example.com already\n");
    world_close(&world);
}

TEST(a_path_nobody_takes_goes_to_the_oldest_default_backend_of_its_host)
{
    struct world world;
    const struct route *route;

    open_with_services(&world);
    (void)dump_with(&world, HEAD("young", CREATED("05")) DEFAULT("web")
                                RULE("a.example.com", PATH("/y", "Prefix", "web"))
                                    NEXT HEAD("elder", CREATED("02")) DEFAULT("old")
                                        RULE("a.example.com", PATH("/e", "Prefix", "old"))
                                            NEXT HEAD("eldest", CREATED("01")) DEFAULT("api"));
    assert_int_equal(match(&world, "a.example.com", "/none", &route), MATCH_ROUTE);
    assert_bytes(route->object, "Ingress default/elder");
    assert_int_equal(match(&world, "nobody.example.com", "/", &route), MATCH_ROUTE);
    assert_bytes(route->object, "Ingress default/eldest");
    assert_has(world.dump.at,
               "Ingress default/young: spec.defaultBackend: Ingress default/elder "
               "comes first by age and name, so its default backend serves host a.example.com");
    world_close(&world);
}

TEST(hostile_44_a_known_host_never_reaches_the_default_backend_of_another_namespace)
{
    struct world world;
    const struct route *route;

    open_with_services(&world);
    (void)dump_with(&world, HEAD("web", "") RULE("a.example.com", PATH("/x", "Prefix", "web"))
                                NEXT HEAD("other", ", namespace: other") DEFAULT("web"));
    assert_int_equal(match(&world, "a.example.com", "/none", &route), MATCH_NO_PATH);
    (void)dump_with(&world, HEAD("web", "")
                                RULE("a.example.com", PATH("/[x", "ImplementationSpecific", "web"))
                                    NEXT HEAD("other", ", namespace: other") DEFAULT("web"));
    assert_int_equal(match(&world, "a.example.com", "/", &route), MATCH_NO_PATH);
    world_close(&world);
}

TEST(an_explicit_root_without_a_host_beats_a_default_backend)
{
    struct world world;
    const struct route *route;

    open_with_services(&world);
    (void)dump_with(&world,
                    HEAD("web", "") DEFAULT("old") "  rules:\n  - http:\n      paths:\n" PATH(
                        "/", "Prefix", "web"));
    assert_int_equal(match(&world, "x.example.com", "/any", &route), MATCH_ROUTE);
    assert_bytes(route->field, "spec.rules[0].http.paths[0]");
    (void)dump_with(&world,
                    HEAD("web", "") DEFAULT("old") "  rules:\n  - http:\n      paths:\n" PATH(
                        "/y", "Prefix", "web"));
    assert_int_equal(match(&world, "x.example.com", "/any", &route), MATCH_ROUTE);
    assert_bytes(route->field, "spec.defaultBackend");
    world_close(&world);
}

TEST(a_rule_without_paths_claims_its_host_for_the_default_backend_and_else_nothing)
{
    struct world world;

    open_with_services(&world);
    (void)dump_with(&world, HEAD("web", "") DEFAULT("web") "  rules:\n  - host: a.example.com\n");
    assert_line(world.dump.at, "host a.example.com");
    (void)dump_with(&world, HEAD("web", "") "  rules:\n  - host: a.example.com\n");
    assert_lacks(world.dump.at, "\nhost ");
    world_close(&world);
}

TEST(an_ingress_of_many_hosts_compiles_each_from_its_own_rules)
{
    struct world world;
    struct text manifest;
    const struct route *route;

    open_with_services(&world);
    text_init(&manifest);
    text_add_str(&manifest, HEAD("web", "") "  rules:\n");
    for (int i = 0; i < 2000; i++)
        text_printf(&manifest, "  - host: h%d.example.com\n    http:\n      paths:\n%s", i,
                    PATH("/", "Prefix", "web"));
    text_add_byte(&manifest, '\0');
    world_put(&world, "a.yaml", manifest.at);
    assert_int_equal(match(&world, "h1999.example.com", "/", &route), MATCH_ROUTE);
    assert_bytes(route->field, "spec.rules[1999].http.paths[0]");
    assert_int_equal(table_hosts_count(world.table), 2000);
    text_fini(&manifest);
    world_close(&world);
}

TEST(a_rule_without_paths_claims_nothing_and_is_told)
{
    static const char *const silent[] = {
        HEAD("web", "") "  rules:\n  - {host: a.example.com}\n",
        HEAD("web", "") "  rules:\n  - {host: a.example.com, http: {}}\n",
        HEAD("web", "") "  rules:\n  - {host: a.example.com, paths: []}\n"};
    struct world world;

    open_with_services(&world);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        const char *dump = dump_with(&world, silent[i]);

        assert_has(dump, "finding warning a.yaml:1 Ingress default/web: spec.rules[0]: host "
                         "a.example.com has no http.paths, so it claims nothing\n");
        assert_lacks(dump, "host http a.example.com");
    }
    assert_has(dump_with(&world, HEAD("web", "") "  rules:\n  - {http: {}}\n"),
               "spec.rules[0]: there are no http.paths, so it does nothing\n");
    world_close(&world);
}

TEST(a_rule_without_paths_is_fine_beside_a_default_backend)
{
    struct world world;

    open_with_services(&world);
    assert_lacks(dump_with(&world, HEAD("web", "") DEFAULT("web") "  rules:\n"
                                                                  "  - {host: a.example.com}\n"
                                                                  "  - {http: {}}\n"),
                 "http.paths");
    world_close(&world);
}

TEST(who_says_a_path_a_thousand_times_silences_nobody_else)
{
    struct world world;
    struct text many;

    open_with_services(&world);
    text_init(&many);
    text_add_str(&many, HEAD("many", CREATED("03")) RULE("a.example.com", ""));
    for (int i = 0; i < 1004; i++)
        text_add_str(&many, PATH("/a", "Exact", "web"));
    text_add_byte(&many, '\0');
    world_put(&world, "many.yaml", many.at);
    world_put(&world, "first.yaml",
              HEAD("first", CREATED("01")) RULE("a.example.com", PATH("/z", "Exact", "web")));
    (void)dump_with(&world,
                    HEAD("late", CREATED("02")) RULE("a.example.com", PATH("/z", "Exact", "api")));
    assert_has(world.dump.at, "Ingress default/late: spec.rules[0].http.paths[0]: Ingress "
                              "default/first spec.rules[0].http.paths[0] has path \"/z\"");
    assert_has(world.dump.at, "Ingress default/many: 3 more findings about this one are left out");
    text_fini(&many);
    world_close(&world);
}

TESTS(UNIT(every_path_type_has_its_kind),
      UNIT(an_empty_path_is_the_root_and_an_unknown_type_is_left_out),
      UNIT(hostile_36_dot_segments_in_a_rule_are_resolved_and_climbing_is_refused),
      UNIT(hostile_34_to_38_rules_take_the_same_normal_form_as_requests),
      UNIT(hostile_42_a_pattern_that_does_not_compile_takes_only_itself_out),
      UNIT(hosts_are_lower_cased_and_checked),
      UNIT(hostile_95_the_oldest_ingress_keeps_a_place_and_the_loser_is_told),
      UNIT(without_timestamps_the_name_decides_and_a_timestamp_is_older_than_none),
      UNIT(within_one_object_the_first_entry_wins),
      UNIT(a_path_nobody_takes_goes_to_the_oldest_default_backend_of_its_host),
      UNIT(hostile_44_a_known_host_never_reaches_the_default_backend_of_another_namespace),
      UNIT(an_explicit_root_without_a_host_beats_a_default_backend),
      UNIT(a_rule_without_paths_claims_its_host_for_the_default_backend_and_else_nothing),
      UNIT(an_ingress_of_many_hosts_compiles_each_from_its_own_rules),
      UNIT(a_rule_without_paths_claims_nothing_and_is_told),
      UNIT(a_rule_without_paths_is_fine_beside_a_default_backend),
      UNIT(who_says_a_path_a_thousand_times_silences_nobody_else))
