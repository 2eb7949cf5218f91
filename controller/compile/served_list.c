/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served_list.c - which Ingresses were taken up or given up, run by run.
 *
 * Changes come between runs and within them, so a list is of all since the end of the last run.
 */
#include "controller/compile/served_list.h"

void served_list_init(struct served_list *served)
{
    *served = (struct served_list){0};
    arena_init(&served->arena, 4096);
}

void served_list_fini(struct served_list *served)
{
    arena_fini(&served->arena);
    mem_free(served->list);
}

/* The first list is of all Ingresses; its memory is not kept. */
void served_list_begin_run(struct served_list *served)
{
    if (!served->is_told)
        return;
    served_list_fini(served);
    served_list_init(served);
}

void served_list_end_run(struct served_list *served)
{
    served->is_told = true;
}

void served_list_add(struct served_list *served, const struct ingress *ingress, bool is_served)
{
    served_list_begin_run(served);
    if (served->count == served->capacity) {
        served->capacity = served->capacity * 2 + 8;
        served->list = mem_resize(served->list, served->capacity * sizeof(struct served_ingress));
    }
    served->list[served->count++] =
        (struct served_ingress){arena_copy(&served->arena, ingress->object.ns),
                                arena_copy(&served->arena, ingress->object.name), is_served};
}
