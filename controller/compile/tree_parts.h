/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_parts.h - the walk through one host's tree. Shared by tree.c, tree_steps.c, tree_routes.c,
 * tree_tcp.c, tree_services.c, tree_excess.c and, of what can be said without walking, by
 * tree_shares.c.
 */
#ifndef CONTROLLER_COMPILE_TREE_PARTS_H
#define CONTROLLER_COMPILE_TREE_PARTS_H

#include "controller/compile/host.h"
#include "controller/compile/tree_shares.h"

/* One IngressRoute on the way from the root to where the walk stands. */
struct step {
    const struct step *up; /* NULL at the root */
    const struct ingress_route *object;
    const struct portion *portion; /* NULL on the way of a tcpproxy */
    size_t visit;                  /* in the pass's visits */
    struct bytes title;            /* "IngressRoute default/web" */
    struct bytes prefix;           /* delegated to it, normal form; empty at the root: everything */
    struct bytes written;          /* the same as its delegator wrote it */
    struct bytes field;            /* where its delegator delegates; empty at the root */
    struct bytes via;              /* how it is reached; empty at the root */
    uint32_t depth;                /* 1 at the root */
    const uint32_t *given;         /* lengths of the prefixes on the way, as leaf.given */
};

struct child;
struct walk {
    struct host_pass *host;
    struct shares shares;
    struct child *children; /* of the IngressRoute whose routes are looked at; the last one first */
    uint32_t leaves_capacity;
    uint32_t way_faults_count; /* see step_way_fault() */
    uint32_t gaps_capacity;
};

/* The namespace of what `from` delegates to. */
static inline struct bytes tree_delegate_ns(const struct ingress_route *from,
                                            const struct ingress_route_delegate *delegate)
{
    return delegate->ns.len > 0 ? delegate->ns : from->object.ns;
}

/* What `from` delegates to. NULL when it is not there, or is not ours; then *why says which, unless
 * `why` is NULL. */
const struct ingress_route *tree_find(const struct pass *pass, const struct ingress_route *from,
                                      const struct ingress_route_delegate *delegate,
                                      struct bytes *why);

/* A child that asks for client certificates, where nobody is asked: it must not be served without.
 */
bool step_asks_in_vain(const struct walk *walk, const struct step *step);
void step_tell_asks_in_vain(struct walk *walk, const struct step *step);
#define ASKS_IN_VAIN                                                                               \
    BYTES("its IngressRoute asks for client certificates and may not, see its status")

/* An error of the IngressRoute: its status if it is the first, and a finding at `field`. */
void step_fault(struct walk *walk, const struct step *step, struct bytes field, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
/* The same for what is wrong only by the way on which the IngressRoute was reached: ways.h says who
 * is told. A host has no more than FINDINGS_MAX of these, and one for each visit. */
void step_way_fault(struct walk *walk, const struct step *step, struct bytes field,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* False when there are too many: then it has been counted, and may be left out. */
bool step_may_tell_way(struct walk *walk, const struct step *step);
/* Its status alone, for what is told elsewhere in more words. */
void step_status(struct walk *walk, const struct step *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A finding alone. */
#define step_tell(walk, step, is_error, ...)                                                       \
    findings_add(&(walk)->host->findings, (is_error), &(step)->object->object, __VA_ARGS__)

/* Text of an object in double quotes, with Go's escapes (%q), as statuses have it; of a long one
 * the beginning, and "...". In scratch. */
struct bytes quoted(struct pass *pass, struct bytes text);

/* Visits the IngressRoute and fills in the rest of its step; up, object, portion, prefix and
 * written are there. */
void step_enter(struct walk *walk, struct step *step, struct bytes field);

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

/* A sentence for those who get the 503 of a delegation that is refused. */
#define DELEGATION_IS_BAD                                                                          \
    BYTES("the delegation cannot be followed, see the status of the IngressRoute")

/* The delegation would lead too deep. */
void tree_tell_depth(struct walk *walk, const struct step *step, struct bytes field,
                     const char *what);
/* The portion of `child`, which was not entered, is not given; NULL: it lies too deep. Returns a
 * sentence for those who get the 503. */
struct bytes tree_tell_excess(struct walk *walk, struct step *child, struct portion *portion,
                              struct bytes field);

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
