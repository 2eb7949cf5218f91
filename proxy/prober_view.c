/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prober_view.c - a copy of what is known, a byte for each endpoint.
 */
#include "core/mem.h"
#include "proxy/prober_parts.h"

struct seen {
    const struct cluster_spec *spec; /* compared only */
    size_t states_at;
};

struct prober_view {
    uint32_t count;
    struct seen *seen; /* owned; by slot */
    uint8_t *states;   /* owned; enum endpoint_health */
};

static bool is_probed(const struct place *place)
{
    return place->uses != NULL;
}

static size_t states_count(const struct prober *prober)
{
    size_t count = 0;

    for (uint32_t slot = 0; slot < prober->places_count; slot++)
        if (is_probed(&prober->places[slot]))
            count += prober->places[slot].spec->endpoints_count;
    return count;
}

struct prober_view *prober_view_create(const struct prober *prober)
{
    struct prober_view *view = mem_new(struct prober_view);
    size_t at = 0;

    view->count = prober->places_count;
    view->seen = mem_new_array(struct seen, view->count);
    view->states = mem_alloc(states_count(prober));
    for (uint32_t slot = 0; slot < view->count; slot++) {
        const struct place *place = &prober->places[slot];

        if (!is_probed(place))
            continue;
        view->seen[slot] = (struct seen){place->spec, at};
        for (uint32_t i = 0; i < place->spec->endpoints_count; i++)
            view->states[at++] = (uint8_t)place->uses[i].target->health.state;
    }
    return view;
}

void prober_view_destroy(struct prober_view *view)
{
    if (view == NULL)
        return;
    mem_free(view->seen);
    mem_free(view->states);
    mem_free(view);
}

const char *prober_view_word(void *context, const struct cluster_spec *spec, uint32_t endpoint)
{
    const struct prober_view *view = context;

    if (spec->health == NULL)
        return NULL;
    if (spec->slot >= view->count || view->seen[spec->slot].spec != spec)
        return health_word(HEALTH_UNKNOWN); /* the walk has not come there yet */
    return health_word(
        (enum endpoint_health)view->states[view->seen[spec->slot].states_at + endpoint]);
}
