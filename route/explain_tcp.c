/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_tcp.c - the rest of the walk for a host whose connections are relayed: no path, no HTTP.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/table_parts.h"
#include "route/words.h"

static bool refuse_connection(struct explainer *explainer, const struct route *route,
                              struct bytes why)
{
    struct text *out = explainer->out;

    explain_add_way_statuses(explainer, route);
    explain_add_field_findings(explainer, route->object, route->field);
    hints_add_label(out, "verdict");
    text_add_str(out, "the TLS handshake is refused (internal_error): ");
    words_add_text(out, why);
    text_add_byte(out, '\n');
    return false;
}

static void add_tcp_route(struct explainer *explainer, const struct route *route)
{
    struct text *out = explainer->out;

    explain_add_fact(explainer, "route",
                     "tcp: all bytes of the connection, whatever the path says");
    explain_add_way(explainer, route);
    if (route->object.len == 0 && route->field.len == 0)
        return;
    hints_add_label(out, "object");
    words_add_place(out, route);
    text_add_byte(out, '\n');
}

static bool conclude_relay(struct explainer *explainer, const struct vhost *vhost,
                           struct servable served)
{
    const struct route *route = vhost->tcp;
    uint32_t lost = explain_share_of(route, route->weights_sum - served.weight);
    struct text *out = explainer->out;

    hints_add_label(out, "verdict");
    text_add_str(out, vhost->tls == NULL ? "relayed as it comes, TLS and all, to "
                                         : "what is inside TLS is relayed to ");
    if (served.count == 1)
        words_add_text(out, table_slot_key(explainer->table, served.slot));
    else
        text_printf(out, "one of %u services, by weight", served.count);
    if (served.count < route->backends_count)
        text_printf(out, "; %u.%u %% of connections are refused, their service has no %s endpoint",
                    lost / 10, lost % 10, served.unhealthy > 0 ? "healthy" : "ready");
    text_add_byte(out, '\n');
    return true;
}

bool explain_walk_tcp(struct explainer *explainer, const struct vhost *vhost)
{
    const struct route *route = vhost->tcp;
    struct servable served = {0};

    add_tcp_route(explainer, route);
    if (route->action != ROUTE_FORWARD) {
        explain_add_left_out_named(explainer, route->unavailable);
        return refuse_connection(explainer, route, route->unavailable);
    }
    for (uint16_t i = 0; i < route->backends_count; i++)
        explain_add_service(explainer, route, &route->backends[i], &served);
    if (served.count > 0)
        return conclude_relay(explainer, vhost, served);
    if (served.unhealthy > 0)
        return refuse_connection(explainer, route,
                                 BYTES("no service of this route has a healthy endpoint"));
    return refuse_connection(explainer, route,
                             BYTES("no service of this route has a ready endpoint"));
}
