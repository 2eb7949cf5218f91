/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuses.c - the statuses that objects have on the API server, as last seen.
 *
 * There is one for each Ingress and IngressRoute, so each is one block of memory.
 */
#include "controller/kube/statuses.h"

#include "core/mem.h"

struct known_status {
    struct kube_status status; /* texts behind the struct */
    struct bytes key;
};

void statuses_init(struct statuses *statuses)
{
    *statuses = (struct statuses){0};
}

static void forget_all(struct map *map)
{
    void *known;
    size_t at = 0;

    while ((known = map_next(map, &at)) != NULL)
        mem_free(known);
    map_fini(map);
}

void statuses_fini(struct statuses *statuses)
{
    for (size_t kind = 0; kind < OBJECT_KINDS_COUNT; kind++)
        forget_all(&statuses->known[kind]);
}

static struct known_status *known_create(const struct served_item *item)
{
    size_t len = item->ns.len + 1 + item->name.len + item->uid.len + item->resource_version.len +
                 item->current_status.len + item->status_description.len;
    struct known_status *known = mem_alloc(sizeof(*known) + len);
    char *at = (char *)(known + 1);

    known->key = bytes_from(at, item->ns.len + 1 + item->name.len);
    (void)bytes_pack(&at, item->ns);
    *at++ = '/';
    (void)bytes_pack(&at, item->name);
    known->status = (struct kube_status){
        .uid = bytes_pack(&at, item->uid),
        .resource_version = bytes_pack(&at, item->resource_version),
        .current_status = bytes_pack(&at, item->current_status),
        .description = bytes_pack(&at, item->status_description),
    };
    return known;
}

void statuses_note(struct statuses *statuses, enum object_kind kind, const struct served_item *item,
                   bool is_gone)
{
    struct map *map = &statuses->known[kind];
    struct known_status *known = known_create(item);

    if (!is_gone) {
        mem_free(map_put(map, known->key, known));
        return;
    }
    mem_free(map_remove(map, known->key));
    mem_free(known);
}

bool statuses_get(const struct statuses *statuses, enum object_kind kind, struct bytes ns,
                  struct bytes name, struct kube_status *status)
{
    const struct known_status *known = map_get_pair(&statuses->known[kind], ns, name);

    if (known != NULL)
        *status = known->status;
    return known != NULL;
}
