/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_excess.c - what is told of delegations beyond the limits of a tree: who has to do what.
 *
 * An IngressRoute that is by itself more than its share is at fault, and not who delegated to it.
 * Where there are too many delegations, it is who makes them.
 */
#include "controller/compile/tree_parts.h"

static const struct excess {
    const char *limit; /* the tree is ... */
    const char *giver; /* the remedy of who delegates */
    const char *own;   /* of what is too large */
} excesses[] = {
    [SHARE_NO_VISITS] = {"larger than 20000 delegations (DELEGATION_VISITS_MAX)",
                         "delegate less often", ""},
    [SHARE_NO_ROUTES] = {"larger than 200000 routes (TREE_ROUTES_MAX)",
                         "delegate less often, or to IngressRoutes with fewer routes",
                         "give it fewer routes and services"},
    [SHARE_NO_LOOKS] = {"larger than 4000000 looks at routes (TREE_LOOKS_MAX)",
                        "delegate less often, or to IngressRoutes with fewer routes",
                        "give it fewer routes, also of those outside of what was delegated"},
};

void tree_tell_depth(struct walk *walk, const struct step *step, struct bytes field,
                     const char *what)
{
    step_way_fault(walk, step, field,
                   "%s: the tree of host %.*s is deeper than 64 delegations (DELEGATION_DEPTH_MAX)",
                   what, BYTES_ARG(walk->host->node->name));
}

/* What is wrong with it is in its own status: once, however many delegate the same to it. */
static struct bytes tell_greedy(struct walk *walk, struct step *child, struct portion *portion,
                                struct bytes field)
{
    const struct excess *excess = &excesses[portion->share];
    struct bytes prefix = quoted(walk->host->pass, child->written);

    step_enter(walk, child, field);
    step_way_fault(
        walk, child, BYTES("spec.routes"),
        "the tree of host %.*s is %s, and what this IngressRoute has below %.*s is more than "
        "its share: %s",
        BYTES_ARG(walk->host->node->name), excess->limit, BYTES_ARG(prefix), excess->own);
    walk->host->pass->visits.visits[child->visit].way->is_greedy = true;
    step_tell(walk, child->up, false,
              "%.*s: %.*s is more than its share of the tree, so %.*s answers 503",
              BYTES_ARG(field), BYTES_ARG(child->title), BYTES_ARG(prefix));
    portion->excess = plain_printf(walk->host->pass->scratch,
                                   "%.*s is more than its share of the tree, see its status",
                                   BYTES_ARG(child->title));
    return portion->excess;
}

struct bytes tree_tell_excess(struct walk *walk, struct step *child, struct portion *portion,
                              struct bytes field)
{
    struct pass *pass = walk->host->pass;
    const struct object *object = &child->object->object;

    if (portion != NULL && portion->excess.len > 0)
        return portion->excess;
    if (portion != NULL && portion_is_greedy(portion, child->up->portion))
        return tell_greedy(walk, child, portion, field);
    (void)visit_list_add(&pass->dag->trees, &pass->visits, object->ns, object->name);
    if (portion == NULL)
        tree_tell_depth(walk, child->up, field, "route");
    else
        step_way_fault(
            walk, child->up, field,
            "route: the tree of host %.*s is %s, and the share of this IngressRoute is used "
            "up: %s",
            BYTES_ARG(walk->host->node->name), excesses[portion->share].limit,
            excesses[portion->share].giver);
    return DELEGATION_IS_BAD;
}
