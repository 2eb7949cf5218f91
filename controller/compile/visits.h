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
struct finding_set;

/* An error that comes of the way to the IngressRoute: by another way it may be none. */
struct way_fault {
    struct way_fault *next;
    struct bytes field; /* of the IngressRoute */
    struct bytes text;
};

/* Those of one visit. In scratch, and owned once the list has ended; so are the texts. */
struct way_faults {
    struct way_fault *first; /* there is one */
    struct way_fault *last;
    size_t left_out;          /* more of them, that are not told */
    struct bytes giver_field; /* where the giver delegates: "spec.routes[1].delegate" */
    bool is_first;            /* before the first error that is not of the way */
    bool is_greedy;           /* it was too large; so it may be for one giver and fit for another */
};

/* One evaluation of one IngressRoute by one host, or one look for it. */
struct visit {
    struct list link; /* in node->visits */
    struct host_node *host;
    struct route_node *node;
    struct route_node *giver; /* who delegates here; NULL: nobody, it is a root */
    bool is_evaluated;        /* else the host only depends on its being there, or not */
    bool is_of_tcp;           /* for its tcpproxy, and not for its routes */
    struct bytes fault;       /* the first error that is not of the way, owned once the list has
                               * ended; or empty */
    struct way_faults *way;   /* or NULL */
    struct bytes lost; /* the first route whose place another object has, and which; or empty; owned
                          as fault is */
};

/* An IngressRoute of ours, or a name that some tree has and nobody may answer to. */
struct route_node {
    struct list visits;           /* struct visit */
    struct list dirty;            /* in trees->dirty, or alone */
    struct finding_set *findings; /* on the ways to it; or NULL */
    bool has_status;              /* the rest is only then set */
    enum object_state state;      /* as the table was told last */
    struct bytes description;     /* owned */
    struct bytes host;            /* owned */
    struct bytes title;           /* "IngressRoute ns/name", behind the struct; and slices of it: */
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
/* Adds an error of the way to the visit, which has a giver; texts are borrowed from the scratch. */
void visit_list_blame(struct visit_list *list, size_t visit, struct arena *scratch,
                      const struct way_fault *fault, struct bytes giver_field);
void visit_list_end(struct trees *trees, struct host_node *host, struct visit_list *list);

/* What one host holds of visits. */
struct host_visits {
    struct visit *list; /* owned */
    size_t count;
};
void host_visits_clear(struct trees *trees, struct host_visits *visits);

#endif
