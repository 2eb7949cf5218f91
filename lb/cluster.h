/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - the live side of one cluster: it follows its spec, and its endpoints come and go.
 *
 * Internal to lb/.
 */
#ifndef LB_CLUSTER_H
#define LB_CLUSTER_H

#include "core/map.h"
#include "lb/lb.h"

/* Whom to tell of retired endpoints and of room, and what all clusters of a worker share. */
struct clusters {
    uint32_t workers_count;
    uint64_t random; /* seeds the clusters' own generators */
    endpoint_retired_fn *on_retired;
    void *context;                /* borrowed; for on_retired */
    cluster_room_fn *on_room;     /* NULL: nobody */
    struct cluster_place *places; /* owned; by slot */
    uint32_t places_count;
    struct map verdicts;  /* struct verdict by way and address */
    struct list unplaced; /* struct cluster: retired, or asked for by a stream of an older table */
};

/* Follows `spec` from the start. In no list and no place yet. */
struct cluster *cluster_create(struct clusters *clusters, const struct cluster_spec *spec);
/* Goes over to another spec of the same key. Endpoints are kept by address; those that went are
 * retired, and on_retired() is called for each once the cluster is consistent again; before that
 * on_room(), if it has cause. */
void cluster_follow(struct cluster *cluster, const struct cluster_spec *spec);
/* Retires all endpoints, unless requests count in the cluster: one that waits or is tried again
 * goes where its own table says. It goes with the last of its endpoints, maybe at once: it must
 * stand in clusters->unplaced. */
void cluster_retire(struct cluster *cluster);
/* Frees a retired cluster of which nothing is in use any more. */
void cluster_free_if_idle(struct cluster *cluster);
/* For the end of the worker: nothing may be in use. */
void cluster_destroy(struct cluster *cluster);

/* The numbers that `exceptions` is the sum of have changed. */
void cluster_count_exceptions(struct cluster *cluster);

/* Frees a retired endpoint that nobody uses any more, and then maybe its cluster. */
void endpoint_free_if_idle(struct endpoint *endpoint);

#endif
