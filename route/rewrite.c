/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite.c - another prefix in place of the one that was matched.
 */
#include "route/rewrite.h"

#include "route/builder.h"
#include "route/normal.h"

bool rewrite_normalise(struct bytes prefix, char *out, struct bytes *normal)
{
    return prefix.len <= ROUTE_PATH_MAX && path_normalise(prefix, out, normal) == PATH_FINE;
}

/* What follows the matched prefix. Its last slash belongs to what follows, so that /a/ and / keep
 * theirs whatever takes the place of the prefix. */
static struct bytes rest_of(const struct route *route, struct bytes path)
{
    size_t len = route->path.len;

    if (len > 0 && route->path.at[len - 1] == '/')
        len--;
    return bytes_skip(path, len);
}

struct bytes rewrite_path(const struct route *route, struct bytes path, char *out)
{
    struct bytes prefix = route->prefix_rewrite;
    struct bytes rest = rest_of(route, path);
    size_t len = 0;

    if (prefix.at[0] != '/')
        out[len++] = '/';
    memcpy(out + len, prefix.at, prefix.len);
    len += prefix.len;
    if (out[len - 1] == '/' && rest.len > 0 && rest.at[0] == '/')
        rest = bytes_skip(rest, 1);
    if (rest.len > 0)
        memcpy(out + len, rest.at, rest.len);
    return bytes_from(out, len + rest.len);
}
