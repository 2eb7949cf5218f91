/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_compile.c - the driver: what a change costs, what stays shared, and that the order of
 * changes never matters.
 */
#include "core/check.h"
#include "tests/unit/controller/compile/world.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Random manifests: few names, so that everything meets everything. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static unsigned below(uint64_t *state, unsigned max)
{
    return (unsigned)(next_random(state) % max);
}

static const char *pick(uint64_t *state, const char *const *words, unsigned count)
{
    return words[below(state, count)];
}

#define PICK(state, ...)                                                                           \
    pick(state, (const char *const[]){__VA_ARGS__},                                                \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void add_paths(struct text *out, uint64_t *state)
{
    for (unsigned i = 0; i < 1 + below(state, 3); i++)
        text_printf(out,
                    "      - path: %s\n        pathType: %s\n        backend: {service: {name: %s, "
                    "port: {%s}}}\n",
                    PICK(state, "/", "/a", "/a/", "/b", "/a//b", "/[x", "/c.*", "nope", "/../x"),
                    PICK(state, "Prefix", "Exact", "ImplementationSpecific", "Odd"),
                    PICK(state, "s0", "s1", "s2", "gone"),
                    PICK(state, "number: 80", "number: 81", "name: web"));
}

static void add_ingress(struct text *out, uint64_t *state)
{
    text_printf(out,
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i%u\n"
                "  namespace: %s\n",
                below(state, 5), PICK(state, "default", "team"));
    if (below(state, 2))
        text_printf(out, "  creationTimestamp: 2020-01-0%uT00:00:00Z\n", 1 + below(state, 4));
    if (below(state, 2))
        text_printf(out, "  annotations: {%s}\n",
                    PICK(state, "projectcontour.io/response-timeout: soon",
                         "kubernetes.io/ingress.class: other",
                         "kubernetes.io/ingress.allow-http: 'false'",
                         "ingress.kubernetes.io/force-ssl-redirect: 'true'",
                         "projectcontour.io/retry-on: '5xx,reset'"));
    text_add_str(out, "spec:\n");
    if (below(state, 3) == 0)
        text_printf(out, "  ingressClassName: %s\n", PICK(state, "c0", "c1", "fairlead"));
    if (below(state, 3) == 0)
        text_printf(out, "  defaultBackend: {service: {name: %s, port: {number: 80}}}\n",
                    PICK(state, "s0", "s1", "gone"));
    text_add_str(out, "  rules:\n");
    for (unsigned i = 0; i < 1 + below(state, 3); i++) {
        text_printf(out, "  - host: %s\n    http:\n      paths:\n",
                    PICK(state, "a.example.com", "b.example.com", "'*.example.com'", "''",
                         "'not valid'", "A.example.com"));
        add_paths(out, state);
    }
}

static void add_service(struct text *out, uint64_t *state)
{
    text_printf(out,
                "apiVersion: v1\nkind: Service\nmetadata:\n  name: s%u\n  namespace: %s\n"
                "  annotations: {projectcontour.io/max-connections: '%s'}\nspec:\n%s"
                "  ports: [%s]\n",
                below(state, 3), PICK(state, "default", "team"), PICK(state, "0", "5", "many"),
                PICK(state, "", "", "", "  type: ExternalName\n  externalName: db.example.net\n"),
                PICK(state, "{port: 80}", "{name: web, port: 80}",
                     "{port: 80, name: x}, {port: 81, name: web}", "{port: 80, protocol: UDP}"));
}

static void add_slice(struct text *out, uint64_t *state)
{
    text_printf(out,
                "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: e%u\n"
                "  namespace: %s\n  labels: {kubernetes.io/service-name: s%u}\naddressType: IPv4\n"
                "ports: [{name: '%s', port: 8080}]\nendpoints:\n- addresses: [%s]\n"
                "  conditions: {ready: %s}\n",
                below(state, 4), PICK(state, "default", "team"), below(state, 3),
                PICK(state, "", "web", "x"), PICK(state, "10.0.0.1", "10.0.0.2", "169.254.0.1"),
                PICK(state, "true", "true", "false"));
}

static void add_endpoints(struct text *out, uint64_t *state)
{
    text_printf(out,
                "apiVersion: v1\nkind: Endpoints\nmetadata: {name: s%u, namespace: %s}\nsubsets:\n"
                "- addresses: [{ip: 10.1.0.%u}]\n  ports: [{name: '%s', port: 9000}]\n",
                below(state, 3), PICK(state, "default", "team"), 1 + below(state, 3),
                PICK(state, "", "web"));
}

static void add_class(struct text *out, uint64_t *state)
{
    text_printf(out,
                "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: c%u\n"
                "  annotations: {ingressclass.kubernetes.io/is-default-class: '%s'}\n"
                "spec: {controller: %s}\n",
                below(state, 2), PICK(state, "true", "false"),
                PICK(state, "fairlead.dev/ingress-controller", "example.com/other"));
}

static void add_object(struct text *out, uint64_t *state)
{
    typedef void add_fn(struct text *, uint64_t *);
    static add_fn *const kinds[] = {add_ingress, add_ingress, add_ingress,   add_service,
                                    add_service, add_slice,   add_endpoints, add_class};

    kinds[below(state, sizeof(kinds) / sizeof(kinds[0]))](out, state);
}

static void resolve_some(struct world *world, uint64_t *state)
{
    struct address address = {.ip = {10, 2, 0, (uint8_t)(1 + below(state, 3))}};
    const struct resolved_name name = {BYTES("db.example.net"), &address, below(state, 2)};

    compiler_resolved(world->compiler, &name);
}

static void edit(struct world *world, uint64_t *state)
{
    struct text content;
    char path[32];

    text_init(&content);
    (void)snprintf(path, sizeof(path), "f%u.yaml", below(state, 6));
    if (below(state, 12) == 0) {
        resolve_some(world, state);
    } else if (below(state, 6) == 0) {
        world_put(world, path, NULL);
    } else {
        for (unsigned i = 0; i < 1 + below(state, 5); i++) {
            text_add_str(&content, i > 0 ? NEXT : "");
            add_object(&content, state);
        }
        text_add_byte(&content, '\0');
        world_put(world, path, below(state, 20) == 0 ? "{" : content.at);
    }
    text_fini(&content);
}

TEST(any_sequence_of_edits_gives_the_table_that_compiling_anew_gives)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t state = seed * 0x9E3779B97F4A7C15u;
        struct world world;

        world_open(&world);
        if (seed % 4 == 0)
            world.options.ingress_class_is_given = true;
        for (int step = 0; step < 30; step++) {
            for (unsigned i = 0; i < 1 + below(&state, 3); i++)
                edit(&world, &state);
            assert_same_as_fresh(&world);
        }
        world_close(&world);
    }
}

TEST(objects_arriving_in_another_order_give_the_same_table)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t state = seed * 0xD1B54A32D192ED03u;
        struct world one, other;
        struct text files[6];

        world_open(&one);
        world_open(&other);
        for (int i = 0; i < 6; i++) {
            text_init(&files[i]);
            for (int j = 0; j < 3; j++) {
                text_add_str(&files[i], j > 0 ? NEXT : "");
                add_object(&files[i], &state);
            }
            text_add_byte(&files[i], '\0');
        }
        for (int i = 0; i < 6; i++) {
            char path[32];

            (void)snprintf(path, sizeof(path), "f%d.yaml", i);
            world_put(&one, path, files[i].at);
            (void)snprintf(path, sizeof(path), "f%d.yaml", 5 - i);
            world_put(&other, path, files[5 - i].at);
            (void)world_run(&other);
        }
        assert_string_equal(world_dump(&one), world_dump(&other));
        for (int i = 0; i < 6; i++)
            text_fini(&files[i]);
        world_close(&one);
        world_close(&other);
    }
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
      UNIT(any_sequence_of_edits_gives_the_table_that_compiling_anew_gives),
      UNIT(objects_arriving_in_another_order_give_the_same_table),
      UNIT(one_change_among_ten_thousand_ingresses_does_not_cost_them_all))
