/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dag.c - hosts and the Ingress rules they are made of; Services and the hosts that lead to them.
 */
#include "controller/compile/dag.h"

#include "core/check.h"

#include <stdlib.h>

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

static void service_destroy(struct service_node *service)
{
    while (service->clusters != NULL) {
        struct cluster_node *cluster = service->clusters;

        service->clusters = cluster->next;
        mem_free(cluster);
    }
    list_remove(&service->dirty);
    list_remove(&service->external_link);
    mem_free(service);
}

static void external_destroy(struct external *external)
{
    mem_free(external->addresses);
    mem_free(external);
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
        service_destroy(node);
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

static struct bytes service_key(const struct service_node *service)
{
    return bytes_from(service->ns.at, service->ns.len + 1 + service->name.len);
}

struct service_node *dag_service(const struct dag *dag, struct bytes ns, struct bytes name)
{
    char small[256], *key = small;
    size_t len = ns.len + 1 + name.len;
    struct service_node *service;

    if (len > sizeof(small))
        key = mem_alloc(len);
    if (ns.len > 0)
        memcpy(key, ns.at, ns.len);
    key[ns.len] = '/';
    if (name.len > 0)
        memcpy(key + ns.len + 1, name.at, name.len);
    service = map_get(&dag->services, bytes_from(key, len));
    if (key != small)
        mem_free(key);
    return service;
}

static struct service_node *service_create(struct dag *dag, struct bytes ns, struct bytes name)
{
    struct service_node *service = mem_alloc(sizeof(*service) + ns.len + 1 + name.len);
    char *text = (char *)(service + 1);

    list_init(&service->dirty);
    list_init(&service->uses);
    list_init(&service->external_link);
    if (ns.len > 0)
        memcpy(text, ns.at, ns.len);
    text[ns.len] = '/';
    if (name.len > 0)
        memcpy(text + ns.len + 1, name.at, name.len);
    service->ns = bytes_from(text, ns.len);
    service->name = bytes_from(text + ns.len + 1, name.len);
    (void)map_put(&dag->services, service_key(service), service);
    return service;
}

static void mark_service(struct dag *dag, struct service_node *service)
{
    if (list_is_empty(&service->dirty))
        list_push_back(&dag->dirty_services, &service->dirty);
}

void dag_mark_service(struct dag *dag, struct service_node *service, bool hosts_too)
{
    service->is_changed = true;
    mark_service(dag, service);
    if (!hosts_too)
        return;
    LIST_EACH(&service->uses, link)
    dag_mark_host(dag, LIST_ENTRY(link, struct use, link)->host);
}

/* Sorted by port, so that what is said about them does not depend on which came first. */
static struct cluster_node *cluster_of(struct dag *dag, struct service_node *service, int32_t port)
{
    struct cluster_node **at = &service->clusters, *cluster;

    while (*at != NULL && (*at)->port < port)
        at = &(*at)->next;
    if (*at != NULL && (*at)->port == port)
        return *at;
    cluster = mem_new(struct cluster_node);
    cluster->port = port;
    cluster->slot = CLUSTER_SLOT_NONE;
    cluster->next = *at;
    *at = cluster;
    mark_service(dag, service);
    return cluster;
}

void use_list_begin(struct dag *dag, struct use_list *list)
{
    list->count = 0;
    dag->stamp++;
}

struct cluster_node *use_list_add(struct dag *dag, struct use_list *list, struct bytes ns,
                                  struct bytes name, int32_t port)
{
    struct service_node *service = dag_service(dag, ns, name);
    struct cluster_node *cluster = NULL;
    uint32_t *stamp;

    if (service == NULL)
        service = service_create(dag, ns, name);
    if (port != 0)
        cluster = cluster_of(dag, service, port);
    stamp = cluster != NULL ? &cluster->stamp : &service->stamp;
    if (*stamp == dag->stamp) /* this host has it in its list already */
        return cluster;
    *stamp = dag->stamp;
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 8;
        list->uses = mem_resize(list->uses, list->capacity * sizeof(struct use));
    }
    list->uses[list->count++] = (struct use){.service = service, .cluster = cluster};
    return cluster;
}

static void use_end(struct dag *dag, struct use *use)
{
    list_remove(&use->link);
    if (use->cluster != NULL)
        use->cluster->uses_count--;
    /* Whether something is unused now is seen when all hosts are done. */
    if (list_is_empty(&use->service->uses) ||
        (use->cluster != NULL && use->cluster->uses_count == 0))
        mark_service(dag, use->service);
}

void use_list_end(struct dag *dag, struct host_node *host, struct use_list *list)
{
    struct use *uses = NULL;

    if (list->count > 0) {
        uses = mem_new_array(struct use, list->count);
        memcpy(uses, list->uses, list->count * sizeof(*uses));
    }
    for (size_t i = 0; i < list->count; i++) {
        uses[i].host = host;
        list_push_back(&uses[i].service->uses, &uses[i].link);
        if (uses[i].cluster != NULL)
            uses[i].cluster->uses_count++;
    }
    for (uint32_t i = 0; i < host->uses_count; i++)
        use_end(dag, &host->uses[i]);
    mem_free(host->uses);
    host->uses = uses;
    host->uses_count = (uint32_t)list->count;
}

bool dag_forget_unused_service(struct dag *dag, struct service_node *service)
{
    if (!list_is_empty(&service->uses))
        return false;
    CHECK(service->clusters == NULL && service->findings == NULL);
    dag_set_external(dag, service, BYTES_NONE);
    (void)map_remove(&dag->services, service_key(service));
    service_destroy(service);
    return true;
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
        LIST_EACH(&external->services, link)
        dag_mark_service(dag, LIST_ENTRY(link, struct service_node, external_link), false);
    }
    mem_free(sorted);
    return !is_same;
}
