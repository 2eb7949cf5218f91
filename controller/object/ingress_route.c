/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress_route.c - IngressRoute of contour.heptio.com/v1beta1, as of v0.15.
 *
 * What the API server would refuse by type is refused here; what it lets through, such as a port
 * out of range or a weight below zero, is kept as written and judged by the compiler, for a status
 * is due. Source: spec/contour.md 2.1.
 */
#include "controller/object/fields.h"
#include "controller/object/kind.h"

#define LOOK_BYTES 64 /* of a match, for one look */

static const struct layout service_layout[] = {
    TEXT_FIELD(struct ingress_route_service, name),
    VALUE_FIELD(struct ingress_route_service, port),
    VALUE_FIELD(struct ingress_route_service, weight),
    TEXT_FIELD(struct ingress_route_service, strategy),
    VALUE_FIELD(struct ingress_route_service, has_health_check),
    TEXT_FIELD(struct ingress_route_service, health_check.path),
    TEXT_FIELD(struct ingress_route_service, health_check.host),
    VALUE_FIELD(struct ingress_route_service, health_check.interval_s),
    VALUE_FIELD(struct ingress_route_service, health_check.timeout_s),
    VALUE_FIELD(struct ingress_route_service, health_check.unhealthy_count),
    VALUE_FIELD(struct ingress_route_service, health_check.healthy_count),
    VALUE_FIELD(struct ingress_route_service, has_validation),
    TEXT_FIELD(struct ingress_route_service, ca_secret),
    TEXT_FIELD(struct ingress_route_service, subject_name),
    LAYOUT_LAST,
};

#define DELEGATE_FIELDS(type, field)                                                               \
    VALUE_FIELD(type, field.is_present), TEXT_FIELD(type, field.name), TEXT_FIELD(type, field.ns)

static const struct layout route_layout[] = {
    TEXT_FIELD(struct ingress_route_route, match),
    ARRAY_FIELD(struct ingress_route_route, services, service_layout),
    DELEGATE_FIELDS(struct ingress_route_route, delegate),
    VALUE_FIELD(struct ingress_route_route, enable_websockets),
    VALUE_FIELD(struct ingress_route_route, permit_insecure),
    TEXT_FIELD(struct ingress_route_route, prefix_rewrite),
    TEXT_FIELD(struct ingress_route_route, request_timeout),
    VALUE_FIELD(struct ingress_route_route, has_retry_policy),
    VALUE_FIELD(struct ingress_route_route, retry_count),
    TEXT_FIELD(struct ingress_route_route, per_try_timeout),
    LAYOUT_LAST,
};

static const struct layout ingress_route_layout[] = {
    TEXT_FIELD(struct ingress_route, fault),
    VALUE_FIELD(struct ingress_route, is_class_unknown),
    VALUE_FIELD(struct ingress_route, is_root),
    TEXT_FIELD(struct ingress_route, fqdn),
    VALUE_FIELD(struct ingress_route, has_tls),
    TEXT_FIELD(struct ingress_route, tls_secret),
    TEXT_FIELD(struct ingress_route, tls_version_min),
    VALUE_FIELD(struct ingress_route, tls_passthrough),
    ARRAY_FIELD(struct ingress_route, routes, route_layout),
    VALUE_FIELD(struct ingress_route, routes_looks),
    VALUE_FIELD(struct ingress_route, has_tcpproxy),
    ARRAY_FIELD(struct ingress_route, tcp_services, service_layout),
    DELEGATE_FIELDS(struct ingress_route, tcp_delegate),
    LAYOUT_LAST,
};

/* ---- the fields there are: spec/contour.md 2.1 ---- */

static const struct field health_check_fields[] = {{.name = "path"},
                                                   {.name = "host"},
                                                   {.name = "intervalSeconds"},
                                                   {.name = "timeoutSeconds"},
                                                   {.name = "unhealthyThresholdCount"},
                                                   {.name = "healthyThresholdCount"},
                                                   {0}};
static const struct field validation_fields[] = {
    {.name = "caSecret"}, {.name = "subjectName"}, {0}};
static const struct field service_fields[] = {{.name = "name"},
                                              {.name = "port"},
                                              {.name = "weight"},
                                              {.name = "strategy"},
                                              {"healthCheck", health_check_fields, false},
                                              {"validation", validation_fields, false},
                                              {0}};
static const struct field delegate_fields[] = {{.name = "name"}, {.name = "namespace"}, {0}};
static const struct field timeout_fields[] = {{.name = "request"}, {0}};
static const struct field retry_fields[] = {{.name = "count"}, {.name = "perTryTimeout"}, {0}};

static const struct field route_fields[] = {{.name = "match"},
                                            {"services", service_fields, true},
                                            {"delegate", delegate_fields, false},
                                            {.name = "enableWebsockets"},
                                            {.name = "permitInsecure"},
                                            {.name = "prefixRewrite"},
                                            {"timeoutPolicy", timeout_fields, false},
                                            {"retryPolicy", retry_fields, false},
                                            {0}};
static const struct field tls_fields[] = {
    {.name = "secretName"}, {.name = "minimumProtocolVersion"}, {.name = "passthrough"}, {0}};
static const struct field virtualhost_fields[] = {
    {.name = "fqdn"}, {"tls", tls_fields, false}, {0}};
static const struct field tcpproxy_fields[] = {
    {"services", service_fields, true}, {"delegate", delegate_fields, false}, {0}};
static const struct field spec_fields[] = {{"virtualhost", virtualhost_fields, false},
                                           {"routes", route_fields, true},
                                           {"tcpproxy", tcpproxy_fields, false},
                                           {0}};
static const struct field root_fields[] = {{.name = "apiVersion"}, {.name = "kind"},
                                           {.name = "metadata"},   {"spec", spec_fields, false},
                                           {.name = "status"},     {0}};

/* Most are the words of HTTPProxy and of Ingress for the same thing. */
static const struct field_mistake mistakes[] = {
    {"annotations", NULL, "they belong to metadata"},
    {"clientValidation", NULL, "write the annotation fairlead.dev/client-ca-secret"},
    {"maximumProtocolVersion", NULL,
     "write the annotation projectcontour.io/tls-maximum-protocol-version"},
    {"ingressClassName", NULL, "write the annotation kubernetes.io/ingress.class"},
    {"includes", "delegate", NULL},
    {"include", "delegate", NULL},
    {"conditions", "match", NULL},
    {"path", "match", NULL},
    {"prefix", "match", NULL},
    {"pathRewrite", "prefixRewrite", NULL},
    {"pathRewritePolicy", "prefixRewrite", NULL},
    {"loadBalancerPolicy", "strategy", NULL},
    {"healthCheckPolicy", "healthCheck", NULL},
    {"response", "request", NULL},
    {"numRetries", "count", NULL},
    {"rules", "routes", NULL},
    {"host", "fqdn", NULL},
    {"hosts", "fqdn", NULL},
    {"secret", "secretName", NULL},
    {0}};

static void decode_health_check(const struct node *service, struct ingress_route_service *loose)
{
    struct node check = node_object(service, "healthCheck");
    struct ingress_route_health_check *health = &loose->health_check;
    static const char seconds[] = "write whole seconds, without a unit";

    loose->has_health_check = check.json != NULL;
    health->path = node_text(&check, "path");
    health->host = node_text(&check, "host");
    health->interval_s =
        node_number_or_say(&check, "intervalSeconds", INT32_MIN, INT32_MAX, seconds);
    health->timeout_s = node_number_or_say(&check, "timeoutSeconds", INT32_MIN, INT32_MAX, seconds);
    health->unhealthy_count = node_number(&check, "unhealthyThresholdCount", INT32_MIN, INT32_MAX);
    health->healthy_count = node_number(&check, "healthyThresholdCount", INT32_MIN, INT32_MAX);
}

static void decode_service(const struct node *service, struct ingress_route_service *loose)
{
    struct node validation = node_object(service, "validation");

    loose->name = node_text(service, "name");
    loose->port = node_number_or_say(service, "port", INT32_MIN, INT32_MAX,
                                     "write the number of the Service's port, not its name");
    loose->weight = node_number(service, "weight", INT32_MIN, INT32_MAX);
    loose->strategy = node_text(service, "strategy");
    decode_health_check(service, loose);
    loose->has_validation = validation.json != NULL;
    loose->ca_secret = node_text(&validation, "caSecret");
    loose->subject_name = node_text(&validation, "subjectName");
}

static const struct ingress_route_service *decode_services(const struct node *up, uint32_t *count)
{
    struct node services = node_array(up, "services");
    struct ingress_route_service *array;

    *count = node_count(&services);
    array = NODE_ARRAY(&services, *count, struct ingress_route_service);
    for (uint32_t i = 0; i < *count; i++) {
        struct node service = node_item(&services, i);

        decode_service(&service, &array[i]);
    }
    return array;
}

static void decode_delegate(const struct node *up, struct ingress_route_delegate *loose)
{
    struct node delegate = node_object(up, "delegate");

    loose->is_present = delegate.json != NULL;
    loose->name = node_text(&delegate, "name");
    loose->ns = node_text(&delegate, "namespace");
}

static void decode_route(const struct node *route, struct ingress_route_route *loose)
{
    struct node timeouts = node_object(route, "timeoutPolicy");
    struct node retries = node_object(route, "retryPolicy");

    loose->match = node_text(route, "match");
    loose->services = decode_services(route, &loose->services_count);
    decode_delegate(route, &loose->delegate);
    loose->enable_websockets = node_bool(route, "enableWebsockets", false);
    loose->permit_insecure = node_bool(route, "permitInsecure", false);
    loose->prefix_rewrite = node_text(route, "prefixRewrite");
    loose->request_timeout = node_text(&timeouts, "request");
    loose->has_retry_policy = retries.json != NULL;
    loose->retry_count = node_number(&retries, "count", INT32_MIN, INT32_MAX);
    loose->per_try_timeout = node_text(&retries, "perTryTimeout");
}

static void decode_routes(const struct node *spec, struct ingress_route *loose)
{
    struct node routes = node_array(spec, "routes");
    uint32_t count = node_count(&routes);
    struct ingress_route_route *array = NODE_ARRAY(&routes, count, struct ingress_route_route);

    for (uint32_t i = 0; i < count; i++) {
        struct node route = node_item(&routes, i);

        decode_route(&route, &array[i]);
        loose->routes_looks += 1 + (uint32_t)(array[i].match.len / LOOK_BYTES);
    }
    loose->routes = array;
    loose->routes_count = count;
}

static void decode_virtualhost(const struct node *spec, struct ingress_route *loose)
{
    struct node host = node_object(spec, "virtualhost"), tls;

    loose->is_root = host.json != NULL;
    loose->fqdn = node_text(&host, "fqdn"); /* first, so that a fault behind it does not hide it */
    tls = node_object(&host, "tls");
    loose->has_tls = tls.json != NULL;
    loose->tls_secret = node_text(&tls, "secretName");
    loose->tls_version_min = node_text(&tls, "minimumProtocolVersion");
    loose->tls_passthrough = node_bool(&tls, "passthrough", false);
}

static void decode_ingress_route(const struct node *root, struct bytes api_version,
                                 struct object *object)
{
    struct ingress_route *loose = (struct ingress_route *)object;
    struct node spec = node_object(root, "spec");
    struct node tcpproxy = node_object(&spec, "tcpproxy");

    (void)api_version;
    decode_virtualhost(&spec, loose);
    decode_routes(&spec, loose);
    loose->has_tcpproxy = tcpproxy.json != NULL;
    loose->tcp_services = decode_services(&tcpproxy, &loose->tcp_services_count);
    decode_delegate(&tcpproxy, &loose->tcp_delegate);
    fields_check(root, root_fields, mistakes);
}

/* What is known of its host stays, so that who asks about that host is told. */
static void stand_in(struct object *object, struct bytes fault, bool knows_annotations)
{
    struct ingress_route *loose = (struct ingress_route *)object;

    *loose = (struct ingress_route){.object = loose->object,
                                    .fault = fault,
                                    .is_class_unknown = !knows_annotations,
                                    .is_root = loose->is_root,
                                    .fqdn = loose->fqdn};
}

const struct kind kind_ingress_route = {
    .name = "IngressRoute",
    .version = "contour.heptio.com/v1beta1",
    .size = sizeof(struct ingress_route),
    .layout = ingress_route_layout,
    .decode = decode_ingress_route,
    .stand_in = stand_in,
};
