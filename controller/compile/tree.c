/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - the walk from the root of a host: who the root is, what it says of TLS, and where
 * delegations lead.
 *
 * What one IngressRoute gets wrong is its own: its other routes, its parents and its siblings are
 * served as if it were right (design 5.3).
 */
#include "controller/compile/permission.h"
#include "controller/compile/tree_parts.h"

#include <stdlib.h>

const struct ingress_route *tree_find(const struct pass *pass, const struct ingress_route *from,
                                      const struct ingress_route_delegate *delegate,
                                      struct bytes *why)
{
    struct bytes ns = tree_delegate_ns(from, delegate);
    const struct ingress_route *found =
        as_ingress_route(cache_get(pass->cache, OBJECT_INGRESS_ROUTE, ns, delegate->name));
    struct bytes reason = BYTES("not found");
    bool is_unwatched;

    if (found != NULL && found->fault.len == 0 && ingress_route_is_ours(pass->classes, found))
        return found;
    if (why == NULL)
        return NULL;
    if (found != NULL && ingress_route_is_ours(pass->classes, found))
        reason = BYTES("cannot be read");
    else if (found != NULL)
        reason = ingress_route_why_not_ours(pass->classes, found, pass->scratch, &is_unwatched);
    *why = plain_printf(pass->scratch, "IngressRoute %.*s/%.*s %.*s", BYTES_ARG(ns),
                        BYTES_ARG(delegate->name), BYTES_ARG(reason));
    return NULL;
}

/* "ns/a -> ns/b -> ns/a", from the root on. */
static void add_way(struct text *out, const struct step *step)
{
    if (step->up != NULL) {
        add_way(out, step->up);
        text_add_str(out, " -> ");
    }
    text_add(out, step->object->object.ns);
    text_add_byte(out, '/');
    text_add(out, step->object->object.name);
}

static bool closes_cycle(const struct step *step, const struct ingress_route *object)
{
    for (; step != NULL; step = step->up) {
        if (step->object == object)
            return true;
    }
    return false;
}

static void tell_cycle(struct walk *walk, const struct step *step, struct bytes field,
                       const char *what, const struct ingress_route *object)
{
    struct text way;

    text_init(&way);
    add_way(&way, step);
    step_fault(walk, step, field, "%s creates a delegation cycle: %.*s -> %.*s/%.*s", what,
               BYTES_ARG(text_bytes(&way)), BYTES_ARG(object->object.ns),
               BYTES_ARG(object->object.name));
    text_fini(&way);
}

/* True when it may be entered. */
static bool may_enter(struct walk *walk, const struct step *step, struct bytes field,
                      const char *what, const struct ingress_route *object)
{
    if (object->is_root) {
        step_fault(walk, step, field,
                   "root ingressroute cannot delegate to another root ingressroute");
        return false;
    }
    if (closes_cycle(step, object)) {
        tell_cycle(walk, step, field, what, object);
        return false;
    }
    if (step->depth >= DELEGATION_DEPTH_MAX)
        tree_tell_depth(walk, step, field, what);
    return step->depth < DELEGATION_DEPTH_MAX;
}

enum delegation delegation_follow(struct walk *walk, const struct step *step, struct bytes field,
                                  const char *what, const struct ingress_route_delegate *delegate,
                                  const struct ingress_route **object, struct bytes *why)
{
    struct pass *pass = walk->host->pass;
    struct bytes ns = tree_delegate_ns(step->object, delegate);

    if (delegate->name.len == 0) {
        *why = DELEGATION_IS_BAD;
        step_fault(walk, step, field, "%s: delegate must name an IngressRoute", what);
        return DELEGATION_REFUSED;
    }
    *object = tree_find(pass, step->object, delegate, why);
    if (*object == NULL) {
        (void)visit_list_add(&pass->dag->trees, &pass->visits, ns, delegate->name);
        return DELEGATION_MISSING;
    }
    *why = DELEGATION_IS_BAD;
    if (may_enter(walk, step, field, what, *object))
        return DELEGATION_FOUND;
    (void)visit_list_add(&pass->dag->trees, &pass->visits, ns, delegate->name);
    return DELEGATION_REFUSED;
}

/* False when the Secret of the root cannot serve; then its status says why. */
static bool has_certificate(struct walk *walk, const struct step *root)
{
    struct host_pass *host = walk->host;
    struct pass *pass = host->pass;
    const struct tls_source source = {&root->object->object, root->object->tls_secret, BYTES_NONE};
    struct secret_ref ref = tls_source_ref(&source);
    struct secret_node *secret = secret_permitted(pass, root->object->object.ns, &ref);
    struct bytes fault;

    if (secret == NULL) {
        step_status(walk, root, "%.*s: certificate delegation not permitted",
                    BYTES_ARG(source.secret));
        return false;
    }
    if (secret_certificate(secret, pass->cache, &fault) != NULL)
        return true;
    step_status(walk, root, "TLS Secret [%.*s] not found or is malformed",
                BYTES_ARG(source.secret));
    return false;
}

/* What the root asks for in spec.virtualhost.tls. */
static enum tree_side resolve_side(struct walk *walk, const struct step *root)
{
    const struct ingress_route *object = root->object;
    struct bytes field = BYTES("spec.virtualhost.tls");

    if (!object->has_tls) {
        if (object->has_tcpproxy)
            step_fault(walk, root, BYTES("spec.tcpproxy"),
                       "Spec.TCPProxy requires that either Spec.TLS.Passthrough or "
                       "Spec.TLS.SecretName be set");
        return TREE_PLAIN;
    }
    if (object->tls_passthrough && object->tls_secret.len > 0) {
        step_fault(walk, root, field,
                   "Spec.VirtualHost.TLS: both Passthrough and SecretName were specified");
        return TREE_BROKEN;
    }
    if (!object->tls_passthrough && object->tls_secret.len == 0) {
        step_fault(walk, root, field,
                   "Spec.VirtualHost.TLS: neither Passthrough nor SecretName were specified");
        return TREE_BROKEN;
    }
    if (object->tls_passthrough && !object->has_tcpproxy) {
        step_fault(walk, root, field,
                   "Spec.VirtualHost.TLS: Passthrough requires Spec.TCPProxy to be set");
        return TREE_BROKEN;
    }
    if (object->tls_passthrough)
        return TREE_TLS;
    return has_certificate(walk, root) ? TREE_TLS : TREE_BROKEN;
}

/* The field goes before the annotation; what neither of them knows is the default. */
static void choose_version(struct walk *walk, const struct step *root, struct origin *origin)
{
    struct bytes written = root->object->tls_version_min;

    if (bytes_equal(written, BYTES("1.3")))
        origin->tls.version_min = TLS_VERSION_1_3;
    else if (bytes_equal(written, BYTES("1.2")))
        origin->tls.version_min = TLS_VERSION_1_2;
    else if (written.len > 0)
        step_tell(walk, root, false,
                  "spec.virtualhost.tls.minimumProtocolVersion: \"%.*s\" is neither 1.2 nor 1.3, "
                  "so it is 1.2",
                  BYTES_ARG(written));
}

static void walk_root(struct walk *walk)
{
    struct host_pass *host = walk->host;
    struct tree *tree = &host->tree;
    const struct object *object = host->node->roots.list[0].object;
    struct origin *origin = origin_create(host->pass, object);
    struct step root = {.object = as_ingress_route(object)};

    step_enter(walk, &root, BYTES_NONE);
    tree->root = origin;
    tree->root_visit = root.visit;
    tree->side = resolve_side(walk, &root);
    tree->is_passthrough = root.object->tls_passthrough && root.object->tls_secret.len == 0;
    choose_version(walk, &root, origin);
    if (tree->side == TREE_PLAIN && origin->tls.client_auth == TLS_CLIENT_AUTH_REQUIRED)
        step_tell(walk, &root, false,
                  "annotation fairlead.dev/client-ca-secret: over plain HTTP nobody is asked for a "
                  "certificate: set spec.virtualhost.tls");
    if (tree->side != TREE_PLAIN && root.object->has_tcpproxy)
        tree->tcp = tree_find_tcp(walk, &root);
    root.portion = shares_plan(&walk->shares, host->pass, root.object);
    tree_walk_routes(walk, &root);
    shares_note_rest(&walk->shares, host->pass);
}

static int compare_names(const void *a, const void *b)
{
    return object_compare(*(const struct object *const *)a, *(const struct object *const *)b);
}

/* "ns/a, ns/b" */
static void add_names(struct walk *walk, struct text *out)
{
    const struct contributors *roots = &walk->host->node->roots;
    const struct object **sorted =
        arena_alloc(walk->host->pass->scratch, roots->count * sizeof(sorted[0]));

    for (uint32_t i = 0; i < roots->count; i++)
        sorted[i] = roots->list[i].object;
    qsort(sorted, roots->count, sizeof(sorted[0]), compare_names);
    for (uint32_t i = 0; i < roots->count; i++)
        text_printf(out, "%s%.*s/%.*s", i > 0 ? ", " : "", BYTES_ARG(sorted[i]->ns),
                    BYTES_ARG(sorted[i]->name));
}

/* The same for all of them, so it is written once: there may be many. */
static struct bytes conflict_text(struct walk *walk)
{
    struct bytes fqdn = quoted(walk->host->pass, walk->host->node->name), text;
    struct text names;

    text_init(&names);
    add_names(walk, &names);
    text =
        plain_printf(walk->host->pass->scratch, "fqdn %.*s is used in multiple IngressRoutes: %.*s",
                     BYTES_ARG(fqdn), BYTES_ARG(text_bytes(&names)));
    text_fini(&names);
    return text;
}

/*
 * None of them serves the host, or who comes first could take it from the others. What one of them
 * wants encrypted stays with them too: with no TLS side of its own the host would fall to a
 * wildcard host, and whoever has that could take it by making a second root.
 */
static void refuse_all(struct walk *walk)
{
    const struct contributors *roots = &walk->host->node->roots;
    struct bytes text = conflict_text(walk);

    for (uint32_t i = 0; i < roots->count; i++) {
        struct step root = {.object = as_ingress_route(roots->list[i].object)};

        step_enter(walk, &root, BYTES_NONE);
        step_fault(walk, &root, BYTES("spec.virtualhost.fqdn"), "%.*s", BYTES_ARG(text));
        if (root.object->has_tls)
            walk->host->tree.side = TREE_BROKEN;
    }
}

void tree_walk(struct host_pass *host)
{
    struct walk walk = {.host = host};

    if (host->node->roots.count == 0)
        return;
    if (host->node->roots.count == 1)
        walk_root(&walk);
    else
        refuse_all(&walk);
    shares_fini(&walk.shares);
}
