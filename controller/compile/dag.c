/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dag.c - hosts and the parts of Ingresses they are made of. services.c, externals.c and secrets.c
 * have the rest.
 */
#include "controller/compile/dag.h"

#include "core/check.h"

static struct host_node *host_create(struct bytes name)
{
    struct host_node *host = mem_alloc(sizeof(*host) + name.len);

    list_init(&host->dirty);
    host->secrets.host = host;
    if (name.len > 0)
        memcpy(host + 1, name.at, name.len);
    host->name = bytes_from((const char *)(host + 1), name.len);
    return host;
}

static void contributor_unref(const struct contributor *contributor)
{
    /* The reference is ours to give back; nobody writes through the pointer. */
    object_unref((struct object *)(uintptr_t)contributor->object);
}

static void contributors_clear(struct contributors *contributors)
{
    for (uint32_t i = 0; i < contributors->count; i++)
        contributor_unref(&contributors->list[i]);
    mem_free(contributors->list);
    *contributors = (struct contributors){0};
}

static void host_clear_contributors(struct host_node *host)
{
    contributors_clear(&host->rules);
    contributors_clear(&host->tls);
    contributors_clear(&host->roots);
}

bool host_has_contributors(const struct host_node *host)
{
    return host->rules.count + host->tls.count + host->roots.count > 0;
}

static void host_destroy(struct host_node *host)
{
    host_clear_contributors(host);
    list_remove(&host->dirty);
    mem_free(host->uses);
    mem_free(host->secrets.uses);
    CHECK(host->visits.count == 0);
    mem_free(host);
}

void dag_init(struct dag *dag, const struct map *known)
{
    *dag = (struct dag){.known = known};
    map_init(&dag->hosts);
    map_init(&dag->services);
    map_init(&dag->externals);
    secrets_init(&dag->secrets);
    trees_init(&dag->trees);
    grants_init(&dag->grants);
    list_init(&dag->dirty_hosts);
    list_init(&dag->dirty_services);
    dag->fallback = host_create(BYTES_NONE);
    dag->default_tls = host_create(BYTES_NONE);
}

void dag_fini(struct dag *dag)
{
    size_t at = 0;
    void *node;

    while ((node = map_next(&dag->hosts, &at)) != NULL) {
        host_visits_clear(&dag->trees, &((struct host_node *)node)->visits);
        host_destroy(node);
    }
    for (at = 0; (node = map_next(&dag->services, &at)) != NULL;)
        service_node_destroy(node);
    for (at = 0; (node = map_next(&dag->externals, &at)) != NULL;)
        external_destroy(node);
    host_destroy(dag->fallback);
    host_destroy(dag->default_tls);
    secrets_fini(&dag->secrets);
    trees_fini(&dag->trees);
    grants_fini(&dag->grants);
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

static struct contributors *contributors_of(struct host_node *host, enum contribution contribution)
{
    switch (contribution) {
    case CONTRIBUTION_RULE:
        return &host->rules;
    case CONTRIBUTION_TLS:
        return &host->tls;
    case CONTRIBUTION_ROOT:
        break;
    }
    return &host->roots;
}

/* The place of a contributor in the order, by binary search: its index, or where it would be put.
 */
static uint32_t contributors_find(const struct contributors *contributors,
                                  const struct contributor *wanted, bool *is_there)
{
    uint32_t low = 0, high = contributors->count;

    *is_there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct contributor *other = &contributors->list[middle];
        int order = object_compare_age(wanted->object, other->object);

        if (order == 0)
            order = (wanted->index > other->index) - (wanted->index < other->index);
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

/* Room for one at `at`. Exact for the first, the usual case; doubled from there. */
static void contributors_open(struct contributors *contributors, uint32_t at)
{
    struct contributor *list = contributors->list;

    if (contributors->count == contributors->capacity) {
        contributors->capacity = contributors->capacity == 0 ? 1 : contributors->capacity * 2;
        list = mem_resize(list, contributors->capacity * sizeof(*list));
        contributors->list = list;
    }
    memmove(&list[at + 1], &list[at], (contributors->count - at) * sizeof(*list));
    contributors->count++;
}

void dag_add_contributor(struct dag *dag, struct bytes name, enum contribution contribution,
                         const struct object *object, uint32_t index)
{
    const struct contributor fresh = {object, index};
    struct host_node *host = find_host(dag, name);
    struct contributors *contributors;
    uint32_t at;
    bool is_there;

    if (host == NULL) {
        host = host_create(name);
        (void)map_put(&dag->hosts, host->name, host);
    }
    contributors = contributors_of(host, contribution);
    at = contributors_find(contributors, &fresh, &is_there);
    dag_mark_host(dag, host);
    (void)object_ref((struct object *)(uintptr_t)object);
    if (is_there)
        contributor_unref(&contributors->list[at]);
    else
        contributors_open(contributors, at);
    contributors->list[at] = fresh;
}

void dag_remove_contributor(struct dag *dag, struct bytes name, enum contribution contribution,
                            const struct object *object, uint32_t index)
{
    const struct contributor stale = {object, index};
    struct host_node *host = find_host(dag, name);
    struct contributors *contributors;
    uint32_t at;
    bool is_there = false;

    if (host == NULL)
        return;
    contributors = contributors_of(host, contribution);
    at = contributors_find(contributors, &stale, &is_there);
    if (!is_there)
        return;
    contributor_unref(&contributors->list[at]);
    contributors->count--;
    memmove(&contributors->list[at], &contributors->list[at + 1],
            (contributors->count - at) * sizeof(stale));
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
    CHECK(!host_has_contributors(host) && host->uses_count == 0 && host->findings == NULL);
    if (host == dag->fallback || host == dag->default_tls)
        return;
    CHECK(host->secrets.uses_count == 0);
    (void)map_remove(&dag->hosts, host->name);
    host_destroy(host);
}

static void mark_users(struct dag *dag, struct secret_node *secret)
{
    LIST_EACH (&secret->uses, link) {
        const struct secret_user *user = LIST_ENTRY(link, struct secret_use, link)->user;

        if (user->host != NULL)
            dag_mark_host(dag, user->host);
        else
            dag_mark_service(dag, user->service, false);
    }
}

void dag_mark_secret(struct dag *dag, struct bytes ns, struct bytes name)
{
    struct secret_node *secret = secrets_find(&dag->secrets, ns, name);

    if (secret == NULL)
        return;
    secrets_forget_content(&dag->secrets, secret);
    mark_users(dag, secret);
}

void dag_mark_secret_users(struct dag *dag, struct bytes ns, struct bytes name)
{
    struct secret_node *secret = secrets_find(&dag->secrets, ns, name);

    if (secret != NULL)
        mark_users(dag, secret);
}

void dag_mark_ingress_route(struct dag *dag, struct bytes ns, struct bytes name)
{
    struct route_node *node = trees_touch(&dag->trees, ns, name);

    LIST_EACH (&node->visits, link)
        dag_mark_host(dag, LIST_ENTRY(link, struct visit, link)->host);
}
