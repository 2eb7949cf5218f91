/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_spec.c - one block per spec: the struct, its endpoints, its health check, its texts.
 */
#include "route/cluster_spec.h"

#include "core/mem.h"
#include "core/refs.h"

#include <stdlib.h>

static int compare_endpoints(const void *a, const void *b)
{
    const struct endpoint_spec *left = a;
    const struct endpoint_spec *right = b;

    return address_compare(&left->address, &right->address);
}

/* Sorts in place; returns how many are left without repeats. */
static uint32_t endpoints_sort(struct endpoint_spec *endpoints, uint32_t count)
{
    uint32_t kept = 0;

    if (count > 0)
        qsort(endpoints, count, sizeof(*endpoints), compare_endpoints);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || !address_equal(&endpoints[kept - 1].address, &endpoints[i].address))
            endpoints[kept++] = endpoints[i];
    return kept;
}

static size_t texts_size(const struct cluster_spec *spec)
{
    size_t size = spec->key.len + spec->why_empty.len;

    if (spec->health != NULL)
        size += spec->health->path.len + spec->health->host.len;
    return size;
}

const struct cluster_spec *cluster_spec_freeze(const struct cluster_spec *spec, uint32_t slot,
                                               uint64_t generation)
{
    size_t endpoints_size = spec->endpoints_count * sizeof(struct endpoint_spec);
    size_t health_size = spec->health == NULL ? 0 : sizeof(struct health_check);
    char *block = mem_alloc(sizeof(*spec) + endpoints_size + health_size + texts_size(spec));
    struct endpoint_spec *endpoints = (struct endpoint_spec *)(void *)(block + sizeof(*spec));
    struct cluster_spec *frozen = (struct cluster_spec *)(void *)block;
    struct health_check *health =
        (struct health_check *)(void *)(block + sizeof(*spec) + endpoints_size);
    char *text = block + sizeof(*spec) + endpoints_size + health_size;

    if (endpoints_size > 0)
        memcpy(endpoints, spec->endpoints, endpoints_size);
    if (spec->health != NULL) {
        *health = *spec->health;
        health->path = bytes_pack(&text, spec->health->path);
        health->host = bytes_pack(&text, spec->health->host);
    }
    *frozen = (struct cluster_spec){
        .refs = 1,
        .slot = slot,
        .key = bytes_pack(&text, spec->key),
        .generation = generation,
        .protocol = spec->protocol,
        .policy = spec->policy,
        .sends_proxy_header = spec->sends_proxy_header,
        .tls = spec->tls == NULL ? NULL : tls_upstream_ref(refs_thaw(spec->tls)),
        .health = spec->health == NULL ? NULL : health,
        .limits = spec->limits,
        .why_empty = bytes_pack(&text, spec->why_empty),
        .endpoints_count = endpoints_sort(endpoints, spec->endpoints_count),
        .endpoints = endpoints,
    };
    return frozen;
}

const struct cluster_spec *cluster_spec_ref(const struct cluster_spec *spec)
{
    refs_take(&spec->refs);
    return spec;
}

void cluster_spec_unref(const struct cluster_spec *spec)
{
    if (!refs_drop(&spec->refs))
        return;
    if (spec->tls != NULL)
        tls_upstream_unref(refs_thaw(spec->tls));
    mem_free(refs_thaw(spec));
}

static bool limits_equal(const struct cluster_limits *a, const struct cluster_limits *b)
{
    return a->connections_max == b->connections_max && a->pending_max == b->pending_max &&
           a->requests_max == b->requests_max && a->retries_max == b->retries_max;
}

static bool endpoints_equal(const struct cluster_spec *a, const struct cluster_spec *b)
{
    if (a->endpoints_count != b->endpoints_count)
        return false;
    for (uint32_t i = 0; i < a->endpoints_count; i++)
        if (!address_equal(&a->endpoints[i].address, &b->endpoints[i].address) ||
            a->endpoints[i].weight != b->endpoints[i].weight)
            return false;
    return true;
}

static bool healths_equal(const struct health_check *a, const struct health_check *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->kind == b->kind && a->interval_ms == b->interval_ms &&
           a->timeout_ms == b->timeout_ms && a->unhealthy_threshold == b->unhealthy_threshold &&
           a->healthy_threshold == b->healthy_threshold && bytes_equal(a->path, b->path) &&
           bytes_equal(a->host, b->host);
}

static bool upstreams_equal(const struct tls_upstream *a, const struct tls_upstream *b)
{
    return a == b || (a != NULL && b != NULL && tls_upstream_equal(a, b));
}

bool cluster_spec_equal(const struct cluster_spec *a, const struct cluster_spec *b)
{
    return a->slot == b->slot && bytes_equal(a->key, b->key) && a->protocol == b->protocol &&
           a->policy == b->policy && a->sends_proxy_header == b->sends_proxy_header &&
           upstreams_equal(a->tls, b->tls) && healths_equal(a->health, b->health) &&
           limits_equal(&a->limits, &b->limits) && bytes_equal(a->why_empty, b->why_empty) &&
           endpoints_equal(a, b);
}
