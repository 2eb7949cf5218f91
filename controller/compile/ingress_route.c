/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress_route.c - roots and their hosts.
 */
#include "controller/compile/ingress_route.h"

#include "controller/compile/annotation_lint.h"
#include "controller/compile/annotations_tls.h"
#include "controller/compile/root.h"
#include "route/normal.h"

static bool may_hold_roots(const struct compile_options *options, struct bytes ns)
{
    for (size_t i = 0; i < options->root_namespaces_count; i++) {
        if (bytes_equal(options->root_namespaces[i], ns))
            return true;
    }
    return options->root_namespaces_count == 0;
}

static bool is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != ' ' && (text.at[i] < '\t' || text.at[i] > '\r'))
            return false;
    }
    return true;
}

enum root_fault root_find_host(const struct compile_options *options,
                               const struct ingress_route *route, char *room, struct bytes *host)
{
    struct bytes fqdn = route->fqdn, lower = BYTES_NONE;
    bool is_wildcard = bytes_find(fqdn, '*') != BYTES_NOT_FOUND;

    if (fqdn.len <= HOST_LENGTH_MAX && !is_blank(fqdn) && !is_wildcard) {
        for (size_t i = 0; i < fqdn.len; i++)
            room[i] = ascii_lower(fqdn.at[i]);
        lower = bytes_from(room, fqdn.len);
        *host = bytes_ends_with(lower, BYTES(".")) ? bytes_slice(lower, 0, lower.len - 1) : lower;
    }
    if (!may_hold_roots(options, route->object.ns))
        return ROOT_NAMESPACE;
    if (is_blank(fqdn))
        return ROOT_NO_FQDN;
    if (is_wildcard)
        return ROOT_WILDCARD;
    return lower.len > 0 && host_is_valid(lower, false) ? ROOT_FINE : ROOT_BAD_FQDN;
}

void root_add_fault(enum root_fault fault, struct bytes fqdn, struct text *out)
{
    switch (fault) {
    case ROOT_FINE:
        break;
    case ROOT_NAMESPACE:
        text_add_str(out, "root IngressRoute cannot be defined in this namespace");
        break;
    case ROOT_NO_FQDN:
        text_add_str(out, "Spec.VirtualHost.Fqdn must be specified");
        break;
    case ROOT_WILDCARD:
        text_add_str(out, "Spec.VirtualHost.Fqdn ");
        text_add_quoted(out, fqdn);
        text_add_str(out, " cannot use wildcards");
        break;
    case ROOT_BAD_FQDN:
        text_add_str(out, "Spec.VirtualHost.Fqdn ");
        text_add_quoted(out, bytes_slice(fqdn, 0, HOST_LENGTH_MAX));
        text_add_str(out, " is no host name");
        break;
    }
}

typedef void root_fn(struct dag *dag, struct bytes host, enum contribution contribution,
                     const struct object *object, uint32_t index);

static void for_its_host(struct dag *dag, const struct compile_options *options,
                         const struct ingress_route *route, root_fn *fn)
{
    char room[HOST_LENGTH_MAX];
    struct bytes host;

    if (route->is_root && route->fault.len == 0 &&
        root_find_host(options, route, room, &host) == ROOT_FINE)
        fn(dag, host, CONTRIBUTION_ROOT, &route->object, 0);
}

void root_contribute(struct dag *dag, const struct compile_options *options,
                     const struct ingress_route *route)
{
    for_its_host(dag, options, route, dag_add_contributor);
}

void root_withdraw(struct dag *dag, const struct compile_options *options,
                   const struct ingress_route *route)
{
    for_its_host(dag, options, route, dag_remove_contributor);
}

void ingress_route_lint(const struct compile_options *options, const struct ingress_route *route,
                        struct findings *findings)
{
    struct ingress_tls_policy tls;
    char room[HOST_LENGTH_MAX];
    struct bytes host;
    enum root_fault fault;
    struct text text;

    annotation_lint_own(&route->object, findings);
    if (!route->is_root) {
        if (route->routes_count == 0 && !route->has_tcpproxy)
            findings_add(findings, false, &route->object,
                         "spec: there are neither routes nor a tcpproxy");
        return;
    }
    ingress_tls_policy_parse(&route->object, &tls, findings);
    if (route->routes_count == 0 && !route->has_tcpproxy)
        findings_add(findings, false, &route->object,
                     "spec: there are neither routes nor a tcpproxy, so every path answers 404");
    fault = root_find_host(options, route, room, &host);
    if (fault == ROOT_FINE)
        return;
    text_init(&text);
    root_add_fault(fault, route->fqdn, &text);
    findings_add(findings, true, &route->object, "%s: %.*s",
                 fault == ROOT_NAMESPACE ? "metadata.namespace" : "spec.virtualhost.fqdn",
                 BYTES_ARG(text_bytes(&text)));
    text_fini(&text);
}
