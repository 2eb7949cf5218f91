/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_tcp.c - spec.tcpproxy of the root, and wherever it is delegated to.
 */
#include "controller/compile/tree_parts.h"

static struct route *route_create(struct walk *walk, const struct step *step)
{
    struct route *route = arena_new(walk->host->pass->scratch, struct route);

    route->path = BYTES("/");
    route->path_kind = PATH_STRING_PREFIX;
    route->object = step->title;
    route->field = BYTES("spec.tcpproxy");
    route->via = step->via;
    return route;
}

static const struct route *unavailable(struct walk *walk, const struct step *step, struct bytes why)
{
    struct route *route = route_create(walk, step);

    route->action = ROUTE_UNAVAILABLE;
    route->unavailable = why;
    return route;
}

static const struct route *to_services(struct walk *walk, const struct step *step)
{
    const struct services services = {.list = step->object->tcp_services,
                                      .count = step->object->tcp_services_count,
                                      .field = BYTES("spec.tcpproxy"),
                                      .label = BYTES("tcpproxy"),
                                      .is_tcp = true};
    struct route *route;

    if (step_asks_in_vain(walk, step)) {
        step_tell_asks_in_vain(walk, step);
        return unavailable(walk, step, ASKS_IN_VAIN);
    }
    route = route_create(walk, step);
    services_point(walk, step, &services, route);
    return route;
}

/* Only the tcpproxy of it is wanted. */
static const struct route *enter(struct walk *walk, const struct step *step, struct bytes field,
                                 const struct ingress_route *object)
{
    struct step child = {.up = step, .object = object, .prefix = BYTES("/"), .written = BYTES("/")};

    step_enter(walk, &child, field);
    walk->host->pass->visits.visits[child.visit].is_of_tcp = true;
    return tree_find_tcp(walk, &child);
}

/* The host depends on it, and nothing of it is evaluated. */
static void note(struct walk *walk, const struct ingress_route *object)
{
    struct pass *pass = walk->host->pass;

    (void)visit_list_add(&pass->dag->trees, &pass->visits, object->object.ns, object->object.name);
}

static const struct route *delegated(struct walk *walk, const struct step *step)
{
    struct bytes field = BYTES("spec.tcpproxy.delegate"), why;
    const struct ingress_route *object = NULL;

    switch (delegation_follow(walk, step, field, "tcpproxy", &step->object->tcp_delegate, &object,
                              &why)) {
    case DELEGATION_FOUND:
        break;
    case DELEGATION_MISSING:
        step_tell(walk, step, true, "%.*s: %.*s, so connections are closed", BYTES_ARG(field),
                  BYTES_ARG(why));
        return unavailable(walk, step, why);
    case DELEGATION_REFUSED:
        return unavailable(walk, step, why);
    }
    if (object->has_tcpproxy)
        return enter(walk, step, field, object);
    note(walk, object);
    step_fault(walk, step, field, "tcpproxy: %.*s/%.*s has no tcpproxy",
               BYTES_ARG(object->object.ns), BYTES_ARG(object->object.name));
    return unavailable(walk, step,
                       BYTES("the tcpproxy is delegated to an IngressRoute without one"));
}

const struct route *tree_find_tcp(struct walk *walk, const struct step *step)
{
    const struct ingress_route *object = step->object;
    bool has_delegate = object->tcp_delegate.is_present;

    if (has_delegate && object->tcp_services_count > 0) {
        step_fault(walk, step, BYTES("spec.tcpproxy"),
                   "tcpproxy: cannot specify services and delegate in the same tcpproxy");
        return unavailable(walk, step,
                           BYTES("the tcpproxy has both services and delegate: keep one of them"));
    }
    if (has_delegate)
        return delegated(walk, step);
    if (object->tcp_services_count > 0)
        return to_services(walk, step);
    step_fault(walk, step, BYTES("spec.tcpproxy"),
               "tcpproxy: neither services nor delegate are specified");
    return unavailable(walk, step, BYTES("the tcpproxy has neither services nor delegate"));
}
