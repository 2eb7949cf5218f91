/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visits.h - IngressRoutes, which hosts reach them, and what that makes of their statuses.
 *
 *     host --visit--> route_node (exists or is only named) -> one status
 *
 * A host that is compiled walks from its root down and visits what it meets; the visits of one host
 * then take the place of those it made before. An IngressRoute changed: the hosts that visit it are
 * dirty. A visit came or went: the status of its IngressRoute is to be settled again.
 */
#ifndef CONTROLLER_COMPILE_VISITS_H
#define CONTROLLER_COMPILE_VISITS_H

#include "controller/object/object.h"
#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "route/table.h"

struct host_node;
struct route_node;

/* One evaluation of one IngressRoute by one host, or one look for it. */
struct visit {
    struct list link; /* in node->visits */
    struct host_node *host;
    struct route_node *node;
    bool is_evaluated;  /* else the host only depends on its being there, or not */
    struct bytes fault; /* the first error, owned once the list has ended; empty: it is valid */
};

/* An IngressRoute of ours, or a name that some tree has and nobody may answer to. */
struct route_node {
    struct list visits;       /* struct visit */
    struct list dirty;        /* in trees->dirty, or alone */
    bool has_status;          /* the rest is only then set */
    enum object_state state;  /* as the table was told last */
    struct bytes description; /* owned */
    struct bytes host;        /* owned */
    struct bytes title;       /* "IngressRoute ns/name", behind the struct; and slices of it: */
    struct bytes ns;
    struct bytes name;
};

struct trees {
    struct map nodes;  /* by "ns/name" */
    struct list dirty; /* struct route_node whose status is to be settled */
    bool is_changed;   /* a status, since the table was told */
};

void trees_init(struct trees *trees);
void trees_fini(struct trees *trees); /* visits are gone already, or go with their hosts */

struct route_node *trees_find(const struct trees *trees, struct bytes ns, struct bytes name);
/* Made where it is missing. Its status will be settled. */
struct route_node *trees_touch(struct trees *trees, struct bytes ns, struct bytes name);
/* Frees a node that has no visits and stands for nothing. */
void trees_forget(struct trees *trees, struct route_node *node);

/* The visits of one host while it is compiled; they then take the place of the old ones. */
struct visit_list {
    struct visit *visits; /* mem_resize()d scratch */
    size_t count;
    size_t capacity;
};
void visit_list_begin(struct visit_list *list);
/* An index into the list, for the list may move. */
size_t visit_list_add(struct trees *trees, struct visit_list *list, struct bytes ns,
                      struct bytes name);
void visit_list_end(struct trees *trees, struct host_node *host, struct visit_list *list);

/* What one host holds of visits. */
struct host_visits {
    struct visit *list; /* owned */
    size_t count;
};
void host_visits_clear(struct trees *trees, struct host_visits *visits);

#endif
