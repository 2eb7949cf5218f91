/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_compile.c - the driver: what a change costs, and what stays shared. That the order of
 * changes never matters is test_random_worlds.c's.
 */
#include "tests/unit/controller/compile/world.h"

#include <stdio.h>
#include <time.h>

#define WEB_HOST                                                                                   \
    INGRESS("web", "web.example.com", "/", "Prefix", "web", "80")                                  \
    NEXT SERVICE("web", "80") NEXT SLICE("web-1", "web", "8080", "10.0.0.1")
#define API_HOST                                                                                   \
    INGRESS("api", "api.example.com", "/", "Prefix", "api", "80")                                  \
    NEXT SERVICE("api", "80") NEXT SLICE("api-1", "api", "8080", "10.0.0.2")

static struct compile_stats stats_of(const struct world *world)
{
    struct compile_stats stats;

    compiler_stats(world->compiler, &stats);
    return stats;
}

TEST(the_first_run_gives_a_table_even_without_objects)
{
    struct world world;

    world_open(&world);
    assert_true(world_run(&world));
    assert_string_equal(world_dump(&world), "");
    world_close(&world);
}

TEST(a_run_without_a_change_gives_no_table)
{
    struct world world;

    world_open(&world);
    world_put(&world, "web.yaml", WEB_HOST);
    assert_true(world_run(&world));
    assert_false(world_run(&world));
    world_put(&world, "web.yaml", WEB_HOST);
    assert_false(world_run(&world));
    world_close(&world);
}

TEST(an_ingress_change_compiles_its_own_host_only)
{
    struct world world;
    const struct vhost *api;

    world_open(&world);
    world_put(&world, "web.yaml", WEB_HOST);
    world_put(&world, "api.yaml", API_HOST);
    assert_true(world_run(&world));
    api = table_vhost(world.table, SCHEME_HTTP, BYTES("api.example.com"));
    world_put(&world, "web.yaml",
              INGRESS("web", "web.example.com", "/new", "Prefix", "web", "80")
                  NEXT SERVICE("web", "80"));
    assert_true(world_run(&world));
    assert_int_equal(stats_of(&world).hosts_compiled, 1);
    assert_ptr_equal(table_vhost(world.table, SCHEME_HTTP, BYTES("api.example.com")), api);
    world_close(&world);
}

TEST(an_endpoint_change_makes_one_cluster_and_touches_no_route)
{
    struct world world;
    const struct vhost *web;

    world_open(&world);
    world_put(&world, "web.yaml",
              INGRESS("web", "web.example.com", "/", "Prefix", "web", "80")
                  NEXT SERVICE("web", "80"));
    world_put(&world, "slice.yaml", SLICE("web-1", "web", "8080", "10.0.0.1"));
    world_put(&world, "api.yaml", API_HOST);
    assert_true(world_run(&world));
    web = table_vhost(world.table, SCHEME_HTTP, BYTES("web.example.com"));
    world_put(&world, "slice.yaml", SLICE("web-1", "web", "8080", "10.0.0.1, 10.0.0.9"));
    assert_true(world_run(&world));
    assert_int_equal(stats_of(&world).hosts_compiled, 0);
    assert_int_equal(stats_of(&world).clusters_compiled, 1);
    assert_ptr_equal(table_vhost(world.table, SCHEME_HTTP, BYTES("web.example.com")), web);
    assert_line(world_dump(&world), "10.0.0.9:8080");
    world_close(&world);
}

TEST(endpoints_of_a_service_nobody_uses_cost_nothing)
{
    struct world world;

    world_open(&world);
    world_put(&world, "web.yaml", WEB_HOST);
    assert_true(world_run(&world));
    world_put(&world, "idle.yaml",
              SERVICE("idle", "80") NEXT SLICE("idle-1", "idle", "80", "10.0.0.3"));
    assert_false(world_run(&world));
    assert_int_equal(stats_of(&world).clusters_compiled, 0);
    world_close(&world);
}

TEST(a_cluster_keeps_its_slot_while_its_key_is_in_use)
{
    struct world world;
    const struct route *route;
    uint32_t slot;

    world_open(&world);
    world_put(&world, "web.yaml", WEB_HOST);
    assert_true(world_run(&world));
    assert_int_equal(
        match_route(world.table, SCHEME_HTTP, BYTES("web.example.com"), BYTES("/"), &route),
        MATCH_ROUTE);
    slot = route->backends[0].cluster_slot;
    world_put(&world, "web.yaml",
              INGRESS("other", "other.example.com", "/x", "Exact", "web", "80")
                  NEXT SERVICE("web", "80"));
    assert_true(world_run(&world));
    assert_int_equal(
        match_route(world.table, SCHEME_HTTP, BYTES("other.example.com"), BYTES("/x"), &route),
        MATCH_ROUTE);
    assert_int_equal(route->backends[0].cluster_slot, slot);
    world_close(&world);
}

TEST(a_cluster_that_no_route_uses_any_more_goes)
{
    struct world world;

    world_open(&world);
    world_put(&world, "web.yaml", WEB_HOST);
    world_put(&world, "api.yaml", API_HOST);
    assert_true(world_run(&world));
    assert_int_equal(table_clusters_count(world.table), 2);
    world_put(&world, "api.yaml", SERVICE("api", "80"));
    assert_true(world_run(&world));
    assert_int_equal(table_clusters_count(world.table), 1);
    assert_lacks(world_dump(&world), "api");
    world_close(&world);
}

TEST(a_service_that_appears_later_makes_its_route_work)
{
    struct world world;

    world_open(&world);
    world_put(&world, "web.yaml", INGRESS("web", "web.example.com", "/", "Prefix", "web", "80"));
    assert_line(world_dump(&world), "prefix / -> 503 Service default/web not found");
    world_put(&world, "service.yaml", SERVICE("web", "80"));
    assert_line(world_dump(&world), "prefix / -> default/web/80 (0 endpoints)");
    assert_lacks(world_dump(&world), "finding");
    world_put(&world, "service.yaml", NULL);
    assert_line(world_dump(&world), "prefix / -> 503 Service default/web not found");
    world_close(&world);
}

TEST(a_broken_file_keeps_its_last_good_objects_and_says_where)
{
    struct world world;

    world_open(&world);
    world_put(&world, "web.yaml", WEB_HOST);
    world_put(&world, "web.yaml", "kind: [\n");
    assert_line(world_dump(&world), "prefix / -> default/web/80 (1 endpoint)");
    assert_has(world.dump.at, "finding error web.yaml:");
    world_put(&world, "web.yaml", WEB_HOST);
    assert_lacks(world_dump(&world), "finding");
    world_close(&world);
}

TEST(hostile_91_an_object_that_is_invalid_takes_only_itself_out)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml",
              INGRESS("bad", "'no host'", "/", "Prefix", "web", "80") NEXT WEB_HOST);
    assert_line(world_dump(&world), "prefix / -> default/web/80 (1 endpoint)");
    assert_has(world.dump.at, "Ingress default/bad: spec.rules[0].host: \"no host\"");
    world_close(&world);
}

TEST(findings_follow_objects_that_move_within_their_file)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml", INGRESS("bad", "'no host'", "/", "Prefix", "web", "80"));
    assert_has(world_dump(&world), "finding error a.yaml:1 ");
    world_put(&world, "a.yaml",
              "# a line more\n" INGRESS("bad", "'no host'", "/", "Prefix", "web", "80"));
    assert_has(world_dump(&world), "finding error a.yaml:2 ");
    world_close(&world);
}

#define DELEGATING(name)                                                                           \
    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: " name "}\n"     \
    "spec: {virtualhost: {fqdn: " name ".test}, routes: [{match: /, delegate: {name: child}}]}\n"

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

TEST(what_several_hosts_find_wrong_is_told_once_until_the_last_of_them_goes)
{
    static const char finding[] = "IngressRoute default/child: spec.routes[0].services[0]: Service "
                                  "default/gone not found";
    struct world world;

    world_open(&world);
    world_put(&world, "child",
              "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
              "metadata: {name: child}\n"
              "spec: {routes: [{match: /, services: [{name: gone, port: 1}]}]}\n");
    world_put(&world, "a", DELEGATING("a"));
    world_put(&world, "b", DELEGATING("b"));
    assert_int_equal(count_of(world_dump(&world), finding), 1);
    world_put(&world, "a", NULL);
    assert_int_equal(count_of(world_dump(&world), finding), 1);
    world_put(&world, "b", NULL);
    assert_int_equal(count_of(world_dump(&world), finding), 0);
    world_close(&world);
}

static double seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void put_many(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        char path[32], content[2048];

        (void)snprintf(path, sizeof(path), "i%d.yaml", i);
        (void)snprintf(
            content, sizeof(content),
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i%d}\nspec:\n"
            "  rules:\n  - host: h%d.example.com\n    http:\n      paths:\n"
            "      - {path: /, pathType: Prefix, backend: {service: {name: s%d, port: {number: "
            "80}}}}\n"
            "      - {path: /api, pathType: Prefix, backend: {service: {name: s%d, port: {number: "
            "80}}}}\n"
            "      - {path: /x, pathType: Exact, backend: {service: {name: s%d, port: {number: "
            "80}}}}\n"
            "---\n"
            "apiVersion: v1\nkind: Service\nmetadata: {name: s%d}\nspec: {ports: [{port: 80}]}\n"
            "---\n"
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e%d, labels: "
            "{kubernetes.io/service-name: s%d}}\naddressType: IPv4\nports: [{port: 8080}]\n"
            "endpoints: [{addresses: [10.0.0.1]}]\n",
            i, i, i, i, i, i, i, i);
        world_put(world, path, content);
    }
}

/* A guard against doing everything for each change, not a benchmark: the sanitizers make it slow,
 * so the bounds are wide. It prints what it measured. */
TEST(one_change_among_ten_thousand_ingresses_does_not_cost_them_all)
{
    struct world world;
    double started, first, change;

    world_open(&world);
    put_many(&world, 10000);
    started = seconds_now();
    assert_true(world_run(&world));
    first = seconds_now() - started;
    assert_int_equal(table_routes_count(world.table), 30000);
    started = seconds_now();
    for (int i = 0; i < 100; i++) {
        world_put(&world, "slice.yaml",
                  i % 2 == 0 ? SLICE("extra", "s5", "8080", "10.0.0.7") : "{}");
        assert_true(world_run(&world));
    }
    change = (seconds_now() - started) / 100;
    print_message("first %.1f ms, one change %.3f ms\n", first * 1e3, change * 1e3);
    assert_true(change * 50 < first);
    world_close(&world);
}

TESTS(UNIT(the_first_run_gives_a_table_even_without_objects),
      UNIT(a_run_without_a_change_gives_no_table),
      UNIT(an_ingress_change_compiles_its_own_host_only),
      UNIT(an_endpoint_change_makes_one_cluster_and_touches_no_route),
      UNIT(endpoints_of_a_service_nobody_uses_cost_nothing),
      UNIT(a_cluster_keeps_its_slot_while_its_key_is_in_use),
      UNIT(a_cluster_that_no_route_uses_any_more_goes),
      UNIT(a_service_that_appears_later_makes_its_route_work),
      UNIT(a_broken_file_keeps_its_last_good_objects_and_says_where),
      UNIT(hostile_91_an_object_that_is_invalid_takes_only_itself_out),
      UNIT(findings_follow_objects_that_move_within_their_file),
      UNIT(what_several_hosts_find_wrong_is_told_once_until_the_last_of_them_goes),
      UNIT(one_change_among_ten_thousand_ingresses_does_not_cost_them_all))
