/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_shares.h - how much of one host's tree each delegation may have.
 *
 *     root -> delegations -> theirs ...      (object, prefix) = one portion
 *
 * What a tree may hold (DELEGATION_VISITS_MAX, TREE_ROUTES_MAX, TREE_LOOKS_MAX) is shared out
 * before it is walked: whatever comes next in a tree, it is in the delegation that has had least so
 * far, and below that the same again. So of n delegations of one IngressRoute each can have an n-th
 * of what that one can, and more where the others need less; what does not fit any more is refused
 * where most was had, and in nobody else's part.
 *
 * Source: spec/hostile-input.md 91.
 */
#ifndef CONTROLLER_COMPILE_TREE_SHARES_H
#define CONTROLLER_COMPILE_TREE_SHARES_H

#include "controller/compile/pass.h"
#include "core/map.h"

/* What became of a portion: it is given, or this is the limit that keeps it from being entered. */
enum share {
    SHARE_NO_VISITS, /* also what nobody came to any more */
    SHARE_NO_ROUTES,
    SHARE_NO_LOOKS,
    SHARE_GIVEN,
};

/* The match of one route, as requests are matched. */
struct route_path {
    enum { ROUTE_PATH_FINE, ROUTE_PATH_RELATIVE, ROUTE_PATH_BAD } kind;
    struct bytes normal; /* of a fine one */
};

/* One IngressRoute under one prefix, however many ways lead there. In scratch. */
struct portion {
    const struct ingress_route *object;
    const struct route_path *paths; /* of its routes, once it is measured */
    struct bytes prefix;            /* normal form; empty: everything */
    uint64_t routes;                /* that it has there; further services count like routes */
    uint64_t delegations;           /* that it gives there; 0 of one that was not given */
    struct portion **below;         /* these; NULL: it lies too deep to give any */
    struct portion *next_cut;       /* for the plan */
    uint32_t depth;                 /* of one that is given: by the shortest way so far */
    struct bytes excess;            /* what was told of its not being given; empty: nothing yet */
    enum share share;
    bool is_measured; /* paths and routes are set */
    bool is_walked;   /* for the walk */
};

struct shares {
    struct map portions; /* by object and prefix */
    struct map paths;    /* by object: its paths, made once however many prefixes it is under */
};

/* Share out the tree below the root. Returns the root's portion. */
struct portion *shares_plan(struct shares *shares, const struct pass *pass,
                            const struct ingress_route *root);
/* After the walk: the host depends also on what lies behind cycles, where only the plan went. */
void shares_note_rest(const struct shares *shares, struct pass *pass);
void shares_fini(struct shares *shares);

/* NULL: it lies too deep to have been reached. */
struct portion *shares_find(const struct shares *shares, const struct pass *pass,
                            const struct ingress_route *object, struct bytes prefix);
/* True when the portion, which was not given, is by itself more than an even share, so that the
 * excess is its own and not its giver's. */
bool portion_is_greedy(const struct portion *portion, const struct portion *giver);

#endif
