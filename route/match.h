/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - which route a request takes. Pure; allocates nothing; O(length of host + path).
 *
 * Source: design 5.9, 5.13, 5.14; spec/contour.md 1.3; hostile-input 40, 43, 44, 96.
 */
#ifndef ROUTE_MATCH_H
#define ROUTE_MATCH_H

#include "route/table.h"

/*
 * The vhost for a host in normal form (normal.h; empty when the request named none): the exact
 * name, else the wildcard that covers its first label (over TLS only where nobody has the exact
 * name over HTTP), else the host-less rules (never served over TLS), else NULL. Borrowed from the
 * table.
 */
const struct vhost *table_vhost(const struct table *table, enum scheme scheme, struct bytes host);

/*
 * Who to be for a ClientHello with this server name, in normal form; empty when there was none. The
 * host's certificates, else the default certificate, else NULL: refuse the handshake. A host whose
 * own certificate cannot be served gives NULL, not another's (hostile-input 83). Borrowed.
 */
const struct tls_host *table_tls_host(const struct table *table, struct bytes server_name);

/*
 * The vhost whose handshakes and connections those with this server name are: a name's own, else
 * the nameless one of the default certificate, else NULL. Its `tcp` says whether HTTP is spoken at
 * all. Borrowed.
 */
const struct vhost *table_tls_vhost(const struct table *table, struct bytes server_name);

/* Why match_route() gave no route, or that it gave one. */
enum match_result {
    MATCH_ROUTE,       /* *route is set */
    MATCH_NO_HOST,     /* nobody claims the host; no host-less rules, no default backend. Over TLS
                        * there are neither */
    MATCH_NO_PATH,     /* the rules that apply have no path that matches and no default backend */
    MATCH_REGEX_LIMIT, /* the regex path of *route reached its step limit: answer 400,
                        * hostile-input 42 */
};

/*
 * The route for a host and a path, both in normal form (normal.h), path without its query.
 * *route is borrowed from the table and written only for MATCH_ROUTE and MATCH_REGEX_LIMIT.
 */
enum match_result match_route(const struct table *table, enum scheme scheme, struct bytes host,
                              struct bytes path, const struct route **route);

#endif
