/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_nodes.h - the addresses of the nodes on which our pods are ready. Pure. Internal to
 * controller/kube.
 *
 * Of a pod is kept where it is, of a node its addresses.
 */
#ifndef CONTROLLER_KUBE_POD_NODES_H
#define CONTROLLER_KUBE_POD_NODES_H

#include "controller/object/published.h"
#include "controller/object/served.h"
#include "core/map.h"

struct pod_nodes {
    struct map pods;  /* "ns/name" -> node, those that are ready */
    struct map nodes; /* "/name" -> addresses */
    struct text addresses;
    size_t left_out; /* past PUBLISHED_MAX */
    bool is_stale;   /* something was noted since the addresses were gathered */
};

void pod_nodes_init(struct pod_nodes *nodes);
void pod_nodes_fini(struct pod_nodes *nodes);

/* A Pod or a Node came, changed or went. */
void pod_nodes_note(struct pod_nodes *nodes, enum object_kind kind, const struct served_item *item,
                    bool is_gone);
/* Gather the addresses anew, as published.h writes them. True when they are others than before. */
bool pod_nodes_gather(struct pod_nodes *nodes);

#endif
