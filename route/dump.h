/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h - the table as stable text or JSON, the same for the same objects in every process:
 * no slots, no generations, sorted by host, precedence and path.
 */
#ifndef ROUTE_DUMP_H
#define ROUTE_DUMP_H

#include "route/table.h"

/* What a running process knows of one endpoint of a cluster, a word, or NULL for nothing. */
typedef const char *dump_health_fn(void *context, const struct cluster_spec *cluster,
                                   uint32_t endpoint);

/*
 * Appends, for people and golden tests (the last column is cut short here):
 *
 *     host app.example.com
 *       exact  /old            -> redirect https                        Ingress default/web spec...
 *       regex  /v[0-9]+/.*     -> default/api/80 (2 endpoints)          Ingress default/web spec...
 *       prefix /broken         -> 503 Service default/nope not found    Ingress default/web spec...
 *       string /api            -> default/api/80 (2 endpoints)          Ingress default/web spec...
 *       default                -> default/fallback/80 (1 endpoint)      Ingress default/web spec...
 *     https app.example.com secret=default/web-tls min=TLSv1.2
 *       prefix /               -> default/web/80 (2 endpoints)          Ingress default/web spec...
 *     https shop.example.com handshake refused
 *     https db.example.com passthrough
 *       tcp                    -> default/db/5432 (1 endpoint)          IngressRoute default/db ...
 *     default                  -> ...
 *     https default secret=default/wildcard min=TLSv1.2
 *     cluster default/api/80 http1 round_robin
 *       10.0.0.1:8080 health=unhealthy
 *     certificate default/web-tls until 2031-05-01T12:00:00Z CN=app.example.com
 *     finding warning examples/a.yaml:3 Ingress default/web: text
 *     status IngressRoute default/db valid: valid IngressRoute
 *
 * Paths are in the order in which they win: exact, regex, then the longest prefix ("prefix" ends at
 * a segment, "string" anywhere). Options that differ from their defaults follow the target as
 * words: weight=3 (where there are several services) rewrite=/ affinity=cookie websocket
 * timeout=30s retry-on=5xx,reset retries=2 per-try=1s hsts="max-age=300"; max=TLSv1.2 and
 * client-certificate=required at an https host; max-connections=5 and so on at a cluster, where it
 * speaks TLS sni=NAME and unverified, or verified and subject=NAME, where it is probed
 * health=/ready and more; weight=2 at an endpoint, and health= with what `health` says of it
 * (NULL: nothing is known, as where nothing runs). A route that came by delegation ends with "via"
 * and the way.
 */
void table_dump_text(const struct table *table, struct text *out);
void table_dump_text_live(const struct table *table, dump_health_fn *health, void *context,
                          struct text *out);
/* The same facts: {"hosts":[...],"default":{...},"default_tls":{...},"clusters":[...],
 * "certificates":[...],"findings":[...],"statuses":[...]} and a newline. */
void table_dump_json(const struct table *table, struct text *out);
void table_dump_json_live(const struct table *table, dump_health_fn *health, void *context,
                          struct text *out);

#endif
