/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - compiles one host: the paths of all its rules, each winner made into a route, once for
 * each scheme.
 *
 *     contributors (oldest first) -> claims.c -> winners -> routes ------> vhost
 *                          \-> host_tls.c -> certificates -> tls_host --/
 *
 * Over HTTPS everything is served and nothing redirects; over HTTP what each Ingress allows.
 */
#include "controller/compile/host.h"

#include "controller/compile/backends.h"
#include "controller/compile/ingress.h"

const struct origin *origin_create(struct pass *pass, const struct ingress *ingress)
{
    struct origin *origin = arena_new(pass->scratch, struct origin);

    origin->ingress = ingress;
    origin->title = object_title(&ingress->object, pass->scratch);
    ingress_policy_parse(&ingress->object, &origin->policy, NULL);
    ingress_tls_policy_parse(&ingress->object, &origin->tls, NULL);
    return origin;
}

/* Rules of one Ingress stand side by side, and have one origin. */
static void gather_origins(struct host_pass *host)
{
    const struct contributors *rules = &host->node->rules;

    host->origins = arena_alloc(host->pass->scratch, (rules->count + 1) * sizeof(host->origins[0]));
    for (uint32_t i = 0; i < rules->count; i++) {
        if (i > 0 && rules->list[i].ingress == rules->list[i - 1].ingress)
            host->origins[i] = host->origins[i - 1];
        else
            host->origins[i] = origin_create(host->pass, rules->list[i].ingress);
    }
}

/* What all routes of an Ingress have in common. */
static struct route route_of(const struct host_pass *host, const struct origin *origin)
{
    struct route route = {
        .object = origin->title,
        .action = ROUTE_FORWARD,
        .response_timeout_ms = origin->policy.response_timeout_ms,
        .retry = origin->policy.retry,
    };

    if (host->scheme == SCHEME_HTTPS)
        route.hsts = bytes_from(origin->tls.hsts, origin->tls.hsts_len);
    return route;
}

static void make_unavailable(struct route *route, struct bytes why)
{
    route->action = ROUTE_UNAVAILABLE;
    route->unavailable = why;
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
    if (host->scheme == SCHEME_HTTP && origin->policy.force_ssl_redirect) {
        route->action = ROUTE_REDIRECT_HTTPS;
    } else if (host_tls_bars(host, origin)) {
        make_unavailable(route, BYTES("client certificates cannot be asked for, see the findings"));
    } else if (target.slot == CLUSTER_SLOT_NONE) {
        make_unavailable(route, target.unavailable);
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
    struct route route = route_of(host, claim->origin);
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

static struct route default_route(struct host_pass *host, const struct origin *origin,
                                  struct route_backend *only)
{
    struct route route = route_of(host, origin);

    route.path = BYTES("/");
    route.path_kind = PATH_STRING_PREFIX;
    route.field = BYTES("spec.defaultBackend");
    route.websocket = ingress_policy_has_websocket(&origin->policy, BYTES("/"));
    point_route(host, &route, only, origin, &origin->ingress->default_backend);
    return route;
}

static void tell_younger_default(struct host_pass *host, const struct ingress *younger,
                                 const struct ingress *oldest)
{
    findings_add(&host->findings, false, &younger->object,
                 "spec.defaultBackend: Ingress %.*s/%.*s comes first by age and name, so its "
                 "default backend serves host %.*s",
                 BYTES_ARG(oldest->object.ns), BYTES_ARG(oldest->object.name),
                 BYTES_ARG(host->node->name));
}

/* The default backend of the oldest Ingress that has one serves what no path of the host matches.
 */
static const struct origin *oldest_default(struct host_pass *host)
{
    const struct origin *oldest = NULL, *last = NULL;

    for (uint32_t i = 0; i < host->node->rules.count; i++) {
        const struct origin *origin = host->origins[i];

        if (origin == last || !origin->ingress->default_backend.is_present)
            continue;
        last = origin;
        if (host->scheme == SCHEME_HTTP && !ingress_policy_serves_http(&origin->policy))
            continue;
        if (oldest == NULL)
            oldest = origin;
        else
            tell_younger_default(host, origin->ingress, oldest->ingress);
    }
    return oldest;
}

static void fill_vhost(struct host_pass *host)
{
    const struct origin *oldest;
    struct route route;
    struct route_backend only;

    claims_gather(host);
    for (uint32_t i = 0; i < host->claims_count; i++)
        add_route(host, &host->claims[i]);
    /* Rules without a host have no default of their own: what they leave is the fallback's. */
    oldest = bytes_equal(host->node->name, BYTES("*")) ? NULL : oldest_default(host);
    if (oldest == NULL)
        return;
    route = default_route(host, oldest, &only);
    vhost_builder_set_default(host->vhost, &route);
}

/* Put even when no path could be kept: the host is claimed, and nobody else's rules may answer for
 * it. */
static void compile_http(struct host_pass *host)
{
    const struct host_node *node = host->node;

    if (node->rules.count == 0) {
        builder_remove_vhost(host->pass->builder, SCHEME_HTTP, node->name);
        return;
    }
    host->scheme = SCHEME_HTTP;
    host->vhost = vhost_builder_create(node->name, SCHEME_HTTP);
    fill_vhost(host);
    builder_put_vhost(host->pass->builder, host->vhost);
}

static void compile_https(struct host_pass *host)
{
    const struct tls_sources *sources = host_tls_sources(host);
    struct host_tls resolved;

    if (sources == NULL) {
        builder_remove_vhost(host->pass->builder, SCHEME_HTTPS, host->node->name);
        return;
    }
    host->scheme = SCHEME_HTTPS;
    resolved = host_tls_resolve(host, sources);
    host->vhost = vhost_builder_create(host->node->name, SCHEME_HTTPS);
    vhost_builder_set_tls(host->vhost, resolved.tls, resolved.secret);
    fill_vhost(host);
    builder_put_vhost(host->pass->builder, host->vhost);
    if (resolved.tls != NULL)
        tls_host_unref(resolved.tls);
}

/* An Ingress that has nothing but a default backend is told when an older one takes all. */
static void tell_idle_defaults(struct host_pass *host)
{
    const struct contributors *rules = &host->node->rules;
    const struct ingress *oldest = rules->list[0].ingress;

    for (uint32_t i = 1; i < rules->count; i++) {
        const struct ingress *ingress = rules->list[i].ingress;

        if (ingress->rules_count == 0)
            findings_add(
                &host->findings, false, &ingress->object,
                "spec.defaultBackend: Ingress %.*s/%.*s comes first by age and name, so its "
                "default backend serves the hosts that nobody claims",
                BYTES_ARG(oldest->object.ns), BYTES_ARG(oldest->object.name));
    }
}

/* The oldest default backend of all serves the hosts that nobody claims (design 5.13). */
static void compile_fallback(struct host_pass *host)
{
    const struct contributors *rules = &host->node->rules;
    struct route route;
    struct route_backend only;

    if (rules->count == 0) {
        builder_set_default(host->pass->builder, NULL);
        return;
    }
    route = default_route(host, origin_create(host->pass, rules->list[0].ingress), &only);
    builder_set_default(host->pass->builder, &route);
    tell_idle_defaults(host);
}

static void compile_default_tls(struct host_pass *host)
{
    struct host_tls resolved = host_tls_default(host);

    builder_set_default_tls(host->pass->builder, resolved.tls, resolved.secret);
    if (resolved.tls != NULL)
        tls_host_unref(resolved.tls);
}

static void compile(struct host_pass *host)
{
    if (host->node == host->pass->dag->fallback) {
        compile_fallback(host);
    } else if (host->node == host->pass->dag->default_tls) {
        compile_default_tls(host);
    } else {
        gather_origins(host);
        compile_http(host);
        compile_https(host);
    }
}

void host_compile(struct pass *pass, struct host_node *node)
{
    struct host_pass host = {.pass = pass, .node = node};

    arena_reset(pass->scratch);
    findings_init(&host.findings, pass->scratch);
    use_list_begin(pass->dag, &pass->uses);
    secret_list_begin(&pass->secrets);
    list_remove(&node->dirty);
    compile(&host);
    use_list_end(pass->dag, node, &pass->uses);
    secret_list_end(&pass->dag->secrets, &node->secrets, &pass->secrets);
    emit_replace(pass->emit, &node->findings, &host.findings);
    pass->hosts_compiled += node != pass->dag->default_tls;
    if (!host_has_contributors(node) && node != pass->dag->default_tls)
        dag_forget_host(pass->dag, node);
}
