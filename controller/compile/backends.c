/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backends.c - which port of which Service a backend means, and whether we can speak to it.
 *
 *     Ingress backend -> [backends] -> cluster slot ... endpoints.c fills the cluster
 */
#include "controller/compile/backends.h"

#include "controller/compile/annotation_lint.h"
#include "controller/compile/annotations.h"
#include "controller/compile/annotations_tls.h"
#include "controller/compile/endpoints.h"
#include "controller/compile/upstream.h"
#include "route/normal.h"

static const struct service *find_service(const struct pass *pass, struct bytes ns,
                                          struct bytes name)
{
    return as_service(cache_get(pass->cache, OBJECT_SERVICE, ns, name));
}

static bool port_is_tcp(const struct service_port *port)
{
    return port->protocol.len == 0 || bytes_equal(port->protocol, BYTES("TCP"));
}

/* A name that is all digits is a number as well: "8080" (spec/contour.md 1.3). */
static int32_t wanted_number(const struct port_ref *ref)
{
    uint64_t number = 0;

    if (ref->name.len == 0)
        return ref->number;
    (void)bytes_to_uint(ref->name, 65535, &number);
    return (int32_t)number;
}

/* The first port that fits by number or by name; TCP before others. */
static const struct service_port *find_port(const struct service *service,
                                            const struct port_ref *ref)
{
    int32_t number = wanted_number(ref);
    const struct service_port *other = NULL;

    for (uint32_t i = 0; i < service->ports_count; i++) {
        const struct service_port *port = &service->ports[i];
        bool fits = (number > 0 && port->number == number) ||
                    (ref->name.len > 0 && bytes_equal(port->name, ref->name));

        if (fits && port_is_tcp(port))
            return port;
        if (fits && other == NULL)
            other = port;
    }
    return other;
}

/* True when an entry is the port's name or number. */
static bool item_is_port(struct bytes item, const struct service_port *port)
{
    uint64_t number;

    return bytes_equal(item, port->name) ||
           (bytes_to_uint(item, 65535, &number) && (int32_t)number == port->number);
}

static bool annotation_has_port(const struct service *service, const char *name,
                                const struct service_port *port)
{
    struct annotation_lists lists = annotation_lists(&service->object, name);
    struct bytes item;

    while (annotation_lists_next(&lists, &item)) {
        if (item_is_port(item, port))
            return true;
    }
    return false;
}

static const struct {
    const char *name;
    enum cluster_protocol protocol;
} app_protocols[] = {
    {"https", CLUSTER_TLS},
    {"tls", CLUSTER_TLS},
    {"kubernetes.io/wss", CLUSTER_TLS},
    {"kubernetes.io/h2c", CLUSTER_H2C},
    {"h2c", CLUSTER_H2C},
    {"grpc", CLUSTER_H2C},
    {"h2", CLUSTER_H2},
};

/* Names we do not know, and those of HTTP and WebSocket, are spoken to in plain HTTP. */
static enum cluster_protocol app_protocol(struct bytes name)
{
    for (size_t i = 0; i < sizeof(app_protocols) / sizeof(app_protocols[0]); i++) {
        if (bytes_equal(name, bytes_of(app_protocols[i].name)))
            return app_protocols[i].protocol;
    }
    return CLUSTER_HTTP1;
}

/* In the order in which the later wins. */
static const struct {
    const char *name;
    enum cluster_protocol protocol;
} protocol_annotations[] = {
    {"upstream-protocol.h2", CLUSTER_H2},
    {"upstream-protocol.h2c", CLUSTER_H2C},
    {"upstream-protocol.tls", CLUSTER_TLS},
};

/* appProtocol decides where it is set; else the annotations, the later of these winning. */
static enum cluster_protocol port_protocol(const struct service *service,
                                           const struct service_port *port)
{
    enum cluster_protocol protocol = CLUSTER_HTTP1;

    if (port->app_protocol.len > 0)
        return app_protocol(port->app_protocol);
    for (size_t i = 0; i < sizeof(protocol_annotations) / sizeof(protocol_annotations[0]); i++) {
        if (annotation_has_port(service, protocol_annotations[i].name, port))
            protocol = protocol_annotations[i].protocol;
    }
    return protocol;
}

enum cluster_protocol service_protocol(const struct service *service, int32_t number)
{
    const struct port_ref ref = {.number = number};
    const struct service_port *port = find_port(service, &ref);
    const struct service_port unlisted = {.number = number};

    return port_protocol(service, port != NULL ? port : &unlisted);
}

enum cluster_protocol way_protocol(const struct way *way, const struct service *service,
                                   int32_t number)
{
    return way->is_tcp ? CLUSTER_HTTP1 : service_protocol(service, number);
}

/* One backend on its way to a target. */
struct lookup {
    struct pass *pass;
    struct bytes ns;
    const struct ingress_backend *backend;
    const struct way *way;
};

#define UNAVAILABLE(lookup, ...)                                                                   \
    ((struct backend_target){.slot = CLUSTER_SLOT_NONE,                                            \
                             .unavailable = plain_printf((lookup)->pass->scratch, __VA_ARGS__),    \
                             .fault = BACKEND_MISSING})

static struct backend_target refuse_port(const struct lookup *lookup)
{
    const struct ingress_backend *backend = lookup->backend;

    if (backend->port.name.len > 0)
        return UNAVAILABLE(lookup, "Service %.*s/%.*s has no port %.*s", BYTES_ARG(lookup->ns),
                           BYTES_ARG(backend->service), BYTES_ARG(backend->port.name));
    if (backend->port.number == 0)
        return UNAVAILABLE(lookup, "the backend names no port of Service %.*s/%.*s",
                           BYTES_ARG(lookup->ns), BYTES_ARG(backend->service));
    return UNAVAILABLE(lookup, "Service %.*s/%.*s has no port %d", BYTES_ARG(lookup->ns),
                       BYTES_ARG(backend->service), backend->port.number);
}

/* Endpoints that are to be verified and cannot be are not spoken to (design 5.2). */
static struct backend_target use_port(const struct lookup *lookup, const struct service *service,
                                      int32_t number)
{
    struct pass *pass = lookup->pass;
    struct backend_target target = {.slot = CLUSTER_SLOT_NONE,
                                    .protocol = way_protocol(lookup->way, service, number)};
    struct cluster_node *cluster;

    target.fault = upstream_fault(pass, service, target.protocol, lookup->way, &target.unavailable);
    if (target.fault != BACKEND_FINE)
        return target;
    cluster = use_list_add(pass->dag, &pass->uses, lookup->ns, lookup->backend->service, number,
                           lookup->way);
    if (cluster->slot == CLUSTER_SLOT_NONE)
        cluster->slot = builder_cluster_slot(
            pass->builder,
            cluster_node_key(pass->scratch, lookup->ns, lookup->backend->service, cluster));
    target.slot = cluster->slot;
    return target;
}

/* An ExternalName often lists no ports: then the backend's own number is the one. */
static struct backend_target resolve_external(const struct lookup *lookup,
                                              const struct service *service)
{
    const struct ingress_backend *backend = lookup->backend;
    const struct service_port *port = find_port(service, &backend->port);
    int32_t number = wanted_number(&backend->port);
    char name[HOST_LENGTH_MAX + 1];

    if (!lookup->pass->options->external_names)
        return UNAVAILABLE(lookup,
                           "Service %.*s/%.*s is an ExternalName, which --external-names forbids",
                           BYTES_ARG(lookup->ns), BYTES_ARG(backend->service));
    if (external_name_normalise(service->external_name, name).len == 0)
        return UNAVAILABLE(lookup, "Service %.*s/%.*s: externalName \"%.*s\" is no host name",
                           BYTES_ARG(lookup->ns), BYTES_ARG(backend->service),
                           BYTES_ARG(service->external_name));
    if (port != NULL)
        number = port->number;
    else if (service->ports_count > 0)
        number = 0;
    return number > 0 && number <= 65535 ? use_port(lookup, service, number) : refuse_port(lookup);
}

static struct backend_target resolve_service(const struct lookup *lookup,
                                             const struct service *service)
{
    const struct ingress_backend *backend = lookup->backend;
    const struct service_port *port = find_port(service, &backend->port);

    if (port != NULL && !port_is_tcp(port))
        return UNAVAILABLE(lookup, "port %d of Service %.*s/%.*s is %.*s, not TCP", port->number,
                           BYTES_ARG(lookup->ns), BYTES_ARG(backend->service),
                           BYTES_ARG(port->protocol));
    if (service->is_external_name)
        return resolve_external(lookup, service);
    if (port == NULL || port->number <= 0 || port->number > 65535)
        return refuse_port(lookup);
    return use_port(lookup, service, port->number);
}

struct backend_target backend_resolve(struct pass *pass, struct bytes ns,
                                      const struct ingress_backend *backend, const struct way *way)
{
    const struct lookup lookup = {pass, ns, backend, way};
    const struct service *service;
    struct backend_target target;

    if (backend->is_resource)
        return UNAVAILABLE(&lookup, "the backend is a resource, and only Services are served");
    if (!backend->is_present || backend->service.len == 0)
        return UNAVAILABLE(&lookup, "no backend Service is named");
    service = find_service(pass, ns, backend->service);
    if (service == NULL)
        target = UNAVAILABLE(&lookup, "Service %.*s/%.*s not found", BYTES_ARG(ns),
                             BYTES_ARG(backend->service));
    else
        target = resolve_service(&lookup, service);
    if (target.slot == CLUSTER_SLOT_NONE) /* it may appear, or get the port */
        (void)use_list_add(pass->dag, &pass->uses, ns, backend->service, 0, &usual_way);
    return target;
}

static bool ports_differ(const struct service_port *a, const struct service_port *b)
{
    return a->number != b->number || !bytes_equal(a->name, b->name) ||
           !bytes_equal(a->protocol, b->protocol) || !bytes_equal(a->app_protocol, b->app_protocol);
}

static bool protocols_differ(const struct object *a, const struct object *b)
{
    for (size_t i = 0; i < sizeof(protocol_annotations) / sizeof(protocol_annotations[0]); i++) {
        struct annotation_lists of_a = annotation_lists(a, protocol_annotations[i].name);
        struct annotation_lists of_b = annotation_lists(b, protocol_annotations[i].name);

        if (!bytes_equal(of_a.rest[0], of_b.rest[0]) || !bytes_equal(of_a.rest[1], of_b.rest[1]))
            return true;
    }
    return false;
}

bool service_routes_differ(const struct service *before, const struct service *after)
{
    if (before == NULL || after == NULL)
        return before != after;
    if (before->ports_count != after->ports_count ||
        before->is_external_name != after->is_external_name ||
        !bytes_equal(before->external_name, after->external_name) ||
        protocols_differ(&before->object, &after->object) ||
        upstream_policies_differ(&before->object, &after->object))
        return true;
    for (uint32_t i = 0; i < before->ports_count; i++) {
        if (ports_differ(&before->ports[i], &after->ports[i]))
            return true;
    }
    return false;
}

static bool has_port(const struct service *service, struct bytes item)
{
    uint64_t number;

    for (uint32_t i = 0; i < service->ports_count; i++) {
        if (item_is_port(item, &service->ports[i]))
            return true;
    }
    /* An ExternalName need not list its ports. */
    return service->is_external_name && service->ports_count == 0 &&
           bytes_to_uint(item, 65535, &number);
}

static void lint_protocols(const struct service *service, struct findings *findings)
{
    for (size_t i = 0; i < sizeof(protocol_annotations) / sizeof(protocol_annotations[0]); i++) {
        struct annotation_lists lists =
            annotation_lists(&service->object, protocol_annotations[i].name);
        struct bytes item;

        while (annotation_lists_next(&lists, &item)) {
            if (!has_port(service, item))
                findings_add(findings, false, &service->object,
                             "annotation %s: \"%.*s\" is neither the name nor the number of a port "
                             "of this Service",
                             protocol_annotations[i].name, BYTES_ARG(item));
        }
    }
}

void service_lint(const struct service *service, struct findings *findings)
{
    struct cluster_limits limits;

    service_limits_parse(&service->object, &limits, findings);
    annotation_lint_own(&service->object, findings);
    (void)service_wants_proxy_header(&service->object, findings);
    lint_protocols(service, findings);
    upstream_lint(service, findings);
}
