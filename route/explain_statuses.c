/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_statuses.c - the IngressRoutes that an explanation meets, or misses: by which way a route
 * was delegated, what is wrong with those of a host, and which nobody delegates to.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/normal.h"
#include "route/words.h"

#define STATUSES_SHOWN_MAX 5
#define GAPS_SHOWN_MAX     5 /* each within the other, or several delegations of one prefix */

static void add_status(struct explainer *explainer, const struct object_status *status)
{
    hints_add_label(explainer->out, "status");
    words_add_text(explainer->out, status->object);
    text_printf(explainer->out, " %s: ", object_state_word(status->state));
    words_add_text(explainer->out, status->description);
    text_add_byte(explainer->out, '\n');
}

/* Statuses are sorted by object. */
static const struct object_status *find_status(const struct table *table, struct bytes object)
{
    size_t low = 0, high = table_statuses_count(table);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct object_status *status = table_status(table, middle);
        int order = bytes_compare(object, status->object);

        if (order == 0)
            return status;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* "Kind ns/name field" without the field. */
static struct bytes object_of(struct bytes hop)
{
    size_t kind = bytes_find(hop, ' ');
    size_t field = kind == BYTES_NOT_FOUND ? kind : bytes_find(bytes_skip(hop, kind + 1), ' ');

    return field == BYTES_NOT_FOUND ? hop : bytes_slice(hop, 0, kind + 1 + field);
}

/* Returns the label of what comes behind the way. */
static const char *add_way(struct explainer *explainer, struct bytes via)
{
    struct bytes rest = via, hop;
    const char *label = "root";

    while (bytes_next_item(&rest, ',', &hop)) {
        hints_add_label(explainer->out, label);
        words_add_text(explainer->out, hop);
        text_add_byte(explainer->out, '\n');
        label = "delegated";
    }
    return label;
}

void explain_add_way(struct explainer *explainer, const struct route *route)
{
    (void)add_way(explainer, route->via);
}

/* Would a route for the gap have come before the one that was found? */
static bool is_before(const struct delegation_gap *gap, const struct vhost *vhost,
                      const struct route *found)
{
    if (found == NULL || found == vhost->default_route)
        return true;
    return found->path_kind != PATH_REGEX && found->path.len < gap->prefix.len;
}

static void add_gap(struct explainer *explainer, const struct delegation_gap *gap)
{
    const struct object_status *status = find_status(explainer->table, gap->object);

    hints_add_label(explainer->out, add_way(explainer, gap->via));
    words_add_text(explainer->out, gap->object);
    text_add_str(explainer->out, " has no route for this path\n");
    if (status != NULL && status->state != OBJECT_VALID)
        add_status(explainer, status);
}

bool explain_add_gaps(struct explainer *explainer, const struct vhost *vhost,
                      const struct route *found)
{
    size_t shown = 0;

    for (uint32_t i = 0; i < vhost->gaps_count; i++) {
        const struct delegation_gap *gap = &vhost->gaps[i];

        if (path_is_within(explainer->path, gap->prefix) && is_before(gap, vhost, found) &&
            shown++ < GAPS_SHOWN_MAX)
            add_gap(explainer, gap);
    }
    return shown > 0;
}

void explain_add_way_statuses(struct explainer *explainer, const struct route *route)
{
    struct bytes rest = route->via, hop;
    const struct object_status *status;

    while (bytes_next_item(&rest, ',', &hop)) {
        status = find_status(explainer->table, object_of(hop));
        if (status != NULL && status->state != OBJECT_VALID)
            add_status(explainer, status);
    }
    status = find_status(explainer->table, route->object);
    if (status != NULL && status->state != OBJECT_VALID)
        add_status(explainer, status);
}

bool explain_add_host_statuses(struct explainer *explainer)
{
    bool is_any = false;

    for (size_t i = 0; i < table_statuses_count(explainer->table); i++) {
        const struct object_status *status = table_status(explainer->table, i);

        if (status->state != OBJECT_INVALID || !bytes_equal(status->host, explainer->host))
            continue;
        add_status(explainer, status);
        explain_add_field_findings(explainer, status->object, BYTES("spec.virtualhost"));
        is_any = true;
    }
    return is_any;
}

void explain_add_orphans(struct explainer *explainer)
{
    size_t shown = 0;

    for (size_t i = 0; i < table_statuses_count(explainer->table); i++) {
        const struct object_status *status = table_status(explainer->table, i);

        if (status->state == OBJECT_ORPHANED && shown++ < STATUSES_SHOWN_MAX)
            add_status(explainer, status);
    }
    if (shown > STATUSES_SHOWN_MAX) {
        hints_add_label(explainer->out, "status");
        words_add_count(explainer->out, shown - STATUSES_SHOWN_MAX, "more orphan");
        text_add_str(explainer->out, ", see the table\n");
    }
    if (shown > 0)
        explain_add_fact(explainer, "hint",
                         "an orphan serves nothing until a root delegates to it: name it under "
                         "spec.routes[].delegate of an IngressRoute that is part of a tree");
}
