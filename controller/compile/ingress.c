/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress.c - which hosts an Ingress contributes to, and what is wrong with it on its own.
 */
#include "controller/compile/ingress.h"

#include "controller/compile/annotation_lint.h"
#include "controller/compile/annotations.h"
#include "controller/compile/annotations_tls.h"
#include "route/normal.h"

#define ANY_HOST BYTES("*") /* the vhost of rules without a host */

/* A host as written, in normal form, in `out` of HOST_LENGTH_MAX bytes; empty when it is none. */
static struct bytes normal_host(struct bytes written, char *out)
{
    struct bytes lower = {out, written.len};

    if (written.len == 0 || written.len > HOST_LENGTH_MAX)
        return BYTES_NONE;
    for (size_t i = 0; i < written.len; i++)
        out[i] = ascii_lower(written.at[i]);
    return host_is_valid(lower, true) ? lower : BYTES_NONE;
}

/* The name of the vhost that a rule belongs to; empty when the host is not valid. */
static struct bytes rule_host(const struct ingress_rule *rule, char *out)
{
    return rule->host.len == 0 ? ANY_HOST : normal_host(rule->host, out);
}

struct bytes ingress_rule_host(const struct ingress_rule *rule, char *room)
{
    return rule_host(rule, room);
}

/* A rule without paths still claims its host when there is a default backend to serve it. */
static bool rule_contributes(const struct ingress *ingress, const struct ingress_rule *rule)
{
    return (rule->has_http && rule->paths_count > 0) ||
           (ingress->default_backend.is_present && rule->host.len > 0);
}

typedef void contributor_fn(struct dag *dag, struct bytes host, enum contribution contribution,
                            const struct object *object, uint32_t index);

static void for_each_rule_host(struct dag *dag, const struct ingress *ingress,
                               contributor_fn *visit)
{
    char lower[HOST_LENGTH_MAX];

    for (uint32_t i = 0; i < ingress->rules_count; i++) {
        struct bytes host = rule_host(&ingress->rules[i], lower);

        if (host.len > 0 && rule_contributes(ingress, &ingress->rules[i]))
            visit(dag, host, CONTRIBUTION_RULE, &ingress->object, i);
    }
}

static void for_each_tls_host(struct dag *dag, const struct ingress *ingress, contributor_fn *visit)
{
    char lower[HOST_LENGTH_MAX];

    for (uint32_t i = 0; i < ingress->tls_count; i++) {
        for (uint32_t j = 0; j < ingress->tls[i].hosts_count; j++) {
            struct bytes host = normal_host(ingress->tls[i].hosts[j], lower);

            if (host.len > 0)
                visit(dag, host, CONTRIBUTION_TLS, &ingress->object, i);
        }
    }
}

static void for_each_named_host(struct dag *dag, const struct ingress *ingress,
                                contributor_fn *visit)
{
    for_each_rule_host(dag, ingress, visit);
    for_each_tls_host(dag, ingress, visit);
}

static void for_each_host(struct dag *dag, const struct ingress *ingress, contributor_fn *visit)
{
    for_each_named_host(dag, ingress, visit);
    if (ingress->default_backend.is_present)
        visit(dag, BYTES_NONE, CONTRIBUTION_RULE, &ingress->object, 0);
}

void ingress_contribute(struct dag *dag, const struct ingress *ingress)
{
    struct ingress_policy policy;

    ingress_policy_parse(&ingress->object, &policy, NULL);
    if (ingress_policy_serves_http(&policy))
        for_each_host(dag, ingress, dag_add_contributor);
    else
        for_each_named_host(dag, ingress, dag_add_contributor);
}

void ingress_withdraw(struct dag *dag, const struct ingress *ingress)
{
    for_each_host(dag, ingress, dag_remove_contributor);
}

static bool has_path(const struct ingress *ingress, struct bytes wanted)
{
    for (uint32_t i = 0; i < ingress->rules_count; i++) {
        const struct ingress_rule *rule = &ingress->rules[i];

        for (uint32_t j = 0; j < rule->paths_count; j++) {
            struct bytes path = rule->paths[j].path;

            if (bytes_equal(path.len == 0 ? BYTES("/") : path, wanted))
                return true;
        }
    }
    return ingress->default_backend.is_present && bytes_equal(wanted, BYTES("/"));
}

static void lint_websockets(const struct ingress *ingress, const struct ingress_policy *policy,
                            struct findings *findings)
{
    struct annotation_lists lists = policy->websocket_routes;
    struct bytes item;

    while (annotation_lists_next(&lists, &item)) {
        if (!has_path(ingress, item))
            findings_add(findings, false, &ingress->object,
                         "annotation websocket-routes: \"%.*s\" is no path of this Ingress",
                         BYTES_ARG(item));
    }
}

static void lint_tls_entries(const struct ingress *ingress, struct findings *findings)
{
    char lower[HOST_LENGTH_MAX];

    for (uint32_t i = 0; i < ingress->tls_count; i++) {
        const struct ingress_tls *entry = &ingress->tls[i];

        if (entry->hosts_count == 0)
            findings_add(findings, false, &ingress->object,
                         "spec.tls[%u]: there are no hosts, so it does nothing", i);
        for (uint32_t j = 0; j < entry->hosts_count; j++) {
            if (normal_host(entry->hosts[j], lower).len == 0)
                findings_add(findings, true, &ingress->object,
                             "spec.tls[%u].hosts[%u]: \"%.*s\" is no host name", i, j,
                             BYTES_ARG(entry->hosts[j]));
        }
    }
}

static void lint_client_certificates(const struct ingress *ingress,
                                     const struct ingress_policy *policy,
                                     const struct ingress_tls_policy *tls,
                                     struct findings *findings)
{
    if (tls->client_auth == TLS_CLIENT_AUTH_REQUIRED && policy->allow_http &&
        !policy->force_ssl_redirect)
        findings_add(findings, false, &ingress->object,
                     "annotation fairlead.dev/client-ca-secret: over plain HTTP nobody is asked "
                     "for a certificate, and this Ingress is served there too: set "
                     "kubernetes.io/ingress.allow-http to \"false\", or redirect");
}

static void lint_rule(const struct ingress *ingress, uint32_t index, struct findings *findings)
{
    const struct ingress_rule *rule = &ingress->rules[index];
    char lower[HOST_LENGTH_MAX];

    if (rule_host(rule, lower).len == 0)
        findings_add(findings, true, &ingress->object,
                     "spec.rules[%u].host: \"%.*s\" is no host name", index, BYTES_ARG(rule->host));
    else if (rule_contributes(ingress, rule) || ingress->default_backend.is_present)
        return;
    else if (rule->host.len > 0)
        findings_add(findings, false, &ingress->object,
                     "spec.rules[%u]: host %.*s has no http.paths, so it claims nothing", index,
                     BYTES_ARG(rule->host));
    else
        findings_add(findings, false, &ingress->object,
                     "spec.rules[%u]: there are no http.paths, so it does nothing", index);
}

void ingress_lint(const struct ingress *ingress, struct findings *findings)
{
    struct ingress_policy policy;
    struct ingress_tls_policy tls;

    ingress_policy_parse(&ingress->object, &policy, findings);
    ingress_tls_policy_parse(&ingress->object, &tls, findings);
    annotation_lint_own(&ingress->object, findings);
    annotation_lint_guards(&ingress->object, findings);
    lint_websockets(ingress, &policy, findings);
    lint_tls_entries(ingress, findings);
    lint_client_certificates(ingress, &policy, &tls, findings);
    for (uint32_t i = 0; i < ingress->rules_count; i++)
        lint_rule(ingress, i, findings);
    if (ingress->rules_count == 0 && !ingress->default_backend.is_present)
        findings_add(findings, false, &ingress->object,
                     "there are neither rules nor a default backend");
}
