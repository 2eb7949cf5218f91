/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube.h - an API server as a source of objects: each kind is listed, then watched, for ever.
 *
 *     reflector (one a kind and namespace) -> pages and events -> [thread pool: decode] -> batch
 *
 * Nothing is served before each kind that is needed has been listed once, or was when a snapshot
 * was written; from then on what is known stays, however long the server is away.
 *
 * Source: spec/watch.md; docs/decisions.
 */
#ifndef CONTROLLER_KUBE_KUBE_H
#define CONTROLLER_KUBE_KUBE_H

#include "controller/kube/api.h"
#include "controller/kube/source.h"

/* The lists have so long at the start: then a snapshot takes the place of what has not come. And
 * when they come after that, from the first to the last: they take the snapshot's place together.
 */
#define KUBE_SNAPSHOT_WAIT_MS 5000

struct kube;

struct kube_config {
    uv_loop_t *loop;
    struct log *log;
    struct api *api;                      /* borrowed; outlives the kube */
    const struct bytes *watch_namespaces; /* none = all */
    size_t watch_namespaces_count;
    struct bytes published_ns;   /* of the Service whose addresses are asked for; or empty. */
    struct bytes published_name; /* Borrowed, as are this and the next */
    struct bytes pod_labels;     /* "KEY=VALUE,KEY=VALUE" of our pods, if their nodes' addresses are
                                    asked for; or empty */
    const char *snapshot;        /* a file; NULL: none is kept. Borrowed, too */
    uint64_t snapshot_bytes_max;
    source_batch_fn *on_batch;
    void (*on_node_addresses)(void *context); /* those addresses are others now; or NULL */
    void *context;
};

/* STATUS_REFUSED, with one line in the log: the file of the snapshot is not ours. */
enum status kube_open(struct kube **kube, const struct kube_config *config);
void kube_close(struct kube *kube, source_closed_fn *on_closed, void *context);
struct source kube_source(struct kube *kube);

/*
 * Of the nodes on which pods of ours are ready, as published.h writes them, the pods being those of
 * our namespace with the labels. Empty before all of it is known, and where none is ready. Borrowed
 * until the next turn of the loop. *left_out: how many there are past PUBLISHED_MAX.
 */
struct bytes kube_node_addresses(const struct kube *kube, size_t *left_out);

/* How far the first reading has come. */
struct kube_progress {
    size_t lists;   /* that are followed */
    size_t read;    /* of them, those read to their end */
    size_t refused; /* of the others, those that asking again does not help: not permitted, or not
                       installed */
};
void kube_progress(const struct kube *kube, struct kube_progress *progress);

/*
 * What the API server has as the status of an Ingress or IngressRoute, as last seen: for who writes
 * statuses. And where the published Service is reached. Borrowed until the next turn of the loop;
 * false when there is no such object.
 */
struct kube_status {
    struct bytes uid;
    struct bytes resource_version;
    /* Of an IngressRoute status.currentStatus; else addresses, as published.h writes them. */
    struct bytes current_status;
    struct bytes description; /* of an IngressRoute */
};
bool kube_status(const struct kube *kube, enum object_kind kind, struct bytes ns, struct bytes name,
                 struct kube_status *status);

#endif
