/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dag.c - hosts and the Ingress rules they are made of. services.c and externals.c have the rest.
 */
#include "controller/compile/dag.h"

#include "core/check.h"

static struct host_node *host_create(struct bytes name)
{
    struct host_node *host = mem_alloc(sizeof(*host) + name.len);

    list_init(&host->dirty);
    if (name.len > 0)
        memcpy(host + 1, name.at, name.len);
    host->name = bytes_from((const char *)(host + 1), name.len);
    return host;
}

static void contributor_unref(const struct contributor *contributor)
{
    /* The reference is ours to give back; nobody writes through the pointer. */
    object_unref((struct object *)(uintptr_t)&contributor->ingress->object);
}

static void host_clear_contributors(struct host_node *host)
{
    for (uint32_t i = 0; i < host->contributors_count; i++)
        contributor_unref(&host->contributors[i]);
    mem_free(host->contributors);
    host->contributors = NULL;
    host->contributors_count = 0;
    host->contributors_capacity = 0;
}

static void host_destroy(struct host_node *host)
{
    host_clear_contributors(host);
    list_remove(&host->dirty);
    mem_free(host->uses);
    mem_free(host);
}

void dag_init(struct dag *dag, const struct map *known)
{
    *dag = (struct dag){.known = known};
    map_init(&dag->hosts);
    map_init(&dag->services);
    map_init(&dag->externals);
    list_init(&dag->dirty_hosts);
    list_init(&dag->dirty_services);
    dag->fallback = host_create(BYTES_NONE);
}

void dag_fini(struct dag *dag)
{
    size_t at = 0;
    void *node;

    while ((node = map_next(&dag->hosts, &at)) != NULL)
        host_destroy(node);
    for (at = 0; (node = map_next(&dag->services, &at)) != NULL;)
        service_node_destroy(node);
    for (at = 0; (node = map_next(&dag->externals, &at)) != NULL;)
        external_destroy(node);
    host_destroy(dag->fallback);
    map_fini(&dag->hosts);
    map_fini(&dag->services);
    map_fini(&dag->externals);
}

void dag_mark_host(struct dag *dag, struct host_node *host)
{
    if (list_is_empty(&host->dirty))
        list_push_back(&dag->dirty_hosts, &host->dirty);
}

static struct host_node *find_host(const struct dag *dag, struct bytes name)
{
    return name.len == 0 ? dag->fallback : map_get(&dag->hosts, name);
}

/* The place of a contributor in the host's order, by binary search: its index, or where it would be
 * put. */
static uint32_t contributor_index(const struct host_node *host, const struct ingress *ingress,
                                  uint32_t rule, bool *is_there)
{
    uint32_t low = 0, high = host->contributors_count;

    *is_there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct contributor *other = &host->contributors[middle];
        int order = object_compare_age(&ingress->object, &other->ingress->object);

        if (order == 0)
            order = (rule > other->rule) - (rule < other->rule);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Room for one at `index`. Exact for the first, the usual case; doubled from there. */
static void contributors_open(struct host_node *host, uint32_t index)
{
    if (host->contributors_count == host->contributors_capacity) {
        host->contributors_capacity =
            host->contributors_capacity == 0 ? 1 : host->contributors_capacity * 2;
        host->contributors = mem_resize(host->contributors,
                                        host->contributors_capacity * sizeof(struct contributor));
    }
    memmove(&host->contributors[index + 1], &host->contributors[index],
            (host->contributors_count - index) * sizeof(struct contributor));
    host->contributors_count++;
}

void dag_add_contributor(struct dag *dag, struct bytes name, const struct ingress *ingress,
                         uint32_t rule)
{
    struct host_node *host = find_host(dag, name);
    uint32_t index;
    bool is_there;

    if (host == NULL) {
        host = host_create(name);
        (void)map_put(&dag->hosts, host->name, host);
    }
    index = contributor_index(host, ingress, rule, &is_there);
    dag_mark_host(dag, host);
    (void)object_ref((struct object *)(uintptr_t)&ingress->object);
    if (is_there)
        contributor_unref(&host->contributors[index]);
    else
        contributors_open(host, index);
    host->contributors[index] = (struct contributor){ingress, rule};
}

void dag_remove_contributor(struct dag *dag, struct bytes name, const struct ingress *ingress,
                            uint32_t rule)
{
    struct host_node *host = find_host(dag, name);
    uint32_t index;
    bool is_there = false;

    if (host == NULL)
        return;
    index = contributor_index(host, ingress, rule, &is_there);
    if (!is_there)
        return;
    contributor_unref(&host->contributors[index]);
    host->contributors_count--;
    memmove(&host->contributors[index], &host->contributors[index + 1],
            (host->contributors_count - index) * sizeof(struct contributor));
    dag_mark_host(dag, host);
}

void dag_clear_contributors(struct dag *dag)
{
    struct host_node *host;
    size_t at = 0;

    while ((host = map_next(&dag->hosts, &at)) != NULL) {
        host_clear_contributors(host);
        dag_mark_host(dag, host);
    }
    host_clear_contributors(dag->fallback);
    dag_mark_host(dag, dag->fallback);
}

void dag_forget_host(struct dag *dag, struct host_node *host)
{
    CHECK(host->contributors_count == 0 && host->uses_count == 0 && host->findings == NULL);
    if (host == dag->fallback)
        return;
    (void)map_remove(&dag->hosts, host->name);
    host_destroy(host);
}
