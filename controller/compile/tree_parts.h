/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_parts.h - the walk through one host's tree. Shared by tree.c, tree_routes.c, tree_tcp.c and
 * tree_services.c.
 */
#ifndef CONTROLLER_COMPILE_TREE_PARTS_H
#define CONTROLLER_COMPILE_TREE_PARTS_H

#include "controller/compile/host.h"
#include "core/map.h"

/* One IngressRoute on the way from the root to where the walk stands. */
struct step {
    const struct step *up; /* NULL at the root */
    const struct ingress_route *object;
    size_t visit;         /* in the pass's visits */
    struct bytes title;   /* "IngressRoute default/web" */
    struct bytes prefix;  /* delegated to it, normal form; empty at the root: everything */
    struct bytes written; /* the same as its delegator wrote it */
    struct bytes via;     /* how it is reached; empty at the root */
    uint32_t depth;       /* 1 at the root */
};

struct walk {
    struct host_pass *host;
    struct map seen; /* "ns/name prefix" of what was evaluated: once more says nothing new */
    uint32_t leaves_capacity;
    uint32_t gaps_capacity;
    uint32_t visits_count;
    uint64_t routes_size; /* of what was entered, see TREE_ROUTES_MAX */
};

/* An error of the IngressRoute: its status if it is the first, and a finding at `field`. */
void step_fault(struct walk *walk, const struct step *step, struct bytes field, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
/* Its status alone, for what is told elsewhere in more words. */
void step_status(struct walk *walk, const struct step *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A finding alone. */
#define step_tell(walk, step, is_error, ...)                                                       \
    findings_add(&(walk)->host->findings, (is_error), &(step)->object->object, __VA_ARGS__)

/* Text of an object in double quotes, with Go's escapes (%q), as statuses have it; of a long one
 * the beginning, and "...". In scratch. */
struct bytes quoted(struct pass *pass, struct bytes text);

/* Visits the IngressRoute and says where the walk would stand. */
struct step step_enter(struct walk *walk, const struct ingress_route *object, const struct step *up,
                       struct bytes prefix, struct bytes written, struct bytes field);

/* Where a delegation leads, or why nowhere: then it has been told. */
enum delegation { DELEGATION_FOUND, DELEGATION_MISSING, DELEGATION_REFUSED };

/*
 * Look up what is delegated to.
 *
 *   field  "spec.routes[1].delegate"
 *   what   "route" or "tcpproxy": with what the texts of statuses begin
 *   *why   where it leads nowhere: a sentence for those who get the 503
 */
enum delegation delegation_follow(struct walk *walk, const struct step *step, struct bytes field,
                                  const char *what, const struct ingress_route_delegate *delegate,
                                  const struct ingress_route **object, struct bytes *why);

/* Adds the leaves of all its routes, and of what they delegate to. */
void tree_walk_routes(struct walk *walk, const struct step *step);
/* The tcpproxy of the root, wherever it was delegated to. */
const struct route *tree_find_tcp(struct walk *walk, const struct step *root);

/* Services as a route has them, or a tcpproxy. */
struct services {
    const struct ingress_route_service *list;
    uint32_t count;
    struct bytes field; /* "spec.routes[0]" or "spec.tcpproxy" */
    struct bytes label; /* `route "/"` or "tcpproxy": with what the texts of statuses begin */
    bool is_tcp;
};

/* Point the route at the Services: action, unavailable, backends, has_affinity_cookie. Tells what
 * is wrong. */
void services_point(struct walk *walk, const struct step *step, const struct services *services,
                    struct route *route);

#endif
