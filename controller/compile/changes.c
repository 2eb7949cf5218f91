/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.c - an object that changed, and what has to be compiled again for it.
 *
 *     cache -> change -> dirty hosts, dirty Services, findings about the object alone
 */
#include "controller/compile/backends.h"
#include "controller/compile/compile_parts.h"
#include "controller/compile/ingress.h"
#include "controller/compile/ingress_route.h"

#define SERVICE_SHOWN_MAX 64 /* bytes of the name of a Service, which a label may make long */

/* What an object says on its own account, by its kind and name. */
static struct bytes lint_key(struct compiler *compiler, const struct object *object)
{
    return plain_printf(&compiler->scratch, "%d %.*s/%.*s", (int)object->kind,
                        BYTES_ARG(object->ns), BYTES_ARG(object->name));
}

static bool is_foreign_ingress(const struct compiler *compiler, const struct ingress *ingress)
{
    return ingress != NULL && !ingress_is_ours(&compiler->classes, ingress);
}

static bool is_foreign_route(const struct compiler *compiler, const struct ingress_route *route)
{
    return route != NULL && !ingress_route_is_ours(&compiler->classes, route);
}

void change_ingress(struct compiler *compiler, const struct ingress *before,
                    const struct ingress *after)
{
    const struct ingress *any = after != NULL ? after : before;
    bool is_served = after != NULL && ingress_is_ours(&compiler->classes, after);
    struct findings findings;

    findings_init(&findings, &compiler->scratch);
    served_list_add(&compiler->served, any, is_served);
    if (is_foreign_ingress(compiler, before) || is_foreign_ingress(compiler, after))
        compiler->foreign_changed = true;
    if (before != NULL)
        ingress_withdraw(&compiler->dag, before);
    if (is_served) {
        ingress_contribute(&compiler->dag, after);
        ingress_lint(after, &findings);
    }
    emit_replace_keyed(&compiler->emit, lint_key(compiler, &any->object), &findings);
}

void change_ingress_route(struct compiler *compiler, const struct ingress_route *before,
                          const struct ingress_route *after)
{
    const struct ingress_route *any = after != NULL ? after : before;
    struct findings findings;

    findings_init(&findings, &compiler->scratch);
    if (is_foreign_route(compiler, before) || is_foreign_route(compiler, after))
        compiler->foreign_changed = true;
    if (before != NULL)
        root_withdraw(&compiler->dag, compiler->options, before);
    if (after != NULL && after->fault.len == 0 &&
        ingress_route_is_ours(&compiler->classes, after)) {
        root_contribute(&compiler->dag, compiler->options, after);
        ingress_route_lint(compiler->options, after, &findings);
    }
    dag_mark_ingress_route(&compiler->dag, any->object.ns, any->object.name);
    emit_replace_keyed(&compiler->emit, lint_key(compiler, &any->object), &findings);
}

/* Whoever names a Secret that it delegates, or did, may now use it, or may no more. */
static void mark_grants(struct compiler *compiler, const struct tls_delegation *delegation)
{
    for (uint32_t i = 0; i < delegation->grants_count; i++)
        dag_mark_secret_users(&compiler->dag, delegation->object.ns, delegation->grants[i].secret);
}

void change_delegation(struct compiler *compiler, const struct tls_delegation *before,
                       const struct tls_delegation *after)
{
    if (before != NULL) {
        grants_remove(&compiler->dag.grants, before);
        mark_grants(compiler, before);
    }
    if (after != NULL) {
        grants_add(&compiler->dag.grants, after);
        mark_grants(compiler, after);
    }
}

/* In a cluster slices come and go after their Services, and none is left behind; in a directory one
 * that names no Service is a mistake. The label may hold any text. */
static void lint_endpoints(struct compiler *compiler, const struct object *object,
                           struct bytes service, bool is_gone)
{
    bool is_slice = object->kind == OBJECT_ENDPOINT_SLICE;
    struct findings findings;

    if (object->file.len == 0)
        return;
    findings_init(&findings, &compiler->scratch);
    if (!is_gone && service.len > 0 &&
        cache_get(compiler->cache, OBJECT_SERVICE, object->ns, service) == NULL)
        findings_add(&findings, false, object,
                     "%sthere is no Service %.*s/%.*s, so nothing uses these endpoints",
                     is_slice ? "label kubernetes.io/service-name: " : "", BYTES_ARG(object->ns),
                     BYTES_ARG(bytes_slice(service, 0, SERVICE_SHOWN_MAX)));
    emit_replace_keyed(&compiler->emit, lint_key(compiler, object), &findings);
}

static void lint_endpoints_of(struct compiler *compiler, const struct object *service)
{
    size_t count;
    const struct endpoints *const *all =
        cache_service_endpoints(compiler->cache, service->ns, service->name, &count);

    for (size_t i = 0; i < count; i++)
        lint_endpoints(compiler, &all[i]->object, all[i]->service, false);
}

void change_service(struct compiler *compiler, const struct service *before,
                    const struct service *after)
{
    const struct service *any = after != NULL ? after : before;
    struct service_node *node = dag_service(&compiler->dag, any->object.ns, any->object.name);
    struct findings findings;

    findings_init(&findings, &compiler->scratch);
    if (after != NULL)
        service_lint(after, &findings);
    emit_replace_keyed(&compiler->emit, lint_key(compiler, &any->object), &findings);
    if (node != NULL)
        dag_mark_service(&compiler->dag, node, service_routes_differ(before, after));
    if (before == NULL || after == NULL)
        lint_endpoints_of(compiler, &any->object);
}

static void mark_endpoints(struct compiler *compiler, const struct endpoints *endpoints)
{
    struct service_node *node;

    if (endpoints == NULL)
        return;
    node = dag_service(&compiler->dag, endpoints->object.ns, endpoints->service);
    if (node != NULL)
        dag_mark_service(&compiler->dag, node, false);
}

void change_endpoints(struct compiler *compiler, const struct endpoints *before,
                      const struct endpoints *after)
{
    const struct endpoints *any = after != NULL ? after : before;

    mark_endpoints(compiler, before);
    mark_endpoints(compiler, after);
    lint_endpoints(compiler, &any->object, any->service, after == NULL);
}

static void change_secret(struct compiler *compiler, const struct object *secret)
{
    dag_mark_secret(&compiler->dag, secret->ns, secret->name);
}

void change_take(struct compiler *compiler, const struct cache_change *change)
{
    arena_reset(&compiler->scratch);
    switch (change->kind) {
    case OBJECT_INGRESS:
        change_ingress(compiler, as_ingress(change->before), as_ingress(change->after));
        break;
    case OBJECT_INGRESS_CLASS:
        compiler->classes_changed = true;
        break;
    case OBJECT_SERVICE:
        change_service(compiler, as_service(change->before), as_service(change->after));
        break;
    case OBJECT_ENDPOINT_SLICE:
    case OBJECT_ENDPOINTS:
        change_endpoints(compiler, as_endpoints(change->before), as_endpoints(change->after));
        break;
    case OBJECT_SECRET:
        change_secret(compiler, change->after != NULL ? change->after : change->before);
        break;
    case OBJECT_INGRESS_ROUTE:
        change_ingress_route(compiler, as_ingress_route(change->before),
                             as_ingress_route(change->after));
        break;
    case OBJECT_TLS_DELEGATION:
    case OBJECT_PROJECTCONTOUR_TLS_DELEGATION:
        change_delegation(compiler, as_tls_delegation(change->before),
                          as_tls_delegation(change->after));
        break;
    case OBJECT_CONFIG_MAP: /* no route depends on one yet */
    case OBJECT_KINDS_COUNT:
    case OBJECT_POD:
    case OBJECT_NODE:
        break;
    }
}
