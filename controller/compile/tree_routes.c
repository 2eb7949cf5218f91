/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_routes.c - spec.routes of one IngressRoute: leaves, and delegations to follow.
 *
 * What was delegated ends at a segment, and holds on every edge: also a route that only delegates
 * further must lie within it, so nobody gets more than he may give (design 5.4). Paths are compared
 * in the form in which requests are matched, so no "/a/../b" leads out.
 */
#include "controller/compile/annotations.h"
#include "controller/compile/tree_parts.h"
#include "route/normal.h"
#include "route/rewrite.h"

/* One route while it is walked. */
struct part {
    const struct ingress_route_route *route;
    struct bytes field; /* "spec.routes[0]" */
    struct bytes label; /* `route "/blog"` */
    struct bytes path;  /* normal form */
};

/* False when no request could have such a path; then it has been told. */
static bool normalise(struct walk *walk, const struct step *step, struct part *part)
{
    struct bytes written = part->route->match;
    char *room;

    if (written.len == 0 || written.at[0] != '/') {
        step_fault(walk, step, part->field, "%.*s: match must begin with /",
                   BYTES_ARG(part->label));
        return false;
    }
    part->path = written;
    if (path_is_normal(written))
        return true;
    room = arena_alloc(walk->host->pass->scratch, written.len);
    if (path_normalise(written, room, &part->path) != PATH_FINE) {
        step_fault(walk, step, part->field, "%.*s: match is no path that a request can have",
                   BYTES_ARG(part->label));
        return false;
    }
    if (!bytes_equal(part->path, written))
        step_tell(walk, step, false, "%.*s.match: \"%.*s\" is matched in its normal form \"%.*s\"",
                  BYTES_ARG(part->field), BYTES_ARG(written), BYTES_ARG(part->path));
    return true;
}

/* /foo holds /foo, /foo/ and /foo/x, and not /foobar. */
static bool is_within(struct bytes path, struct bytes prefix)
{
    while (prefix.len > 0 && prefix.at[prefix.len - 1] == '/')
        prefix.len--;
    return bytes_starts_with(path, prefix) &&
           (path.len == prefix.len || path.at[prefix.len] == '/');
}

static bool is_contained(struct walk *walk, const struct step *step, const struct part *part)
{
    struct bytes path, prefix;

    if (step->up == NULL || is_within(part->path, step->prefix))
        return true;
    path = quoted(walk->host->pass, part->route->match);
    prefix = quoted(walk->host->pass, step->written);
    step_fault(walk, step, part->field,
               "the path prefix %.*s does not match the parent's path prefix %.*s", BYTES_ARG(path),
               BYTES_ARG(prefix));
    return false;
}

static struct leaf *next_leaf(struct walk *walk)
{
    struct tree *tree = &walk->host->tree;

    if (tree->leaves_count == walk->leaves_capacity) {
        uint32_t wanted = walk->leaves_capacity * 2 + 16;
        struct leaf *leaves = arena_alloc(walk->host->pass->scratch, wanted * sizeof(*leaves));

        if (tree->leaves_count > 0)
            memcpy(leaves, tree->leaves, tree->leaves_count * sizeof(*leaves));
        tree->leaves = leaves;
        walk->leaves_capacity = wanted;
    }
    return &tree->leaves[tree->leaves_count++];
}

static struct leaf *add_leaf(struct walk *walk, const struct step *step, const struct part *part)
{
    struct leaf *leaf = next_leaf(walk);

    if (step->depth > walk->host->tree.depth)
        walk->host->tree.depth = step->depth;
    *leaf = (struct leaf){.object = step->object,
                          .depth = step->depth,
                          .permits_insecure = part->route->permit_insecure,
                          .route = {.path = part->path,
                                    .path_kind = PATH_STRING_PREFIX,
                                    .object = step->title,
                                    .field = part->field,
                                    .via = step->via}};
    return leaf;
}

static void add_unavailable(struct walk *walk, const struct step *step, const struct part *part,
                            struct bytes why)
{
    struct leaf *leaf = add_leaf(walk, step, part);

    leaf->route.action = ROUTE_UNAVAILABLE;
    leaf->route.unavailable = why;
}

/* What is no path must not get into a head, and a request that is not rewritten is not what was
 * asked for. */
static bool set_rewrite(struct walk *walk, const struct step *step, const struct part *part,
                        struct route *route)
{
    struct bytes written = part->route->prefix_rewrite;

    if (written.len == 0 ||
        rewrite_normalise(written, arena_alloc(walk->host->pass->scratch, written.len),
                          &route->prefix_rewrite))
        return true;
    step_fault(
        walk, step,
        plain_printf(walk->host->pass->scratch, "%.*s.prefixRewrite", BYTES_ARG(part->field)),
        "%.*s: prefixRewrite must be a path, and begin with /", BYTES_ARG(part->label));
    return false;
}

static void set_options(struct walk *walk, const struct step *step, const struct part *part,
                        struct route *route)
{
    const struct ingress_route_route *from = part->route;

    route->websocket = from->enable_websockets;
    if (!timeout_parse(from->request_timeout, &route->response_timeout_ms))
        step_tell(walk, step, false,
                  "%.*s.timeoutPolicy.request: \"%.*s\" is no duration such as 90s or 1m30s and no "
                  "infinity, so there is no such limit",
                  BYTES_ARG(part->field), BYTES_ARG(from->request_timeout));
    if (!from->has_retry_policy)
        return;
    route->retry.on = RETRY_ON_5XX;
    route->retry.retries_max = from->retry_count < 1 ? 1 : (uint32_t)from->retry_count;
    if (route->retry.retries_max > RETRIES_MAX) {
        step_tell(walk, step, false,
                  "%.*s.retryPolicy.count: %d is more than the 100 retries there can be",
                  BYTES_ARG(part->field), from->retry_count);
        route->retry.retries_max = RETRIES_MAX;
    }
    if (!timeout_parse(from->per_try_timeout, &route->retry.per_try_timeout_ms))
        step_tell(
            walk, step, false,
            "%.*s.retryPolicy.perTryTimeout: \"%.*s\" is no duration such as 90s or 1m30s, so "
            "there is no such limit",
            BYTES_ARG(part->field), BYTES_ARG(from->per_try_timeout));
}

/* Over plain HTTP nobody is asked for a certificate. */
static void lint_permit(struct walk *walk, const struct step *step, const struct part *part)
{
    if (part->route->permit_insecure &&
        walk->host->tree.root->tls.client_auth == TLS_CLIENT_AUTH_REQUIRED)
        step_tell(
            walk, step, false,
            "%.*s.permitInsecure: the root asks clients for certificates, and over plain HTTP "
            "this route is served without: leave it out",
            BYTES_ARG(part->field));
}

static void walk_services(struct walk *walk, const struct step *step, const struct part *part)
{
    const struct services services = {.list = part->route->services,
                                      .count = part->route->services_count,
                                      .field = part->field,
                                      .label = part->label};
    struct route route = {0};
    struct leaf *leaf;

    set_options(walk, step, part, &route);
    lint_permit(walk, step, part);
    services_point(walk, step, &services, &route);
    if (!set_rewrite(walk, step, part, &route)) {
        route.action = ROUTE_UNAVAILABLE;
        route.unavailable = BYTES("the rewrite is no path, see the status of the IngressRoute");
        route.backends_count = 0;
    }
    leaf = add_leaf(walk, step, part);
    route.path = leaf->route.path;
    route.path_kind = leaf->route.path_kind;
    route.object = leaf->route.object;
    route.field = leaf->route.field;
    route.via = leaf->route.via;
    leaf->route = route;
}

/* The same IngressRoute under the same prefix has the same leaves, which have their places already.
 * So a tree in which all paths lead everywhere is walked once and not once for each path. */
static bool was_seen(struct walk *walk, const struct ingress_route *object, struct bytes prefix)
{
    struct bytes key = plain_printf(walk->host->pass->scratch, "%.*s/%.*s ",
                                    BYTES_ARG(object->object.ns), BYTES_ARG(object->object.name));
    char *whole = arena_alloc(walk->host->pass->scratch, key.len + prefix.len);

    memcpy(whole, key.at, key.len);
    if (prefix.len > 0)
        memcpy(whole + key.len, prefix.at, prefix.len);
    key = bytes_from(whole, key.len + prefix.len);
    return map_put(&walk->seen, key, walk) != NULL;
}

static struct delegation_gap *next_gap(struct walk *walk)
{
    struct tree *tree = &walk->host->tree;

    if (tree->gaps_count == walk->gaps_capacity) {
        uint32_t wanted = walk->gaps_capacity * 2 + 4;
        struct delegation_gap *gaps =
            arena_alloc(walk->host->pass->scratch, wanted * sizeof(*gaps));

        if (tree->gaps_count > 0)
            memcpy(gaps, tree->gaps, tree->gaps_count * sizeof(*gaps));
        tree->gaps = gaps;
        walk->gaps_capacity = wanted;
    }
    return &tree->gaps[tree->gaps_count++];
}

/* Whether all of a prefix has a route, or a gap that was noted further down: of what came since
 * there were so many leaves and gaps. */
static bool is_covered(const struct tree *tree, struct bytes prefix, uint32_t leaves_before,
                       uint32_t gaps_before)
{
    for (uint32_t i = leaves_before; i < tree->leaves_count; i++) {
        if (tree->leaves[i].route.path.len <= prefix.len)
            return true;
    }
    for (uint32_t i = gaps_before; i < tree->gaps_count; i++) {
        if (tree->gaps[i].prefix.len <= prefix.len)
            return true;
    }
    return false;
}

static void enter_child(struct walk *walk, const struct step *child)
{
    const struct tree *tree = &walk->host->tree;
    uint32_t leaves_before = tree->leaves_count, gaps_before = tree->gaps_count;

    tree_walk_routes(walk, child);
    if (!is_covered(tree, child->prefix, leaves_before, gaps_before))
        *next_gap(walk) = (struct delegation_gap){child->prefix, child->via, child->title};
}

static void walk_delegate(struct walk *walk, const struct step *step, const struct part *part)
{
    const struct ingress_route *object = NULL;
    struct bytes field, why;
    struct step child;

    field = plain_printf(walk->host->pass->scratch, "%.*s.delegate", BYTES_ARG(part->field));
    switch (delegation_follow(walk, step, field, "route", &part->route->delegate, &object, &why)) {
    case DELEGATION_FOUND:
        if (was_seen(walk, object, part->path))
            return;
        child = step_enter(walk, object, step, part->path, part->route->match, field);
        enter_child(walk, &child);
        break;
    case DELEGATION_MISSING:
        step_tell(walk, step, true, "%.*s: %.*s, so \"%.*s\" answers 503", BYTES_ARG(field),
                  BYTES_ARG(why), BYTES_ARG(part->path));
        add_unavailable(walk, step, part, why);
        break;
    case DELEGATION_REFUSED:
        add_unavailable(walk, step, part, why);
        break;
    }
}

static void walk_route(struct walk *walk, const struct step *step, uint32_t index)
{
    struct pass *pass = walk->host->pass;
    const struct ingress_route_route *route = &step->object->routes[index];
    bool has_delegate = route->delegate.is_present;
    struct part part = {.route = route};
    struct bytes match = quoted(pass, route->match);

    part.field = plain_printf(pass->scratch, "spec.routes[%u]", index);
    part.label = plain_printf(pass->scratch, "route %.*s", BYTES_ARG(match));
    if (!has_delegate && route->services_count == 0) {
        step_tell(walk, step, false,
                  "%.*s: %.*s has neither services nor delegate and does nothing",
                  BYTES_ARG(part.field), BYTES_ARG(part.label));
        return;
    }
    if (!normalise(walk, step, &part) || !is_contained(walk, step, &part))
        return;
    if (has_delegate && route->services_count > 0) {
        step_fault(walk, step, part.field,
                   "%.*s: cannot specify services and delegate in the same route",
                   BYTES_ARG(part.label));
        add_unavailable(walk, step, &part,
                        BYTES("the route has both services and delegate: keep one of them"));
    } else if (has_delegate) {
        walk_delegate(walk, step, &part);
    } else {
        walk_services(walk, step, &part);
    }
}

void tree_walk_routes(struct walk *walk, const struct step *step)
{
    walk->routes_size += step->object->routes_size;
    for (uint32_t i = 0; i < step->object->routes_count; i++)
        walk_route(walk, step, i);
}
