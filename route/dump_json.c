/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump_json.c - the table for programs. Values at their defaults are left out of routes, so that
 * ten thousand of them stay readable.
 */
#include "core/mem.h"
#include "route/dump.h"
#include "route/listing.h"
#include "route/table_parts.h"
#include "route/words.h"

/* A comma, unless an object or array has just begun. A string ends with its quote, so the last byte
 * tells. */
static void add_comma(struct text *out)
{
    char last = out->len == 0 ? '{' : out->at[out->len - 1];

    if (last != '{' && last != '[')
        text_add_byte(out, ',');
}

/* "name": */
static void add_name(struct text *out, const char *name)
{
    add_comma(out);
    text_add_json_string(out, bytes_of(name));
    text_add_byte(out, ':');
}

static void add_string(struct text *out, const char *name, struct bytes value)
{
    add_name(out, name);
    text_add_json_string(out, value);
}

static void add_number(struct text *out, const char *name, uint64_t value)
{
    add_name(out, name);
    text_add_uint(out, value);
}

static void open_in(struct text *out, const char *name, char bracket)
{
    if (name != NULL)
        add_name(out, name);
    else
        add_comma(out);
    text_add_byte(out, bracket);
}

static void add_backends(struct text *out, const struct table *table, const struct route *route)
{
    open_in(out, "backends", '[');
    for (uint16_t i = 0; i < route->backends_count; i++) {
        const struct route_backend *backend = &route->backends[i];
        const struct cluster_spec *cluster = table_cluster(table, backend->cluster_slot);

        open_in(out, NULL, '{');
        add_string(out, "cluster", table_slot_key(table, backend->cluster_slot));
        add_number(out, "weight", backend->weight);
        add_number(out, "endpoints", cluster == NULL ? 0 : cluster->endpoints_count);
        text_add_byte(out, '}');
    }
    text_add_byte(out, ']');
}

static void add_retry(struct text *out, const struct retry_policy *retry)
{
    if (retry->on == 0 && retry->retries_max == 0 && retry->per_try_timeout_ms == 0)
        return;
    open_in(out, "retry", '{');
    open_in(out, "on", '[');
    for (unsigned i = 0; i < RETRY_WORDS_COUNT; i++) {
        if ((retry->on & (1u << i)) == 0)
            continue;
        add_comma(out);
        text_add_json_string(out, bytes_of(retry_on_word(i)));
    }
    text_add_byte(out, ']');
    add_number(out, "retries", retry->retries_max);
    add_number(out, "per_try_timeout_ms", retry->per_try_timeout_ms);
    text_add_byte(out, '}');
}

/* The inside of a route's object. */
static void add_route(struct text *out, const struct table *table, const struct route *route)
{
    add_string(out, "action", bytes_of(route_action_word(route->action)));
    if (route->action == ROUTE_FORWARD)
        add_backends(out, table, route);
    if (route->action == ROUTE_UNAVAILABLE)
        add_string(out, "unavailable", route->unavailable);
    if (route->prefix_rewrite.len > 0)
        add_string(out, "prefix_rewrite", route->prefix_rewrite);
    if (route->has_affinity_cookie) {
        add_name(out, "affinity_cookie");
        text_add_str(out, "true");
    }
    if (route->websocket) {
        add_name(out, "websocket");
        text_add_str(out, "true");
    }
    if (route->response_timeout_ms > 0)
        add_number(out, "response_timeout_ms", route->response_timeout_ms);
    add_retry(out, &route->retry);
    if (route->hsts.len > 0)
        add_string(out, "hsts", route->hsts);
    add_string(out, "object", route->object);
    add_string(out, "field", route->field);
    if (route->via.len > 0)
        add_string(out, "via", route->via);
}

/* A route that no path leads to. */
static void add_further(struct text *out, const char *name, const struct table *table,
                        const struct route *route)
{
    if (route == NULL)
        return;
    open_in(out, name, '{');
    add_route(out, table, route);
    text_add_byte(out, '}');
}

/* The inside of the object of what is served over TLS. */
static void add_tls(struct text *out, const struct vhost *vhost)
{
    const struct tls_host_config *config;

    add_string(out, "secret", vhost->tls_secret);
    add_string(out, "handshake",
               vhost->tls != NULL   ? BYTES("answered")
               : vhost->tcp != NULL ? BYTES("passthrough")
                                    : BYTES("refused"));
    if (vhost->tls == NULL)
        return;
    config = tls_host_config(vhost->tls);
    add_string(out, "version_min", bytes_of(tls_version_name(config->version_min)));
    add_string(out, "version_max", bytes_of(tls_version_name(config->version_max)));
    add_string(out, "client_certificate", bytes_of(client_auth_word(config->client_auth)));
}

static void add_default_tls(struct text *out, const struct vhost *vhost)
{
    if (vhost == NULL)
        return;
    open_in(out, "default_tls", '{');
    add_tls(out, vhost);
    text_add_byte(out, '}');
}

static void add_host(struct text *out, const struct table *table, const struct vhost *vhost)
{
    open_in(out, NULL, '{');
    add_string(out, "name", vhost->name);
    if (vhost->scheme == SCHEME_HTTPS) {
        open_in(out, "tls", '{');
        add_tls(out, vhost);
        text_add_byte(out, '}');
    }
    open_in(out, "routes", '[');
    for (uint32_t i = 0; i < vhost->routes_count; i++) {
        open_in(out, NULL, '{');
        add_string(out, "kind", bytes_of(path_kind_word(vhost->routes[i].path_kind)));
        add_string(out, "path", vhost->routes[i].path);
        add_route(out, table, &vhost->routes[i]);
        text_add_byte(out, '}');
    }
    text_add_byte(out, ']');
    add_further(out, "default", table, vhost->default_route);
    add_further(out, "tcp", table, vhost->tcp);
    text_add_byte(out, '}');
}

static void add_endpoints(struct text *out, const struct cluster_spec *cluster,
                          dump_health_fn *health, void *context)
{
    open_in(out, "endpoints", '[');
    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        const char *word = health == NULL ? NULL : health(context, cluster, i);

        open_in(out, NULL, '{');
        add_name(out, "address");
        text_add_byte(out, '"');
        address_add(&cluster->endpoints[i].address, out);
        text_add_byte(out, '"');
        add_number(out, "weight", cluster->endpoints[i].weight);
        if (word != NULL)
            add_string(out, "health", bytes_of(word));
        text_add_byte(out, '}');
    }
    text_add_byte(out, ']');
}

static void add_upstream(struct text *out, const struct tls_upstream *tls)
{
    const struct tls_upstream_config *config = tls_upstream_config(tls);

    open_in(out, "tls", '{');
    add_string(out, "server_name", config->server_name);
    add_name(out, "verified");
    text_add_str(out, config->trust == NULL ? "false" : "true");
    add_string(out, "subject_name", config->subject_name);
    text_add_byte(out, '}');
}

static void add_health_check(struct text *out, const struct health_check *health)
{
    bool is_http = health->kind == HEALTH_CHECK_HTTP;

    open_in(out, "health_check", '{');
    add_string(out, "kind", is_http ? BYTES("http") : BYTES("tcp"));
    if (is_http) {
        add_string(out, "path", health->path);
        add_string(out, "host", health->host);
    }
    add_number(out, "interval_ms", health->interval_ms);
    add_number(out, "timeout_ms", health->timeout_ms);
    add_number(out, "unhealthy_threshold", health->unhealthy_threshold);
    add_number(out, "healthy_threshold", health->healthy_threshold);
    text_add_byte(out, '}');
}

static void add_cluster(struct text *out, const struct cluster_spec *cluster,
                        dump_health_fn *health, void *context)
{
    open_in(out, NULL, '{');
    add_string(out, "key", cluster->key);
    add_string(out, "protocol", bytes_of(cluster_protocol_word(cluster->protocol)));
    add_string(out, "policy", bytes_of(cluster_policy_word(cluster->policy)));
    if (cluster->tls != NULL)
        add_upstream(out, cluster->tls);
    if (cluster->health != NULL)
        add_health_check(out, cluster->health);
    if (cluster->sends_proxy_header) {
        add_name(out, "proxy_protocol");
        text_add_str(out, "true");
    }
    add_number(out, "max_connections", cluster->limits.connections_max);
    add_number(out, "max_pending", cluster->limits.pending_max);
    add_number(out, "max_requests", cluster->limits.requests_max);
    add_number(out, "max_retries", cluster->limits.retries_max);
    add_endpoints(out, cluster, health, context);
    text_add_byte(out, '}');
}

static void add_certificate(struct text *out, const struct served_certificate *certificate)
{
    open_in(out, NULL, '{');
    add_string(out, "secret", certificate->secret);
    add_string(out, "subject", certificate->subject);
    add_name(out, "not_after");
    text_add_byte(out, '"');
    words_add_date(out, certificate->not_after_s);
    text_add_str(out, "\"}");
}

static void add_certificates(struct text *out, const struct table *table)
{
    open_in(out, "certificates", '[');
    for (size_t i = 0; i < table_certificates_count(table); i++)
        add_certificate(out, table_certificate(table, i));
    text_add_byte(out, ']');
}

static void add_finding(struct text *out, const struct finding *finding)
{
    open_in(out, NULL, '{');
    add_string(out, "level", finding->is_error ? BYTES("error") : BYTES("warning"));
    add_string(out, "location", finding->location);
    add_string(out, "object", finding->object);
    add_string(out, "text", finding->text);
    text_add_byte(out, '}');
}

static void add_statuses(struct text *out, const struct table *table)
{
    open_in(out, "statuses", '[');
    for (size_t i = 0; i < table_statuses_count(table); i++) {
        const struct object_status *status = table_status(table, i);

        open_in(out, NULL, '{');
        add_string(out, "object", status->object);
        add_string(out, "status", bytes_of(object_state_word(status->state)));
        add_string(out, "description", status->description);
        text_add_byte(out, '}');
    }
    text_add_byte(out, ']');
}

static void add_hosts(struct text *out, const struct table *table)
{
    const struct vhost **hosts = listing_hosts(table);

    open_in(out, "hosts", '[');
    for (size_t i = 0; hosts[i] != NULL; i++)
        add_host(out, table, hosts[i]);
    text_add_byte(out, ']');
    mem_free(hosts);
}

static void add_clusters(struct text *out, const struct table *table, dump_health_fn *health,
                         void *context)
{
    const struct cluster_spec **clusters = listing_clusters(table);

    open_in(out, "clusters", '[');
    for (size_t i = 0; clusters[i] != NULL; i++)
        add_cluster(out, clusters[i], health, context);
    text_add_byte(out, ']');
    mem_free(clusters);
}

void table_dump_json(const struct table *table, struct text *out)
{
    table_dump_json_live(table, NULL, NULL, out);
}

void table_dump_json_live(const struct table *table, dump_health_fn *health, void *context,
                          struct text *out)
{
    text_add_byte(out, '{');
    add_hosts(out, table);
    if (table->fallback != NULL)
        add_further(out, "default", table, table->fallback->default_route);
    add_default_tls(out, table->default_tls);
    add_clusters(out, table, health, context);
    if (table_certificates_count(table) > 0)
        add_certificates(out, table);
    open_in(out, "findings", '[');
    for (size_t i = 0; i < table_findings_count(table); i++)
        add_finding(out, table_finding(table, i));
    text_add_byte(out, ']');
    if (table_statuses_count(table) > 0)
        add_statuses(out, table);
    text_add_str(out, "}\n");
}
