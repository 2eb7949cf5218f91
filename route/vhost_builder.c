/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost_builder.c - gathers the routes of one vhost until it is frozen.
 */
#include "core/check.h"
#include "core/mem.h"
#include "route/rewrite.h"
#include "route/vhost.h"

struct vhost_builder {
    struct arena arena;       /* names, texts and backends */
    struct vhost_parts parts; /* drafts and gaps owned, tls a ref, all else in arena */
    uint32_t capacity;
    uint32_t gaps_capacity;
    char error[REGEX_ERROR_MAX];
};

struct vhost_builder *vhost_builder_create(struct bytes name, enum scheme scheme)
{
    struct vhost_builder *builder = mem_new(struct vhost_builder);

    arena_init(&builder->arena, 2048);
    builder->parts.name = arena_copy(&builder->arena, name);
    builder->parts.scheme = scheme;
    return builder;
}

void vhost_builder_set_tls(struct vhost_builder *builder, struct tls_host *host,
                           struct bytes secret)
{
    CHECK(builder->parts.scheme == SCHEME_HTTPS);
    if (builder->parts.tls != NULL)
        tls_host_unref(builder->parts.tls);
    builder->parts.tls = host == NULL ? NULL : tls_host_ref(host);
    builder->parts.tls_secret = arena_copy(&builder->arena, secret);
}

/* Frees the shell; the regexes went into a vhost. */
static void vhost_builder_free(struct vhost_builder *builder)
{
    if (builder->parts.tls != NULL)
        tls_host_unref(builder->parts.tls);
    arena_fini(&builder->arena);
    mem_free(builder->parts.drafts);
    mem_free(builder->parts.gaps);
    mem_free(builder);
}

void vhost_builder_destroy(struct vhost_builder *builder)
{
    for (uint32_t i = 0; i < builder->parts.count; i++)
        regex_destroy(builder->parts.drafts[i].regex);
    vhost_builder_free(builder);
}

struct bytes route_path_of_rule(enum path_kind kind, struct bytes path)
{
    if (kind == PATH_REGEX)
        return path;
    while (kind == PATH_PREFIX && path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    return path.len > 0 ? path : BYTES("/");
}

/* A sum of weights must fit its field whatever the objects say. */
static void copy_backends(struct vhost_builder *builder, struct route *to, const struct route *from)
{
    struct route_backend *backends;
    uint32_t weight_max = from->backends_count > 0 ? UINT32_MAX / from->backends_count : 0;

    to->weights_sum = 0;
    to->backends = NULL;
    if (from->backends_count == 0)
        return;
    backends = arena_alloc(&builder->arena, from->backends_count * sizeof(*backends));
    for (uint16_t i = 0; i < from->backends_count; i++) {
        backends[i] = from->backends[i];
        CHECK(backends[i].cluster_slot != CLUSTER_SLOT_NONE && backends[i].weight > 0);
        if (backends[i].weight > weight_max)
            backends[i].weight = weight_max;
        to->weights_sum += backends[i].weight;
    }
    to->backends = backends;
}

/* The compiler tells of a rewrite that is no path. Should it not, the route keeps its place and
 * forwards nothing. */
static void copy_rewrite(struct vhost_builder *builder, struct route *to, const struct route *from)
{
    struct bytes written = from->prefix_rewrite;
    char *room = arena_alloc(&builder->arena, written.len);

    to->prefix_rewrite = BYTES_NONE;
    if (written.len == 0 || rewrite_normalise(written, room, &to->prefix_rewrite))
        return;
    to->action = ROUTE_UNAVAILABLE;
    to->unavailable = BYTES("the rewrite is no path");
}

static void copy_route(struct vhost_builder *builder, struct route *to, const struct route *from)
{
    struct arena *arena = &builder->arena;

    *to = *from;
    to->path = arena_copy(arena, route_path_of_rule(from->path_kind, from->path));
    to->object = arena_copy(arena, from->object);
    to->field = arena_copy(arena, from->field);
    to->unavailable = arena_copy(arena, from->unavailable);
    to->hsts = arena_copy(arena, from->hsts);
    to->via = arena_copy(arena, from->via);
    copy_rewrite(builder, to, from);
    copy_backends(builder, to, from);
}

static struct route_draft *next_draft(struct vhost_builder *builder)
{
    struct vhost_parts *parts = &builder->parts;

    if (parts->count == builder->capacity) {
        builder->capacity = builder->capacity == 0 ? 8 : builder->capacity * 2;
        parts->drafts = mem_resize(parts->drafts, builder->capacity * sizeof(*parts->drafts));
    }
    return &parts->drafts[parts->count++];
}

enum status vhost_builder_add(struct vhost_builder *builder, const struct route *route,
                              const char **error)
{
    struct route_draft *draft;
    struct regex *regex = NULL;

    if (route->path.len > ROUTE_PATH_MAX) {
        *error = "the path is longer than any request may be";
        return STATUS_INVALID;
    }
    if (route->path_kind == PATH_REGEX &&
        regex_create(route->path, &regex, builder->error) != STATUS_OK) {
        *error = builder->error;
        return STATUS_INVALID;
    }
    draft = next_draft(builder);
    draft->regex = regex;
    copy_route(builder, &draft->route, route);
    return STATUS_OK;
}

void vhost_builder_set_default(struct vhost_builder *builder, const struct route *route)
{
    struct route *copy = arena_new(&builder->arena, struct route);

    copy_route(builder, copy, route);
    builder->parts.default_route = copy;
}

void vhost_builder_set_tcp(struct vhost_builder *builder, const struct route *route)
{
    struct route *copy = arena_new(&builder->arena, struct route);

    CHECK(builder->parts.scheme == SCHEME_HTTPS);
    copy_route(builder, copy, route);
    builder->parts.tcp = copy;
}

void vhost_builder_add_gap(struct vhost_builder *builder, const struct delegation_gap *gap)
{
    struct vhost_parts *parts = &builder->parts;

    if (parts->gaps_count == builder->gaps_capacity) {
        builder->gaps_capacity = builder->gaps_capacity == 0 ? 2 : builder->gaps_capacity * 2;
        parts->gaps = mem_resize(parts->gaps, builder->gaps_capacity * sizeof(*parts->gaps));
    }
    parts->gaps[parts->gaps_count++] = (struct delegation_gap){
        .prefix = arena_copy(&builder->arena, gap->prefix),
        .via = arena_copy(&builder->arena, gap->via),
        .object = arena_copy(&builder->arena, gap->object),
    };
}

bool vhost_builder_is_empty(const struct vhost_builder *builder)
{
    return builder->parts.count == 0 && builder->parts.default_route == NULL &&
           builder->parts.tcp == NULL;
}

struct vhost *vhost_builder_freeze(struct vhost_builder *builder)
{
    struct vhost *vhost = vhost_create(&builder->parts);

    vhost_builder_free(builder);
    return vhost;
}
