/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.c - host, then path, then defaults; see design 5.13.
 */
#include "route/match.h"

#include "route/path_tree.h"
#include "route/table_parts.h"

/* The host without its first label, dot kept: the key of the wildcard that would cover it. */
static struct bytes wildcard_key(struct bytes host)
{
    size_t dot = bytes_find(host, '.');

    return dot == BYTES_NOT_FOUND || dot == 0 ? BYTES_NONE : bytes_skip(host, dot);
}

static const struct vhost *exact_vhost(const struct table *table, enum scheme scheme,
                                       struct bytes host)
{
    return host.len == 0 || host.at[0] == '.' ? NULL : name_index_get(&table->hosts[scheme], host);
}

static const struct vhost *wildcard_vhost(const struct table *table, enum scheme scheme,
                                          struct bytes host)
{
    struct bytes wildcard;

    if (host.len == 0 || host.at[0] == '.' || table->wildcards_count[scheme] == 0)
        return NULL;
    wildcard = wildcard_key(host);
    return wildcard.len == 0 ? NULL : name_index_get(&table->hosts[scheme], wildcard);
}

/* The vhost that claims the host by name; NULL when none does. Who names a host has it under both
 * schemes: where it is served over HTTP only, nobody's wildcard gets it over HTTPS. */
static const struct vhost *named_vhost(const struct table *table, enum scheme scheme,
                                       struct bytes host)
{
    const struct vhost *vhost = exact_vhost(table, scheme, host);

    if (vhost != NULL)
        return vhost;
    vhost = wildcard_vhost(table, scheme, host);
    if (vhost != NULL && scheme == SCHEME_HTTPS && exact_vhost(table, SCHEME_HTTP, host) != NULL)
        return NULL;
    return vhost;
}

const struct vhost *table_vhost(const struct table *table, enum scheme scheme, struct bytes host)
{
    const struct vhost *vhost = named_vhost(table, scheme, host);

    return vhost != NULL || scheme != SCHEME_HTTP ? vhost : table->hostless;
}

const struct vhost *table_tls_vhost(const struct table *table, struct bytes server_name)
{
    const struct vhost *vhost = named_vhost(table, SCHEME_HTTPS, server_name);

    return vhost != NULL ? vhost : table->default_tls;
}

const struct tls_host *table_tls_host(const struct table *table, struct bytes server_name)
{
    const struct vhost *vhost = table_tls_vhost(table, server_name);

    return vhost == NULL ? NULL : vhost->tls;
}

static enum match_result match_default(const struct vhost *vhost, const struct route **route)
{
    if (vhost == NULL || vhost->default_route == NULL)
        return MATCH_NO_PATH;
    *route = vhost->default_route;
    return MATCH_ROUTE;
}

enum match_result match_route(const struct table *table, enum scheme scheme, struct bytes host,
                              struct bytes path, const struct route **route)
{
    const struct vhost *vhost = table_vhost(table, scheme, host);
    enum match_result result = MATCH_NO_PATH;

    if (vhost != NULL)
        result = path_tree_match(vhost->paths, path, route);
    if (result == MATCH_NO_PATH)
        result = match_default(vhost, route);
    /* A host that somebody claims never reaches the default backend of somebody else. */
    if (result == MATCH_NO_PATH && scheme == SCHEME_HTTP && vhost == table->hostless)
        result = match_default(table->fallback, route);
    return result == MATCH_NO_PATH && vhost == NULL ? MATCH_NO_HOST : result;
}
