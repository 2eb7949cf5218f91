/* SPDX-License-Identifier: Apache-2.0 */
/*
 * externals.c - DNS names that Services stand for, and what they resolve to.
 */
#include "controller/compile/dag.h"

#include <stdlib.h>

void external_destroy(struct external *external)
{
    mem_free(external->addresses);
    mem_free(external);
}

static void set_addresses(struct external *external, const struct address *addresses, size_t count)
{
    mem_free(external->addresses);
    external->addresses = NULL;
    external->addresses_count = count;
    if (count == 0)
        return;
    external->addresses = mem_new_array(struct address, count);
    memcpy(external->addresses, addresses, count * sizeof(*addresses));
}

static struct external *external_create(struct dag *dag, struct bytes name)
{
    struct external *external = mem_alloc(sizeof(*external) + name.len);
    const struct external *known = dag->known != NULL ? map_get(dag->known, name) : NULL;

    list_init(&external->services);
    memcpy(external + 1, name.at, name.len);
    external->name = bytes_from((const char *)(external + 1), name.len);
    if (known != NULL)
        set_addresses(external, known->addresses, known->addresses_count);
    (void)map_put(&dag->externals, external->name, external);
    dag->externals_changed = true;
    return external;
}

void dag_set_external(struct dag *dag, struct service_node *service, struct bytes name)
{
    struct external *old = service->external, *fresh = NULL;

    if (old != NULL && bytes_equal(old->name, name))
        return;
    if (name.len > 0) {
        fresh = map_get(&dag->externals, name);
        if (fresh == NULL)
            fresh = external_create(dag, name);
    }
    list_remove(&service->external_link);
    service->external = fresh;
    if (fresh != NULL)
        list_push_back(&fresh->services, &service->external_link);
}

/* At the end of a run, so that a name that passes from one Service to another keeps its answer. */
void dag_forget_unused_externals(struct dag *dag)
{
    struct external *external;
    size_t at = 0;

    while ((external = map_next(&dag->externals, &at)) != NULL) {
        if (!list_is_empty(&external->services))
            continue;
        (void)map_remove(&dag->externals, external->name);
        external_destroy(external);
        dag->externals_changed = true;
    }
}

static int compare_addresses(const void *a, const void *b)
{
    return address_compare(a, b);
}

static size_t sort_addresses(struct address *addresses, size_t count)
{
    size_t kept = 0;

    qsort(addresses, count, sizeof(*addresses), compare_addresses);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !address_equal(&addresses[kept - 1], &addresses[i]))
            addresses[kept++] = addresses[i];
    }
    return kept;
}

bool dag_resolve(struct dag *dag, struct bytes name, const struct address *addresses, size_t count)
{
    struct external *external = map_get(&dag->externals, name);
    struct address *sorted;
    bool is_same;

    if (external == NULL)
        return false;
    sorted = mem_new_array(struct address, count + 1); /* never of size 0 */
    if (count > 0)
        memcpy(sorted, addresses, count * sizeof(*sorted));
    count = sort_addresses(sorted, count);
    is_same = count == external->addresses_count &&
              (count == 0 || memcmp(sorted, external->addresses, count * sizeof(*sorted)) == 0);
    if (!is_same) {
        set_addresses(external, sorted, count);
        LIST_EACH (&external->services, link)
            dag_mark_service(dag, LIST_ENTRY(link, struct service_node, external_link), false);
    }
    mem_free(sorted);
    return !is_same;
}
