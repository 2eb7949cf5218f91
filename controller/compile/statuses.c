/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuses.c - from the visits of an IngressRoute to its one status.
 *
 *     cannot be read                        -> invalid, and nothing more is known of it
 *     a root that may not be one            -> invalid, whatever else
 *     visited: with a fault by some host    -> invalid; the first host by name tells it
 *     visited: without                      -> valid; also where only some ways to it are wrong;
 *                                              where others have its places, it tells of that
 *     not visited                           -> orphaned
 *
 * A root is visited by its own host only. So the status is a function of the objects, and not of
 * which of them came last.
 */
#include "controller/compile/ingress_route.h"
#include "controller/compile/root.h"
#include "controller/compile/ways.h"
#include "core/check.h"
#include "route/normal.h"

#define VALID BYTES("valid IngressRoute")
#define ORPHANED                                                                                   \
    BYTES("this IngressRoute is not part of a delegation chain from a root IngressRoute")

/* A status while it is made. */
struct verdict {
    enum object_state state;
    struct text description;
    char room[HOST_LENGTH_MAX];
    struct bytes host; /* of a root, served or not; in room */
};

/* By the names of hosts; visits of one host stand in one array, in the order of its walk. */
static bool is_before(const struct visit *a, const struct visit *b)
{
    int order = b == NULL ? -1 : bytes_compare(a->host->name, b->host->name);

    return order < 0 || (order == 0 && a < b);
}

/* The host whose visit has a fault and whose name comes first; of its visits, the first. */
static const struct visit *first_fault(const struct route_node *node, const struct fit *fit)
{
    const struct visit *first = NULL;

    LIST_EACH (&node->visits, link) {
        const struct visit *visit = LIST_ENTRY(link, struct visit, link);

        if ((visit->fault.len > 0 || ways_count(fit, visit)) && is_before(visit, first))
            first = visit;
    }
    return first;
}

/* The same where a place was lost. NULL: by some way it is served in full. */
static const struct visit *first_lost(const struct route_node *node,
                                      const struct ingress_route *route)
{
    const struct visit *first = NULL;

    LIST_EACH (&node->visits, link) {
        const struct visit *visit = LIST_ENTRY(link, struct visit, link);

        if (!ways_fits(visit, route))
            continue;
        if (visit->lost.len == 0)
            return NULL;
        if (is_before(visit, first))
            first = visit;
    }
    return first;
}

static bool is_reached(const struct route_node *node)
{
    LIST_EACH (&node->visits, link) {
        if (LIST_ENTRY(link, struct visit, link)->is_evaluated)
            return true;
    }
    return false;
}

static void add_fault(const struct fit *fit, const struct visit *visit, struct text *out)
{
    if (ways_count(fit, visit) && (visit->way->is_first || visit->fault.len == 0))
        ways_add_fault(visit, out);
    else
        text_add(out, visit->fault);
}

/* Of what has no fault. */
static void add_fine(const struct route_node *node, const struct ingress_route *route,
                     struct verdict *verdict)
{
    const struct visit *lost = first_lost(node, route);

    verdict->state = is_reached(node) ? OBJECT_VALID : OBJECT_ORPHANED;
    text_add(&verdict->description, verdict->state == OBJECT_VALID ? VALID : ORPHANED);
    if (lost == NULL)
        return;
    text_add_str(&verdict->description, "; ");
    text_add(&verdict->description, lost->lost);
}

static void judge(const struct pass *pass, const struct route_node *node,
                  const struct ingress_route *route, const struct fit *fit, struct verdict *verdict)
{
    const struct visit *fault = first_fault(node, fit);
    enum root_fault refusal = ROOT_FINE;

    if (route->is_root)
        refusal = root_find_host(pass->options, route, verdict->room, &verdict->host);
    if (route->fault.len > 0) {
        verdict->state = OBJECT_INVALID;
        text_add(&verdict->description, route->fault);
    } else if (refusal != ROOT_FINE) {
        verdict->state = OBJECT_INVALID;
        root_add_fault(refusal, route->fqdn, &verdict->description);
    } else if (fault != NULL) {
        verdict->state = OBJECT_INVALID;
        add_fault(fit, fault, &verdict->description);
    } else {
        add_fine(node, route, verdict);
    }
}

static void forget_status(struct trees *trees, struct route_node *node)
{
    trees->is_changed = trees->is_changed || node->has_status;
    mem_bytes_free(node->description);
    mem_bytes_free(node->host);
    node->description = BYTES_NONE;
    node->host = BYTES_NONE;
    node->has_status = false;
}

static void set_status(struct trees *trees, struct route_node *node, const struct verdict *verdict)
{
    if (node->has_status && node->state == verdict->state &&
        bytes_equal(node->host, verdict->host) &&
        bytes_equal(node->description, text_bytes(&verdict->description)))
        return;
    forget_status(trees, node);
    node->has_status = true;
    node->state = verdict->state;
    node->description = mem_bytes(text_bytes(&verdict->description));
    node->host = mem_bytes(verdict->host);
    trees->is_changed = true;
}

static void settle(struct pass *pass, struct route_node *node)
{
    const struct ingress_route *route =
        as_ingress_route(cache_get(pass->cache, OBJECT_INGRESS_ROUTE, node->ns, node->name));
    struct verdict verdict = {0};
    struct fit fit;

    if (route == NULL || !ingress_route_is_ours(pass->classes, route)) {
        forget_status(&pass->dag->trees, node);
        ways_forget(pass, node);
        if (list_is_empty(&node->visits))
            trees_forget(&pass->dag->trees, node);
        return;
    }
    fit = ways_fit(node, route);
    text_init(&verdict.description);
    judge(pass, node, route, &fit, &verdict);
    set_status(&pass->dag->trees, node, &verdict);
    text_fini(&verdict.description);
    ways_tell(pass, node, &route->object, &fit);
}

static void write_all(struct pass *pass)
{
    struct trees *trees = &pass->dag->trees;
    struct object_status *list = mem_new_array(struct object_status, trees->nodes.count + 1);
    const struct route_node *node;
    size_t count = 0, at = 0;

    while ((node = map_next(&trees->nodes, &at)) != NULL) {
        if (node->has_status)
            list[count++] =
                (struct object_status){node->title, node->host, node->description, node->state};
    }
    builder_set_statuses(pass->builder, list, count);
    mem_free(list);
    trees->is_changed = false;
}

void statuses_settle(struct pass *pass)
{
    struct trees *trees = &pass->dag->trees;
    struct list *link;

    while ((link = list_first(&trees->dirty)) != NULL) {
        list_remove(link);
        settle(pass, LIST_ENTRY(link, struct route_node, dirty));
    }
    if (trees->is_changed)
        write_all(pass);
}
