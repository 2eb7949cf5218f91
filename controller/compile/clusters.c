/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clusters.c - brings the clusters of one Service up to date in the table, and lets go of those
 * that no route uses any more.
 */
#include "controller/compile/annotations.h"
#include "controller/compile/backends.h"
#include "controller/compile/empty.h"
#include "controller/compile/endpoints.h"
#include "controller/compile/upstream.h"
#include "core/check.h"
#include "route/normal.h"

#include <stdlib.h>

/* Endpoints that must be verified and cannot be are as good as none: no route leads here then (see
 * backends.c), and should one, it answers 503. */
static void set_tls(struct pass *pass, const struct service *service, const struct way *way,
                    struct cluster_spec *spec)
{
    if (spec->protocol != CLUSTER_TLS && spec->protocol != CLUSTER_H2)
        return;
    spec->tls = upstream_create(pass, service, spec->protocol, way);
    if (spec->tls == NULL)
        spec->endpoints_count = 0;
}

static void put_cluster(struct pass *pass, const struct service_node *node,
                        const struct service *service, struct cluster_node *cluster,
                        struct findings *findings)
{
    const struct way *way = cluster->way;
    struct cluster_spec spec = {.protocol = way_protocol(way, service, cluster->port),
                                .policy = way->policy,
                                .health = way->has_health ? &way->health : NULL};

    spec.key = cluster_node_key(pass->scratch, node->ns, node->name, cluster);
    spec.sends_proxy_header = way->is_tcp && service_wants_proxy_header(&service->object, NULL);
    service_limits_parse(&service->object, &spec.limits, NULL);
    spec.endpoints =
        endpoints_gather(pass, node, service, cluster->port, findings, &spec.endpoints_count);
    if (spec.endpoints_count == 0)
        spec.why_empty = empty_why(pass, node, service, cluster->port);
    set_tls(pass, service, way, &spec);
    builder_put_cluster(pass->builder, cluster->slot, &spec);
    if (spec.tls != NULL)
        tls_upstream_unref((struct tls_upstream *)(uintptr_t)spec.tls);
    cluster->is_put = true;
    pass->clusters_compiled++;
}

/* What is said about the Service depends on which of its ports are used, so a port that comes or
 * goes makes all of them be looked at. */
static void release_unused(struct pass *pass, struct service_node *node)
{
    for (struct cluster_node **at = &node->clusters; *at != NULL;) {
        struct cluster_node *cluster = *at;

        if (cluster->uses_count > 0) {
            node->is_changed = node->is_changed || !cluster->is_put;
            at = &cluster->next;
            continue;
        }
        node->is_changed = true;
        *at = cluster->next;
        if (cluster->slot != CLUSTER_SLOT_NONE)
            builder_release_slot(pass->builder, cluster->slot);
        cluster_node_destroy(node, cluster);
    }
}

/* Only a Service that routes lead to has its name looked up. */
static void update_external(struct pass *pass, struct service_node *node,
                            const struct service *service)
{
    char name[HOST_LENGTH_MAX + 1];
    bool is_wanted = service != NULL && service->is_external_name && node->clusters != NULL;

    dag_set_external(pass->dag, node,
                     is_wanted ? external_name_normalise(service->external_name, name)
                               : BYTES_NONE);
}

static int compare_clusters(const void *a, const void *b)
{
    const struct cluster_node *left = *(const struct cluster_node *const *)a;
    const struct cluster_node *right = *(const struct cluster_node *const *)b;
    int order = (left->port > right->port) - (left->port < right->port);

    return order != 0 ? order : bytes_compare(left->words, right->words);
}

/* In order of port and words, so that what is said about them does not depend on which came first.
 */
static void put_clusters(struct pass *pass, struct service_node *node,
                         const struct service *service, struct findings *findings)
{
    struct cluster_node **sorted;
    size_t count = 0, i = 0;

    for (struct cluster_node *at = node->clusters; at != NULL; at = at->next)
        count++;
    sorted = arena_alloc(pass->scratch, (count + 1) * sizeof(struct cluster_node *));
    for (struct cluster_node *at = node->clusters; at != NULL; at = at->next)
        sorted[i++] = at;
    if (count > 1)
        qsort(sorted, count, sizeof(struct cluster_node *), compare_clusters);
    for (i = 0; i < count; i++) {
        CHECK(service != NULL); /* else its routes would have let go of the cluster */
        put_cluster(pass, node, service, sorted[i], findings);
    }
}

/* Pods are of a cluster: a selector alone brings no endpoints to a directory. */
static void lint_selector(const struct pass *pass, const struct service_node *node,
                          const struct service *service, struct findings *findings)
{
    size_t count;

    if (service == NULL || node->clusters == NULL || !service->has_selector ||
        service->is_external_name || service->object.file.len == 0)
        return;
    (void)cache_service_slices(pass->cache, node->ns, node->name, &count);
    if (count == 0)
        findings_add(findings, false, &service->object,
                     "spec.selector: there are no Pods in a directory, and no endpoints of this "
                     "Service: write an EndpointSlice with the label kubernetes.io/service-name: "
                     "%.*s",
                     BYTES_ARG(node->name));
}

void service_compile(struct pass *pass, struct service_node *node)
{
    const struct service *service =
        as_service(cache_get(pass->cache, OBJECT_SERVICE, node->ns, node->name));
    struct findings findings;

    arena_reset(pass->scratch);
    findings_init(&findings, pass->scratch);
    release_unused(pass, node);
    update_external(pass, node, service);
    if (node->is_changed) {
        secret_list_begin(&pass->secrets);
        put_clusters(pass, node, service, &findings);
        lint_selector(pass, node, service, &findings);
        secret_list_end(&pass->dag->secrets, &node->secrets, &pass->secrets);
        emit_replace(pass->emit, &node->findings, &findings);
    }
    node->is_changed = false;
    list_remove(&node->dirty);
    (void)dag_forget_unused_service(pass->dag, node);
}
