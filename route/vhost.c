/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost.c - a vhost in one block, since there are tens of thousands of them:
 *
 *     struct vhost | routes | default route | tcp route | gaps | backends | text
 */
#include "route/vhost.h"

#include "core/check.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/refs.h"
#include "route/path_tree.h"

#include <stdlib.h>

/* The texts of one vhost, each once. */
struct text_pool {
    struct arena arena; /* of the pooled structs */
    struct map map;     /* text -> pooled; keys are borrowed from the drafts */
    struct text text;
};

struct pooled {
    size_t offset;
};

static void text_pool_init(struct text_pool *pool)
{
    arena_init(&pool->arena, 1024);
    map_init(&pool->map);
    text_init(&pool->text);
}

static void text_pool_fini(struct text_pool *pool)
{
    arena_fini(&pool->arena);
    map_fini(&pool->map);
    text_fini(&pool->text);
}

static void text_pool_add(struct text_pool *pool, struct bytes text)
{
    struct pooled *pooled;

    if (text.len == 0 || map_get(&pool->map, text) != NULL)
        return;
    pooled = arena_new(&pool->arena, struct pooled);
    pooled->offset = pool->text.len;
    text_add(&pool->text, text);
    (void)map_put(&pool->map, text, pooled);
}

static void text_pool_add_route(struct text_pool *pool, const struct route *route)
{
    text_pool_add(pool, route->path);
    text_pool_add(pool, route->object);
    text_pool_add(pool, route->field);
    text_pool_add(pool, route->unavailable);
    text_pool_add(pool, route->hsts);
    text_pool_add(pool, route->via);
    text_pool_add(pool, route->prefix_rewrite);
}

static void text_pool_add_gap(struct text_pool *pool, const struct delegation_gap *gap)
{
    text_pool_add(pool, gap->prefix);
    text_pool_add(pool, gap->via);
    text_pool_add(pool, gap->object);
}

/* The parts of the block while it is filled. */
struct vhost_layout {
    const struct text_pool *pool;
    struct vhost *vhost;
    struct route *routes;
    struct route *further; /* the next free place for one that is not among routes */
    struct delegation_gap *gaps;
    struct route_backend *backends; /* the next free one */
    char *text;
};

static struct bytes layout_text(const struct vhost_layout *layout, struct bytes text)
{
    const struct pooled *pooled;

    if (text.len == 0)
        return BYTES_NONE;
    pooled = map_get(&layout->pool->map, text);
    CHECK(pooled != NULL);
    return bytes_from(layout->text + pooled->offset, text.len);
}

static void layout_route(struct vhost_layout *layout, struct route *to, const struct route *from)
{
    *to = *from;
    to->path = layout_text(layout, from->path);
    to->object = layout_text(layout, from->object);
    to->field = layout_text(layout, from->field);
    to->unavailable = layout_text(layout, from->unavailable);
    to->hsts = layout_text(layout, from->hsts);
    to->via = layout_text(layout, from->via);
    to->prefix_rewrite = layout_text(layout, from->prefix_rewrite);
    to->backends = layout->backends;
    if (from->backends_count > 0)
        memcpy(layout->backends, from->backends, from->backends_count * sizeof(*from->backends));
    layout->backends += from->backends_count;
}

static void layout_init(struct vhost_layout *layout, const struct text_pool *pool,
                        size_t routes_count, size_t gaps_count, size_t backends_count)
{
    size_t routes_size = routes_count * sizeof(struct route);
    size_t gaps_size = gaps_count * sizeof(struct delegation_gap);
    size_t backends_size = backends_count * sizeof(struct route_backend);
    char *block;

    CHECK(pool->text.len <= UINT32_MAX);
    block =
        mem_alloc(sizeof(struct vhost) + routes_size + gaps_size + backends_size + pool->text.len);
    layout->pool = pool;
    layout->vhost = (struct vhost *)(void *)block;
    block += sizeof(struct vhost);
    layout->routes = (struct route *)(void *)block;
    block += routes_size;
    layout->gaps = (struct delegation_gap *)(void *)block;
    block += gaps_size;
    layout->backends = (struct route_backend *)(void *)block;
    layout->text = block + backends_size;
    if (pool->text.len > 0)
        memcpy(layout->text, pool->text.at, pool->text.len);
}

static int compare_drafts(const void *a, const void *b)
{
    const struct route_draft *left = a;
    const struct route_draft *right = b;

    return route_compare(&left->route, &right->route);
}

static void drafts_sort(struct route_draft *drafts, uint32_t count)
{
    if (count == 0)
        return;
    qsort(drafts, count, sizeof(*drafts), compare_drafts);
    for (uint32_t i = 1; i < count; i++)
        CHECK(route_compare(&drafts[i - 1].route, &drafts[i].route) != 0);
}

static struct path_tree *create_paths(const struct vhost *vhost, const char *text,
                                      const struct route_draft *drafts)
{
    struct regex **regexes = mem_new_array(struct regex *, (size_t)vhost->routes_count + 1);
    struct path_tree *tree;
    size_t count = 0;

    for (uint32_t i = 0; i < vhost->routes_count; i++)
        if (drafts[i].route.path_kind == PATH_REGEX)
            regexes[count++] = drafts[i].regex;
    tree = path_tree_create(vhost->routes, vhost->routes_count, text, regexes);
    mem_free(regexes);
    return tree;
}

/* A route that no path leads to; NULL stays NULL. */
static const struct route *layout_further(struct vhost_layout *layout, const struct route *from)
{
    struct route *place = layout->further;

    if (from == NULL)
        return NULL;
    layout->further++;
    layout_route(layout, place, from);
    return place;
}

static void layout_gaps(struct vhost_layout *layout, const struct vhost_parts *parts)
{
    for (uint32_t i = 0; i < parts->gaps_count; i++) {
        const struct delegation_gap *from = &parts->gaps[i];

        layout->gaps[i] = (struct delegation_gap){
            .prefix = layout_text(layout, from->prefix),
            .via = layout_text(layout, from->via),
            .object = layout_text(layout, from->object),
        };
    }
    layout->vhost->gaps_count = parts->gaps_count;
    layout->vhost->gaps = layout->gaps;
}

static void layout_fill(struct vhost_layout *layout, const struct vhost_parts *parts)
{
    struct vhost *vhost = layout->vhost;

    vhost->refs = 1;
    vhost->routes_count = parts->count;
    vhost->scheme = parts->scheme;
    vhost->name = layout_text(layout, parts->name);
    vhost->tls = parts->tls == NULL ? NULL : tls_host_ref(parts->tls);
    vhost->tls_secret = layout_text(layout, parts->tls_secret);
    for (uint32_t i = 0; i < parts->count; i++)
        layout_route(layout, &layout->routes[i], &parts->drafts[i].route);
    vhost->routes = layout->routes;
    layout->further = &layout->routes[parts->count];
    vhost->default_route = layout_further(layout, parts->default_route);
    vhost->tcp = layout_further(layout, parts->tcp);
    layout_gaps(layout, parts);
    vhost->paths = create_paths(vhost, layout->text, parts->drafts);
}

struct vhost *vhost_create(const struct vhost_parts *parts)
{
    const struct route *further[] = {parts->default_route, parts->tcp};
    size_t routes_count = parts->count;
    size_t backends_count = 0;
    struct vhost_layout layout;
    struct text_pool pool;

    drafts_sort(parts->drafts, parts->count);
    text_pool_init(&pool);
    text_pool_add(&pool, parts->name);
    text_pool_add(&pool, parts->tls_secret);
    for (uint32_t i = 0; i < parts->count; i++) {
        text_pool_add_route(&pool, &parts->drafts[i].route);
        backends_count += parts->drafts[i].route.backends_count;
    }
    for (size_t i = 0; i < sizeof(further) / sizeof(further[0]); i++) {
        if (further[i] == NULL)
            continue;
        text_pool_add_route(&pool, further[i]);
        backends_count += further[i]->backends_count;
        routes_count++;
    }
    for (uint32_t i = 0; i < parts->gaps_count; i++)
        text_pool_add_gap(&pool, &parts->gaps[i]);
    layout_init(&layout, &pool, routes_count, parts->gaps_count, backends_count);
    layout_fill(&layout, parts);
    text_pool_fini(&pool);
    return layout.vhost;
}

struct vhost *vhost_ref(struct vhost *vhost)
{
    refs_take(&vhost->refs);
    return vhost;
}

void vhost_unref(struct vhost *vhost)
{
    if (!refs_drop(&vhost->refs))
        return;
    path_tree_destroy(refs_thaw(vhost->paths));
    if (vhost->tls != NULL)
        tls_host_unref(refs_thaw(vhost->tls));
    mem_free(vhost);
}

static bool backends_equal(const struct route *a, const struct route *b)
{
    if (a->backends_count != b->backends_count)
        return false;
    for (uint16_t i = 0; i < a->backends_count; i++)
        if (a->backends[i].cluster_slot != b->backends[i].cluster_slot ||
            a->backends[i].weight != b->backends[i].weight)
            return false;
    return true;
}

static bool retry_equal(const struct retry_policy *a, const struct retry_policy *b)
{
    return a->on == b->on && a->retries_max == b->retries_max &&
           a->per_try_timeout_ms == b->per_try_timeout_ms;
}

bool route_equal(const struct route *a, const struct route *b)
{
    return a->path_kind == b->path_kind && a->action == b->action &&
           a->response_timeout_ms == b->response_timeout_ms && a->websocket == b->websocket &&
           bytes_equal(a->path, b->path) && bytes_equal(a->object, b->object) &&
           bytes_equal(a->field, b->field) && bytes_equal(a->unavailable, b->unavailable) &&
           bytes_equal(a->hsts, b->hsts) && bytes_equal(a->via, b->via) &&
           bytes_equal(a->prefix_rewrite, b->prefix_rewrite) &&
           a->has_affinity_cookie == b->has_affinity_cookie && retry_equal(&a->retry, &b->retry) &&
           backends_equal(a, b);
}

static bool further_equal(const struct route *a, const struct route *b)
{
    return a == b || (a != NULL && b != NULL && route_equal(a, b));
}

static bool gaps_equal(const struct vhost *a, const struct vhost *b)
{
    if (a->gaps_count != b->gaps_count)
        return false;
    for (uint32_t i = 0; i < a->gaps_count; i++)
        if (!bytes_equal(a->gaps[i].prefix, b->gaps[i].prefix) ||
            !bytes_equal(a->gaps[i].via, b->gaps[i].via) ||
            !bytes_equal(a->gaps[i].object, b->gaps[i].object))
            return false;
    return true;
}

bool vhost_equal(const struct vhost *a, const struct vhost *b)
{
    if (a->routes_count != b->routes_count || !bytes_equal(a->name, b->name) ||
        !further_equal(a->default_route, b->default_route) || !further_equal(a->tcp, b->tcp) ||
        a->scheme != b->scheme || !tls_host_equal(a->tls, b->tls) ||
        !bytes_equal(a->tls_secret, b->tls_secret) || !gaps_equal(a, b))
        return false;
    for (uint32_t i = 0; i < a->routes_count; i++)
        if (!route_equal(&a->routes[i], &b->routes[i]))
            return false;
    return true;
}
