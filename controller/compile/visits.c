/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visits.c - who reaches which IngressRoute. statuses.c says what that means.
 */
#include "controller/compile/dag.h"
#include "core/check.h"

#define TITLE_PREFIX "IngressRoute "

void trees_init(struct trees *trees)
{
    *trees = (struct trees){0};
    map_init(&trees->nodes);
    list_init(&trees->dirty);
}

static struct bytes node_key(const struct route_node *node)
{
    return bytes_skip(node->title, strlen(TITLE_PREFIX));
}

static void node_destroy(struct route_node *node)
{
    list_remove(&node->dirty);
    mem_bytes_free(node->description);
    mem_bytes_free(node->host);
    mem_free(node);
}

void trees_fini(struct trees *trees)
{
    struct route_node *node;
    size_t at = 0;

    while ((node = map_next(&trees->nodes, &at)) != NULL)
        node_destroy(node);
    map_fini(&trees->nodes);
}

struct route_node *trees_find(const struct trees *trees, struct bytes ns, struct bytes name)
{
    return map_get_pair(&trees->nodes, ns, name);
}

static struct route_node *node_create(struct trees *trees, struct bytes ns, struct bytes name)
{
    size_t prefix = strlen(TITLE_PREFIX), title = prefix + ns.len + 1 + name.len;
    struct route_node *node = mem_alloc(sizeof(*node) + title);
    char *text = (char *)(node + 1);

    list_init(&node->visits);
    list_init(&node->dirty);
    memcpy(text, TITLE_PREFIX, prefix);
    if (ns.len > 0)
        memcpy(text + prefix, ns.at, ns.len);
    text[prefix + ns.len] = '/';
    if (name.len > 0)
        memcpy(text + prefix + ns.len + 1, name.at, name.len);
    node->title = bytes_from(text, title);
    node->ns = bytes_from(text + prefix, ns.len);
    node->name = bytes_from(text + prefix + ns.len + 1, name.len);
    (void)map_put(&trees->nodes, node_key(node), node);
    return node;
}

static void mark(struct trees *trees, struct route_node *node)
{
    if (list_is_empty(&node->dirty))
        list_push_back(&trees->dirty, &node->dirty);
}

struct route_node *trees_touch(struct trees *trees, struct bytes ns, struct bytes name)
{
    struct route_node *node = trees_find(trees, ns, name);

    if (node == NULL)
        node = node_create(trees, ns, name);
    mark(trees, node);
    return node;
}

void trees_forget(struct trees *trees, struct route_node *node)
{
    CHECK(list_is_empty(&node->visits) && !node->has_status && node->findings == NULL);
    (void)map_remove(&trees->nodes, node_key(node));
    node_destroy(node);
}

void visit_list_begin(struct visit_list *list)
{
    list->count = 0;
}

size_t visit_list_add(struct trees *trees, struct visit_list *list, struct bytes ns,
                      struct bytes name)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 8;
        list->visits = mem_resize(list->visits, list->capacity * sizeof(struct visit));
    }
    list->visits[list->count] = (struct visit){.node = trees_touch(trees, ns, name)};
    return list->count++;
}

void visit_list_blame(struct visit_list *list, size_t visit, struct arena *scratch,
                      const struct way_fault *fault, struct bytes giver_field)
{
    struct way_faults *way = list->visits[visit].way;
    struct way_fault *added = arena_new(scratch, struct way_fault);

    *added = *fault;
    if (way == NULL) {
        way = arena_new(scratch, struct way_faults);
        way->giver_field = giver_field;
        way->is_first = list->visits[visit].fault.len == 0;
        way->first = added;
        list->visits[visit].way = way;
    } else {
        way->last->next = added;
    }
    way->last = added;
}

/* Out of the scratch. */
static struct way_faults *way_keep(const struct way_faults *from)
{
    struct way_faults *kept;
    struct way_fault **link;

    if (from == NULL)
        return NULL;
    kept = mem_new(struct way_faults);
    *kept = *from;
    kept->giver_field = mem_bytes(from->giver_field);
    link = &kept->first;
    for (const struct way_fault *fault = from->first; fault != NULL; fault = fault->next) {
        kept->last = mem_new(struct way_fault);
        kept->last->field = mem_bytes(fault->field);
        kept->last->text = mem_bytes(fault->text);
        *link = kept->last;
        link = &kept->last->next;
    }
    *link = NULL;
    return kept;
}

static void way_destroy(struct way_faults *way)
{
    struct way_fault *next;

    if (way == NULL)
        return;
    for (struct way_fault *fault = way->first; fault != NULL; fault = next) {
        next = fault->next;
        mem_bytes_free(fault->field);
        mem_bytes_free(fault->text);
        mem_free(fault);
    }
    mem_bytes_free(way->giver_field);
    mem_free(way);
}

void host_visits_clear(struct trees *trees, struct host_visits *visits)
{
    for (size_t i = 0; i < visits->count; i++) {
        struct visit *visit = &visits->list[i];

        list_remove(&visit->link);
        mark(trees, visit->node);
        mem_bytes_free(visit->fault);
        mem_bytes_free(visit->lost);
        way_destroy(visit->way);
    }
    mem_free(visits->list);
    *visits = (struct host_visits){0};
}

void visit_list_end(struct trees *trees, struct host_node *host, struct visit_list *list)
{
    struct host_visits fresh = {NULL, list->count};

    if (list->count > 0) {
        fresh.list = mem_new_array(struct visit, list->count);
        memcpy(fresh.list, list->visits, list->count * sizeof(struct visit));
    }
    for (size_t i = 0; i < fresh.count; i++) {
        struct visit *visit = &fresh.list[i];

        visit->host = host;
        visit->fault = mem_bytes(visit->fault);
        visit->lost = mem_bytes(visit->lost);
        visit->way = way_keep(visit->way);
        list_push_back(&visit->node->visits, &visit->link);
    }
    host_visits_clear(trees, &host->visits);
    host->visits = fresh;
}
