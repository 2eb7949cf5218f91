/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube.h - an API server as a source of objects: each kind is listed, then watched, for ever.
 *
 *     reflector (one a kind and namespace) -> pages and events -> [thread pool: decode] -> batch
 *
 * Nothing is served before each kind that is needed has been listed once; from then on what is
 * known stays, however long the server is away.
 *
 * Source: spec/watch.md; docs/decisions.
 */
#ifndef CONTROLLER_KUBE_KUBE_H
#define CONTROLLER_KUBE_KUBE_H

#include "controller/kube/api.h"
#include "controller/kube/source.h"

struct kube;

struct kube_config {
    uv_loop_t *loop;
    struct log *log;
    struct api *api;                      /* borrowed; outlives the kube */
    const struct bytes *watch_namespaces; /* none = all */
    size_t watch_namespaces_count;
    source_batch_fn *on_batch;
    void *context;
};

struct kube *kube_open(const struct kube_config *config);
void kube_close(struct kube *kube, source_closed_fn *on_closed, void *context);
struct source kube_source(struct kube *kube);

/*
 * What the API server has as the status of an IngressRoute, as last seen: for who writes statuses.
 * Borrowed until the next turn of the loop; false when there is no such object.
 */
struct kube_status {
    struct bytes uid;
    struct bytes resource_version;
    struct bytes current_status;
    struct bytes description;
};
bool kube_status(const struct kube *kube, struct bytes ns, struct bytes name,
                 struct kube_status *status);

#endif
