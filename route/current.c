/* SPDX-License-Identifier: Apache-2.0 */
/*
 * current.c - generations on one worker: leased by streams, let go when the last of them ends.
 */
#include "route/current.h"

#include "core/check.h"
#include "core/mem.h"

void current_init(struct current *current, current_release_fn *release, void *context)
{
    *current = (struct current){.release = release, .context = context};
    list_init(&current->generations);
}

static void generation_drop(struct current *current, struct generation *generation)
{
    CHECK(generation->leases == 0);
    list_remove(&generation->link);
    current->release(current->context, generation->table);
    mem_free(generation);
}

void current_fini(struct current *current)
{
    if (current->latest != NULL)
        generation_drop(current, current->latest);
    current->latest = NULL;
    CHECK(list_is_empty(&current->generations));
}

void current_publish(struct current *current, struct table *fresh)
{
    struct generation *stale = current->latest;
    struct generation *generation = mem_new(struct generation);

    CHECK(fresh != NULL);
    generation->table = fresh;
    list_push_front(&current->generations, &generation->link);
    current->latest = generation;
    if (stale != NULL && stale->leases == 0)
        generation_drop(current, stale);
}

struct generation *current_take(struct current *current)
{
    if (current->latest != NULL)
        current->latest->leases++;
    return current->latest;
}

void current_give_back(struct current *current, struct generation *generation)
{
    CHECK(generation->leases > 0);
    generation->leases--;
    if (generation->leases == 0 && generation != current->latest)
        generation_drop(current, generation);
}
