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

#include <stdlib.h>

/* One route while it is walked. */
struct part {
    const struct ingress_route_route *route;
    struct bytes field; /* "spec.routes[0]" */
    struct bytes label; /* `route "/blog"` */
    struct bytes path;  /* normal form */
};

/* False when no request could have such a path; then it has been told. */
static bool normalise(struct walk *walk, const struct step *step, const struct route_path *path,
                      struct part *part)
{
    struct bytes written = part->route->match;

    part->path = path->normal;
    switch (path->kind) {
    case ROUTE_PATH_FINE:
        break;
    case ROUTE_PATH_RELATIVE:
        step_fault(walk, step, part->field, "%.*s: match must begin with /",
                   BYTES_ARG(part->label));
        return false;
    case ROUTE_PATH_BAD:
        step_fault(walk, step, part->field, "%.*s: match is no path that a request can have",
                   BYTES_ARG(part->label));
        return false;
    }
    if (!bytes_equal(part->path, written))
        step_tell(walk, step, false, "%.*s.match: \"%.*s\" is matched in its normal form \"%.*s\"",
                  BYTES_ARG(part->field), BYTES_ARG(written), BYTES_ARG(part->path));
    return true;
}

static bool is_contained(struct walk *walk, const struct step *step, const struct part *part)
{
    struct bytes path, prefix;

    if (step->up == NULL || path_is_within(part->path, step->prefix))
        return true;
    path = quoted(walk->host->pass, part->route->match);
    prefix = quoted(walk->host->pass, step->written);
    step_way_fault(walk, step, part->field,
                   "the path prefix %.*s does not match the parent's path prefix %.*s",
                   BYTES_ARG(path), BYTES_ARG(prefix));
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

    *leaf = (struct leaf){.object = step->object,
                          .visit = step->visit,
                          .depth = step->depth,
                          .given = step->given,
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

static void make_unavailable(struct route *route, struct bytes why)
{
    route->action = ROUTE_UNAVAILABLE;
    route->unavailable = why;
    route->backends_count = 0;
}

/* A child cannot have clients asked for certificates: that is the host's. Where its root does not
 * either, its routes must not be served without. */
bool step_asks_in_vain(const struct walk *walk, const struct step *step)
{
    const struct tree *tree = &walk->host->tree;
    bool are_asked = tree->root->tls.client_auth == TLS_CLIENT_AUTH_REQUIRED &&
                     tree->side != TREE_PLAIN && !tree->is_passthrough;

    return step->up != NULL && !are_asked && tls_policy_asks(&step->object->object);
}

void step_tell_asks_in_vain(struct walk *walk, const struct step *step)
{
    step_way_fault(walk, step, BYTES("annotation fairlead.dev/client-ca-secret"),
                   "only a root with TLS asks clients for certificates: set it on %.*s, or leave "
                   "it out; until then nothing of this one is served",
                   BYTES_ARG(walk->host->tree.root->title));
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
        make_unavailable(&route,
                         BYTES("the rewrite is no path, see the status of the IngressRoute"));
    }
    if (step_asks_in_vain(walk, step))
        make_unavailable(&route, ASKS_IN_VAIN);
    leaf = add_leaf(walk, step, part);
    route.path = leaf->route.path;
    route.path_kind = leaf->route.path_kind;
    route.object = leaf->route.object;
    route.field = leaf->route.field;
    route.via = leaf->route.via;
    leaf->route = route;
}

/* What is to be entered once all routes have been looked at. */
struct child {
    struct child *next; /* the one before it */
    struct step step;
    struct portion *portion; /* that of the step */
    struct bytes field;
    size_t order;
};

static void add_child(struct walk *walk, const struct step *step, const struct part *part,
                      struct bytes field, const struct ingress_route *object)
{
    struct portion *portion = shares_find(&walk->shares, walk->host->pass, object, part->path);
    struct step below = {.up = step,
                         .object = object,
                         .portion = portion,
                         .prefix = part->path,
                         .written = part->route->match};
    struct child *child;

    if (portion == NULL || portion->share != SHARE_GIVEN) {
        add_unavailable(walk, step, part, tree_tell_excess(walk, &below, portion, field));
        return;
    }
    child = arena_new(walk->host->pass->scratch, struct child);
    *child = (struct child){walk->children, below, portion, field,
                            walk->children == NULL ? 0 : walk->children->order + 1};
    walk->children = child;
}

/* Longer prefixes first, so that what two ways lead to is reached by the one that gives it the
 * better right: see compare_leaves() in claims.c. */
static int compare_children(const void *left, const void *right)
{
    const struct child *a = *(const struct child *const *)left;
    const struct child *b = *(const struct child *const *)right;

    if (a->step.prefix.len != b->step.prefix.len)
        return a->step.prefix.len > b->step.prefix.len ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
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

/* The same IngressRoute under the same prefix has the same leaves, which have their places already.
 * So a tree in which all paths lead everywhere is walked once and not once for each path. */
static void walk_child(struct walk *walk, struct child *child)
{
    const struct tree *tree = &walk->host->tree;
    uint32_t leaves_before = tree->leaves_count, gaps_before = tree->gaps_count;
    const struct step *step = &child->step;

    if (child->portion->is_walked)
        return;
    child->portion->is_walked = true;
    step_enter(walk, &child->step, child->field);
    tree_walk_routes(walk, step);
    if (!is_covered(tree, step->prefix, leaves_before, gaps_before))
        *next_gap(walk) = (struct delegation_gap){step->prefix, step->via, step->title};
}

static void walk_children(struct walk *walk, struct child *last)
{
    size_t count = last == NULL ? 0 : last->order + 1, at = 0;
    struct child **children = arena_alloc(walk->host->pass->scratch, count * sizeof(children[0]));

    for (struct child *child = last; child != NULL; child = child->next)
        children[at++] = child;
    if (count > 1)
        qsort(children, count, sizeof(children[0]), compare_children);
    for (at = 0; at < count; at++)
        walk_child(walk, children[at]);
}

static void walk_delegate(struct walk *walk, const struct step *step, const struct part *part)
{
    const struct ingress_route *object = NULL;
    struct bytes field, why;

    field = plain_printf(walk->host->pass->scratch, "%.*s.delegate", BYTES_ARG(part->field));
    switch (delegation_follow(walk, step, field, "route", &part->route->delegate, &object, &why)) {
    case DELEGATION_FOUND:
        add_child(walk, step, part, field, object);
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

static bool does_nothing(const struct ingress_route_route *route)
{
    return !route->delegate.is_present && route->services_count == 0;
}

/* True when it serves nothing, and so much was told of its like that it is only counted: looking at
 * it is then all that it costs. */
static bool is_beyond_telling(struct walk *walk, const struct step *step,
                              const struct ingress_route_route *route,
                              const struct route_path *path)
{
    if (does_nothing(route))
        return findings_skip(&walk->host->findings, &step->object->object);
    return step->up != NULL && path->kind == ROUTE_PATH_FINE &&
           !path_is_within(path->normal, step->prefix) && !step_may_tell_way(walk, step);
}

static void walk_route(struct walk *walk, const struct step *step, uint32_t index)
{
    struct pass *pass = walk->host->pass;
    const struct ingress_route_route *route = &step->object->routes[index];
    const struct route_path *path = &step->portion->paths[index];
    bool has_delegate = route->delegate.is_present;
    struct part part = {.route = route};
    struct bytes match;

    if (is_beyond_telling(walk, step, route, path))
        return;
    match = quoted(pass, route->match);
    part.field = plain_printf(pass->scratch, "spec.routes[%u]", index);
    part.label = plain_printf(pass->scratch, "route %.*s", BYTES_ARG(match));
    if (does_nothing(route)) {
        step_tell(walk, step, false,
                  "%.*s: %.*s has neither services nor delegate and does nothing",
                  BYTES_ARG(part.field), BYTES_ARG(part.label));
        return;
    }
    if (!normalise(walk, step, path, &part) || !is_contained(walk, step, &part))
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
    walk->children = NULL;
    if (step_asks_in_vain(walk, step))
        step_tell_asks_in_vain(walk, step);
    for (uint32_t i = 0; i < step->object->routes_count; i++)
        walk_route(walk, step, i);
    walk_children(walk, walk->children);
}
