/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - compiles one host: the paths of all its rules, each winner made into a route, once for
 * each scheme.
 *
 *     Ingresses (oldest first) --\
 *     root -> tree.c -> leaves ---> claims.c -> winners -> routes --------> vhost
 *       \------------------------> host_tls.c -> certificates -> tls_host --/
 *
 * Over HTTPS everything is served and nothing redirects; over HTTP what each object allows.
 */
#include "controller/compile/host.h"

#include "controller/compile/backends.h"
#include "controller/compile/ingress.h"

#define CANNOT_ASK BYTES("client certificates cannot be asked for, see the findings")

struct origin *origin_create(struct pass *pass, const struct object *object)
{
    struct origin *origin = arena_new(pass->scratch, struct origin);

    origin->object = object;
    origin->title = object_title(object, pass->scratch);
    ingress_tls_policy_parse(object, &origin->tls, NULL);
    origin->policy.allow_http = true;
    if (object->kind != OBJECT_INGRESS)
        return origin;
    origin->ingress = as_ingress(object);
    ingress_policy_parse(object, &origin->policy, NULL);
    return origin;
}

/* Rules of one Ingress stand side by side, and have one origin. */
static void gather_origins(struct host_pass *host)
{
    const struct contributors *rules = &host->node->rules;

    host->origins = arena_alloc(host->pass->scratch, (rules->count + 1) * sizeof(host->origins[0]));
    for (uint32_t i = 0; i < rules->count; i++) {
        if (i > 0 && rules->list[i].object == rules->list[i - 1].object)
            host->origins[i] = host->origins[i - 1];
        else
            host->origins[i] = origin_create(host->pass, rules->list[i].object);
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
    struct backend_target target =
        backend_resolve(host->pass, origin->object->ns, backend, &usual_way);

    if (target.slot == CLUSTER_SLOT_NONE)
        findings_add(&host->findings, true, origin->object, "%.*s: %.*s", BYTES_ARG(route->field),
                     BYTES_ARG(target.unavailable));
    if (host->scheme == SCHEME_HTTP && origin->policy.force_ssl_redirect) {
        route->action = ROUTE_REDIRECT_HTTPS;
    } else if (host_tls_bars(host, origin)) {
        make_unavailable(route, CANNOT_ASK);
    } else if (target.slot == CLUSTER_SLOT_NONE) {
        make_unavailable(route, target.unavailable);
    } else {
        *only = (struct route_backend){target.slot, 1};
        route->backends = only;
        route->backends_count = 1;
        route->weights_sum = 1;
    }
}

/* Over HTTPS a tree is served as it is, unless its root asks for client certificates and may not.
 */
static void point_https_leaf(const struct host_pass *host, struct route *route)
{
    const struct origin *root = host->tree.root;

    route->hsts = bytes_from(root->tls.hsts, root->tls.hsts_len);
    if (!host_tls_bars(host, root))
        return;
    route->backends_count = 0;
    make_unavailable(route, CANNOT_ASK);
}

/* Clients of a tree with TLS are sent there, but for what its author permits in the open (design
 * 5.2). */
static void point_leaf(const struct host_pass *host, const struct leaf *leaf, struct route *route)
{
    if (host->scheme == SCHEME_HTTPS) {
        point_https_leaf(host, route);
        return;
    }
    if (host->tree.side == TREE_PLAIN || leaf->permits_insecure)
        return;
    route->backends_count = 0;
    if (host->tree.side == TREE_BROKEN)
        make_unavailable(route,
                         BYTES("the host has no certificate to serve it by, see its status"));
    else
        route->action = ROUTE_REDIRECT_HTTPS;
}

static void add_route(struct host_pass *host, const struct claim *claim)
{
    struct route route;
    struct route_backend only;
    const char *error = NULL;

    if (claim->leaf != NULL) {
        route = claim->leaf->route;
        point_leaf(host, claim->leaf, &route);
    } else {
        const struct ingress_path *path = claim_path(claim);

        route = route_of(host, claim->origin);
        route.field = claim_field(host, claim);
        route.websocket = ingress_policy_has_websocket(
            &claim->origin->policy, path->path.len == 0 ? BYTES("/") : path->path);
        point_route(host, &route, &only, claim->origin, &path->backend);
    }
    route.path = claim->path;
    route.path_kind = claim->kind;
    if (vhost_builder_add(host->vhost, &route, &error) != STATUS_OK)
        findings_add(&host->findings, true, claim_object(claim),
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
        if (!host_serves(host, origin))
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
    for (uint32_t i = 0; i < host->tree.gaps_count; i++)
        vhost_builder_add_gap(host->vhost, &host->tree.gaps[i]);
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

    if (node->rules.count + node->roots.count == 0) {
        builder_remove_vhost(host->pass->builder, SCHEME_HTTP, node->name);
        return;
    }
    host->scheme = SCHEME_HTTP;
    host->vhost = vhost_builder_create(node->name, SCHEME_HTTP);
    fill_vhost(host);
    builder_put_vhost(host->pass->builder, host->vhost);
}

/* No HTTP is spoken there, so no Ingress is either. */
static void fill_tcp(struct host_pass *host)
{
    vhost_builder_set_tcp(host->vhost, host->tree.tcp);
    for (uint32_t i = 0; i < host->node->tls.count; i++)
        findings_add(&host->findings, false, host->node->tls.list[i].object,
                     "spec.tls[%u]: %.*s has a tcpproxy, which takes all connections with server "
                     "name %.*s",
                     host->node->tls.list[i].index, BYTES_ARG(host->tree.root->title),
                     BYTES_ARG(host->node->name));
}

/* Rules that HTTP is forbidden for, and that nobody brought to HTTPS. */
static void tell_unserved(struct host_pass *host, const struct origin *origin)
{
    bool is_nameless = bytes_equal(host->node->name, BYTES("*"));
    struct bytes host_is = is_nameless
                               ? BYTES("rules without a host are not served over HTTPS")
                               : plain_printf(host->pass->scratch, "no spec.tls names host %.*s",
                                              BYTES_ARG(host->node->name));

    findings_add(
        &host->findings, false, origin->object,
        "annotation kubernetes.io/ingress.allow-http: it is \"false\", and %.*s, so nobody "
        "is served %s in spec.tls, or leave the annotation out",
        BYTES_ARG(host_is),
        is_nameless ? "by them: give them a host and name it" : "there: name it");
}

static void tell_all_unserved(struct host_pass *host, bool has_https)
{
    const struct origin *last = NULL;

    host->scheme = SCHEME_HTTPS;
    for (uint32_t i = 0; host->node->tls.count == 0 && i < host->node->rules.count; i++) {
        const struct origin *origin = host->origins[i];

        if (origin != last && !ingress_policy_serves_http(&origin->policy) &&
            !(has_https && host_serves(host, origin)))
            tell_unserved(host, origin);
        last = origin;
    }
}

/* False when the host is not served over HTTPS. */
static bool compile_https(struct host_pass *host)
{
    const struct tls_sources *sources = host_tls_sources(host);
    struct host_tls resolved = {0};

    if (sources == NULL && host->tree.side == TREE_PLAIN) {
        builder_remove_vhost(host->pass->builder, SCHEME_HTTPS, host->node->name);
        return false;
    }
    host->scheme = SCHEME_HTTPS;
    if (sources != NULL)
        resolved = host_tls_resolve(host, sources);
    if (host->tree.side == TREE_BROKEN && resolved.tls != NULL) {
        tls_host_unref(resolved.tls);
        resolved.tls = NULL;
    }
    host->vhost = vhost_builder_create(host->node->name, SCHEME_HTTPS);
    vhost_builder_set_tls(host->vhost, resolved.tls, resolved.secret);
    if (host->tree.tcp != NULL && (resolved.tls != NULL || host->tree.is_passthrough))
        fill_tcp(host);
    else if (host->tree.tcp == NULL)
        fill_vhost(host);
    builder_put_vhost(host->pass->builder, host->vhost);
    if (resolved.tls != NULL)
        tls_host_unref(resolved.tls);
    return true;
}

/* An Ingress that has nothing but a default backend is told when an older one takes all. */
static void tell_idle_defaults(struct host_pass *host)
{
    const struct contributors *rules = &host->node->rules;
    const struct ingress *oldest = as_ingress(rules->list[0].object);

    for (uint32_t i = 1; i < rules->count; i++) {
        const struct ingress *ingress = as_ingress(rules->list[i].object);

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
    route = default_route(host, origin_create(host->pass, rules->list[0].object), &only);
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
        tree_walk(host);
        compile_http(host);
        tell_all_unserved(host, compile_https(host));
    }
}

void host_compile(struct pass *pass, struct host_node *node)
{
    struct host_pass host = {.pass = pass, .node = node};

    arena_reset(pass->scratch);
    findings_init(&host.findings, pass->scratch);
    use_list_begin(pass->dag, &pass->uses);
    secret_list_begin(&pass->secrets);
    visit_list_begin(&pass->visits);
    list_remove(&node->dirty);
    compile(&host);
    use_list_end(pass->dag, node, &pass->uses);
    secret_list_end(&pass->dag->secrets, &node->secrets, &pass->secrets);
    visit_list_end(&pass->dag->trees, node, &pass->visits);
    emit_replace(pass->emit, &node->findings, &host.findings);
    pass->hosts_compiled += node != pass->dag->default_tls;
    if (!host_has_contributors(node) && node != pass->dag->default_tls)
        dag_forget_host(pass->dag, node);
}
