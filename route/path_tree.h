/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_tree.h - the paths of one vhost: a compressed radix tree over bytes, and its patterns.
 * Internal to route/.
 *
 *     "/" ---- "api" [prefix] ---- "/v" --+-- "1" [exact]
 *                                         +-- "2" [string prefix]
 *
 * A lookup walks the path once and remembers the best prefix on the way, however many paths the
 * host has. Labels are slices of the routes' own paths; children of a node stand side by side and
 * are found by their first byte.
 */
#ifndef ROUTE_PATH_TREE_H
#define ROUTE_PATH_TREE_H

#include "route/match.h"
#include "route/regex.h"
#include "route/table.h"

#define PATH_TREE_NONE UINT32_MAX

struct path_node {
    uint32_t label; /* offset in the vhost's text */
    uint16_t label_len;
    uint16_t children_count; /* at most 256 */
    uint32_t first_child;    /* index of a node */
    uint32_t exact;          /* index of a route that ends here, or PATH_TREE_NONE */
    uint32_t prefix;
    uint32_t string_prefix;
};

/* What the tree says about one path; indexes of routes or PATH_TREE_NONE. */
struct path_walk {
    uint32_t exact;
    uint32_t prefix; /* the longest prefix of either kind */
    uint32_t nodes;  /* visited; tests bound it by the length of the path */
};

/*
 * routes     sorted by route_compare(), their paths all inside `text`; both borrowed and must
 *            outlive the tree
 * regexes    one per PATH_REGEX route, in their order; the tree takes them over
 */
struct path_tree *path_tree_create(const struct route *routes, uint32_t count, const char *text,
                                   struct regex *const *regexes);
void path_tree_destroy(struct path_tree *tree);

void path_tree_walk(const struct path_tree *tree, struct bytes path, struct path_walk *walk);
/* MATCH_ROUTE, MATCH_NO_PATH or MATCH_REGEX_LIMIT: exact, else the patterns, else prefixes. *route
 * as in match_route(). */
enum match_result path_tree_match(const struct path_tree *tree, struct bytes path,
                                  const struct route **route);

/* The order of precedence, and so of dumps; 0 only for routes of equal kind and path. */
int route_compare(const struct route *a, const struct route *b);

#endif
