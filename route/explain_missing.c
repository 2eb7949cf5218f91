/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_missing.c - why nothing is served under a host, or under a path of it: what comes near,
 * what is amiss with the objects that might, and what to change.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/match.h"
#include "route/table_parts.h"
#include "route/words.h"

/* Nothing else was said of why there is no such host. */
void explain_add_host_hint(struct explainer *explainer)
{
    bool is_empty = table_hosts_count(explainer->table) == 0;

    explain_add_foreign_hints(explainer);
    if (explain_names_foreign(explainer) || explainer->is_left_out_told)
        return;
    if (is_empty && table_foreign_hosts_count(explainer->table) > 0)
        explain_add_fact(explainer, "hint",
                         "the table has no hosts: those that objects name are of objects that are "
                         "not ours");
    else if (is_empty)
        explain_add_fact(explainer, "hint", "the table has no hosts: no object gave one");
    else if (explainer->scheme == SCHEME_HTTPS)
        explain_add_fact(explainer, "hint",
                         "add an Ingress with a rule for this host and the host in spec.tls");
    else
        explain_add_fact(explainer, "hint",
                         "add an IngressRoute with this fqdn, an Ingress rule with this host, or a "
                         "default backend");
}

bool explain_refuse_host(struct explainer *explainer)
{
    hints_add_hosts(explainer->table, explainer->scheme, explainer->host, explainer->out);
    explain_add_left_out_hosts(explainer);
    explain_add_findings(explainer, BYTES_NONE, explainer->host);
    if (explain_add_host_statuses(explainer))
        return explain_refuse(explainer, "404: the IngressRoute of this host is not valid");
    explain_add_orphans(explainer);
    explain_add_host_hint(explainer);
    return explain_refuse(explainer, "404: no object serves this host");
}

static bool is_empty(const struct vhost *vhost)
{
    return vhost->routes_count == 0 && vhost->default_route == NULL;
}

/* Only an Ingress keeps from HTTP what it serves over HTTPS. */
static bool add_https_hint(struct explainer *explainer, const struct vhost *vhost)
{
    const struct vhost *secure = table_vhost(explainer->table, SCHEME_HTTPS, explainer->host);
    const struct route *route;

    if (explainer->scheme == SCHEME_HTTPS || secure == NULL ||
        !bytes_equal(secure->name, vhost->name) ||
        match_route(explainer->table, SCHEME_HTTPS, explainer->host, explainer->path, &route) !=
            MATCH_ROUTE)
        return false;
    hints_add_label(explainer->out, "hint");
    words_add_place(explainer->out, route);
    text_add_str(explainer->out, " serves this path over HTTPS only: its annotation "
                                 "kubernetes.io/ingress.allow-http is \"false\"\n");
    return true;
}

static void add_path_hint(struct explainer *explainer, const struct vhost *vhost, bool has_gap)
{
    explain_add_foreign_hints(explainer);
    if (add_https_hint(explainer, vhost))
        return;
    if (has_gap)
        explain_add_fact(explainer, "hint",
                         "add a route for it to the IngressRoute that the prefix is delegated to, "
                         "within that prefix");
    else if (is_empty(vhost))
        explain_add_fact(explainer, "hint",
                         "objects name this host, but none of their paths is served: see what "
                         "fairlead check says of them");
    else
        explain_add_fact(
            explainer, "hint",
            "add a path to this host; a prefix / or a default backend takes all that is left");
}

bool explain_refuse_path(struct explainer *explainer, const struct vhost *vhost)
{
    const struct table *table = explainer->table;
    const struct route *other;
    bool has_gap = explain_add_gaps(explainer, vhost, NULL);

    hints_add_paths(vhost, explainer->path, explainer->out);
    explain_add_left_out_hosts(explainer);
    if (vhost == table->hostless) {
        hints_add_hosts(table, SCHEME_HTTP, explainer->host, explainer->out);
        explain_add_findings(explainer, BYTES_NONE, explainer->host);
        explain_add_foreign_hints(explainer);
        return explain_refuse(explainer, "404: no rule without a host has a path that matches");
    }
    explain_add_foreign(explainer);
    explain_add_findings(explainer, BYTES_NONE, explainer->host);
    if (explain_add_host_statuses(explainer) && vhost->routes_count == 0)
        return explain_refuse(explainer, "404: the IngressRoute of this host is not valid");
    explain_add_orphans(explainer);
    if (match_route(table, explainer->scheme, BYTES_NONE, explainer->path, &other) == MATCH_ROUTE)
        explain_add_fact(
            explainer, "hint",
            "rules without a host would match, but never serve a host that has its own rules");
    add_path_hint(explainer, vhost, has_gap);
    return explain_refuse(explainer, "404: the host is served, but none of its paths matches");
}
