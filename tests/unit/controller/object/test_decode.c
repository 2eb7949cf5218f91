/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_decode.c - manifests to structs: every kind, and what becomes of those that are wrong.
 */
#include "controller/object/decode.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct decoded decode(const char *text)
{
    struct decoded decoded;

    decode_manifest(bytes_of(text), BYTES("dir/a.yaml"), &decoded);
    return decoded;
}

static const struct object *only(const struct decoded *decoded)
{
    for (size_t i = 0; i < decoded->notes_count; i++)
        print_message("note %u:%u %.*s\n", decoded->notes[i].line, decoded->notes[i].column,
                      BYTES_ARG(decoded->notes[i].text));
    assert_false(decoded->is_broken);
    assert_int_equal(decoded->objects_count, 1);
    return decoded->objects[0];
}

#define IS(type, object) ((const struct type *)(const void *)(object))

/* The text of the only note. */
static void assert_note(const struct decoded *decoded, const char *text)
{
    assert_int_equal(decoded->notes_count, 1);
    assert_bytes(decoded->notes[0].text, text);
}

static bool bytes_contain(struct bytes text, const char *part)
{
    return text.len > 0 && memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static const char ingress_v1[] = "apiVersion: networking.k8s.io/v1\n"
                                 "kind: Ingress\n"
                                 "metadata:\n"
                                 "  name: web\n"
                                 "  namespace: shop\n"
                                 "  creationTimestamp: 2026-01-31T10:00:00Z\n"
                                 "  annotations:\n"
                                 "    z/last: 'true'\n"
                                 "    a/first: \"\"\n"
                                 "    kubectl.kubernetes.io/last-applied-configuration: '{}'\n"
                                 "spec:\n"
                                 "  ingressClassName: fairlead\n"
                                 "  defaultBackend:\n"
                                 "    service: {name: fallback, port: {name: http}}\n"
                                 "  tls:\n"
                                 "  - hosts: [a.example, b.example]\n"
                                 "    secretName: cert\n"
                                 "  rules:\n"
                                 "  - host: a.example\n"
                                 "    http:\n"
                                 "      paths:\n"
                                 "      - path: /x\n"
                                 "        pathType: Prefix\n"
                                 "        backend: {service: {name: web, port: {number: 80}}}\n"
                                 "      - pathType: Exact\n"
                                 "        backend: {resource: {kind: Bucket, name: b}}\n"
                                 "  - host: no-http.example\n";

TEST(an_ingress_v1_is_read_whole)
{
    struct decoded decoded = decode(ingress_v1);
    const struct ingress *ingress = IS(ingress, only(&decoded));
    const struct ingress_path *paths = ingress->rules[0].paths;

    assert_int_equal(ingress->object.kind, OBJECT_INGRESS);
    assert_bytes(ingress->object.ns, "shop");
    assert_bytes(ingress->object.name, "web");
    assert_bytes(ingress->object.file, "dir/a.yaml");
    assert_int_equal(ingress->object.created_s, 1769853600);
    assert_bytes(ingress->class_name, "fairlead");
    assert_bytes(ingress->default_backend.service, "fallback");
    assert_bytes(ingress->default_backend.port.name, "http");
    assert_int_equal(ingress->tls_count, 1);
    assert_bytes(ingress->tls[0].secret, "cert");
    assert_bytes(ingress->tls[0].hosts[1], "b.example");
    assert_int_equal(ingress->rules_count, 2);
    assert_true(ingress->rules[0].has_http);
    assert_int_equal(ingress->rules[0].paths_count, 2);
    assert_bytes(paths[0].path, "/x");
    assert_int_equal(paths[0].type, INGRESS_PATH_PREFIX);
    assert_bytes(paths[0].backend.service, "web");
    assert_int_equal(paths[0].backend.port.number, 80);
    assert_int_equal(paths[1].path.len, 0);
    assert_true(paths[1].backend.is_present && paths[1].backend.is_resource);
    assert_false(ingress->rules[1].has_http);
    decoded_fini(&decoded);
}

TEST(annotations_are_sorted_and_found_and_the_last_applied_one_is_dropped)
{
    struct decoded decoded = decode(ingress_v1);
    const struct object *object = only(&decoded);

    assert_int_equal(object->annotations_count, 2);
    assert_bytes(object->annotations[0].name, "a/first");
    assert_bytes(object_annotation(object, BYTES("z/last")), "true");
    assert_non_null(object_annotation(object, BYTES("a/first")).at);
    assert_null(object_annotation(object, BYTES("none")).at);
    decoded_fini(&decoded);
}

TEST(an_ingress_of_a_beta_version_names_backends_its_own_way)
{
    struct decoded decoded = decode("apiVersion: extensions/v1beta1\n"
                                    "kind: Ingress\n"
                                    "metadata: {name: old}\n"
                                    "spec:\n"
                                    "  backend: {serviceName: d, servicePort: http}\n"
                                    "  rules:\n"
                                    "  - http: {paths: [{backend: {serviceName: s, servicePort: "
                                    "8080}}, {path: /q, backend: {serviceName: s, servicePort: "
                                    "\"9090\"}}]}\n");
    const struct ingress *ingress = IS(ingress, only(&decoded));

    assert_bytes(ingress->object.ns, "default");
    assert_int_equal(ingress->object.created_s, CREATED_UNKNOWN);
    assert_true(ingress->default_backend.is_present);
    assert_bytes(ingress->default_backend.port.name, "http");
    assert_int_equal(ingress->rules[0].paths[0].backend.port.number, 8080);
    assert_int_equal(ingress->rules[0].paths[0].type, INGRESS_PATH_UNSET);
    assert_bytes(ingress->rules[0].paths[1].backend.port.name, "9090");
    assert_int_equal(ingress->rules[0].paths[1].backend.port.number, 0);
    decoded_fini(&decoded);
}

TEST(beta_fields_in_a_v1_ingress_are_told)
{
    struct decoded decoded =
        decode("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec:\n"
               "  rules:\n  - http:\n      paths:\n      - path: /\n        backend:\n"
               "          serviceName: s\n          servicePort: 80\n");

    assert_int_equal(decoded.objects_count, 0);
    assert_note(&decoded, "spec.rules[0].http.paths[0].backend: has neither a service nor a "
                          "resource: write service.name and service.port (serviceName and "
                          "servicePort are of v1beta1)");
    assert_int_equal(decoded.notes[0].line, 10);
    assert_bytes(decoded.notes[0].object, "Ingress default/a");
    decoded_fini(&decoded);
}

TEST(an_ingress_class_has_no_namespace_and_may_be_the_default)
{
    struct decoded decoded = decode(
        "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"IngressClass\", \"metadata\": "
        "{\"name\": \"fl\", \"annotations\": "
        "{\"ingressclass.kubernetes.io/is-default-class\": \"true\"}},\n"
        "\"spec\": {\"controller\": \"fairlead.dev/ingress-controller\"}}");
    const struct ingress_class *class = IS(ingress_class, only(&decoded));

    assert_int_equal(class->object.ns.len, 0);
    assert_true(class->is_default);
    assert_bytes(class->controller, "fairlead.dev/ingress-controller");
    decoded_fini(&decoded);
}

TEST(a_service_has_ports_and_may_be_an_external_name)
{
    struct decoded decoded =
        decode("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n"
               "  ports:\n  - {port: 80, targetPort: web}\n"
               "  - {name: h2, port: 81, targetPort: 8081, protocol: UDP, appProtocol: "
               "kubernetes.io/h2c}\n"
               "---\napiVersion: v1\nkind: Service\nmetadata: {name: e}\n"
               "spec: {type: ExternalName, externalName: example.com}\n");
    const struct service *service = IS(service, decoded.objects[0]);

    assert_int_equal(decoded.objects_count, 2);
    assert_int_equal(service->ports_count, 2);
    assert_bytes(service->ports[0].protocol, "TCP");
    assert_bytes(service->ports[0].target.name, "web");
    assert_int_equal(service->ports[1].target.number, 8081);
    assert_bytes(service->ports[1].app_protocol, "kubernetes.io/h2c");
    assert_false(service->is_external_name);
    assert_true(IS(service, decoded.objects[1])->is_external_name);
    assert_bytes(IS(service, decoded.objects[1])->external_name, "example.com");
    assert_int_equal(decoded.objects[1]->line, 9);
    decoded_fini(&decoded);
}

TEST(a_slice_endpoint_is_ready_when_its_condition_is_true_or_absent)
{
    struct decoded decoded =
        decode("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
               "metadata: {name: s-1, labels: {kubernetes.io/service-name: s}}\n"
               "ports: [{name: http, port: 8080}, {name: all, port: null}]\n"
               "endpoints:\n- addresses: [10.0.0.1]\n"
               "- addresses: [10.0.0.2]\n  conditions: {ready: true}\n"
               "- addresses: [10.0.0.3]\n  conditions: {ready: false}\n"
               "- addresses: ['::1']\n  conditions: {ready: null}\n");
    const struct endpoints *slice = IS(endpoints, only(&decoded));
    const struct endpoint_group *group = &slice->groups[0];

    assert_bytes(slice->service, "s");
    assert_int_equal(slice->groups_count, 1);
    assert_int_equal(group->ports_count, 1);
    assert_int_equal(group->ports[0].number, 8080);
    assert_int_equal(group->addresses_count, 4);
    assert_true(group->addresses[0].is_ready && group->addresses[1].is_ready);
    assert_false(group->addresses[2].is_ready);
    assert_true(group->addresses[3].is_ready && group->addresses[3].is_v6);
    assert_memory_equal(group->addresses[1].ip, "\x0A\x00\x00\x02", 4);
    decoded_fini(&decoded);
}

TEST(endpoints_keep_ready_and_waiting_addresses_of_each_subset)
{
    struct decoded decoded =
        decode("apiVersion: v1\nkind: Endpoints\nmetadata: {name: s}\nsubsets:\n"
               "- addresses: [{ip: 10.0.0.1}]\n  notReadyAddresses: [{ip: 10.0.0.2}]\n"
               "  ports: [{port: 80}]\n- addresses: [{ip: 10.0.0.3}]\n  ports: [{port: 81}]\n");
    const struct endpoints *endpoints = IS(endpoints, only(&decoded));

    assert_bytes(endpoints->service, "s");
    assert_int_equal(endpoints->groups_count, 2);
    assert_int_equal(endpoints->groups[0].addresses_count, 2);
    assert_true(endpoints->groups[0].addresses[0].is_ready);
    assert_false(endpoints->groups[0].addresses[1].is_ready);
    assert_int_equal(endpoints->groups[1].ports[0].number, 81);
    decoded_fini(&decoded);
}

TEST(a_list_gives_its_items_with_their_lines)
{
    struct decoded decoded =
        decode("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n"
               "  metadata: {name: a}\n- apiVersion: v1\n  kind: ConfigMap\n"
               "  metadata: {name: b}\n");

    assert_int_equal(decoded.objects_count, 2);
    assert_int_equal(decoded.objects[0]->line, 4);
    assert_int_equal(decoded.objects[1]->line, 7);
    decoded_fini(&decoded);
}

TEST(a_json_list_gives_its_items_with_their_lines_and_their_kind)
{
    struct decoded decoded =
        decode("{\"kind\": \"ConfigMapList\", \"apiVersion\": \"v1\",\n \"metadata\": "
               "{\"items\": [{}]},\n \"items\": [\n {\"metadata\": {\"name\": \"a\"}},\n\n"
               " {\"metadata\": {\"name\": \"b\"}} ]}\n"
               "{\"kind\": \"ConfigMap\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": "
               "\"c\"}}");

    assert_int_equal(decoded.objects_count, 3);
    assert_int_equal(decoded.objects[0]->line, 4);
    assert_int_equal(decoded.objects[1]->line, 6);
    assert_int_equal(decoded.objects[2]->line, 7);
    decoded_fini(&decoded);
}

TEST(empty_documents_and_comments_give_nothing)
{
    struct decoded decoded = decode("# nothing\n---\n---\n# more\n---\nnull\n");

    assert_false(decoded.is_broken);
    assert_int_equal(decoded.objects_count + decoded.notes_count, 0);
    decoded_fini(&decoded);
}

TEST(an_unknown_kind_gives_one_warning_a_file)
{
    struct decoded decoded = decode("apiVersion: apps/v1\nkind: Deployment\n---\n"
                                    "apiVersion: apps/v1\nkind: Deployment\n---\n"
                                    "apiVersion: networking.k8s.io/v2\nkind: Ingress\n");

    assert_int_equal(decoded.notes_count, 2);
    assert_false(decoded.notes[0].is_error);
    assert_bytes(decoded.notes[0].unknown_kind, "apps/v1 Deployment");
    assert_bytes(decoded.notes[1].text, "networking.k8s.io/v2 Ingress is no kind that is served "
                                        "here, so it does nothing: write it as "
                                        "networking.k8s.io/v1");
    decoded_fini(&decoded);
}

TEST(hostile_91_a_wrong_type_takes_only_its_own_object_out)
{
    struct decoded decoded =
        decode("apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec:\n  ports:\n"
               "  - name: http\n    port: \"80\"\n---\napiVersion: v1\nkind: Service\n"
               "metadata: {name: good}\n");

    assert_int_equal(decoded.objects_count, 1);
    assert_bytes(decoded.objects[0]->name, "good");
    assert_note(&decoded, "spec.ports[0].port: the text \"80\" is not a number from 1 to 65535: "
                          "write it as a number, without quotes");
    assert_int_equal(decoded.notes[0].line, 7);
    assert_bytes(decoded.notes[0].object, "Service default/bad");
    decoded_fini(&decoded);
}

TEST(an_annotation_that_is_no_text_asks_for_quotes)
{
    struct decoded decoded =
        decode("apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n    a: on\n");

    assert_int_equal(decoded.objects_count, 0);
    assert_note(&decoded, "metadata.annotations.a: the boolean true is not a text: put it in "
                          "quotes");
    decoded_fini(&decoded);
}

TEST(hostile_92_names_of_fields_are_told_escaped_and_short)
{
    char text[600];
    char name[301];
    struct decoded decoded;

    memset(name, 'x', 300);
    name[300] = '\0';
    snprintf(text, sizeof(text),
             "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n"
             "    \"a\\nb%s\": 1\n",
             name);
    decoded = decode(text);
    assert_int_equal(decoded.notes_count, 1);
    assert_true(bytes_contain(decoded.notes[0].text, "annotations.a\\x0Ab") ||
                bytes_contain(decoded.notes[0].text, "annotations.a\\x0ab"));
    assert_true(decoded.notes[0].text.len < 200);
    decoded_fini(&decoded);
}

TEST(an_object_without_a_name_or_with_a_bad_one_is_left_out)
{
    static const char *const bad[] = {"{}",
                                      "{generateName: x}",
                                      "{name: Web}",
                                      "{name: a..b}",
                                      "{name: -a}",
                                      "{name: a-.b}",
                                      "{name: a/b}",
                                      "{name: \"a\\nb\"}",
                                      "{name: a, namespace: a.b}",
                                      "{name: a, namespace: ../x}",
                                      "{name: a, creationTimestamp: yesterday}",
                                      "[]"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[200];
        struct decoded decoded;

        snprintf(text, sizeof(text), "apiVersion: v1\nkind: Service\nmetadata: %s\n", bad[i]);
        decoded = decode(text);
        assert_int_equal(decoded.objects_count, 0);
        assert_int_equal(decoded.notes_count, 1);
        assert_true(decoded.notes[0].is_error);
        assert_false(decoded.is_broken);
        decoded_fini(&decoded);
    }
}

TEST(hostile_98_no_note_shows_a_value_of_a_secret)
{
    static const char *const manifests[] = {
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {tls.key: \"hunter2!\"}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {tls.key: [hunter2]}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {tls.key: 12345678}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {tls.key: \"hunter2}\n",
        "{\"kind\": \"Secret\", \"stringData\": {\"k\": \"hunter2\" \"hunter2\"}}",
        "{\"kind\": \"Secret\", \"stringData\": {\"k\": \"hunter2}}",
        "kind: Secret\nstringData:\n  hunter2: a\n  hunter2: b\n",
    };

    for (size_t i = 0; i < sizeof(manifests) / sizeof(manifests[0]); i++) {
        struct decoded decoded = decode(manifests[i]);

        assert_int_equal(decoded.objects_count, 0);
        assert_true(decoded.notes_count > 0);
        assert_false(bytes_contain(decoded.notes[0].text, "hunter2"));
        assert_false(bytes_contain(decoded.notes[0].text, "12345678"));
        decoded_fini(&decoded);
    }
}

TEST(an_object_is_the_same_whatever_file_it_came_from)
{
    struct decoded a = decode(ingress_v1);
    struct decoded b;
    struct text moved;

    text_init(&moved);
    text_add_str(&moved, "# moved\n\n");
    text_add_str(&moved, ingress_v1);
    decode_manifest(text_bytes(&moved), BYTES("other.yaml"), &b);
    assert_int_equal(b.objects[0]->line, 3);
    assert_true(object_is_same(a.objects[0], b.objects[0]));
    text_fini(&moved);
    decoded_fini(&a);
    decoded_fini(&b);
}

/* Every change of one byte in the values must be seen by object_is_same(). */
TEST(an_object_differs_when_any_field_that_is_read_differs)
{
    static const struct {
        const char *a, *b;
    } pairs[] = {
        {"shop", "shap"},
        {"first: \"\"", "first: \"1\""},
        {"10:00:00", "10:00:01"},
        {"a/first", "a/fir5t"},
        {"fairlead", "other"},
        {"fallback", "fallbock"},
        {"name: http", "name: x"},
        {"[a.ex", "[c.ex"},
        {"cert", "cart"},
        {"host: a.", "host: c."},
        {"path: /x", "path: /y"},
        {"Prefix", "Exact"},
        {"number: 80", "number: 81"},
        {"name: web, port", "name: wab, port"},
        {"resource: {", "service: {"},
        {"  - host: no-http.example\n", ""},
    };
    struct decoded original = decode(ingress_v1);

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *at = strstr(ingress_v1, pairs[i].a);
        struct decoded changed;
        struct text text;

        assert_non_null(at);
        text_init(&text);
        text_add(&text, bytes_from(ingress_v1, (size_t)(at - ingress_v1)));
        text_add_str(&text, pairs[i].b);
        text_add_str(&text, at + strlen(pairs[i].a));
        decode_manifest(text_bytes(&text), BYTES("a"), &changed);
        assert_int_equal(changed.objects_count, 1);
        assert_false(object_is_same(original.objects[0], changed.objects[0]));
        text_fini(&text);
        decoded_fini(&changed);
    }
    decoded_fini(&original);
}

TEST(objects_order_by_age_then_by_name)
{
    struct decoded decoded = decode(
        "apiVersion: v1\nkind: Service\nmetadata: {name: z, creationTimestamp: "
        "'2020-01-01T00:00:00Z'}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a, "
        "creationTimestamp: '2020-01-01T01:00:01+01:00'}\n---\napiVersion: v1\nkind: "
        "Service\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: c}\n");

    assert_int_equal(decoded.objects_count, 4);
    for (size_t i = 0; i + 1 < 4; i++)
        assert_true(object_compare_age(decoded.objects[i], decoded.objects[i + 1]) < 0);
    assert_true(object_compare(decoded.objects[0], decoded.objects[1]) > 0);
    decoded_fini(&decoded);
}

TEST(a_kind_of_a_foreign_group_gets_no_advice_to_rename_it)
{
    struct decoded decoded = decode("apiVersion: serving.knative.dev/v1\nkind: Service\n---\n"
                                    "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\n---\n"
                                    "apiVersion: projectcontour.io/v1\nkind: IngressRoute\n");

    assert_int_equal(decoded.notes_count, 3);
    assert_bytes(decoded.notes[0].text, "serving.knative.dev/v1 Service is no kind that is served "
                                        "here, so it does nothing");
    assert_bytes(decoded.notes[1].text, "traefik.io/v1alpha1 IngressRoute is no kind that is "
                                        "served here, so it does nothing");
    assert_bytes(decoded.notes[2].text, "projectcontour.io/v1 IngressRoute is no kind that is "
                                        "served here, so it does nothing: write it as "
                                        "contour.heptio.com/v1beta1");
    decoded_fini(&decoded);
}

TESTS(UNIT(an_ingress_v1_is_read_whole),
      UNIT(annotations_are_sorted_and_found_and_the_last_applied_one_is_dropped),
      UNIT(an_ingress_of_a_beta_version_names_backends_its_own_way),
      UNIT(beta_fields_in_a_v1_ingress_are_told),
      UNIT(an_ingress_class_has_no_namespace_and_may_be_the_default),
      UNIT(a_service_has_ports_and_may_be_an_external_name),
      UNIT(a_slice_endpoint_is_ready_when_its_condition_is_true_or_absent),
      UNIT(endpoints_keep_ready_and_waiting_addresses_of_each_subset),
      UNIT(a_list_gives_its_items_with_their_lines),
      UNIT(a_json_list_gives_its_items_with_their_lines_and_their_kind),
      UNIT(empty_documents_and_comments_give_nothing),
      UNIT(an_unknown_kind_gives_one_warning_a_file),
      UNIT(hostile_91_a_wrong_type_takes_only_its_own_object_out),
      UNIT(an_annotation_that_is_no_text_asks_for_quotes),
      UNIT(hostile_92_names_of_fields_are_told_escaped_and_short),
      UNIT(an_object_without_a_name_or_with_a_bad_one_is_left_out),
      UNIT(hostile_98_no_note_shows_a_value_of_a_secret),
      UNIT(an_object_is_the_same_whatever_file_it_came_from),
      UNIT(an_object_differs_when_any_field_that_is_read_differs),
      UNIT(objects_order_by_age_then_by_name),
      UNIT(a_kind_of_a_foreign_group_gets_no_advice_to_rename_it))
