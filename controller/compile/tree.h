/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - what IngressRoutes say of one host: from its root down, over every delegation, to
 * leaves.
 *
 *     root (fqdn) -- routes[0] ---------------------> leaf
 *                \-- routes[1].delegate -> child ----> leaf, leaf
 *                \-- tcpproxy (.delegate -> child) --> tcp
 *
 * Source: spec/contour.md 2; design 5.2-5.6, 5.14, 5.17.
 */
#ifndef CONTROLLER_COMPILE_TREE_H
#define CONTROLLER_COMPILE_TREE_H

#include "controller/compile/pass.h"

/* Limits on what one host's tree may be; what lies beyond is left out and told. */
#define DELEGATION_DEPTH_MAX  64     /* IngressRoutes on the way from the root, with it */
#define DELEGATION_VISITS_MAX 20000  /* evaluations of IngressRoutes by one host */
#define TREE_ROUTES_MAX       200000 /* of these, as delegated; further services count like routes */
#define TREE_LOOKS_MAX        4000000 /* to find these, also at routes outside of what is delegated */
#define ROUTE_SERVICES_MAX    256     /* of one route */

struct host_pass;
struct origin;

/* How a host is served over TLS as far as its root goes. */
enum tree_side {
    TREE_PLAIN,  /* there is no root, or it asks for no TLS */
    TREE_TLS,    /* clients in the open are sent to HTTPS */
    TREE_BROKEN, /* TLS is asked for and cannot be had: nothing is served but what is permitted in
                  * the open */
};

/* One route of one IngressRoute, as this host reaches it. */
struct leaf {
    const struct ingress_route *object;
    struct route route;    /* as served over HTTPS; its path in normal form */
    size_t visit;          /* of the object, in the pass's visits */
    uint32_t depth;        /* 1: the root's own */
    const uint32_t *given; /* lengths of the prefixes on the way to it: depth - 1 of them */
    bool permits_insecure;
};

/* All in the pass's scratch. */
struct tree {
    const struct origin *root; /* NULL: none, or several, which serve nothing */
    size_t root_visit;         /* of the root, in the pass's visits */
    enum tree_side side;
    bool is_passthrough;
    const struct route *tcp; /* NULL: no tcpproxy, or no TLS asked for; not served by TREE_BROKEN */
    struct leaf *leaves;     /* in the order in which they come first */
    uint32_t leaves_count;
    struct delegation_gap *gaps; /* in the order of the walk */
    uint32_t gaps_count;
};

/* Fill in host->tree; notes the visits, uses and Secrets in the pass, tells what is wrong. */
void tree_walk(struct host_pass *host);
/* What is found wrong with the root once its tree has been walked: its status, unless that names an
 * error already. */
void tree_fault_root(struct host_pass *host, struct bytes text);

#endif
