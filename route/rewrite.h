/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite.h - the path that is forwarded in place of the one that was matched.
 *
 *     match /a, rewrite /       /a -> /        /a/x -> /x      /ax -> /x
 *     match /a, rewrite /b      /a -> /b       /a/x -> /b/x    /ax -> /bx
 *     match /a/, rewrite /b     /a/ -> /b/     /a/x -> /b/x
 *     match /, rewrite /b       / -> /b/       /x -> /b/x
 *
 * A slash where the two meet stands once, whether the match, the rewrite, both or what follows
 * brought it; Envoy made //x of the first line (spec/contour.md 2.2, design 5.5).
 */
#ifndef ROUTE_REWRITE_H
#define ROUTE_REWRITE_H

#include "route/table.h"

/*
 * The normal form of what an object wants for a rewrite; `out` has room for as much. False when it
 * is no path: then it must never get into a head, where it could begin another line or request.
 */
bool rewrite_normalise(struct bytes prefix, char *out, struct bytes *normal);

static inline bool route_rewrites(const struct route *route)
{
    return route->prefix_rewrite.len > 0;
}

/* Bytes that rewrite_path() may write. */
static inline size_t rewrite_bound(const struct route *route, struct bytes path)
{
    return route->prefix_rewrite.len + path.len + 1;
}

/*
 * The route rewrites, and `path` is one that it matched: normalised, without the query. Borrows
 * from out, and always begins with a slash.
 */
struct bytes rewrite_path(const struct route *route, struct bytes path, char *out);

#endif
