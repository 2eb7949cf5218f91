/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - the walk of one request through the table, in the words of the objects it comes from.
 *
 *     url -> method, host, path -> vhost -> route -> action -> services -> endpoints -> verdict
 *
 * Each step adds its facts and either goes on or speaks the verdict.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/match.h"
#include "route/rewrite.h"
#include "route/table_parts.h"
#include "route/words.h"

/* The host as nobody names it exactly. */
static void add_unnamed_host(struct explainer *explainer, const struct vhost *vhost)
{
    struct text *out = explainer->out;

    if (vhost == NULL && explainer->scheme == SCHEME_HTTPS)
        text_add_str(out, ": no object of ours serves it over HTTPS\n");
    else if (vhost == NULL)
        text_add_str(out, ": no object of ours names it, and there are no rules without a host\n");
    else
        text_add_str(out, ": no object of ours names it, so the rules without a host apply\n");
    explain_add_foreign(explainer);
}

static void add_host_fact(struct explainer *explainer, const struct vhost *vhost)
{
    struct text *out = explainer->out;

    hints_add_label(out, "host");
    words_add_text(out, explainer->host);
    if (vhost == NULL || vhost == explainer->table->hostless) {
        add_unnamed_host(explainer, vhost);
        return;
    }
    if (vhost_is_wildcard(vhost->name)) {
        text_add_str(out, ": covered by ");
        words_add_text(out, vhost->name);
    } else {
        text_add_str(out, ": named exactly");
    }
    text_add_byte(out, '\n');
}

static void add_route_fact(struct explainer *explainer, const struct vhost *vhost,
                           const struct route *route)
{
    struct text *out = explainer->out;

    if (vhost != NULL && vhost != explainer->table->hostless)
        (void)explain_add_gaps(explainer, vhost, route);
    hints_add_label(out, "route");
    if (vhost != NULL && route == vhost->default_route) {
        text_add_str(out, "the default backend of this host, for no path matches");
    } else if (explainer->table->fallback != NULL &&
               route == explainer->table->fallback->default_route) {
        text_add_str(out, "the default backend, for hosts that no object names");
    } else {
        text_printf(out, "%s ", path_kind_word(route->path_kind));
        words_add_text(out, route->path);
    }
    text_add_byte(out, '\n');
    explain_add_way(explainer, route);
    if (route->object.len == 0 && route->field.len == 0)
        return;
    hints_add_label(out, "object");
    words_add_place(out, route);
    text_add_byte(out, '\n');
}

/* How many get requests. */
static uint32_t add_endpoints(struct explainer *explainer, const struct cluster_spec *cluster)
{
    struct text *out = explainer->out;
    uint32_t count = 0;

    for (uint32_t i = 0; i < cluster->endpoints_count; i++) {
        bool is_used = true;

        hints_add_label(out, "endpoint");
        address_add(&cluster->endpoints[i].address, out);
        if (explainer->endpoint_words != NULL) {
            text_add_byte(out, ' ');
            is_used = explainer->endpoint_words(explainer->context, cluster,
                                                &cluster->endpoints[i].address, out);
        }
        text_add_byte(out, '\n');
        count += is_used ? 1 : 0;
    }
    return count;
}

/* A route may have hundreds of services, and each look through the findings takes its time. */
#define EMPTY_LOOKED_INTO_MAX 5

/* What has been told of the objects of a cluster without endpoints. */
static void add_empty_findings(struct explainer *explainer, const struct cluster_spec *cluster)
{
    struct bytes ns = bytes_slice(cluster->key, 0, bytes_find(cluster->key, '/'));
    struct bytes rest = bytes_skip(cluster->key, ns.len + 1);
    struct bytes name = bytes_slice(rest, 0, bytes_find(rest, '/'));
    struct text service;

    text_init(&service);
    text_printf(&service, "Service %.*s/%.*s", BYTES_ARG(ns), BYTES_ARG(name));
    explain_add_findings(explainer, text_bytes(&service), BYTES_NONE);
    text_fini(&service);
    explain_add_named_findings(explainer, cluster->why_empty);
    explain_add_left_out_endpoints(explainer, ns);
}

static void add_why_empty(struct explainer *explainer, const struct cluster_spec *cluster)
{
    if (explainer->empty_count++ < EMPTY_LOOKED_INTO_MAX)
        add_empty_findings(explainer, cluster);
    if (cluster->why_empty.len == 0)
        return;
    hints_add_label(explainer->out, "hint");
    words_add_text(explainer->out, cluster->why_empty);
    text_add_byte(explainer->out, '\n');
}

uint32_t explain_share_of(const struct route *route, uint32_t weight)
{
    return route->weights_sum == 0 ? 0 : (uint32_t)((uint64_t)weight * 1000 / route->weights_sum);
}

void explain_add_service(struct explainer *explainer, const struct route *route,
                         const struct route_backend *backend, struct servable *served)
{
    const struct cluster_spec *cluster = table_cluster(explainer->table, backend->cluster_slot);
    uint32_t share = explain_share_of(route, backend->weight);
    struct text *out = explainer->out;

    hints_add_label(out, "service");
    words_add_text(out, table_slot_key(explainer->table, backend->cluster_slot));
    if (route->backends_count > 1)
        text_printf(out, ", weight %u of %u (%u.%u %%)", backend->weight, route->weights_sum,
                    share / 10, share % 10);
    if (cluster == NULL) {
        text_add_str(out, ": unknown, so it has no endpoints\n");
        return;
    }
    text_printf(out, ", %s, %s", cluster_protocol_word(cluster->protocol),
                cluster_policy_word(cluster->policy));
    if (cluster->tls != NULL)
        text_add_str(out, tls_upstream_config(cluster->tls)->trust == NULL
                              ? ", certificates not verified"
                              : ", certificates verified");
    if (cluster->sends_proxy_header)
        text_add_str(out, ", PROXY protocol");
    text_add_str(out, ": ");
    words_add_count(out, cluster->endpoints_count, "ready endpoint");
    text_add_byte(out, '\n');
    if (cluster->endpoints_count == 0)
        add_why_empty(explainer, cluster);
    if (add_endpoints(explainer, cluster) > 0) {
        served->count++;
        served->weight += backend->weight;
        served->slot = backend->cluster_slot;
    } else if (cluster->endpoints_count > 0) {
        served->unhealthy++;
    }
}

/* No service of the route has an endpoint for requests. */
static bool refuse_endpoints(struct explainer *explainer, const struct route *route,
                             const struct servable *served)
{
    explain_add_way_statuses(explainer, route);
    explain_add_field_findings(explainer, route->object, route->field);
    if (served->unhealthy > 0) {
        explain_add_fact(
            explainer, "hint",
            "look at what the endpoints answer to their health check, and at its path");
        return explain_refuse(explainer, "503: no service of this route has a healthy endpoint");
    }
    return explain_refuse(explainer, "503: no service of this route has a ready endpoint");
}

static bool conclude_forward(struct explainer *explainer, const struct route *route,
                             const struct servable *served)
{
    uint32_t lost = explain_share_of(route, route->weights_sum - served->weight);
    struct text *out = explainer->out;

    if (served->count == 0)
        return refuse_endpoints(explainer, route, served);
    hints_add_label(out, "verdict");
    text_add_str(out, "forwarded to ");
    if (served->count == 1)
        words_add_text(out, table_slot_key(explainer->table, served->slot));
    else
        text_printf(out, "one of %u services, by weight", served->count);
    if (served->count < route->backends_count)
        text_printf(out, "; %u.%u %% of requests get 503, their service has no %s endpoint",
                    lost / 10, lost % 10, served->unhealthy > 0 ? "healthy" : "ready");
    text_add_byte(out, '\n');
    return true;
}

static void add_route_options(struct explainer *explainer, const struct route *route)
{
    if (route->response_timeout_ms > 0) {
        hints_add_label(explainer->out, "timeout");
        words_add_duration(explainer->out, route->response_timeout_ms);
        text_add_str(explainer->out, " for the whole response\n");
    }
    if (route->hsts.len > 0) {
        hints_add_label(explainer->out, "hsts");
        words_add_text(explainer->out, route->hsts);
        text_add_byte(explainer->out, '\n');
    }
}

static void add_rewrite(struct explainer *explainer, const struct route *route)
{
    char *room = arena_alloc(&explainer->arena, rewrite_bound(route, explainer->path));

    hints_add_label(explainer->out, "forwarded");
    text_add_str(explainer->out, "as ");
    words_add_text(explainer->out, rewrite_path(route, explainer->path, room));
    words_add_text(explainer->out, explainer->query);
    text_add_byte(explainer->out, '\n');
}

static bool walk_services(struct explainer *explainer, const struct route *route)
{
    struct servable served = {0};

    if (explainer->request->wants_websocket && !route->websocket) {
        explain_add_fact(explainer, "hint",
                         bytes_starts_with(route->object, BYTES("IngressRoute "))
                             ? "set enableWebsockets: true in the route"
                             : "name the path in the annotation websocket-routes");
        return explain_refuse(explainer, "403: this route does not allow WebSockets");
    }
    add_route_options(explainer, route);
    if (route_rewrites(route))
        add_rewrite(explainer, route);
    for (uint16_t i = 0; i < route->backends_count; i++)
        explain_add_service(explainer, route, &route->backends[i], &served);
    return conclude_forward(explainer, route, &served);
}

static bool conclude_redirect(struct explainer *explainer)
{
    explain_add_redirect_hint(explainer);
    hints_add_label(explainer->out, "verdict");
    text_add_str(explainer->out, "301 to https://");
    words_add_text(explainer->out, explainer->host);
    words_add_text(explainer->out, explainer->path);
    words_add_text(explainer->out, explainer->query);
    text_add_byte(explainer->out, '\n');
    return true;
}

static bool walk_action(struct explainer *explainer, const struct route *route)
{
    switch (route->action) {
    case ROUTE_FORWARD:
        return walk_services(explainer, route);
    case ROUTE_REDIRECT_HTTPS:
        return conclude_redirect(explainer);
    case ROUTE_UNAVAILABLE:
        explain_add_way_statuses(explainer, route);
        explain_add_field_findings(explainer, route->object, route->field);
        explain_add_left_out_named(explainer, route->unavailable);
        hints_add_label(explainer->out, "verdict");
        text_add_str(explainer->out, "503: ");
        words_add_text(explainer->out, route->unavailable);
        text_add_byte(explainer->out, '\n');
        return false;
    }
    return false;
}

static bool walk_table(struct explainer *explainer)
{
    enum scheme scheme = explainer->scheme;
    const struct vhost *vhost = table_vhost(explainer->table, scheme, explainer->host);
    const struct route *route;

    add_host_fact(explainer, vhost);
    if (scheme == SCHEME_HTTPS && !explain_walk_handshake(explainer))
        return false;
    if (vhost != NULL && vhost->tcp != NULL)
        return explain_walk_tcp(explainer, vhost);
    if (!explain_walk_path(explainer))
        return false;
    switch (match_route(explainer->table, scheme, explainer->host, explainer->path, &route)) {
    case MATCH_NO_HOST:
        return explain_refuse_host(explainer);
    case MATCH_NO_PATH:
        return explain_refuse_path(explainer, vhost);
    case MATCH_REGEX_LIMIT: /* it is tried before any prefix, whoever wrote it */
        add_route_fact(explainer, vhost, route);
        return explain_refuse(explainer, "400: the pattern of this route needs too many steps to "
                                         "say whether the path matches; write a simpler one");
    case MATCH_ROUTE:
        add_route_fact(explainer, vhost, route);
        return walk_action(explainer, route);
    }
    return false;
}

bool explain(const struct table *table, const struct explain_request *request,
             explain_endpoint_fn *endpoint_words, void *context, struct text *out)
{
    struct explainer explainer = {
        .table = table,
        .request = request,
        .endpoint_words = endpoint_words,
        .context = context,
        .out = out,
    };
    bool answers;

    arena_init(&explainer.arena, 1024);
    answers = explain_walk_request(&explainer) && walk_table(&explainer);
    arena_fini(&explainer.arena);
    return answers;
}
