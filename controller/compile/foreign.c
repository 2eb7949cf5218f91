/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign.c - which hosts objects name that are not ours, and why they are not.
 *
 *     cache -> objects that are not ours -> their hosts -> the first FOREIGN_HOSTS_MAX by name
 *
 * The list is cut now and then while it is gathered, so it is never more than twice as long as what
 * is kept, and what is kept does not depend on the order of the cache.
 */
#include "controller/compile/foreign.h"

#include "controller/compile/ingress.h"
#include "controller/compile/root.h"
#include "route/normal.h"

#include <stdlib.h>

struct gather {
    struct pass *pass;
    struct foreign_host *list; /* mem_resize()d; texts in scratch */
    size_t count;
    size_t capacity;
    uint64_t left_out;
};

static void cut(struct gather *gather)
{
    if (gather->count > 1)
        qsort(gather->list, gather->count, sizeof(gather->list[0]), foreign_host_compare);
    if (gather->count <= FOREIGN_HOSTS_MAX)
        return;
    gather->left_out += gather->count - FOREIGN_HOSTS_MAX;
    gather->count = FOREIGN_HOSTS_MAX;
}

static void add(struct gather *gather, const struct foreign_host *about, struct bytes host)
{
    struct foreign_host *place;

    if (gather->count == (size_t)FOREIGN_HOSTS_MAX * 2)
        cut(gather);
    if (gather->count == gather->capacity) {
        gather->capacity = gather->capacity * 2 + 64;
        gather->list = mem_resize(gather->list, gather->capacity * sizeof(gather->list[0]));
    }
    place = &gather->list[gather->count++];
    *place = *about;
    place->host = arena_copy(gather->pass->scratch, host);
}

/* Rules of one host often stand side by side. */
static void add_ingress(struct gather *gather, const struct ingress *ingress)
{
    struct arena *scratch = gather->pass->scratch;
    struct foreign_host about = {.object = object_title(&ingress->object, scratch)};
    char room[HOST_LENGTH_MAX];

    about.why = ingress_why_not_ours(gather->pass->classes, ingress, scratch, &about.is_unwatched);
    for (uint32_t i = 0; i < ingress->rules_count; i++) {
        struct bytes host = ingress_rule_host(&ingress->rules[i], room);

        if (host.len > 0 &&
            (i == 0 || !bytes_equal(ingress->rules[i].host, ingress->rules[i - 1].host)))
            add(gather, &about, host);
    }
    if (ingress->rules_count == 0 && ingress->default_backend.is_present)
        add(gather, &about, BYTES("*"));
}

static void add_root(struct gather *gather, const struct ingress_route *route)
{
    struct arena *scratch = gather->pass->scratch;
    struct foreign_host about = {.object = object_title(&route->object, scratch)};
    char room[HOST_LENGTH_MAX];
    struct bytes host = BYTES_NONE;

    about.why =
        ingress_route_why_not_ours(gather->pass->classes, route, scratch, &about.is_unwatched);
    (void)root_find_host(gather->pass->options, route, room, &host);
    if (host.len > 0)
        add(gather, &about, host);
}

void foreign_write(struct pass *pass)
{
    struct gather gather = {.pass = pass};
    const struct object *object;
    size_t at = 0;

    arena_reset(pass->scratch);
    while ((object = cache_next(pass->cache, OBJECT_INGRESS, &at)) != NULL) {
        if (!ingress_is_ours(pass->classes, as_ingress(object)))
            add_ingress(&gather, as_ingress(object));
    }
    for (at = 0; (object = cache_next(pass->cache, OBJECT_INGRESS_ROUTE, &at)) != NULL;) {
        const struct ingress_route *route = as_ingress_route(object);

        if (route->is_root && !ingress_route_is_ours(pass->classes, route))
            add_root(&gather, route);
    }
    cut(&gather);
    builder_set_foreign_hosts(pass->builder, gather.list, gather.count, gather.left_out);
    mem_free(gather.list);
}
