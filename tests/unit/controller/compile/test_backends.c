/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_backends.c - ports of Services, endpoints of clusters, external names.
 */
#include "tests/unit/controller/compile/world.h"

#define TO(service, port)                                                                          \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n"                \
    "  rules:\n  - host: a.example.com\n    http:\n      paths:\n"                                 \
    "      - {path: /, pathType: Prefix, backend: {service: {name: " service ", port: {" port      \
    "}}}}\n"
#define PORTS(ports)                                                                               \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [" ports "]}\n"
#define EXTERNAL(name, ports)                                                                      \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, "            \
    "externalName: " name ports "}\n"
#define ENDPOINTS(subsets)                                                                         \
    "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\nsubsets:\n" subsets
#define SLICE_OF(name, family, ports, endpoints)                                                   \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name                 \
    ", labels: {kubernetes.io/service-name: web}}\naddressType: " family "\nports: [" ports        \
    "]\nendpoints:\n" endpoints

static const char *dump_with(struct world *world, const char *manifest)
{
    world_put(world, "a.yaml", manifest);
    assert_same_as_fresh(world);
    return world_dump(world);
}

TEST(hostile_96_a_missing_service_or_port_keeps_its_place_and_says_so)
{
    struct world world;

    world_open(&world);
    assert_line(dump_with(&world, TO("nope", "number: 80")),
                "prefix / -> 503 Service default/nope not found");
    assert_has(world.dump.at, "finding error a.yaml:1 Ingress default/i: "
                              "spec.rules[0].http.paths[0]: Service default/nope not found");
    assert_line(dump_with(&world, TO("web", "number: 81") NEXT PORTS("{port: 80}")),
                "prefix / -> 503 Service default/web has no port 81");
    assert_line(dump_with(&world, TO("web", "name: http") NEXT PORTS("{port: 80}")),
                "prefix / -> 503 Service default/web has no port http");
    world_close(&world);
}

TEST(hostile_96_a_service_without_ready_endpoints_keeps_its_cluster)
{
    struct world world;

    world_open(&world);
    assert_line(dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}")),
                "prefix / -> default/web/80 (0 endpoints)");
    assert_line(world.dump.at, "cluster default/web/80 http1 round_robin");
    assert_lacks(world.dump.at, "finding");
    world_close(&world);
}

TEST(a_port_is_found_by_number_and_by_name_in_order)
{
    struct world world;

    world_open(&world);
    assert_line(dump_with(&world, TO("web", "name: http")
                                      NEXT PORTS("{name: x, port: 70}, {name: http, port: 80}")),
                "prefix / -> default/web/80");
    assert_line(dump_with(&world, TO("web", "number: 70")
                                      NEXT PORTS("{name: x, port: 70}, {name: http, port: 80}")),
                "prefix / -> default/web/70");
    world_close(&world);
}

TEST(a_port_name_that_is_a_number_is_that_number)
{
    struct world world;

    world_open(&world);
    assert_line(
        dump_with(
            &world,
            "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\nspec:\n"
            "  backend: {serviceName: web, servicePort: '8080'}\n" NEXT PORTS("{port: 8080}")),
        "default -> default/web/8080");
    world_close(&world);
}

TEST(only_tcp_ports_are_served)
{
    struct world world;

    world_open(&world);
    assert_line(dump_with(&world, TO("web", "number: 53") NEXT PORTS("{port: 53, protocol: UDP}")),
                "prefix / -> 503 port 53 of Service default/web is UDP, not TCP");
    assert_line(dump_with(&world, TO("web", "number: 53") NEXT PORTS(
                                      "{name: u, port: 53, protocol: UDP}, {name: t, port: 53}")),
                "prefix / -> default/web/53");
    world_close(&world);
}

TEST(a_port_that_asks_for_tls_is_never_spoken_to_in_clear_text)
{
    struct world world;

    world_open(&world);
    assert_line(
        dump_with(&world, TO("web", "number: 443") NEXT PORTS("{port: 443, appProtocol: https}")),
        "cluster default/web/443 tls round_robin unverified");
    assert_line(dump_with(&world, TO("web", "number: 443") NEXT
                          "apiVersion: v1\nkind: Service\nmetadata: {name: web, "
                          "annotations: {projectcontour.io/upstream-protocol.tls: "
                          "'x,443'}}\nspec: {ports: [{port: 443}]}\n"),
                "cluster default/web/443 tls round_robin unverified");
    assert_line(
        dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80, appProtocol: http}")),
        "cluster default/web/80 http1 round_robin");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(endpoints_are_found_by_the_name_of_the_service_port)
{
    struct world world;

    world_open(&world);
    (void)dump_with(
        &world, TO("web", "number: 80") NEXT PORTS("{name: http, port: 80}") NEXT SLICE_OF(
                    "s", "IPv4", "{name: admin, port: 9000}, {name: http, port: 8080}",
                    "- addresses: [10.0.0.2]\n- addresses: [10.0.0.1]\n- addresses: [10.0.0.2]\n"));
    assert_has(world.dump.at, "cluster default/web/80 http1 round_robin\n"
                              "  10.0.0.1:8080\n  10.0.0.2:8080\n");
    assert_lacks(world.dump.at, "9000");
    world_close(&world);
}

TEST(an_unnamed_port_uses_the_unnamed_one_only)
{
    struct world world;

    world_open(&world);
    (void)dump_with(
        &world, TO("web", "number: 80") NEXT PORTS("{port: 80}")
                    NEXT SLICE_OF("s", "IPv4", "{name: http, port: 1}", "- addresses: [10.0.0.1]\n")
                        NEXT SLICE_OF("t", "IPv4", "{port: 2}", "- addresses: [10.0.0.2]\n"));
    assert_lacks(world.dump.at, "10.0.0.1");
    assert_has(world.dump.at, "  10.0.0.2:2\n");
    world_close(&world);
}

TEST(slices_of_all_families_are_united_and_beat_endpoints)
{
    struct world world;

    world_open(&world);
    world_put(&world, "e.yaml", ENDPOINTS("- addresses: [{ip: 10.9.9.9}]\n  ports: [{port: 1}]\n"));
    assert_has(dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}")),
               "  10.9.9.9:1\n");
    (void)dump_with(
        &world, TO("web", "number: 80") NEXT PORTS("{port: 80}")
                    NEXT SLICE_OF("s", "IPv4", "{port: 8080}", "- addresses: [10.0.0.1]\n")
                        NEXT SLICE_OF("t", "IPv6", "{port: 8080}", "- addresses: ['fd00::1']\n"));
    assert_has(world.dump.at, "  10.0.0.1:8080\n  [fd00::1]:8080\n");
    assert_lacks(world.dump.at, "10.9.9.9");
    (void)dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}")
                                NEXT SLICE_OF("s", "IPv4", "{port: 8080}",
                                              "- addresses: [10.0.0.1]\n  conditions: {ready: "
                                              "false}\n"));
    assert_has(world.dump.at, "-> default/web/80 (0 endpoints)");
    world_close(&world);
}

TEST(only_ready_endpoints_count)
{
    struct world world;

    world_open(&world);
    (void)dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}") NEXT SLICE_OF(
                                "s", "IPv4", "{port: 8080}",
                                "- addresses: [10.0.0.1]\n  conditions: {ready: true}\n"
                                "- addresses: [10.0.0.2]\n  conditions: {ready: false}\n"
                                "- addresses: [10.0.0.3]\n  conditions: {}\n"));
    assert_has(world.dump.at, "  10.0.0.1:8080\n  10.0.0.3:8080\n");
    assert_lacks(world.dump.at, "10.0.0.2");
    (void)dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}") NEXT ENDPOINTS(
                                "- addresses: [{ip: 10.0.0.4}]\n"
                                "  notReadyAddresses: [{ip: 10.0.0.5}]\n  ports: [{port: 1}]\n"));
    assert_has(world.dump.at, "-> default/web/80 (1 endpoint)");
    world_close(&world);
}

TEST(hostile_94_endpoints_at_loopback_and_link_local_addresses_are_refused)
{
    struct world world;

    world_open(&world);
    world.options.external_names_loopback = false;
    (void)dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}") NEXT SLICE_OF(
                                "s", "IPv4", "{port: 8080}",
                                "- addresses: [127.0.0.1]\n- addresses: [169.254.169.254]\n"
                                "- addresses: [0.0.0.0]\n- addresses: [10.0.0.1]\n"));
    assert_has(world.dump.at, "-> default/web/80 (1 endpoint)");
    assert_has(world.dump.at,
               "EndpointSlice default/s: endpoint 127.0.0.1:8080 is left out: a loopback address");
    assert_has(world.dump.at, "endpoint 169.254.169.254:8080 is left out: a link-local address");
    assert_has(world.dump.at, "endpoint 0.0.0.0:8080 is left out: an unspecified address");
    world_close(&world);
}

TEST(hostile_94_loopback_endpoints_are_served_in_directory_mode)
{
    struct world world;

    world_open(&world);
    (void)dump_with(&world, TO("web", "number: 80") NEXT PORTS("{port: 80}") NEXT SLICE_OF(
                                "s", "IPv4", "{port: 8080}",
                                "- addresses: [127.0.0.1]\n- addresses: [169.254.0.1]\n"));
    assert_has(world.dump.at, "  127.0.0.1:8080\n");
    assert_has(world.dump.at, "169.254.0.1:8080 is left out");
    world_close(&world);
}

static void resolve(struct world *world, const char *name, const char *ip)
{
    struct address address = {0};
    const struct resolved_name resolved = {bytes_of(name), &address, ip != NULL ? 1 : 0};

    if (ip != NULL)
        assert_int_equal(address_parse_ip(bytes_of(ip), 0, &address), STATUS_OK);
    compiler_resolved(world->compiler, &resolved);
}

TEST(an_external_name_is_asked_for_and_follows_its_answers)
{
    struct world world;
    const struct bytes *names;
    struct compile_stats stats;
    size_t count;

    world_open(&world);
    assert_line(dump_with(&world, TO("web", "number: 5000") NEXT EXTERNAL("DB.example.net.", "")),
                "prefix / -> default/web/5000 (0 endpoints)");
    names = compiler_external_names(world.compiler, &count);
    assert_int_equal(count, 1);
    assert_bytes(names[0], "db.example.net");
    resolve(&world, "db.example.net", "192.0.2.7");
    assert_has(world_dump(&world), "  192.0.2.7:5000\n");
    compiler_stats(world.compiler, &stats);
    resolve(&world, "db.example.net", "192.0.2.7");
    assert_false(world_run(&world));
    resolve(&world, "db.example.net", NULL);
    assert_has(world_dump(&world), "-> default/web/5000 (0 endpoints)");
    compiler_stats(world.compiler, &stats);
    assert_int_equal(stats.hosts_compiled, 0);
    (void)dump_with(&world, EXTERNAL("db.example.net", ""));
    (void)compiler_external_names(world.compiler, &count);
    assert_int_equal(count, 0);
    world_close(&world);
}

TEST(the_ports_of_an_external_name_count_where_it_lists_some)
{
    struct world world;

    world_open(&world);
    assert_line(dump_with(&world, TO("web", "name: pg") NEXT EXTERNAL(
                                      "db.example.net", ", ports: [{name: pg, port: 5432}]")),
                "prefix / -> default/web/5432");
    assert_line(dump_with(&world, TO("web", "number: 1") NEXT EXTERNAL(
                                      "db.example.net", ", ports: [{name: pg, port: 5432}]")),
                "prefix / -> 503 Service default/web has no port 1");
    world_close(&world);
}

TEST(hostile_94_external_names_are_off_unless_asked_for)
{
    struct world world;

    world_open(&world);
    world.options.external_names = false;
    assert_line(dump_with(&world, TO("web", "number: 80") NEXT EXTERNAL("db.example.net", "")),
                "prefix / -> 503 Service default/web is an ExternalName, which --external-names "
                "forbids");
    world_close(&world);
}

TEST(hostile_94_an_external_name_that_resolves_to_loopback_is_refused_in_a_cluster)
{
    struct world world;

    world_open(&world);
    world.options.external_names_loopback = false;
    (void)dump_with(&world, TO("web", "number: 80") NEXT EXTERNAL("db.example.net", ""));
    resolve(&world, "db.example.net", "::1");
    assert_has(world_dump(&world), "-> default/web/80 (0 endpoints)");
    assert_has(world.dump.at, "Service default/web: endpoint [::1]:80 is left out");
    assert_same_as_fresh(&world);
    world_close(&world);
}

TEST(an_external_name_that_is_no_host_name_is_refused)
{
    struct world world;

    world_open(&world);
    assert_line(dump_with(&world, TO("web", "number: 80") NEXT EXTERNAL("'a b'", "")),
                "prefix / -> 503 Service default/web: externalName \"a b\" is no host name");
    world_close(&world);
}

TESTS(UNIT(hostile_96_a_missing_service_or_port_keeps_its_place_and_says_so),
      UNIT(hostile_96_a_service_without_ready_endpoints_keeps_its_cluster),
      UNIT(a_port_is_found_by_number_and_by_name_in_order),
      UNIT(a_port_name_that_is_a_number_is_that_number), UNIT(only_tcp_ports_are_served),
      UNIT(a_port_that_asks_for_tls_is_never_spoken_to_in_clear_text),
      UNIT(endpoints_are_found_by_the_name_of_the_service_port),
      UNIT(an_unnamed_port_uses_the_unnamed_one_only),
      UNIT(slices_of_all_families_are_united_and_beat_endpoints), UNIT(only_ready_endpoints_count),
      UNIT(hostile_94_endpoints_at_loopback_and_link_local_addresses_are_refused),
      UNIT(hostile_94_loopback_endpoints_are_served_in_directory_mode),
      UNIT(an_external_name_is_asked_for_and_follows_its_answers),
      UNIT(the_ports_of_an_external_name_count_where_it_lists_some),
      UNIT(hostile_94_external_names_are_off_unless_asked_for),
      UNIT(hostile_94_an_external_name_that_resolves_to_loopback_is_refused_in_a_cluster),
      UNIT(an_external_name_that_is_no_host_name_is_refused))
