/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_services.c - the services of a route: each to a cluster, in the way it asks for, with its
 * share of the requests.
 *
 *     weights: one service gets all; all zero are equal; else each its part (spec/contour.md 2.4)
 *
 * A Service that is missing leaves its part to the others; any other mistake takes the whole route,
 * for what is half wrong is not what its author meant (design 5.3).
 */
#include "controller/compile/backends.h"
#include "controller/compile/tree_parts.h"
#include "route/normal.h"

/* One service while it is looked at. */
struct entry {
    struct walk *walk;
    const struct step *step;
    const struct services *of;
    const struct ingress_route_service *service;
    struct bytes field; /* "spec.routes[0].services[1]" */
    struct bytes label; /* `route "/": service "web"` */
};

#define REFUSED BYTES("the route is not valid, see the status of the IngressRoute")

static struct entry entry_at(struct walk *walk, const struct step *step,
                             const struct services *services, uint32_t index)
{
    struct arena *scratch = walk->host->pass->scratch;
    struct entry entry = {walk, step, services, &services->list[index], BYTES_NONE, BYTES_NONE};
    struct bytes name = quoted(walk->host->pass, entry.service->name);

    entry.field = plain_printf(scratch, "%.*s.services[%u]", BYTES_ARG(services->field), index);
    entry.label =
        plain_printf(scratch, "%.*s: service %.*s", BYTES_ARG(services->label), BYTES_ARG(name));
    return entry;
}

static void fault(const struct entry *entry, const char *field, const char *text)
{
    struct bytes whole =
        plain_printf(entry->walk->host->pass->scratch, "%.*s%s", BYTES_ARG(entry->field), field);

    step_fault(entry->walk, entry->step, whole, "%.*s: %s", BYTES_ARG(entry->label), text);
}

static bool is_in_range(const struct entry *entry)
{
    bool has_port = entry->service->port >= 1 && entry->service->port <= 65535;

    if (!has_port)
        fault(entry, ".port", "port must be in the range 1-65535");
    if (entry->service->weight < 0)
        fault(entry, ".weight", "weight must be greater than or equal to zero");
    return has_port && entry->service->weight >= 0;
}

static const struct {
    const char *name;
    enum cluster_policy policy;
    bool is_cookie;
} strategies[] = {
    {"RoundRobin", CLUSTER_ROUND_ROBIN, false},
    {"WeightedLeastRequest", CLUSTER_LEAST_REQUEST, false},
    {"Random", CLUSTER_RANDOM, false},
    {"RingHash", CLUSTER_RING_HASH, false},
    {"Maglev", CLUSTER_MAGLEV, false},
    {"Cookie", CLUSTER_RING_HASH, true},
};

/* What is not known is round robin and told (design 5.6). */
static void choose_strategy(const struct entry *entry, struct way *way, struct route *route)
{
    struct bytes written = entry->service->strategy;

    if (written.len == 0)
        return;
    for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
        if (!bytes_equal(written, bytes_of(strategies[i].name)))
            continue;
        way->policy = strategies[i].policy;
        if (strategies[i].is_cookie && entry->of->is_tcp)
            step_tell(entry->walk, entry->step, false,
                      "%.*s.strategy: a tcpproxy sees no cookies, so clients are told apart by "
                      "their address",
                      BYTES_ARG(entry->field));
        else
            route->has_affinity_cookie |= strategies[i].is_cookie;
        return;
    }
    fault(entry, ".strategy",
          "strategy must be one of RoundRobin, WeightedLeastRequest, Random, RingHash, Maglev and "
          "Cookie");
}

/* A value of the check, or its default where it is 0; below that is a mistake, and the default. */
static uint32_t number_of(const struct entry *entry, const char *name, int32_t written,
                          uint32_t otherwise, uint32_t unit)
{
    if (written == 0)
        return otherwise;
    if (written > 0 && (uint32_t)written <= UINT32_MAX / unit)
        return (uint32_t)written * unit;
    step_tell(entry->walk, entry->step, false,
              "%.*s.healthCheck.%s: %d is out of range, so it is %u", BYTES_ARG(entry->field), name,
              written, otherwise / unit);
    return otherwise;
}

/* What may stand in the head of a request: visible ASCII. */
static bool is_visible(struct bytes text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= 0x20 || text.at[i] >= 0x7f)
            return false;
    }
    return text.len <= max;
}

/* False when it cannot be made: then nobody knows which endpoints may have requests. */
static bool choose_health_check(const struct entry *entry, struct way *way)
{
    const struct ingress_route_health_check *from = &entry->service->health_check;
    struct health_check *health = &way->health;

    if (!entry->service->has_health_check)
        return true;
    if (!entry->of->is_tcp && (from->path.len == 0 || from->path.at[0] != '/' ||
                               !is_visible(from->path, HEALTH_PATH_BYTES_MAX))) {
        fault(entry, ".healthCheck.path",
              from->path.len == 0 || from->path.at[0] != '/'
                  ? "healthCheck path must begin with /"
                  : "healthCheck path is no path that a request can have");
        return false;
    }
    if (!entry->of->is_tcp && !is_visible(from->host, HOST_LENGTH_MAX)) {
        fault(entry, ".healthCheck.host", "healthCheck host is no host that a request can have");
        return false;
    }
    way->has_health = true;
    health->kind = entry->of->is_tcp ? HEALTH_CHECK_TCP : HEALTH_CHECK_HTTP;
    if (!entry->of->is_tcp) {
        health->path = from->path;
        health->host = from->host.len > 0 ? from->host : HEALTH_HOST;
    }
    health->interval_ms =
        number_of(entry, "intervalSeconds", from->interval_s, HEALTH_INTERVAL_MS, 1000);
    health->timeout_ms =
        number_of(entry, "timeoutSeconds", from->timeout_s, HEALTH_TIMEOUT_MS, 1000);
    health->unhealthy_threshold = number_of(entry, "unhealthyThresholdCount", from->unhealthy_count,
                                            HEALTH_UNHEALTHY_THRESHOLD, 1);
    health->healthy_threshold =
        number_of(entry, "healthyThresholdCount", from->healthy_count, HEALTH_HEALTHY_THRESHOLD, 1);
    return true;
}

static void choose_validation(const struct entry *entry, struct way *way)
{
    way->is_verified = entry->service->has_validation && !entry->of->is_tcp;
    if (!way->is_verified)
        return;
    way->ca_secret = entry->service->ca_secret;
    way->subject_name = entry->service->subject_name;
}

static struct backend_target resolve(const struct entry *entry, struct way *way)
{
    const struct ingress_backend backend = {.service = entry->service->name,
                                            .port = {.number = entry->service->port},
                                            .is_present = true};

    return backend_resolve(entry->walk->host->pass, entry->step->object->object.ns, &backend, way);
}

/* As in Contour: what is no TLS cannot be verified and is not refused. Its author believes it is.
 */
static void tell_clear_text(const struct entry *entry, const struct way *way,
                            enum cluster_protocol protocol)
{
    if (way->is_verified && protocol != CLUSTER_TLS && protocol != CLUSTER_H2)
        step_tell(entry->walk, entry->step, false,
                  "%.*s.validation: the Service's port speaks no TLS, so nothing is verified: set "
                  "appProtocol: https",
                  BYTES_ARG(entry->field));
}

/* The Service or its port is not there: its part goes to the others. */
static void tell_missing(const struct entry *entry, const struct backend_target *target)
{
    const struct object *object = &entry->step->object->object;
    const struct ingress_route_service *service = entry->service;

    if (entry->of->is_tcp)
        step_status(entry->walk, entry->step, "tcpproxy: service %.*s/%.*s/%d: not found",
                    BYTES_ARG(object->ns), BYTES_ARG(service->name), service->port);
    else
        step_status(entry->walk, entry->step, "Service [%.*s:%d] is invalid or missing",
                    BYTES_ARG(service->name), service->port);
    step_tell(entry->walk, entry->step, true, "%.*s: %.*s", BYTES_ARG(entry->field),
              BYTES_ARG(target->unavailable));
}

static const char *validation_text(enum backend_fault fault)
{
    return fault == BACKEND_NO_SUBJECT
               ? "upstreamValidation requested but subject alt name not found or misconfigured"
               : "upstreamValidation requested but secret not found or misconfigured";
}

/* What the services came to. */
struct sum {
    struct route_backend *backends;
    uint32_t count;
    bool is_refused;
    struct bytes missing; /* why the last one that is missing is */
};

static void add_service(const struct entry *entry, struct route *route, struct sum *sum)
{
    struct way way = usual_way;
    struct backend_target target;

    way.is_tcp = entry->of->is_tcp;
    if (!is_in_range(entry)) {
        sum->is_refused = true;
        return;
    }
    choose_strategy(entry, &way, route);
    if (!choose_health_check(entry, &way)) {
        sum->is_refused = true;
        return;
    }
    choose_validation(entry, &way);
    target = resolve(entry, &way);
    switch (target.fault) {
    case BACKEND_FINE:
        tell_clear_text(entry, &way, target.protocol);
        sum->backends[sum->count++] =
            (struct route_backend){target.slot, (uint32_t)entry->service->weight};
        break;
    case BACKEND_MISSING:
        tell_missing(entry, &target);
        sum->missing = target.unavailable;
        break;
    case BACKEND_NO_TRUST:
    case BACKEND_NO_SUBJECT:
        fault(entry, ".validation", validation_text(target.fault));
        step_tell(entry->walk, entry->step, true, "%.*s: %.*s", BYTES_ARG(entry->field),
                  BYTES_ARG(target.unavailable));
        sum->is_refused = true;
        break;
    }
}

/* Weights say what they say only where there are several and some are not zero. */
static void settle_weights(const struct services *services, struct sum *sum)
{
    uint64_t total = 0;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < services->count; i++)
        total += services->list[i].weight > 0 ? (uint64_t)services->list[i].weight : 0;
    if (services->count == 1 || total == 0) {
        for (uint32_t i = 0; i < sum->count; i++)
            sum->backends[i].weight = 1;
        return;
    }
    for (uint32_t i = 0; i < sum->count; i++) {
        if (sum->backends[i].weight > 0)
            sum->backends[kept++] = sum->backends[i];
    }
    sum->count = kept;
}

static void make_unavailable(struct route *route, struct bytes why)
{
    route->action = ROUTE_UNAVAILABLE;
    route->unavailable = why;
}

void services_point(struct walk *walk, const struct step *step, const struct services *services,
                    struct route *route)
{
    struct sum sum = {0};

    if (services->count > ROUTE_SERVICES_MAX) {
        step_fault(walk, step, services->field, "%.*s: more than %u services (ROUTE_SERVICES_MAX)",
                   BYTES_ARG(services->label), ROUTE_SERVICES_MAX);
        make_unavailable(route, REFUSED);
        return;
    }
    sum.backends =
        arena_alloc(walk->host->pass->scratch, services->count * sizeof(sum.backends[0]));
    for (uint32_t i = 0; i < services->count; i++) {
        const struct entry entry = entry_at(walk, step, services, i);

        add_service(&entry, route, &sum);
    }
    settle_weights(services, &sum);
    if (sum.is_refused) {
        make_unavailable(route, REFUSED);
    } else if (sum.count == 0) {
        make_unavailable(route, sum.missing.len > 0
                                    ? sum.missing
                                    : BYTES("no Service of the route has a weight"));
    } else {
        route->action = ROUTE_FORWARD;
        route->backends = sum.backends;
        route->backends_count = (uint16_t)sum.count;
    }
}
