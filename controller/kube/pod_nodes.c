/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_nodes.c - pods to nodes to addresses.
 *
 * Nodes tell of themselves all day; only a pod that is ready now or no more, and an address that is
 * another, make anything be gathered.
 */
#include "controller/kube/pod_nodes.h"

#include "core/mem.h"

#include <stdlib.h>

/* One block of memory. */
struct place {
    struct bytes key; /* both behind the struct */
    struct bytes value;
};

void pod_nodes_init(struct pod_nodes *nodes)
{
    *nodes = (struct pod_nodes){0};
    map_init(&nodes->pods);
    map_init(&nodes->nodes);
    text_init(&nodes->addresses);
}

static void forget_all(struct map *map)
{
    void *place;
    size_t at = 0;

    while ((place = map_next(map, &at)) != NULL)
        mem_free(place);
    map_fini(map);
}

void pod_nodes_fini(struct pod_nodes *nodes)
{
    forget_all(&nodes->pods);
    forget_all(&nodes->nodes);
    text_fini(&nodes->addresses);
}

static struct place *place_create(const struct served_item *item)
{
    size_t len = item->ns.len + 1 + item->name.len;
    struct place *place = mem_alloc(sizeof(*place) + len + item->current_status.len);
    char *at = (char *)(place + 1);

    place->key = bytes_from(at, len);
    (void)bytes_pack(&at, item->ns);
    *at++ = '/';
    (void)bytes_pack(&at, item->name);
    place->value = bytes_pack(&at, item->current_status);
    return place;
}

void pod_nodes_note(struct pod_nodes *nodes, enum object_kind kind, const struct served_item *item,
                    bool is_gone)
{
    struct map *map = kind == OBJECT_POD ? &nodes->pods : &nodes->nodes;
    struct place *before = map_get_pair(map, item->ns, item->name), *after;
    bool is_nowhere = is_gone || item->current_status.len == 0;

    if (is_nowhere ? before == NULL
                   : before != NULL && bytes_equal(before->value, item->current_status))
        return;
    nodes->is_stale = true;
    if (is_nowhere) {
        mem_free(map_remove(map, before->key));
        return;
    }
    after = place_create(item);
    mem_free(map_put(map, after->key, after));
}

/* ---- gathering ---- */

struct list {
    struct bytes *at; /* owned */
    size_t count;
    size_t capacity;
};

static void list_add(struct list *list, struct bytes address)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 16;
        list->at = mem_resize(list->at, list->capacity * sizeof(*list->at));
    }
    list->at[list->count++] = address;
}

static int compare(const void *a, const void *b)
{
    const struct bytes *left = a, *right = b;

    return bytes_compare(*left, *right);
}

/* Which ones are left out must not depend on the order in which pods came. */
static void sort_once(struct list *list)
{
    size_t kept = 0;

    if (list->count > 1)
        qsort(list->at, list->count, sizeof(*list->at), compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || !bytes_equal(list->at[kept - 1], list->at[i]))
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
}

static void gather(const struct pod_nodes *nodes, struct list *list)
{
    const struct place *pod, *node;
    size_t at = 0;

    while ((pod = map_next(&nodes->pods, &at)) != NULL) {
        struct bytes rest = BYTES_NONE, address;

        node = map_get_pair(&nodes->nodes, BYTES_NONE, pod->value);
        if (node != NULL)
            rest = node->value;
        while (bytes_next_item(&rest, ' ', &address))
            list_add(list, address);
    }
}

bool pod_nodes_gather(struct pod_nodes *nodes)
{
    struct list list = {0};
    struct text fresh;
    bool is_other;

    if (!nodes->is_stale)
        return false;
    nodes->is_stale = false;
    text_init(&fresh);
    gather(nodes, &list);
    sort_once(&list);
    nodes->left_out = list.count > PUBLISHED_MAX ? list.count - PUBLISHED_MAX : 0;
    published_write(list.at, list.count - nodes->left_out, &fresh);
    mem_free(list.at);
    is_other = !bytes_equal(text_bytes(&fresh), text_bytes(&nodes->addresses));
    text_fini(&nodes->addresses);
    nodes->addresses = fresh;
    return is_other;
}
