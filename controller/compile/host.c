/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - compiles one host: the paths of all its rules, each place given to one of them, each
 * winner made into a route.
 *
 *     contributors (oldest first) -> claims -> sorted by place -> winners -> routes -> vhost
 */
#include "controller/compile/annotations.h"
#include "controller/compile/backends.h"
#include "controller/compile/ingress.h"
#include "core/check.h"
#include "route/normal.h"

#include <stdlib.h>

/* An Ingress as far as this host is concerned. */
struct origin {
    const struct ingress *ingress;
    struct bytes title; /* "Ingress default/web" */
    struct ingress_policy policy;
};

/* One path of one rule that wants a place in this host. */
struct claim {
    struct bytes path; /* normal form, or the pattern */
    enum path_kind kind;
    uint32_t order; /* among all claims of this host: oldest Ingress first, then as written */
    uint32_t rule;
    uint32_t index; /* in the rule's paths */
    const struct origin *origin;
};

struct host_pass {
    struct pass *pass;
    struct host_node *host;
    struct vhost_builder *vhost;
    struct findings findings;
    struct claim *claims;
    uint32_t claims_count;
};

static const struct ingress_path *claim_path(const struct claim *claim)
{
    return &claim->origin->ingress->rules[claim->rule].paths[claim->index];
}

static struct bytes claim_field(const struct host_pass *host, const struct claim *claim)
{
    return plain_printf(host->pass->scratch, "spec.rules[%u].http.paths[%u]", claim->rule,
                        claim->index);
}

static void tell(struct host_pass *host, bool is_error, const struct claim *claim,
                 const char *before, struct bytes value, const char *after)
{
    findings_add(&host->findings, is_error, &claim->origin->ingress->object,
                 "spec.rules[%u].http.paths[%u]: %s\"%.*s\"%s", claim->rule, claim->index, before,
                 BYTES_ARG(value), after);
}

/* v0.14.1: these make a path without a type a pattern (spec/contour.md 1.3). */
static bool looks_like_pattern(struct bytes path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (strchr("^+*[]%", path.at[i]) != NULL && path.at[i] != '\0')
            return true;
    }
    return false;
}

static bool choose_kind(struct host_pass *host, struct claim *claim, struct bytes written)
{
    switch (claim_path(claim)->type) {
    case INGRESS_PATH_EXACT:
        claim->kind = PATH_EXACT;
        return true;
    case INGRESS_PATH_PREFIX:
        claim->kind = PATH_PREFIX;
        return true;
    case INGRESS_PATH_UNSET:
    case INGRESS_PATH_IMPLEMENTATION:
        claim->kind = looks_like_pattern(written) ? PATH_REGEX : PATH_STRING_PREFIX;
        return true;
    case INGRESS_PATH_UNKNOWN:
        break;
    }
    tell(host, true, claim, "path ", written,
         " is left out: its pathType is none of Exact, Prefix and ImplementationSpecific");
    return false;
}

static const char *fault_text(enum path_fault fault)
{
    switch (fault) {
    case PATH_FINE:
        return "";
    case PATH_BAD_ESCAPE:
        return " is left out: it has a % without two hex digits";
    case PATH_NUL:
        return " is left out: it has a NUL";
    case PATH_BACKSLASH:
        return " is left out: it has a backslash";
    case PATH_ABOVE_ROOT:
        return " is left out: its .. climb above the root";
    case PATH_BAD_BYTE:
        return " is left out: it has a byte that no path can have";
    }
    return "";
}

/* The form in which request paths are matched. */
static bool normalise(struct host_pass *host, struct claim *claim, struct bytes written)
{
    enum path_fault fault;

    claim->path = written;
    if (written.at[0] != '/') {
        tell(host, true, claim, "path ", written, " is left out: it does not start with /");
        return false;
    }
    if (claim->kind == PATH_REGEX)
        return true;
    if (!path_is_normal(written)) {
        char *out = arena_alloc(host->pass->scratch, written.len);

        fault = path_normalise(written, out, &claim->path);
        if (fault != PATH_FINE) {
            tell(host, true, claim, "path ", written, fault_text(fault));
            return false;
        }
        if (!bytes_equal(claim->path, written))
            tell(host, false, claim, "path is matched in its normal form ", claim->path, "");
    }
    /* A segment prefix says the same with and without its last slash. */
    if (claim->kind == PATH_PREFIX && claim->path.len > 1 &&
        bytes_ends_with(claim->path, BYTES("/")))
        claim->path.len--;
    return true;
}

static void add_claim(struct host_pass *host, const struct origin *origin, uint32_t rule,
                      uint32_t index)
{
    struct claim *claim = &host->claims[host->claims_count];
    struct bytes written = origin->ingress->rules[rule].paths[index].path;

    *claim =
        (struct claim){.order = host->claims_count, .rule = rule, .index = index, .origin = origin};
    if (written.len == 0)
        written = BYTES("/");
    if (choose_kind(host, claim, written) && normalise(host, claim, written))
        host->claims_count++;
}

static const struct origin *origin_create(struct pass *pass, const struct ingress *ingress)
{
    struct origin *origin = arena_new(pass->scratch, struct origin);

    origin->ingress = ingress;
    origin->title = object_title(&ingress->object, pass->scratch);
    ingress_policy_parse(&ingress->object, &origin->policy, NULL);
    return origin;
}

static void gather_claims(struct host_pass *host)
{
    const struct host_node *node = host->host;
    const struct origin *origin = NULL;
    size_t count = 0;

    for (uint32_t i = 0; i < node->contributors_count; i++)
        count += node->contributors[i].ingress->rules[node->contributors[i].rule].paths_count;
    host->claims = arena_alloc(host->pass->scratch, (count + 1) * sizeof(struct claim));
    for (uint32_t i = 0; i < node->contributors_count; i++) {
        const struct contributor *from = &node->contributors[i];

        if (origin == NULL || origin->ingress != from->ingress)
            origin = origin_create(host->pass, from->ingress);
        if (!ingress_policy_serves_http(&origin->policy))
            continue;
        for (uint32_t j = 0; j < from->ingress->rules[from->rule].paths_count; j++)
            add_claim(host, origin, from->rule, j);
    }
}

static int compare_places(const struct claim *a, const struct claim *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return bytes_compare(a->path, b->path);
}

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = compare_places(a, b);

    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* Why the winner won, after a comma: design 5.14. */
static const char *reason(const struct claim *loser, const struct claim *winner)
{
    const struct object *a = &winner->origin->ingress->object;
    const struct object *b = &loser->origin->ingress->object;

    if (a == b)
        return "";
    return a->created_s != b->created_s ? ", and is older" : ", and its name comes first";
}

static void tell_loser(struct host_pass *host, const struct claim *loser,
                       const struct claim *winner)
{
    bool is_same = loser->origin == winner->origin;
    struct bytes field = claim_field(host, winner);

    findings_add(
        &host->findings, false, &loser->origin->ingress->object,
        "spec.rules[%u].http.paths[%u]: %.*s%s%.*s has path \"%.*s\" of host %.*s already%s",
        loser->rule, loser->index, BYTES_ARG(is_same ? BYTES_NONE : winner->origin->title),
        is_same ? "" : " ", BYTES_ARG(field), BYTES_ARG(loser->path), BYTES_ARG(host->host->name),
        reason(loser, winner));
}

/* What all routes of an Ingress have in common. */
static struct route route_of(const struct origin *origin)
{
    return (struct route){
        .object = origin->title,
        .action = ROUTE_FORWARD,
        .response_timeout_ms = origin->policy.response_timeout_ms,
        .retry = origin->policy.retry,
    };
}

/* Say where the route leads. The Service is looked up and complained about even where clients are
 * sent to https: what is wrong with it is wrong there too. */
static void point_route(struct host_pass *host, struct route *route, struct route_backend *only,
                        const struct origin *origin, const struct ingress_backend *backend)
{
    struct backend_target target = backend_resolve(host->pass, origin->ingress->object.ns, backend);

    if (target.slot == CLUSTER_SLOT_NONE)
        findings_add(&host->findings, true, &origin->ingress->object, "%.*s: %.*s",
                     BYTES_ARG(route->field), BYTES_ARG(target.unavailable));
    if (origin->policy.force_ssl_redirect) {
        route->action = ROUTE_REDIRECT_HTTPS;
    } else if (target.slot == CLUSTER_SLOT_NONE) {
        route->action = ROUTE_UNAVAILABLE;
        route->unavailable = target.unavailable;
    } else {
        *only = (struct route_backend){target.slot, 1};
        route->backends = only;
        route->backends_count = 1;
        route->weights_sum = 1;
    }
}

static void add_route(struct host_pass *host, const struct claim *claim)
{
    const struct ingress_path *path = claim_path(claim);
    struct route route = route_of(claim->origin);
    struct route_backend only;
    const char *error = NULL;

    route.path = claim->path;
    route.path_kind = claim->kind;
    route.field = claim_field(host, claim);
    route.websocket = ingress_policy_has_websocket(&claim->origin->policy,
                                                   path->path.len == 0 ? BYTES("/") : path->path);
    point_route(host, &route, &only, claim->origin, &path->backend);
    if (vhost_builder_add(host->vhost, &route, &error) != STATUS_OK)
        findings_add(&host->findings, true, &claim->origin->ingress->object,
                     "%.*s: %s \"%.*s\" is left out: %s", BYTES_ARG(route.field),
                     claim->kind == PATH_REGEX ? "pattern" : "path", BYTES_ARG(claim->path),
                     error != NULL ? error : "it does not compile");
}

static void add_winners(struct host_pass *host)
{
    const struct claim *winner = NULL;

    if (host->claims_count > 1)
        qsort(host->claims, host->claims_count, sizeof(struct claim), compare_claims);
    for (uint32_t i = 0; i < host->claims_count; i++) {
        const struct claim *claim = &host->claims[i];

        if (winner != NULL && compare_places(winner, claim) == 0) {
            tell_loser(host, claim, winner);
            continue;
        }
        winner = claim;
        add_route(host, claim);
    }
}

static void default_route(struct host_pass *host, const struct ingress *ingress,
                          struct route *route, struct route_backend *only)
{
    const struct origin *origin = origin_create(host->pass, ingress);

    *route = route_of(origin);
    route->path = BYTES("/");
    route->path_kind = PATH_STRING_PREFIX;
    route->field = BYTES("spec.defaultBackend");
    route->websocket = ingress_policy_has_websocket(&origin->policy, BYTES("/"));
    point_route(host, route, only, origin, &ingress->default_backend);
}

/* The default backend of the oldest Ingress that has one serves what no path of the host matches.
 */
static const struct ingress *oldest_default(struct host_pass *host)
{
    const struct host_node *node = host->host;
    const struct ingress *oldest = NULL, *last = NULL;

    for (uint32_t i = 0; i < node->contributors_count; i++) {
        const struct ingress *ingress = node->contributors[i].ingress;

        if (ingress == last || !ingress->default_backend.is_present)
            continue;
        last = ingress;
        if (!ingress_policy_serves_http(&origin_create(host->pass, ingress)->policy))
            continue;
        if (oldest == NULL)
            oldest = ingress;
        else
            findings_add(
                &host->findings, false, &ingress->object,
                "spec.defaultBackend: Ingress %.*s/%.*s comes first by age and name, so its "
                "default backend serves host %.*s",
                BYTES_ARG(oldest->object.ns), BYTES_ARG(oldest->object.name),
                BYTES_ARG(node->name));
    }
    return oldest;
}

static void put_vhost(struct host_pass *host)
{
    const struct host_node *node = host->host;
    const struct ingress *oldest;
    struct route route;
    struct route_backend only;

    host->vhost = vhost_builder_create(node->name, SCHEME_HTTP);
    gather_claims(host);
    add_winners(host);
    /* Rules without a host have no default of their own: what they leave is the fallback's. */
    oldest = bytes_equal(node->name, BYTES("*")) ? NULL : oldest_default(host);
    if (oldest != NULL) {
        default_route(host, oldest, &route, &only);
        vhost_builder_set_default(host->vhost, &route);
    }
    /* Put even when no path could be kept: the host is claimed, and nobody else's rules may answer
     * for it. */
    builder_put_vhost(host->pass->builder, host->vhost);
}

/* An Ingress that has nothing but a default backend is told when an older one takes all. */
static void tell_idle_defaults(struct host_pass *host)
{
    const struct host_node *node = host->host;
    const struct ingress *oldest = node->contributors[0].ingress;

    for (uint32_t i = 1; i < node->contributors_count; i++) {
        const struct ingress *ingress = node->contributors[i].ingress;

        if (ingress->rules_count == 0)
            findings_add(
                &host->findings, false, &ingress->object,
                "spec.defaultBackend: Ingress %.*s/%.*s comes first by age and name, so its "
                "default backend serves the hosts that nobody claims",
                BYTES_ARG(oldest->object.ns), BYTES_ARG(oldest->object.name));
    }
}

/* The oldest default backend of all serves the hosts that nobody claims (design 5.13). */
static void put_fallback(struct host_pass *host)
{
    struct route route;
    struct route_backend only;

    if (host->host->contributors_count == 0) {
        builder_set_default(host->pass->builder, NULL);
        return;
    }
    default_route(host, host->host->contributors[0].ingress, &route, &only);
    builder_set_default(host->pass->builder, &route);
    tell_idle_defaults(host);
}

void host_compile(struct pass *pass, struct host_node *node)
{
    struct host_pass host = {.pass = pass, .host = node};

    arena_reset(pass->scratch);
    findings_init(&host.findings, pass->scratch);
    use_list_begin(pass->dag, &pass->uses);
    list_remove(&node->dirty);
    if (node == pass->dag->fallback)
        put_fallback(&host);
    else if (node->contributors_count > 0)
        put_vhost(&host);
    else
        builder_remove_vhost(pass->builder, SCHEME_HTTP, node->name);
    use_list_end(pass->dag, node, &pass->uses);
    emit_replace(pass->emit, &node->findings, &host.findings);
    pass->hosts_compiled++;
    if (node->contributors_count == 0)
        dag_forget_host(pass->dag, node);
}
