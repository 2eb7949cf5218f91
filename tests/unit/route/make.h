/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.h - small tables for tests, in few words.
 *
 *     struct maker maker = maker_begin(NULL);
 *     maker_host(&maker, "app.example.com");
 *     maker_route(&maker, PATH_PREFIX, "/api", "default/api/80");
 *     struct table *table = maker_finish(&maker);
 */
#ifndef TESTS_UNIT_ROUTE_MAKE_H
#define TESTS_UNIT_ROUTE_MAKE_H

#include "core/mem.h"
#include "core/text.h"
#include "route/builder.h"
#include "route/dump.h"
#include "route/match.h"
#include "tests/unit/unit.h"

struct maker {
    struct builder *builder;
    struct vhost_builder *vhost; /* the host begun last */
};

static inline struct maker maker_begin(struct table *previous)
{
    return (struct maker){builder_create(previous), NULL};
}

/* Puts the host begun before. */
static inline void maker_host(struct maker *maker, const char *name)
{
    if (maker->vhost != NULL)
        builder_put_vhost(maker->builder, maker->vhost);
    maker->vhost = name == NULL ? NULL : vhost_builder_create(bytes_of(name), SCHEME_HTTP);
}

static inline struct route maker_backend(struct maker *maker, enum path_kind kind, const char *path,
                                         const char *cluster, struct route_backend *backend)
{
    backend->cluster_slot = builder_cluster_slot(maker->builder, bytes_of(cluster));
    backend->weight = 1;
    return (struct route){
        .path = bytes_of(path),
        .object = BYTES("Ingress default/web"),
        .field = BYTES("spec.rules[0]"),
        .path_kind = kind,
        .backends = backend,
        .backends_count = 1,
    };
}

static inline void maker_route(struct maker *maker, enum path_kind kind, const char *path,
                               const char *cluster)
{
    struct route_backend backend;
    struct route route = maker_backend(maker, kind, path, cluster, &backend);
    const char *error;

    assert_int_equal(vhost_builder_add(maker->vhost, &route, &error), STATUS_OK);
}

/* The default of the host begun last; of the table when none was. */
static inline void maker_default(struct maker *maker, const char *cluster)
{
    struct route_backend backend;
    struct route route = maker_backend(maker, PATH_PREFIX, "/", cluster, &backend);

    if (maker->vhost != NULL)
        vhost_builder_set_default(maker->vhost, &route);
    else
        builder_set_default(maker->builder, &route);
}

/* A cluster with endpoints 10.0.0.1:port, 10.0.0.2:port ... */
static inline void maker_cluster(struct maker *maker, const char *key, uint32_t endpoints_count,
                                 uint16_t port)
{
    struct endpoint_spec endpoints[8] = {0};
    struct cluster_spec spec = {
        .key = bytes_of(key),
        .limits = {1024, 1024, 1024, 3},
        .why_empty = endpoints_count == 0 ? BYTES("no EndpointSlice") : BYTES_NONE,
        .endpoints_count = endpoints_count,
        .endpoints = endpoints,
    };

    assert_true(endpoints_count <= 8);
    for (uint32_t i = 0; i < endpoints_count; i++) {
        endpoints[i].address =
            (struct address){.port = port, .ip = {10, 0, 0, (uint8_t)(endpoints_count - i)}};
        endpoints[i].weight = 1;
    }
    builder_put_cluster(maker->builder, builder_cluster_slot(maker->builder, spec.key), &spec);
}

static inline struct table *maker_finish(struct maker *maker)
{
    maker_host(maker, NULL);
    return builder_finish(maker->builder);
}

/* The name of the cluster a request goes to, or "404", "host" (nobody claims it) or "limit". */
static inline const char *goes_to(const struct table *table, const char *host, const char *path)
{
    static char name[256];
    const struct route *route;
    const struct cluster_spec *cluster;

    switch (match_route(table, SCHEME_HTTP, bytes_of(host), bytes_of(path), &route)) {
    case MATCH_NO_HOST:
        return "host";
    case MATCH_NO_PATH:
        return "404";
    case MATCH_REGEX_LIMIT:
        return "limit";
    case MATCH_ROUTE:
        break;
    }
    cluster = table_cluster(table, route->backends[0].cluster_slot);
    assert_non_null(cluster);
    assert_true(cluster->key.len < sizeof(name));
    memcpy(name, cluster->key.at, cluster->key.len);
    name[cluster->key.len] = '\0';
    return name;
}

/* The caller frees it. */
static inline char *dump_of(const struct table *table)
{
    struct text text;
    char *string;

    text_init(&text);
    table_dump_text(table, &text);
    string = mem_string(text_bytes(&text));
    text_fini(&text);
    return string;
}

#endif
