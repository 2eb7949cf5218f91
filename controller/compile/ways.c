/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ways.c - ways to IngressRoutes that are wrong, and who is told.
 */
#include "controller/compile/ways.h"

#include <stdlib.h>

bool ways_fits(const struct visit *visit, const struct ingress_route *route)
{
    return visit->is_evaluated && visit->way == NULL &&
           !(visit->is_of_tcp && route->routes_count > 0);
}

struct fit ways_fit(const struct route_node *node, const struct ingress_route *route)
{
    struct fit fit = {0};

    LIST_EACH (&node->visits, link) {
        const struct visit *visit = LIST_ENTRY(link, struct visit, link);

        if (!ways_fits(visit, route))
            continue;
        fit.is_by_several = fit.is_by_several || (fit.is_any && visit->giver != fit.giver);
        fit.is_any = true;
        fit.giver = visit->giver;
    }
    return fit;
}

/* What is too large for one giver is so even where it fits in once more for the same. */
bool ways_count(const struct fit *fit, const struct visit *visit)
{
    if (visit->way == NULL)
        return false;
    if (!fit->is_any)
        return true;
    return visit->way->is_greedy && !fit->is_by_several && visit->giver == fit->giver;
}

static void add_giver(const struct visit *visit, struct text *out)
{
    text_add_str(out, " (delegated by ");
    text_add_plain(out, visit->giver->title);
    text_add_str(out, " for host ");
    text_add_plain(out, visit->host->name);
    text_add_str(out, ")");
}

void ways_add_fault(const struct visit *visit, struct text *out)
{
    text_add(out, visit->way->first->text);
    add_giver(visit, out);
}

static void tell_child(struct findings *findings, const struct object *object,
                       const struct visit *visit)
{
    for (const struct way_fault *fault = visit->way->first; fault != NULL; fault = fault->next) {
        struct text text;

        text_init(&text);
        add_giver(visit, &text);
        findings_add(findings, true, object, "%.*s: %.*s%.*s", BYTES_ARG(fault->field),
                     BYTES_ARG(fault->text), BYTES_ARG(text_bytes(&text)));
        text_fini(&text);
    }
    findings_leave_out(findings, object, visit->way->left_out);
}

static void tell_giver(struct findings *findings, const struct cache *cache,
                       const struct visit *visit)
{
    const struct route_node *giver = visit->giver;
    const struct object *object = cache_get(cache, OBJECT_INGRESS_ROUTE, giver->ns, giver->name);
    const struct way_fault *fault = visit->way->first;

    if (object != NULL)
        findings_add(findings, false, object,
                     "%.*s: for host %.*s, %.*s does not fit here as it does elsewhere: %.*s: %.*s",
                     BYTES_ARG(visit->way->giver_field), BYTES_ARG(visit->host->name),
                     BYTES_ARG(visit->node->title), BYTES_ARG(fault->field),
                     BYTES_ARG(fault->text));
}

static int compare_visits(const void *left, const void *right)
{
    const struct visit *a = *(const struct visit *const *)left;
    const struct visit *b = *(const struct visit *const *)right;
    int order = a->host == b->host ? 0 : bytes_compare(a->host->name, b->host->name);

    /* Visits of one host stand in one array, in the order of its walk. */
    return order != 0 ? order : (a > b) - (a < b);
}

/* Those that are wrong, by host, so that what is left out does not depend on what came last. */
static const struct visit **gather(struct pass *pass, const struct route_node *node, size_t *count)
{
    const struct visit **visits;
    size_t room = 0;

    *count = 0;
    LIST_EACH (&node->visits, link)
        room += LIST_ENTRY(link, struct visit, link)->way != NULL;
    if (room == 0)
        return NULL;
    visits = arena_alloc(pass->scratch, room * sizeof(visits[0]));
    LIST_EACH (&node->visits, link) {
        const struct visit *visit = LIST_ENTRY(link, struct visit, link);

        if (visit->way != NULL)
            visits[(*count)++] = visit;
    }
    qsort(visits, *count, sizeof(visits[0]), compare_visits);
    return visits;
}

void ways_tell(struct pass *pass, struct route_node *node, const struct object *object,
               const struct fit *fit)
{
    struct findings findings;
    const struct visit **visits;
    size_t count;

    arena_reset(pass->scratch);
    findings_init(&findings, pass->scratch);
    visits = gather(pass, node, &count);
    for (size_t i = 0; i < count; i++) {
        if (ways_count(fit, visits[i]))
            tell_child(&findings, object, visits[i]);
        else
            tell_giver(&findings, pass->cache, visits[i]);
    }
    emit_replace(pass->emit, &node->findings, &findings);
}

void ways_forget(struct pass *pass, struct route_node *node)
{
    struct findings findings;

    findings_init(&findings, pass->scratch);
    emit_replace(pass->emit, &node->findings, &findings);
}
