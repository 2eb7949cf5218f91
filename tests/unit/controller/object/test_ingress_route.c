/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ingress_route.c - IngressRoutes from manifests: every field, and what is left to the
 * compiler to judge.
 */
#include "controller/object/decode.h"
#include "core/mem.h"
#include "core/text.h"
#include "tests/unit/unit.h"

#include <string.h>

#define HEAD                                                                                       \
    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: web, "           \
    "namespace: "                                                                                  \
    "shop}\n"

static const char whole[] =
    HEAD "spec:\n"
         "  virtualhost:\n"
         "    fqdn: a.example\n"
         "    tls: {secretName: certs/web, minimumProtocolVersion: '1.3', passthrough: false}\n"
         "  routes:\n"
         "  - match: /blog\n"
         "    enableWebsockets: true\n"
         "    permitInsecure: true\n"
         "    prefixRewrite: /new\n"
         "    timeoutPolicy: {request: 20s}\n"
         "    retryPolicy: {count: 4, perTryTimeout: 150ms}\n"
         "    services:\n"
         "    - name: first\n"
         "      port: 80\n"
         "      weight: 7\n"
         "      strategy: Random\n"
         "      healthCheck: {path: /ready, host: check.test, intervalSeconds: 11,\n"
         "        timeoutSeconds: 12, unhealthyThresholdCount: 13, healthyThresholdCount: 14}\n"
         "      validation: {caSecret: ca, subjectName: web.internal}\n"
         "    - {name: second, port: 81}\n"
         "  - match: /far\n"
         "    delegate: {name: child, namespace: other}\n"
         "  tcpproxy:\n"
         "    services: [{name: db, port: 5432}]\n"
         "    delegate: {name: tcp-child, namespace: third}\n";

static struct decoded decode(const char *text)
{
    struct decoded decoded;

    decode_manifest(bytes_of(text), BYTES("dir/a.yaml"), &decoded);
    return decoded;
}

static const struct ingress_route *only(const struct decoded *decoded)
{
    assert_int_equal(decoded->notes_count, 0);
    assert_int_equal(decoded->objects_count, 1);
    assert_int_equal(decoded->objects[0]->kind, OBJECT_INGRESS_ROUTE);
    return as_ingress_route(decoded->objects[0]);
}

TEST(a_virtualhost_is_read_whole_and_makes_a_root)
{
    struct decoded decoded = decode(whole);
    const struct ingress_route *route = only(&decoded);

    assert_true(route->is_root);
    assert_bytes(route->fqdn, "a.example");
    assert_true(route->has_tls);
    assert_bytes(route->tls_secret, "certs/web");
    assert_bytes(route->tls_version_min, "1.3");
    assert_false(route->tls_passthrough);
    decoded_fini(&decoded);
}

TEST(a_route_is_read_whole)
{
    struct decoded decoded = decode(whole);
    const struct ingress_route *object = only(&decoded);
    const struct ingress_route_route *route = &object->routes[0];

    assert_int_equal(object->routes_count, 2);
    assert_bytes(route->match, "/blog");
    assert_true(route->enable_websockets && route->permit_insecure);
    assert_bytes(route->prefix_rewrite, "/new");
    assert_bytes(route->request_timeout, "20s");
    assert_true(route->has_retry_policy);
    assert_int_equal(route->retry_count, 4);
    assert_bytes(route->per_try_timeout, "150ms");
    assert_false(route->delegate.is_present);
    assert_true(object->routes[1].delegate.is_present);
    assert_bytes(object->routes[1].delegate.name, "child");
    assert_bytes(object->routes[1].delegate.ns, "other");
    decoded_fini(&decoded);
}

TEST(a_service_is_read_whole)
{
    struct decoded decoded = decode(whole);
    const struct ingress_route_route *route = only(&decoded)->routes;
    const struct ingress_route_service *service = &route->services[0];

    assert_int_equal(route->services_count, 2);
    assert_bytes(service->name, "first");
    assert_int_equal(service->port, 80);
    assert_int_equal(service->weight, 7);
    assert_bytes(service->strategy, "Random");
    assert_true(service->has_validation);
    assert_bytes(service->ca_secret, "ca");
    assert_bytes(service->subject_name, "web.internal");
    assert_bytes(route->services[1].name, "second");
    assert_int_equal(route->services[1].port, 81);
    decoded_fini(&decoded);
}

TEST(a_health_check_is_read_whole)
{
    struct decoded decoded = decode(whole);
    const struct ingress_route_service *service = only(&decoded)->routes[0].services;
    const struct ingress_route_health_check *check = &service[0].health_check;

    assert_true(service[0].has_health_check);
    assert_false(service[1].has_health_check);
    assert_bytes(check->path, "/ready");
    assert_bytes(check->host, "check.test");
    assert_int_equal(check->interval_s, 11);
    assert_int_equal(check->timeout_s, 12);
    assert_int_equal(check->unhealthy_count, 13);
    assert_int_equal(check->healthy_count, 14);
    decoded_fini(&decoded);
}

TEST(a_tcpproxy_is_read_whole)
{
    struct decoded decoded = decode(whole);
    const struct ingress_route *route = only(&decoded);

    assert_true(route->has_tcpproxy);
    assert_int_equal(route->tcp_services_count, 1);
    assert_bytes(route->tcp_services[0].name, "db");
    assert_true(route->tcp_delegate.is_present);
    assert_bytes(route->tcp_delegate.name, "tcp-child");
    assert_bytes(route->tcp_delegate.ns, "third");
    decoded_fini(&decoded);
}

TEST(what_is_absent_or_null_reads_as_empty)
{
    static const char *const empties[] = {
        HEAD,
        HEAD "spec: {}\n",
        HEAD "spec: {virtualhost: null, routes: null, tcpproxy: null}\n",
    };

    for (size_t i = 0; i < sizeof(empties) / sizeof(empties[0]); i++) {
        struct decoded decoded = decode(empties[i]);
        const struct ingress_route *route = only(&decoded);

        assert_false(route->is_root || route->has_tls || route->has_tcpproxy);
        assert_int_equal(route->routes_count, 0);
        assert_int_equal(route->tcp_services_count, 0);
        decoded_fini(&decoded);
    }
}

TEST(an_empty_block_is_present)
{
    struct decoded decoded =
        decode(HEAD "spec:\n  virtualhost: {tls: {}}\n  tcpproxy: {delegate: {}}\n"
                    "  routes: [{retryPolicy: {}, delegate: {}, "
                    "services: [{healthCheck: {}, validation: {}}]}]\n");
    const struct ingress_route *route = only(&decoded);

    assert_true(route->is_root && route->has_tls && route->has_tcpproxy);
    assert_true(route->tcp_delegate.is_present);
    assert_true(route->routes[0].has_retry_policy);
    assert_true(route->routes[0].delegate.is_present);
    assert_true(route->routes[0].services[0].has_health_check);
    assert_true(route->routes[0].services[0].has_validation);
    decoded_fini(&decoded);
}

TEST(numbers_out_of_their_range_are_kept_as_written)
{
    struct decoded decoded = decode(HEAD "spec: {routes: [{match: /, services: [{name: web, "
                                         "port: 65536, weight: -2147483648, "
                                         "healthCheck: {intervalSeconds: -1}}]}]}\n");
    const struct ingress_route_service *service = only(&decoded)->routes[0].services;

    assert_int_equal(service->port, 65536);
    assert_int_equal(service->weight, INT32_MIN);
    assert_int_equal(service->health_check.interval_s, -1);
    decoded_fini(&decoded);
}

TEST(unknown_fields_change_nothing_and_are_told)
{
    struct decoded decoded = decode(HEAD "spec: {strategy: Random, healthCheck: {path: /x}, "
                                         "routes: [{match: /, color: blue}]}\n"
                                         "status: {currentStatus: invalid, description: old}\n");

    assert_int_equal(decoded.notes_count, 3);
    assert_false(decoded.notes[0].is_error);
    decoded.notes_count = 0;
    assert_bytes(only(&decoded)->routes[0].match, "/");
    decoded_fini(&decoded);
}

/* A controller writes statuses: reading its own must not be a change, or it would never rest. */
TEST(another_status_is_no_other_object)
{
    struct decoded a = decode(HEAD "spec: {}\nstatus: {currentStatus: valid}\n");
    struct decoded b = decode(HEAD "spec: {}\n");

    assert_true(object_is_same(&only(&a)->object, &only(&b)->object));
    decoded_fini(&a);
    decoded_fini(&b);
}

/* What is left of it is what its status needs. */
TEST(a_wrong_type_leaves_of_its_own_object_the_name_and_the_field_that_is_wrong)
{
    static const struct {
        const char *spec, *field;
    } wrong[] = {
        {"spec: [1]\n", "spec: "},
        {"spec: {virtualhost: a.example}\n", "spec.virtualhost: "},
        {"spec: {virtualhost: {fqdn: 5}}\n", "spec.virtualhost.fqdn: "},
        {"spec: {virtualhost: {tls: true}}\n", "spec.virtualhost.tls: "},
        {"spec: {virtualhost: {tls: {passthrough: 'yes'}}}\n",
         "spec.virtualhost.tls.passthrough: "},
        {"spec: {routes: {}}\n", "spec.routes: "},
        {"spec: {routes: [/]}\n", "spec.routes[0]: "},
        {"spec: {routes: [{delegate: child}]}\n", "spec.routes[0].delegate: "},
        {"spec: {routes: [{services: {}}]}\n", "spec.routes[0].services: "},
        {"spec: {routes: [{services: [{port: '80'}]}]}\n", "spec.routes[0].services[0].port: "},
        {"spec: {routes: [{services: [{port: 80.5}]}]}\n", "spec.routes[0].services[0].port: "},
        {"spec: {routes: [{services: [{weight: 2147483648}]}]}\n",
         "spec.routes[0].services[0].weight: "},
        {"spec: {routes: [{retryPolicy: {count: many}}]}\n", "spec.routes[0].retryPolicy.count: "},
        {"spec: {tcpproxy: []}\n", "spec.tcpproxy: "},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct decoded decoded;
        struct text text;

        text_init(&text);
        text_printf(&text, HEAD "%s---\n%s", wrong[i].spec, whole);
        decode_manifest(text_bytes(&text), BYTES("a"), &decoded);
        assert_int_equal(decoded.objects_count, 2);
        assert_true(object_is_stand_in(decoded.objects[0]));
        assert_true(
            bytes_equal(as_ingress_route(decoded.objects[0])->fault, decoded.notes[0].text));
        assert_int_equal(as_ingress_route(decoded.objects[0])->routes_count, 0);
        assert_false(object_is_stand_in(decoded.objects[1]));
        assert_int_equal(decoded.notes_count, 1);
        assert_true(decoded.notes[0].is_error);
        assert_true(bytes_starts_with(decoded.notes[0].text, bytes_of(wrong[i].field)));
        text_fini(&text);
        decoded_fini(&decoded);
    }
}

TEST(what_has_no_usable_name_is_left_out_whatever_else_is_wrong)
{
    static const char *const metadata[] = {"{name: 5}", "{name: A}", "{}",
                                           "{name: a, namespace: 5}", "{name: a, namespace: B}"};

    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++) {
        struct decoded decoded;
        struct text text;

        text_init(&text);
        text_printf(&text,
                    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: %s\n"
                    "spec: {routes: 7}\n",
                    metadata[i]);
        decode_manifest(text_bytes(&text), BYTES("a"), &decoded);
        assert_int_equal(decoded.objects_count, 0);
        assert_int_equal(decoded.notes_count, 1);
        text_fini(&text);
        decoded_fini(&decoded);
    }
}

TEST(another_version_or_group_is_another_kind)
{
    struct decoded decoded = decode("apiVersion: contour.heptio.com/v1\nkind: IngressRoute\n"
                                    "metadata: {name: web}\nspec: {}\n");

    assert_int_equal(decoded.objects_count, 0);
    assert_int_equal(decoded.notes_count, 1);
    decoded_fini(&decoded);
}

/* Every field that is read must be seen by object_is_same(), or a change of it would be lost. */
TEST(an_object_differs_when_any_field_that_is_read_differs)
{
    static const struct {
        const char *a, *b;
    } pairs[] = {
        {"fqdn: a.", "fqdn: b."},
        {"certs/web", "certs/wob"},
        {"'1.3'", "'1.2'"},
        {"passthrough: false", "passthrough: true"},
        {"match: /blog", "match: /blag"},
        {"enableWebsockets: true", "enableWebsockets: false"},
        {"permitInsecure: true", "permitInsecure: false"},
        {"prefixRewrite: /new", "prefixRewrite: /now"},
        {"request: 20s", "request: 21s"},
        {"count: 4", "count: 5"},
        {"150ms", "151ms"},
        {"retryPolicy: {count: 4, perTryTimeout: 150ms}", "retryPolicy: null"},
        {"name: first", "name: fifth"},
        {"port: 80\n", "port: 82\n"},
        {"weight: 7", "weight: 8"},
        {"strategy: Random", "strategy: Cookie"},
        {"path: /ready", "path: /reedy"},
        {"host: check", "host: chick"},
        {"intervalSeconds: 11", "intervalSeconds: 21"},
        {"timeoutSeconds: 12", "timeoutSeconds: 22"},
        {"unhealthyThresholdCount: 13", "unhealthyThresholdCount: 23"},
        {"healthyThresholdCount: 14", "healthyThresholdCount: 24"},
        {"caSecret: ca", "caSecret: co"},
        {"web.internal", "wob.internal"},
        {"name: second, port: 81", "name: second, port: 83"},
        {"name: second, port: 81", "name: second, port: 81, healthCheck: {}"},
        {"name: second, port: 81", "name: second, port: 81, validation: {}"},
        {"    - {name: second, port: 81}\n", ""},
        {"name: child", "name: chold"},
        {"namespace: other", "namespace: ether"},
        {"name: db", "name: dc"},
        {"port: 5432", "port: 5433"},
        {"tcp-child", "tcp-chold"},
        {"namespace: third", "namespace: thord"},
        {"    tls: {", "    tlz: {"},
        {"  virtualhost:", "  virtualhast:"},
        {"  tcpproxy:", "  tcpprexy:"},
    };
    struct decoded original = decode(whole);

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *at = strstr(whole, pairs[i].a);
        struct decoded changed;
        struct text text;

        assert_non_null(at);
        text_init(&text);
        text_add(&text, bytes_from(whole, (size_t)(at - whole)));
        text_add_str(&text, pairs[i].b);
        text_add_str(&text, at + strlen(pairs[i].a));
        decode_manifest(text_bytes(&text), BYTES("a"), &changed);
        assert_int_equal(changed.objects_count, 1);
        if (object_is_same(original.objects[0], changed.objects[0]))
            fail_msg("no difference is seen: %s", pairs[i].b);
        text_fini(&text);
        decoded_fini(&changed);
    }
    decoded_fini(&original);
}

static void assert_refused(const char *service, const char *sentence)
{
    struct decoded decoded;
    struct text text;

    text_init(&text);
    text_printf(&text, HEAD "spec: {routes: [{match: /, services: [{name: web, %s}]}]}\n", service);
    decoded = (struct decoded){0};
    decode_manifest(text_bytes(&text), BYTES("a.yaml"), &decoded);
    assert_int_equal(decoded.objects_count, 1);
    assert_true(object_is_stand_in(decoded.objects[0]));
    assert_int_equal(decoded.notes_count, 1);
    assert_bytes(decoded.notes[0].text, sentence);
    decoded_fini(&decoded);
    text_fini(&text);
}

TEST(a_text_where_a_number_belongs_is_told_with_what_to_write)
{
    assert_refused("port: http", "spec.routes[0].services[0].port: the text \"http\" is not a "
                                 "number: write the number of the Service's port, not its name");
    assert_refused("port: '80'", "spec.routes[0].services[0].port: the text \"80\" is not a "
                                 "number: write it as a number, without quotes");
    assert_refused("healthCheck: {path: /, intervalSeconds: 5s}",
                   "spec.routes[0].services[0].healthCheck.intervalSeconds: the text \"5s\" is not "
                   "a number: write whole seconds, without a unit");
    assert_refused("weight: many", "spec.routes[0].services[0].weight: the text \"many\" is not a "
                                   "number: write a number in its place");
    assert_refused("weight: 3000000000",
                   "spec.routes[0].services[0].weight: the number 3000000000 is not a number from "
                   "-2147483648 to 2147483647: write such a number");
}

TESTS(UNIT(a_virtualhost_is_read_whole_and_makes_a_root), UNIT(a_route_is_read_whole),
      UNIT(a_service_is_read_whole), UNIT(a_health_check_is_read_whole),
      UNIT(a_tcpproxy_is_read_whole), UNIT(what_is_absent_or_null_reads_as_empty),
      UNIT(an_empty_block_is_present), UNIT(numbers_out_of_their_range_are_kept_as_written),
      UNIT(unknown_fields_change_nothing_and_are_told), UNIT(another_status_is_no_other_object),
      UNIT(a_wrong_type_leaves_of_its_own_object_the_name_and_the_field_that_is_wrong),
      UNIT(what_has_no_usable_name_is_left_out_whatever_else_is_wrong),
      UNIT(another_version_or_group_is_another_kind),
      UNIT(an_object_differs_when_any_field_that_is_read_differs),
      UNIT(a_text_where_a_number_belongs_is_told_with_what_to_write))
