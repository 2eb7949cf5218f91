/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prober_follow.c - goes over to the newest table: slot by slot, in pieces, looking only at specs
 * that are others than before.
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/prober_parts.h"

/* A turn of the loop is held for so long, and one cluster more. */
#define WALK_BUDGET_US 1000

static struct place *place_of(struct prober *prober, uint32_t slot)
{
    uint32_t count = prober->places_count;

    if (slot >= count) {
        uint32_t wanted = slot + 1 > count + count / 2 ? slot + 1 : count + count / 2;

        prober->places = mem_resize(prober->places, wanted * sizeof(prober->places[0]));
        memset(prober->places + count, 0, (wanted - count) * sizeof(prober->places[0]));
        prober->places_count = wanted;
    }
    return &prober->places[slot];
}

static void take_uses(struct prober *prober, struct place *place)
{
    const struct cluster_spec *spec = place->spec;
    struct probe_way *way = probe_way_take(&prober->ways, spec);

    place->uses = mem_new_array(struct use, spec->endpoints_count);
    for (uint32_t i = 0; i < spec->endpoints_count; i++) {
        struct use *use = &place->uses[i];

        use->slot = spec->slot;
        use->target = prober_target(prober, way, &spec->endpoints[i].address);
        list_init(&use->link);
        list_push_back(&use->target->uses, &use->link);
    }
    probe_way_unref(way); /* its targets have it now */
}

static void drop_place(struct prober *prober, const struct place *place)
{
    if (place->spec == NULL)
        return;
    for (uint32_t i = 0; place->uses != NULL && i < place->spec->endpoints_count; i++) {
        struct target *target = place->uses[i].target;

        list_remove(&place->uses[i].link);
        if (list_is_empty(&target->uses) && list_is_empty(&target->orphan_link))
            list_push_back(&prober->orphans, &target->orphan_link);
    }
    mem_free(place->uses);
    cluster_spec_unref(place->spec);
}

/* Only at the end of a walk: what one slot has no more, another one may have now. */
static void end_orphans(struct prober *prober)
{
    struct list *link;

    while ((link = list_first(&prober->orphans)) != NULL) {
        struct target *target = LIST_ENTRY(link, struct target, orphan_link);

        list_remove(link);
        if (list_is_empty(&target->uses))
            prober_target_end(target);
    }
}

static void follow_slot(struct prober *prober, uint32_t slot, const struct cluster_spec *spec)
{
    struct place *place = place_of(prober, slot);
    const struct place stale = *place;

    *place = (struct place){.spec = spec == NULL ? NULL : cluster_spec_ref(spec)};
    if (spec != NULL && spec->health != NULL && spec->endpoints_count > 0)
        take_uses(prober, place);
    drop_place(prober, &stale);
}

static bool is_followed(const struct prober *prober, uint32_t slot, const struct cluster_spec *spec)
{
    return slot < prober->places_count ? prober->places[slot].spec == spec : spec == NULL;
}

static void walk(struct prober *prober)
{
    const struct table *table = prober->worker->current.latest->table;
    uint64_t began_us = uv_hrtime() / 1000;

    while (prober->next_slot < prober->end_slot) {
        uint32_t slot = prober->next_slot++;
        const struct cluster_spec *spec = table_cluster(table, slot);

        if (is_followed(prober, slot, spec))
            continue;
        follow_slot(prober, slot, spec);
        if (uv_hrtime() / 1000 - began_us >= WALK_BUDGET_US)
            break;
    }
    if (prober_is_following(prober)) {
        deadline_set(prober->worker->deadlines, &prober->walk_deadline,
                     worker_now_ms(prober->worker) + DEADLINE_TICK_MS);
        return;
    }
    prober->fresh_count = 0;
    end_orphans(prober);
}

static void on_walk_deadline(struct deadline *deadline)
{
    walk(DEADLINE_OWNER(deadline, struct prober, walk_deadline));
}

void prober_follow(struct prober *prober)
{
    uint32_t end = table_slots_end(prober->worker->current.latest->table);

    if (prober->is_stopped)
        return;
    if (prober->settle_by_ms == 0)
        prober->settle_by_ms = worker_now_ms(prober->worker) + PROBER_PATIENCE_MS;
    prober->next_slot = 0;
    prober->end_slot = end > prober->places_count ? end : prober->places_count;
    walk(prober);
}

void prober_follow_init(struct prober *prober)
{
    list_init(&prober->orphans);
    deadline_init(&prober->walk_deadline, on_walk_deadline);
}

void prober_follow_stop(struct prober *prober)
{
    deadline_cancel(prober->worker->deadlines, &prober->walk_deadline);
    prober->end_slot = 0;
}

void prober_follow_fini(struct prober *prober)
{
    for (uint32_t slot = 0; slot < prober->places_count; slot++)
        drop_place(prober, &prober->places[slot]);
    end_orphans(prober);
    mem_free(prober->places);
}
