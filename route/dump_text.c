/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump_text.c - the table for people and golden tests; one fact a line, see dump.h.
 */
#include "core/mem.h"
#include "route/dump.h"
#include "route/listing.h"
#include "route/table_parts.h"
#include "route/words.h"

#define COLUMN_ARROW  25
#define COLUMN_ORIGIN 66

/* What limits are unless an object says otherwise (spec/contour.md 4.3). */
static const struct cluster_limits default_limits = {1024, 1024, 1024, 3};

static void add_backend(struct text *out, const struct table *table, const struct route *route,
                        const struct route_backend *backend)
{
    const struct cluster_spec *cluster = table_cluster(table, backend->cluster_slot);

    words_add_text(out, table_slot_key(table, backend->cluster_slot));
    if (route->backends_count > 1)
        text_printf(out, " weight=%u", backend->weight);
    text_add_str(out, " (");
    words_add_count(out, cluster == NULL ? 0 : cluster->endpoints_count, "endpoint");
    text_add_byte(out, ')');
}

static void add_target(struct text *out, const struct table *table, const struct route *route)
{
    switch (route->action) {
    case ROUTE_FORWARD:
        for (uint16_t i = 0; i < route->backends_count; i++) {
            if (i > 0)
                text_add_str(out, ", ");
            add_backend(out, table, route, &route->backends[i]);
        }
        break;
    case ROUTE_REDIRECT_HTTPS:
        text_add_str(out, "redirect https");
        break;
    case ROUTE_UNAVAILABLE:
        text_add_str(out, "503 ");
        words_add_text(out, route->unavailable);
        break;
    }
}

static void add_retry(struct text *out, const struct retry_policy *retry)
{
    const char *separator = " retry-on=";

    for (unsigned i = 0; i < RETRY_WORDS_COUNT; i++) {
        if ((retry->on & (1u << i)) == 0)
            continue;
        text_add_str(out, separator);
        text_add_str(out, retry_on_word(i));
        separator = ",";
    }
    if (retry->retries_max > 0)
        text_printf(out, " retries=%u", retry->retries_max);
    if (retry->per_try_timeout_ms > 0) {
        text_add_str(out, " per-try=");
        words_add_duration(out, retry->per_try_timeout_ms);
    }
}

static void add_options(struct text *out, const struct route *route)
{
    if (route->prefix_rewrite.len > 0) {
        text_add_str(out, " rewrite=");
        words_add_text(out, route->prefix_rewrite);
    }
    if (route->has_affinity_cookie)
        text_add_str(out, " affinity=cookie");
    if (route->websocket)
        text_add_str(out, " websocket");
    if (route->response_timeout_ms > 0) {
        text_add_str(out, " timeout=");
        words_add_duration(out, route->response_timeout_ms);
    }
    add_retry(out, &route->retry);
    if (route->hsts.len > 0) {
        text_add_str(out, " hsts=\"");
        words_add_text(out, route->hsts);
        text_add_byte(out, '"');
    }
}

/* The rest of a line that starts at `line` and names a path, or says "default". */
static void add_route(struct text *out, size_t line, const struct table *table,
                      const struct route *route)
{
    words_pad(out, line, COLUMN_ARROW);
    text_add_str(out, "-> ");
    add_target(out, table, route);
    add_options(out, route);
    if (route->object.len > 0 || route->field.len > 0) {
        words_pad(out, line, COLUMN_ORIGIN);
        words_add_origin(out, route);
    }
    text_add_byte(out, '\n');
}

/* The rest of a line that names a host, or says "default". */
static void add_tls(struct text *out, const struct vhost *vhost)
{
    const struct tls_host_config *config;

    if (vhost->tls == NULL)
        text_add_str(out, vhost->tcp != NULL ? " passthrough" : " handshake refused");
    if (vhost->tls_secret.len > 0) {
        text_add_str(out, " secret=");
        words_add_text(out, vhost->tls_secret);
    }
    if (vhost->tls != NULL) {
        config = tls_host_config(vhost->tls);
        text_printf(out, " min=%s", tls_version_name(config->version_min));
        if (config->version_max != TLS_VERSION_1_3)
            text_printf(out, " max=%s", tls_version_name(config->version_max));
        if (config->client_auth != TLS_CLIENT_AUTH_NONE)
            text_printf(out, " client-certificate=%s", client_auth_word(config->client_auth));
    }
    text_add_byte(out, '\n');
}

static void add_host_line(struct text *out, const struct vhost *vhost)
{
    text_add_str(out, vhost->scheme == SCHEME_HTTPS ? "https " : "host ");
    words_add_text(out, vhost->name);
    if (vhost->scheme == SCHEME_HTTPS)
        add_tls(out, vhost);
    else
        text_add_byte(out, '\n');
}

static void add_host(struct text *out, const struct table *table, const struct vhost *vhost)
{
    add_host_line(out, vhost);
    for (uint32_t i = 0; i < vhost->routes_count; i++) {
        size_t line = out->len;

        text_printf(out, "  %-6s ", path_kind_word(vhost->routes[i].path_kind));
        words_add_text(out, vhost->routes[i].path);
        add_route(out, line, table, &vhost->routes[i]);
    }
    if (vhost->default_route != NULL) {
        size_t line = out->len;

        text_add_str(out, "  default");
        add_route(out, line, table, vhost->default_route);
    }
    if (vhost->tcp != NULL) {
        size_t line = out->len;

        text_add_str(out, "  tcp");
        add_route(out, line, table, vhost->tcp);
    }
}

static void add_limit(struct text *out, const char *name, uint32_t value, uint32_t usual)
{
    if (value != usual)
        text_printf(out, " %s=%u", name, value);
}

static void add_upstream(struct text *out, const struct tls_upstream *tls)
{
    const struct tls_upstream_config *config = tls_upstream_config(tls);

    if (config->server_name.len > 0) {
        text_add_str(out, " sni=");
        words_add_text(out, config->server_name);
    }
    text_add_str(out, config->trust == NULL ? " unverified" : " verified");
    if (config->trust != NULL && config->subject_name.len > 0) {
        text_add_str(out, " subject=");
        words_add_text(out, config->subject_name);
    }
}

static void add_health_check(struct text *out, const struct health_check *health)
{
    if (health->kind == HEALTH_CHECK_TCP) {
        text_add_str(out, " health=tcp");
    } else {
        text_add_str(out, " health=");
        words_add_text(out, health->path);
        text_add_str(out, " host=");
        words_add_text(out, health->host);
    }
    text_add_str(out, " every=");
    words_add_duration(out, health->interval_ms);
    text_add_str(out, " within=");
    words_add_duration(out, health->timeout_ms);
    text_printf(out, " down-after=%u up-after=%u", health->unhealthy_threshold,
                health->healthy_threshold);
}

static void add_endpoints(struct text *out, const struct cluster_spec *cluster,
                          dump_health_fn *health, void *context)
{
    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        const char *word = health == NULL ? NULL : health(context, cluster, i);

        text_add_str(out, "  ");
        address_add(&cluster->endpoints[i].address, out);
        add_limit(out, "weight", cluster->endpoints[i].weight, 1);
        if (word != NULL)
            text_printf(out, " health=%s", word);
        text_add_byte(out, '\n');
    }
}

static void add_cluster(struct text *out, const struct cluster_spec *cluster,
                        dump_health_fn *health, void *context)
{
    const struct cluster_limits *limits = &cluster->limits;

    text_add_str(out, "cluster ");
    words_add_text(out, cluster->key);
    text_printf(out, " %s %s", cluster_protocol_word(cluster->protocol),
                cluster_policy_word(cluster->policy));
    if (cluster->tls != NULL)
        add_upstream(out, cluster->tls);
    if (cluster->health != NULL)
        add_health_check(out, cluster->health);
    if (cluster->sends_proxy_header)
        text_add_str(out, " proxy-protocol");
    add_limit(out, "max-connections", limits->connections_max, default_limits.connections_max);
    add_limit(out, "max-pending", limits->pending_max, default_limits.pending_max);
    add_limit(out, "max-requests", limits->requests_max, default_limits.requests_max);
    add_limit(out, "max-retries", limits->retries_max, default_limits.retries_max);
    text_add_byte(out, '\n');
    add_endpoints(out, cluster, health, context);
}

static void add_certificate(struct text *out, const struct served_certificate *certificate)
{
    text_add_str(out, "certificate ");
    words_add_text(out, certificate->secret);
    text_add_str(out, " until ");
    words_add_date(out, certificate->not_after_s);
    text_add_byte(out, ' ');
    words_add_text(out, certificate->subject);
    text_add_byte(out, '\n');
}

static void add_finding(struct text *out, const struct finding *finding)
{
    text_add_str(out, finding->is_error ? "finding error " : "finding warning ");
    words_add_text(out, finding->location);
    if (finding->location.len > 0 && finding->object.len > 0)
        text_add_byte(out, ' ');
    words_add_text(out, finding->object);
    if (finding->location.len > 0 || finding->object.len > 0)
        text_add_str(out, ": ");
    words_add_text(out, finding->text);
    text_add_byte(out, '\n');
}

static void add_status(struct text *out, const struct object_status *status)
{
    text_add_str(out, "status ");
    words_add_text(out, status->object);
    text_printf(out, " %s: ", object_state_word(status->state));
    words_add_text(out, status->description);
    text_add_byte(out, '\n');
}

static void add_defaults(struct text *out, const struct table *table)
{
    size_t line = out->len;

    if (table->fallback != NULL) {
        text_add_str(out, "default");
        add_route(out, line, table, table->fallback->default_route);
    }
    if (table->default_tls != NULL) {
        text_add_str(out, "https default");
        add_tls(out, table->default_tls);
    }
}

void table_dump_text(const struct table *table, struct text *out)
{
    table_dump_text_live(table, NULL, NULL, out);
}

void table_dump_text_live(const struct table *table, dump_health_fn *health, void *context,
                          struct text *out)
{
    const struct vhost **hosts = listing_hosts(table);
    const struct cluster_spec **clusters = listing_clusters(table);

    for (size_t i = 0; hosts[i] != NULL; i++)
        add_host(out, table, hosts[i]);
    add_defaults(out, table);
    for (size_t i = 0; clusters[i] != NULL; i++)
        add_cluster(out, clusters[i], health, context);
    for (size_t i = 0; i < table_certificates_count(table); i++)
        add_certificate(out, table_certificate(table, i));
    for (size_t i = 0; i < table_findings_count(table); i++)
        add_finding(out, table_finding(table, i));
    for (size_t i = 0; i < table_statuses_count(table); i++)
        add_status(out, table_status(table, i));
    mem_free(hosts);
    mem_free(clusters);
}
