/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fields.c - fields that a kind does not have are told, with the one that was meant.
 */
#include "controller/object/decode.h"
#include "controller/object/fields.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct decoded decode(const char *head, const char *spec)
{
    struct decoded decoded;
    struct text text;

    text_init(&text);
    text_printf(&text, "%s\nmetadata: {name: web}\n%s", head, spec);
    decode_manifest(text_bytes(&text), BYTES("a.yaml"), &decoded);
    text_fini(&text);
    return decoded;
}

#define INGRESS "apiVersion: networking.k8s.io/v1\nkind: Ingress"
#define BETA    "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress"
#define ROUTE   "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute"
#define GRANT   "apiVersion: projectcontour.io/v1\nkind: TLSCertificateDelegation"

/* The object is there, and this is the one thing to tell about it; nothing where it is empty. */
static void assert_told(const char *head, const char *spec, const char *sentence)
{
    struct decoded decoded = decode(head, spec);

    for (size_t i = 0; i < decoded.notes_count; i++) {
        print_message("note: %.*s\n", BYTES_ARG(decoded.notes[i].text));
        assert_false(decoded.notes[i].is_error);
    }
    assert_int_equal(decoded.objects_count, 1);
    if (decoded.notes_count > 0)
        assert_bytes(decoded.notes[0].text, sentence);
    else
        assert_string_equal(sentence, "");
    assert_true(decoded.notes_count <= 1);
    decoded_fini(&decoded);
}

TEST(every_field_of_an_ingress_is_known_in_all_versions)
{
    assert_told(INGRESS,
                "spec:\n"
                "  ingressClassName: fairlead\n"
                "  defaultBackend: {resource: {apiGroup: a.b, kind: Bucket, name: b}}\n"
                "  tls: [{hosts: [a.example], secretName: cert}]\n"
                "  rules:\n"
                "  - host: a.example\n"
                "    http:\n"
                "      paths:\n"
                "      - path: /\n"
                "        pathType: Prefix\n"
                "        backend: {service: {name: web, port: {number: 80}}}\n"
                "      - backend: {service: {name: web, port: {name: http}}}\n"
                "status: {loadBalancer: {ingress: [{ip: 10.0.0.1}]}}\n",
                "");
    assert_told(BETA,
                "spec:\n"
                "  ingressClassName: fairlead\n"
                "  backend: {resource: {apiGroup: a.b, kind: Bucket, name: b}}\n"
                "  tls: [{hosts: [a.example], secretName: cert}]\n"
                "  rules:\n"
                "  - host: a.example\n"
                "    http:\n"
                "      paths:\n"
                "      - path: /\n"
                "        pathType: Prefix\n"
                "        backend: {serviceName: web, servicePort: 80}\n"
                "status: {loadBalancer: {}}\n",
                "");
    assert_told("apiVersion: extensions/v1beta1\nkind: Ingress",
                "spec: {backend: {serviceName: web, servicePort: http}}\n", "");
}

TEST(every_field_of_an_ingress_route_is_known)
{
    assert_told(ROUTE,
                "spec:\n"
                "  virtualhost:\n"
                "    fqdn: a.example\n"
                "    tls: {secretName: cert, minimumProtocolVersion: '1.2', passthrough: false}\n"
                "  routes:\n"
                "  - match: /\n"
                "    enableWebsockets: true\n"
                "    permitInsecure: true\n"
                "    prefixRewrite: /x\n"
                "    timeoutPolicy: {request: 1s}\n"
                "    retryPolicy: {count: 1, perTryTimeout: 1s}\n"
                "    services:\n"
                "    - name: web\n"
                "      port: 80\n"
                "      weight: 1\n"
                "      strategy: Random\n"
                "      healthCheck:\n"
                "        {path: /, host: h, intervalSeconds: 1, timeoutSeconds: 1,\n"
                "         unhealthyThresholdCount: 1, healthyThresholdCount: 1}\n"
                "      validation: {caSecret: ca, subjectName: name}\n"
                "  - match: /child\n"
                "    delegate: {name: child, namespace: other}\n"
                "  tcpproxy:\n"
                "    services: [{name: web, port: 80}]\n"
                "    delegate: {name: child, namespace: other}\n"
                "status: {currentStatus: valid, description: d}\n",
                "");
    assert_told(GRANT, "spec: {delegations: [{secretName: s, targetNamespaces: ['*']}]}\n", "");
}

TEST(a_field_one_level_too_high_is_told_with_its_place)
{
    assert_told(ROUTE, "spec: {virtualhost: {fqdn: a.example}, tls: {secretName: cert}}\n",
                "spec.tls: there is no such field; do you mean spec.virtualhost.tls?");
    assert_told(ROUTE, "spec: {routes: [{match: /, strategy: Random}]}\n",
                "spec.routes[0].strategy: there is no such field; do you mean "
                "spec.routes[0].services[].strategy?");
    assert_told(INGRESS, "spec: {rules: [{host: a.example, paths: []}]}\n",
                "spec.rules[0].paths: there is no such field; do you mean "
                "spec.rules[0].http.paths?");
    assert_told(INGRESS, "rules: []\n", "rules: there is no such field; do you mean spec.rules?");
}

TEST(a_field_too_deep_is_told_with_its_place)
{
    assert_told(ROUTE, "spec: {routes: [{}, {services: [{name: a, prefixRewrite: /}]}]}\n",
                "spec.routes[1].services[0].prefixRewrite: there is no such field; do you mean "
                "spec.routes[1].prefixRewrite?");
    assert_told(INGRESS, "spec: {rules: [{http: {host: a.example}}]}\n",
                "spec.rules[0].http.host: there is no such field; do you mean "
                "spec.rules[0].host?");
}

TEST(the_same_letters_in_another_case_are_told)
{
    assert_told(ROUTE, "spec: {virtualHost: {fqdn: a.example}}\n",
                "spec.virtualHost: there is no such field; do you mean spec.virtualhost?");
    assert_told(ROUTE, "spec: {routes: [{services: [{healthcheck: {path: /}}]}]}\n",
                "spec.routes[0].services[0].healthcheck: there is no such field; do you mean "
                "spec.routes[0].services[0].healthCheck?");
    assert_told(ROUTE, "spec: {routes: [{enableWebSockets: true}]}\n",
                "spec.routes[0].enableWebSockets: there is no such field; do you mean "
                "spec.routes[0].enableWebsockets?");
    assert_told(ROUTE, "spec: {tcpproxy: {services: [{healthcheck: {path: /}}]}}\n",
                "spec.tcpproxy.services[0].healthcheck: there is no such field; do you mean "
                "spec.tcpproxy.services[0].healthCheck?");
}

TEST(what_other_kinds_call_it_is_told_with_our_name)
{
    assert_told(ROUTE, "spec: {routes: [{pathRewrite: /}]}\n",
                "spec.routes[0].pathRewrite: there is no such field; do you mean "
                "spec.routes[0].prefixRewrite?");
    assert_told(ROUTE, "spec: {routes: [{timeoutPolicy: {response: 1s}}]}\n",
                "spec.routes[0].timeoutPolicy.response: there is no such field; do you mean "
                "spec.routes[0].timeoutPolicy.request?");
    assert_told(ROUTE, "spec: {includes: [{name: child}]}\n",
                "spec.includes: there is no such field; do you mean spec.routes[].delegate?");
    assert_told(ROUTE, "spec: {virtualhost: {tls: {clientValidation: {caSecret: ca}}}}\n",
                "spec.virtualhost.tls.clientValidation: there is no such field; write the "
                "annotation fairlead.dev/client-ca-secret");
    assert_told(GRANT, "spec: {delegations: [{secretName: s, namespaces: [a]}]}\n",
                "spec.delegations[0].namespaces: there is no such field; do you mean "
                "spec.delegations[0].targetNamespaces?");
}

TEST(a_slip_of_the_pen_is_told_with_the_nearest_field)
{
    assert_told(INGRESS, "spec: {tls: [{secertName: cert}]}\n",
                "spec.tls[0].secertName: there is no such field; do you mean "
                "spec.tls[0].secretName?");
    assert_told(INGRESS, "spec: {tls: [{host: a.example}]}\n",
                "spec.tls[0].host: there is no such field; do you mean spec.tls[0].hosts?");
    assert_told(ROUTE, "spec: {routes: [{timeout: 5s}]}\n",
                "spec.routes[0].timeout: there is no such field; do you mean "
                "spec.routes[0].timeoutPolicy?");
    assert_told(ROUTE, "spec: {routes: [{services: [{name: web, port: 80, weigth: 2}]}]}\n",
                "spec.routes[0].services[0].weigth: there is no such field; do you mean "
                "spec.routes[0].services[0].weight?");
}

TEST(a_field_that_is_near_to_none_does_nothing)
{
    assert_told(ROUTE, "spec: {virtualhost: {corsPolicy: {allowOrigin: ['*']}}}\n",
                "spec.virtualhost.corsPolicy: there is no such field, so it does nothing");
    assert_told(ROUTE, "spec: {virtualhost: {corsPolicy: null}}\n", "");
}

TEST(a_field_of_the_other_version_of_ingress_is_told_once)
{
    assert_told(INGRESS, "spec: {backend: {serviceName: web, servicePort: 80}}\n",
                "spec.backend: is not a field of networking.k8s.io/v1 and does nothing: write "
                "spec.defaultBackend");
}

TEST(an_object_that_is_left_out_has_its_fault_told_and_no_more)
{
    struct decoded decoded = decode(ROUTE, "spec: {tls: {}, routes: [{services: 5}]}\n");

    assert_int_equal(decoded.objects_count, 1);
    assert_true(object_is_stand_in(decoded.objects[0]));
    assert_int_equal(decoded.notes_count, 1);
    assert_true(decoded.notes[0].is_error);
    decoded_fini(&decoded);
}

TEST(of_one_object_a_few_fields_are_told_and_the_rest_is_counted)
{
    struct decoded decoded;
    struct text spec;

    text_init(&spec);
    text_add_str(&spec, "spec:\n");
    for (unsigned i = 0; i < FIELDS_TOLD_MAX + 5; i++)
        text_printf(&spec, "  zz%u: 1\n", i);
    text_add_byte(&spec, '\0');
    decoded = decode(ROUTE, spec.at);
    assert_int_equal(decoded.notes_count, FIELDS_TOLD_MAX + 1);
    assert_bytes(decoded.notes[0].text, "spec.zz0: there is no such field, so it does nothing");
    assert_int_equal(decoded.notes[1].line, 6);
    assert_bytes(decoded.notes[FIELDS_TOLD_MAX].text,
                 "there are 5 more fields that do not exist here");
    decoded_fini(&decoded);
    text_fini(&spec);
}

TEST(an_error_behind_many_warnings_still_counts_as_one)
{
    struct decoded decoded;
    struct text text;

    text_init(&text);
    for (unsigned i = 0; i <= MANIFEST_NOTES_MAX; i++)
        text_printf(&text, "---\n%s\nmetadata: {name: n%u}\nspec: {zz: 1}\n", ROUTE, i);
    text_printf(&text, "---\n%s\nmetadata: {name: bad}\nspec: {routes: 5}\n", ROUTE);
    decode_manifest(text_bytes(&text), BYTES("a.yaml"), &decoded);
    assert_int_equal(decoded.notes_count, MANIFEST_NOTES_MAX + 1);
    assert_true(decoded.notes[MANIFEST_NOTES_MAX].is_error);
    decoded_fini(&decoded);
    text_fini(&text);
}

TESTS(UNIT(every_field_of_an_ingress_is_known_in_all_versions),
      UNIT(every_field_of_an_ingress_route_is_known),
      UNIT(a_field_one_level_too_high_is_told_with_its_place),
      UNIT(a_field_too_deep_is_told_with_its_place),
      UNIT(the_same_letters_in_another_case_are_told),
      UNIT(what_other_kinds_call_it_is_told_with_our_name),
      UNIT(a_slip_of_the_pen_is_told_with_the_nearest_field),
      UNIT(a_field_that_is_near_to_none_does_nothing),
      UNIT(a_field_of_the_other_version_of_ingress_is_told_once),
      UNIT(an_object_that_is_left_out_has_its_fault_told_and_no_more),
      UNIT(of_one_object_a_few_fields_are_told_and_the_rest_is_counted),
      UNIT(an_error_behind_many_warnings_still_counts_as_one))
