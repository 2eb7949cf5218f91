/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_shares.c - shares out one host's tree, before it is walked.
 *
 * Branches stand in heaps, one for the delegations of each IngressRoute that was entered; the first
 * is the one that would have had least once what comes next in it is entered. So the order is that
 * of use, and where it is the same, that of the objects' routes.
 *
 * How deep a portion lies is told by the shortest way that leads there, and the order of use is not
 * that of depth. So what was too deep to delegate further may be reached by a shorter way later,
 * and then goes on from there, in the share of who gave that way: a long way of one takes nothing
 * from the short one of another.
 *
 * Cycles are not looked for: they end, as no portion is entered twice, and the walk tells of them.
 */
#include "controller/compile/tree_shares.h"

#include "controller/compile/tree_parts.h"
#include "core/check.h"
#include "route/normal.h"

/* All limits come to the same in these. */
#define COST_OF_ALL   UINT64_C(4000000)
#define COST_OF_VISIT (COST_OF_ALL / DELEGATION_VISITS_MAX)
#define COST_OF_ROUTE (COST_OF_ALL / TREE_ROUTES_MAX)
#define COST_OF_LOOK  (COST_OF_ALL / TREE_LOOKS_MAX)

/* One way to a portion. */
struct branch {
    struct branch *up; /* NULL at the root */
    struct portion *portion;
    struct branch **heap; /* of its delegations that are not done; once it is open */
    uint32_t count;
    uint64_t order; /* among all branches, as they came */
    uint64_t used;  /* by it and all that is below */
    uint64_t next;  /* what comes next in it would cost */
    bool is_priced; /* next has the routes, too */
    bool is_open;
    bool is_done;
};

struct plan {
    struct shares *shares;
    const struct pass *pass;
    uint64_t visits;
    uint64_t routes;
    uint64_t looks;
    uint64_t branches_count;
};

static bool is_before(const struct branch *a, const struct branch *b)
{
    uint64_t left = a->used + a->next, right = b->used + b->next;

    return left != right ? left < right : a->order < b->order;
}

static void heap_push(struct branch *up, struct branch *branch)
{
    uint32_t at = up->count++;

    for (; at > 0 && is_before(branch, up->heap[(at - 1) / 2]); at = (at - 1) / 2)
        up->heap[at] = up->heap[(at - 1) / 2];
    up->heap[at] = branch;
}

/* The first has changed, or ended. */
static void heap_settle(struct branch *up)
{
    struct branch *moved = up->heap[0];
    uint32_t at = 0, child;

    if (moved->is_done) {
        moved = up->heap[--up->count];
        if (up->count == 0)
            return;
    }
    for (; (child = at * 2 + 1) < up->count; at = child) {
        child += child + 1 < up->count && is_before(up->heap[child + 1], up->heap[child]);
        if (!is_before(up->heap[child], moved))
            break;
        up->heap[at] = up->heap[child];
    }
    up->heap[at] = moved;
}

static struct bytes key_of(struct arena *arena, const struct ingress_route *object,
                           struct bytes prefix)
{
    char *key = arena_alloc(arena, sizeof(object) + prefix.len);

    memcpy(key, &object, sizeof(object));
    if (prefix.len > 0)
        memcpy(key + sizeof(object), prefix.at, prefix.len);
    return bytes_from(key, sizeof(object) + prefix.len);
}

struct portion *shares_find(const struct shares *shares, const struct pass *pass,
                            const struct ingress_route *object, struct bytes prefix)
{
    return map_get(&shares->portions, key_of(pass->scratch, object, prefix));
}

static struct portion *touch(struct plan *plan, const struct ingress_route *object,
                             struct bytes prefix)
{
    struct bytes key = key_of(plan->pass->scratch, object, prefix);
    struct portion *portion = map_get(&plan->shares->portions, key);

    if (portion != NULL)
        return portion;
    portion = arena_new(plan->pass->scratch, struct portion);
    portion->object = object;
    portion->prefix = bytes_skip(key, sizeof(object));
    (void)map_put(&plan->shares->portions, key, portion);
    return portion;
}

static struct route_path path_of(struct arena *arena, struct bytes match)
{
    struct route_path path = {ROUTE_PATH_FINE, match};

    if (match.len == 0 || match.at[0] != '/')
        path.kind = ROUTE_PATH_RELATIVE;
    else if (!path_is_normal(match) &&
             path_normalise(match, arena_alloc(arena, match.len), &path.normal) != PATH_FINE)
        path.kind = ROUTE_PATH_BAD;
    return path;
}

/* An IngressRoute is looked at under many prefixes, so its paths must not be made for each. */
static const struct route_path *paths_of(const struct plan *plan,
                                         const struct ingress_route *object)
{
    struct arena *scratch = plan->pass->scratch;
    struct bytes key = key_of(scratch, object, BYTES_NONE);
    struct route_path *paths = map_get(&plan->shares->paths, key);

    if (paths != NULL)
        return paths;
    paths = arena_alloc(scratch, object->routes_count * sizeof(paths[0]));
    for (uint32_t i = 0; i < object->routes_count; i++)
        paths[i] = path_of(scratch, object->routes[i].match);
    (void)map_put(&plan->shares->paths, key, paths);
    return paths;
}

/* What lies outside the prefix is looked at and nobody's. */
static void measure(const struct plan *plan, struct portion *portion)
{
    const struct ingress_route *object = portion->object;

    portion->paths = paths_of(plan, object);
    for (uint32_t i = 0; i < object->routes_count; i++) {
        const struct ingress_route_route *route = &object->routes[i];
        const struct route_path *path = &portion->paths[i];

        if (path->kind != ROUTE_PATH_FINE || path_is_within(path->normal, portion->prefix))
            portion->routes += route->services_count > 0 ? route->services_count : 1;
    }
    portion->is_measured = true;
}

static void charge(struct branch *branch, uint64_t cost)
{
    for (; branch != NULL; branch = branch->up)
        branch->used += cost;
}

/* Looks where nobody has looked yet, and says what entering would cost. */
static void price(struct plan *plan, struct branch *branch)
{
    struct portion *portion = branch->portion;

    if (!portion->is_measured) {
        measure(plan, portion);
        plan->looks += portion->object->routes_looks;
        charge(branch, portion->object->routes_looks * COST_OF_LOOK);
    }
    branch->next = COST_OF_VISIT + portion->routes * COST_OF_ROUTE;
    branch->is_priced = true;
}

static struct branch *branch_create(struct plan *plan, struct branch *up, struct portion *portion)
{
    struct branch *branch = arena_new(plan->pass->scratch, struct branch);

    branch->up = up;
    branch->portion = portion;
    branch->order = plan->branches_count++;
    branch->next = COST_OF_VISIT + portion->object->routes_looks * COST_OF_LOOK;
    return branch;
}

/* True for what leads further, within what was delegated here. */
static bool is_delegation(const struct portion *portion, uint32_t index)
{
    const struct ingress_route_route *route = &portion->object->routes[index];
    const struct route_path *path = &portion->paths[index];

    return route->delegate.is_present && route->services_count == 0 &&
           path->kind == ROUTE_PATH_FINE && path_is_within(path->normal, portion->prefix);
}

static void add_delegation(struct plan *plan, struct branch *branch, uint32_t index)
{
    struct portion *portion = branch->portion, *below;
    const struct ingress_route *object;

    if (!is_delegation(portion, index))
        return;
    object = tree_find(plan->pass, portion->object, &portion->object->routes[index].delegate, NULL);
    if (object == NULL || object->is_root)
        return;
    below = touch(plan, object, portion->paths[index].normal);
    portion->below[portion->delegations++] = below;
    heap_push(branch, branch_create(plan, branch, below));
}

static uint32_t count_delegations(const struct portion *portion)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < portion->object->routes_count; i++)
        count += is_delegation(portion, i);
    return count;
}

/* What it delegates may follow, unless that lies too deep. */
static void add_delegations(struct plan *plan, struct branch *branch)
{
    struct portion *portion = branch->portion;
    uint32_t room;

    branch->is_open = true;
    if (portion->depth == DELEGATION_DEPTH_MAX)
        return;
    room = count_delegations(portion);
    branch->heap = arena_alloc(plan->pass->scratch, room * sizeof(branch->heap[0]));
    portion->below = arena_alloc(plan->pass->scratch, room * sizeof(portion->below[0]));
    for (uint32_t i = 0; i < portion->object->routes_count; i++)
        add_delegation(plan, branch, i);
}

static uint32_t depth_of(const struct branch *branch)
{
    return branch->up == NULL ? 1 : branch->up->portion->depth + 1;
}

static void open_branch(struct plan *plan, struct branch *branch)
{
    branch->portion->share = SHARE_GIVEN;
    branch->portion->depth = depth_of(branch);
    plan->visits++;
    plan->routes += branch->portion->routes;
    charge(branch, branch->next);
    add_delegations(plan, branch);
}

/* A way of this depth leads there. Finds what was too deep to delegate further and is no more. Each
 * portion can become less deep so often as there are depths, and each is found once. */
static void lower(struct portion *portion, uint32_t depth, struct portion **cut)
{
    if (portion->share != SHARE_GIVEN || portion->depth <= depth)
        return;
    if (portion->depth == DELEGATION_DEPTH_MAX) {
        portion->next_cut = *cut;
        *cut = portion;
    }
    portion->depth = depth;
    for (uint64_t i = 0; i < portion->delegations; i++)
        lower(portion->below[i], depth + 1, cut);
}

/* It has been given and paid for; what it delegates has not. */
static void go_on(struct plan *plan, struct branch *up, struct portion *cut)
{
    struct branch *branch = branch_create(plan, up, cut);

    add_delegations(plan, branch);
    if (branch->count == 0)
        return;
    branch->next = branch->heap[0]->next;
    heap_push(up, branch);
}

/* Another way led there before. */
static void reach_again(struct plan *plan, struct branch *branch)
{
    struct portion *cut = NULL;
    size_t count = 0;

    lower(branch->portion, depth_of(branch), &cut);
    for (const struct portion *at = cut; at != NULL; at = at->next_cut)
        count++;
    branch->heap = arena_alloc(plan->pass->scratch, count * sizeof(branch->heap[0]));
    branch->is_open = true;
    for (; cut != NULL; cut = cut->next_cut)
        go_on(plan, branch, cut);
}

static void refuse(struct branch *branch, enum share share)
{
    branch->portion->share = share;
    branch->is_done = true;
}

/*
 * One step of the one that has had least. What was used never becomes less, so a refusal stands. An
 * IngressRoute is entered whole or not at all: with half of its routes, what belongs to the rest
 * would fall to a shorter prefix.
 */
static void advance(struct plan *plan, struct branch *branch)
{
    struct portion *portion = branch->portion;

    if (portion->share == SHARE_GIVEN)
        reach_again(plan, branch);
    else if (!portion->is_measured && plan->looks + portion->object->routes_looks > TREE_LOOKS_MAX)
        refuse(branch, SHARE_NO_LOOKS);
    else if (!branch->is_priced)
        price(plan, branch);
    else if (plan->routes + portion->routes > TREE_ROUTES_MAX)
        refuse(branch, SHARE_NO_ROUTES);
    else
        open_branch(plan, branch);
}

/* From the branch up: what comes next in each has changed. */
static void settle_up(struct branch *branch)
{
    for (;; branch = branch->up) {
        if (branch->is_open && branch->count == 0)
            branch->is_done = true;
        else if (branch->is_open)
            branch->next = branch->heap[0]->next;
        if (branch->up == NULL)
            return;
        heap_settle(branch->up);
    }
}

struct portion *shares_plan(struct shares *shares, const struct pass *pass,
                            const struct ingress_route *object)
{
    struct plan plan = {.shares = shares, .pass = pass};
    struct branch *root;

    *shares = (struct shares){0};
    map_init(&shares->portions);
    map_init(&shares->paths);
    root = branch_create(&plan, NULL, touch(&plan, object, BYTES_NONE));
    price(&plan, root);
    open_branch(&plan, root);
    root->portion->is_walked = true;
    settle_up(root);
    while (!root->is_done && plan.visits < DELEGATION_VISITS_MAX) {
        struct branch *branch = root;

        while (branch->is_open)
            branch = branch->heap[0];
        advance(&plan, branch);
        settle_up(branch);
    }
    return root->portion;
}

static void note_delegations(struct pass *pass, const struct ingress_route *from)
{
    for (uint32_t i = 0; i < from->routes_count; i++) {
        const struct ingress_route_delegate *delegate = &from->routes[i].delegate;

        if (delegate->is_present)
            (void)visit_list_add(&pass->dag->trees, &pass->visits, tree_delegate_ns(from, delegate),
                                 delegate->name);
    }
}

void shares_note_rest(const struct shares *shares, struct pass *pass)
{
    const struct portion *portion;
    size_t at = 0;

    while ((portion = map_next(&shares->portions, &at)) != NULL) {
        if (portion->share == SHARE_GIVEN && !portion->is_walked)
            note_delegations(pass, portion->object);
    }
}

void shares_fini(struct shares *shares)
{
    map_fini(&shares->portions);
    map_fini(&shares->paths);
}

bool portion_is_greedy(const struct portion *portion, const struct portion *giver)
{
    switch (portion->share) {
    case SHARE_NO_ROUTES:
        return portion->routes > TREE_ROUTES_MAX / (giver->delegations + 1);
    case SHARE_NO_LOOKS:
        return portion->object->routes_looks > TREE_LOOKS_MAX / (giver->delegations + 1);
    case SHARE_NO_VISITS:
    case SHARE_GIVEN:
        break;
    }
    return false;
}
