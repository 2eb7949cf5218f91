/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress.c - Ingress: networking.k8s.io/v1, and the beta versions that named backends differently.
 *
 *     v1:    service: {name: web, port: {number: 80}}      spec.defaultBackend
 *     beta:  serviceName: web, servicePort: 80             spec.backend
 */
#include "controller/object/fields.h"
#include "controller/object/kind.h"

static const struct layout text_layout[] = {
    {LAYOUT_TEXT, 0, 0, 0, NULL},
    LAYOUT_LAST,
};

/* ---- the fields there are, of the API reference v1.31 and, for the beta versions, v1.21 ---- */

static const struct field port_fields[] = {{.name = "name"}, {.name = "number"}, {0}};
static const struct field service_fields[] = {{.name = "name"}, {"port", port_fields, false}, {0}};
static const struct field resource_fields[] = {
    {.name = "apiGroup"}, {.name = "kind"}, {.name = "name"}, {0}};
static const struct field tls_fields[] = {{.name = "hosts"}, {.name = "secretName"}, {0}};

static const struct field backend_fields[] = {
    {"service", service_fields, false}, {"resource", resource_fields, false}, {0}};
static const struct field beta_backend_fields[] = {
    {.name = "serviceName"}, {.name = "servicePort"}, {"resource", resource_fields, false}, {0}};

/* The one of the other version is told about where it is read. */
#define INGRESS_FIELDS(prefix, own_backend, other_backend)                                         \
    static const struct field prefix##path_fields[] = {                                            \
        {.name = "path"}, {.name = "pathType"}, {"backend", prefix##backend_fields, false}, {0}};  \
    static const struct field prefix##http_fields[] = {{"paths", prefix##path_fields, true}, {0}}; \
    static const struct field prefix##rule_fields[] = {                                            \
        {.name = "host"}, {"http", prefix##http_fields, false}, {0}};                              \
    static const struct field prefix##spec_fields[] = {                                            \
        {.name = "ingressClassName"}, {own_backend, prefix##backend_fields, false},                \
        {.name = other_backend},      {"rules", prefix##rule_fields, true},                        \
        {"tls", tls_fields, true},    {0}};                                                        \
    static const struct field prefix##root_fields[] = {                                            \
        {.name = "apiVersion"}, {.name = "kind"},                                                  \
        {.name = "metadata"},   {"spec", prefix##spec_fields, false},                              \
        {.name = "status"},     {0}}

INGRESS_FIELDS(, "defaultBackend", "backend");
INGRESS_FIELDS(beta_, "backend", "defaultBackend");

static const struct field_mistake mistakes[] = {
    {"secret", "secretName", NULL}, {"annotations", NULL, "they belong to metadata"}, {0}};

#define BACKEND_FIELDS(type, field)                                                                \
    TEXT_FIELD(type, field.service), PORT_REF_FIELDS(type, field.port),                            \
        VALUE_FIELD(type, field.is_present), VALUE_FIELD(type, field.is_resource)

static const struct layout path_layout[] = {
    TEXT_FIELD(struct ingress_path, path),
    VALUE_FIELD(struct ingress_path, type),
    BACKEND_FIELDS(struct ingress_path, backend),
    LAYOUT_LAST,
};

static const struct layout rule_layout[] = {
    TEXT_FIELD(struct ingress_rule, host),
    VALUE_FIELD(struct ingress_rule, has_http),
    ARRAY_FIELD(struct ingress_rule, paths, path_layout),
    LAYOUT_LAST,
};

static const struct layout tls_layout[] = {
    TEXT_FIELD(struct ingress_tls, secret),
    ARRAY_FIELD(struct ingress_tls, hosts, text_layout),
    LAYOUT_LAST,
};

static const struct layout ingress_layout[] = {
    TEXT_FIELD(struct ingress, class_name),
    BACKEND_FIELDS(struct ingress, default_backend),
    ARRAY_FIELD(struct ingress, rules, rule_layout),
    ARRAY_FIELD(struct ingress, tls, tls_layout),
    LAYOUT_LAST,
};

static void decode_service(const struct node *backend, struct ingress_backend *loose)
{
    struct node service = node_object(backend, "service");
    struct node port = node_object(&service, "port");

    if (service.json == NULL && !loose->is_resource)
        node_fail(backend, NULL,
                  "has neither a service nor a resource: write service.name and "
                  "service.port (serviceName and servicePort are of v1beta1)");
    loose->service = node_text(&service, "name");
    loose->port.name = node_text(&port, "name");
    loose->port.number = node_number(&port, "number", 1, 65535);
    if (loose->port.name.len > 0 && loose->port.number != 0)
        node_fail(&port, NULL, "has both a name and a number: keep one of them");
}

static void decode_backend(const struct node *backend, bool is_v1, struct ingress_backend *loose)
{
    struct node resource = node_object(backend, "resource");

    if (backend->json == NULL)
        return;
    loose->is_present = true;
    loose->is_resource = resource.json != NULL;
    if (is_v1) {
        decode_service(backend, loose);
        return;
    }
    loose->service = node_text(backend, "serviceName");
    loose->port = node_port_ref(backend, "servicePort");
    if (loose->service.len == 0 && !loose->is_resource)
        node_fail(backend, "serviceName",
                  "is missing: name the Service (service.name is of "
                  "networking.k8s.io/v1)");
}

static enum ingress_path_type decode_path_type(const struct node *path)
{
    struct bytes type = node_text(path, "pathType");

    if (type.len == 0)
        return INGRESS_PATH_UNSET;
    if (bytes_equal(type, BYTES("Exact")))
        return INGRESS_PATH_EXACT;
    if (bytes_equal(type, BYTES("Prefix")))
        return INGRESS_PATH_PREFIX;
    if (bytes_equal(type, BYTES("ImplementationSpecific")))
        return INGRESS_PATH_IMPLEMENTATION;
    return INGRESS_PATH_UNKNOWN;
}

static void decode_rule(const struct node *rule, bool is_v1, struct ingress_rule *loose)
{
    struct node http = node_object(rule, "http");
    struct node paths = node_array(&http, "paths");
    uint32_t count = node_count(&paths);
    struct ingress_path *array = NODE_ARRAY(&paths, count, struct ingress_path);

    loose->host = node_text(rule, "host");
    loose->has_http = http.json != NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct node path = node_item(&paths, i);
        struct node backend = node_object(&path, "backend");

        array[i].path = node_text(&path, "path");
        array[i].type = decode_path_type(&path);
        decode_backend(&backend, is_v1, &array[i].backend);
    }
    loose->paths = array;
    loose->paths_count = count;
}

static void decode_tls(const struct node *tls, struct ingress_tls *loose)
{
    struct node hosts = node_array(tls, "hosts");
    uint32_t count = node_count(&hosts);
    struct bytes *array = NODE_ARRAY(&hosts, count, struct bytes);

    loose->secret = node_text(tls, "secretName");
    for (uint32_t i = 0; i < count; i++)
        array[i] = node_item_text(&hosts, i);
    loose->hosts = array;
    loose->hosts_count = count;
}

static void decode_rules(const struct node *spec, bool is_v1, struct ingress *ingress)
{
    struct node rules = node_array(spec, "rules");
    uint32_t count = node_count(&rules);
    struct ingress_rule *array = NODE_ARRAY(&rules, count, struct ingress_rule);

    for (uint32_t i = 0; i < count; i++) {
        struct node rule = node_item(&rules, i);

        decode_rule(&rule, is_v1, &array[i]);
    }
    ingress->rules = array;
    ingress->rules_count = count;
}

static void decode_all_tls(const struct node *spec, struct ingress *ingress)
{
    struct node tls = node_array(spec, "tls");
    uint32_t count = node_count(&tls);
    struct ingress_tls *array = NODE_ARRAY(&tls, count, struct ingress_tls);

    for (uint32_t i = 0; i < count; i++) {
        struct node item = node_item(&tls, i);

        decode_tls(&item, &array[i]);
    }
    ingress->tls = array;
    ingress->tls_count = count;
}

static void decode_ingress(const struct node *root, struct bytes api_version, struct object *loose)
{
    struct ingress *ingress = (struct ingress *)loose;
    bool is_v1 = bytes_equal(api_version, BYTES("networking.k8s.io/v1"));
    struct node spec = node_object(root, "spec");
    struct node backend = node_object(&spec, is_v1 ? "defaultBackend" : "backend");
    struct node misplaced = node_object(&spec, is_v1 ? "backend" : "defaultBackend");

    if (misplaced.json != NULL)
        node_warn(&misplaced, NULL, "is not a field of %.*s and does nothing: write spec.%s",
                  BYTES_ARG(api_version), is_v1 ? "defaultBackend" : "backend");
    ingress->class_name = node_text(&spec, "ingressClassName");
    decode_backend(&backend, is_v1, &ingress->default_backend);
    decode_rules(&spec, is_v1, ingress);
    decode_all_tls(&spec, ingress);
    fields_check(root, is_v1 ? root_fields : beta_root_fields, mistakes);
}

const struct kind kind_ingress = {
    .name = "Ingress",
    .version = "networking.k8s.io/v1",
    .size = sizeof(struct ingress),
    .layout = ingress_layout,
    .decode = decode_ingress,
};
