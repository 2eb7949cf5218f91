/* SPDX-License-Identifier: Apache-2.0 */
/*
 * services.c - Services and their clusters, and the hosts that lead to them.
 */
#include "controller/compile/dag.h"
#include "core/check.h"

void service_node_destroy(struct service_node *service)
{
    while (service->clusters != NULL) {
        struct cluster_node *cluster = service->clusters;

        service->clusters = cluster->next;
        cluster_node_destroy(service, cluster);
    }
    map_fini(&service->by_way);
    list_remove(&service->dirty);
    list_remove(&service->external_link);
    mem_free(service->secrets.uses);
    mem_free(service);
}

static struct bytes service_key(const struct service_node *service)
{
    return bytes_from(service->ns.at, service->ns.len + 1 + service->name.len);
}

struct service_node *dag_service(const struct dag *dag, struct bytes ns, struct bytes name)
{
    return map_get_pair(&dag->services, ns, name);
}

static struct service_node *service_create(struct dag *dag, struct bytes ns, struct bytes name)
{
    struct service_node *service = mem_alloc(sizeof(*service) + ns.len + 1 + name.len);
    char *text = (char *)(service + 1);

    list_init(&service->dirty);
    list_init(&service->uses);
    list_init(&service->external_link);
    map_init(&service->by_way);
    service->secrets.service = service;
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
    LIST_EACH (&service->uses, link)
        dag_mark_host(dag, LIST_ENTRY(link, struct use, link)->host);
}

struct bytes cluster_node_key(struct arena *arena, struct bytes ns, struct bytes name,
                              const struct cluster_node *cluster)
{
    struct text key;
    struct bytes copy;

    text_init(&key);
    text_printf(&key, "%.*s/%.*s/%d", BYTES_ARG(ns), BYTES_ARG(name), cluster->port);
    text_add(&key, cluster->words);
    copy = arena_copy(arena, text_bytes(&key));
    text_fini(&key);
    return copy;
}

/* The port, as it stands in memory, and the words. */
static struct bytes way_key(const struct cluster_node *cluster)
{
    return bytes_from((const char *)(cluster + 1), sizeof(cluster->port) + cluster->words.len);
}

void cluster_node_destroy(struct service_node *service, struct cluster_node *cluster)
{
    if (service->by_way.count > 0)
        (void)map_remove(&service->by_way, way_key(cluster));
    if (cluster->way != &usual_way)
        mem_free((void *)(uintptr_t)cluster->way);
    mem_free(cluster);
}

static struct cluster_node *cluster_create(int32_t port, const struct way *way, struct bytes words)
{
    struct cluster_node *cluster = mem_alloc(sizeof(*cluster) + sizeof(port) + words.len);
    char *text = (char *)(cluster + 1);

    cluster->port = port;
    cluster->slot = CLUSTER_SLOT_NONE;
    cluster->way = words.len == 0 ? &usual_way : way_copy(way);
    memcpy(text, &port, sizeof(port));
    if (words.len > 0)
        memcpy(text + sizeof(port), words.at, words.len);
    cluster->words = bytes_from(text + sizeof(port), words.len);
    return cluster;
}

/* A Service is used in one way or two; an IngressRoute may ask for a hundred thousand. */
#define CLUSTERS_LOOKED_THROUGH_MAX 16

static struct cluster_node *find_in_map(const struct service_node *service, int32_t port,
                                        struct bytes words)
{
    struct cluster_node *cluster;
    struct text key;

    text_init(&key);
    text_add(&key, bytes_from((const char *)&port, sizeof(port)));
    text_add(&key, words);
    cluster = map_get(&service->by_way, text_bytes(&key));
    text_fini(&key);
    return cluster;
}

/* NULL when there is none, then *count is how many were looked through. */
static struct cluster_node *find_cluster(const struct service_node *service, int32_t port,
                                         struct bytes words, unsigned *count)
{
    struct cluster_node *at = service->clusters;

    *count = 0;
    if (service->by_way.count > 0)
        return find_in_map(service, port, words);
    for (; at != NULL; at = at->next, ++*count) {
        if (at->port == port && bytes_equal(at->words, words))
            return at;
    }
    return NULL;
}

static void begin_map(struct service_node *service)
{
    for (struct cluster_node *at = service->clusters; at != NULL; at = at->next)
        (void)map_put(&service->by_way, way_key(at), at);
}

static struct cluster_node *cluster_of(struct dag *dag, struct service_node *service, int32_t port,
                                       const struct way *way, struct bytes words)
{
    unsigned count;
    struct cluster_node *cluster = find_cluster(service, port, words, &count);

    if (cluster != NULL)
        return cluster;
    cluster = cluster_create(port, way, words);
    cluster->next = service->clusters;
    service->clusters = cluster;
    if (service->by_way.count > 0)
        (void)map_put(&service->by_way, way_key(cluster), cluster);
    else if (count >= CLUSTERS_LOOKED_THROUGH_MAX)
        begin_map(service);
    mark_service(dag, service);
    return cluster;
}

/* Most ways are the usual one, and cost no words. */
static struct cluster_node *cluster_by_way(struct dag *dag, struct service_node *service,
                                           int32_t port, const struct way *way)
{
    struct cluster_node *cluster;
    struct text words;

    if (way == &usual_way)
        return cluster_of(dag, service, port, way, BYTES_NONE);
    text_init(&words);
    way_add_words(way, &words);
    cluster = cluster_of(dag, service, port, way, text_bytes(&words));
    text_fini(&words);
    return cluster;
}

void use_list_begin(struct dag *dag, struct use_list *list)
{
    list->count = 0;
    dag->stamp++;
}

struct cluster_node *use_list_add(struct dag *dag, struct use_list *list, struct bytes ns,
                                  struct bytes name, int32_t port, const struct way *way)
{
    struct service_node *service = dag_service(dag, ns, name);
    struct cluster_node *cluster = NULL;
    uint32_t *stamp;

    if (service == NULL)
        service = service_create(dag, ns, name);
    if (port != 0)
        cluster = cluster_by_way(dag, service, port, way);
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
    CHECK(service->secrets.uses_count == 0);
    dag_set_external(dag, service, BYTES_NONE);
    (void)map_remove(&dag->services, service_key(service));
    service_node_destroy(service);
    return true;
}
