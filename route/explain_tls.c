/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_tls.c - the handshake of one explanation: who we are for the host that is asked for, or
 * why the handshake is refused.
 *
 * The client is taken to name the host of the URL as its server name (SNI), as browsers do.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/match.h"
#include "route/table_parts.h"
#include "route/words.h"

/* It is shown all the same, see certificates.c of the compiler. */
static void add_expiry(struct explainer *explainer, const struct certificate *certificate)
{
    int64_t now_s = explainer->request->now_s;
    struct text *out = explainer->out;

    if (now_s == 0)
        return;
    if (now_s > certificate_not_after_s(certificate)) {
        text_add_str(out, ", which is over: clients refuse it, renew it in the Secret");
    } else if (now_s < certificate_not_before_s(certificate)) {
        text_add_str(out, ", not before ");
        words_add_date(out, certificate_not_before_s(certificate));
        text_add_str(out, ": clients refuse it until then");
    }
}

static void add_certificate(struct explainer *explainer, const struct certificate *certificate)
{
    struct text *out = explainer->out;

    hints_add_label(out, "leaf");
    words_add_text(out, certificate_subject(certificate));
    text_add_str(out, ", until ");
    words_add_date(out, certificate_not_after_s(certificate));
    add_expiry(explainer, certificate);
    if (!certificate_covers(certificate, explainer->host)) {
        text_add_str(out, "; does not cover ");
        words_add_text(out, explainer->host);
    }
    text_add_byte(out, '\n');
}

static void add_tls_facts(struct explainer *explainer, const struct tls_host *host)
{
    const struct tls_host_config *config = tls_host_config(host);
    struct text *out = explainer->out;

    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        if (config->certificates[kind] != NULL)
            add_certificate(explainer, config->certificates[kind]);
    hints_add_label(out, "tls");
    text_printf(out, "%s to %s", tls_version_name(config->version_min),
                tls_version_name(config->version_max));
    if (config->client_auth != TLS_CLIENT_AUTH_NONE)
        text_printf(out, ", client certificate %s", client_auth_word(config->client_auth));
    text_add_byte(out, '\n');
}

static void add_secret_fact(struct explainer *explainer, struct bytes secret, const char *after)
{
    hints_add_label(explainer->out, "secret");
    words_add_text(explainer->out, secret.len > 0 ? secret : BYTES("none"));
    text_add_str(explainer->out, after);
    text_add_byte(explainer->out, '\n');
}

static bool refuse_broken_host(struct explainer *explainer, const struct vhost *vhost)
{
    static const char *const kinds[] = {"Secret", "TLSCertificateDelegation", NULL};

    add_secret_fact(explainer, vhost->tls_secret, "");
    explain_add_left_out(explainer, kinds);
    explain_add_findings(explainer, BYTES_NONE, vhost->tls_secret);
    explain_add_findings(explainer, BYTES_NONE, vhost->name);
    (void)explain_add_host_statuses(explainer);
    if (vhost->tls_secret.len == 0)
        explain_add_fact(explainer, "hint", "no Secret counts for this host: see the errors above");
    else
        explain_add_fact(
            explainer, "hint",
            "mend the Secret that tls names, or that of the CA for client certificates; one "
            "of another namespace needs a TLSCertificateDelegation there");
    return explain_refuse(explainer, "the TLS handshake is refused: what the host needs for it is "
                                     "missing or broken");
}

/* What has been told of the default certificate, where one is asked for and cannot be had. */
static bool add_default_fault(struct explainer *explainer)
{
    for (size_t i = 0; i < table_findings_count(explainer->table); i++) {
        const struct finding *finding = table_finding(explainer->table, i);

        if (!bytes_equal(finding->object, BYTES("--default-certificate")))
            continue;
        explain_add_findings(explainer, finding->object, BYTES_NONE);
        explain_add_left_out_named(explainer, finding->text);
        return true;
    }
    return false;
}

static void add_unknown_host_hint(struct explainer *explainer, const struct vhost *plain)
{
    if (plain == NULL)
        explain_add_host_hint(explainer);
    else if (plain->routes_count > 0 || plain->default_route != NULL)
        explain_add_fact(
            explainer, "hint",
            "the host is served over HTTP only: name it in spec.tls of its Ingress, or "
            "set spec.virtualhost.tls of its IngressRoute, with the secretName of its "
            "certificate");
    else
        explain_add_fact(explainer, "hint",
                         "name the host in spec.tls of its Ingress, or set spec.virtualhost.tls of "
                         "its IngressRoute, with the secretName of its certificate");
}

/* Nobody serves the host over TLS, and there is no default certificate to show. */
static bool refuse_unknown_host(struct explainer *explainer)
{
    const struct vhost *plain = table_vhost(explainer->table, SCHEME_HTTP, explainer->host);
    bool has_fault;

    if (plain == explainer->table->hostless)
        plain = NULL;
    hints_add_hosts(explainer->table, SCHEME_HTTPS, explainer->host, explainer->out);
    explain_add_left_out_hosts(explainer);
    explain_add_findings(explainer, BYTES_NONE, explainer->host);
    if (explain_add_host_statuses(explainer) && (plain == NULL || plain->routes_count == 0))
        return explain_refuse(explainer, "the TLS handshake is refused (unrecognized_name): the "
                                         "IngressRoute of this host is not valid");
    has_fault = add_default_fault(explainer);
    add_unknown_host_hint(explainer, plain);
    return explain_refuse(
        explainer,
        has_fault
            ? "the TLS handshake is refused (unrecognized_name): nobody serves this host over "
              "HTTPS, and the --default-certificate cannot be used"
            : "the TLS handshake is refused (unrecognized_name): nobody serves this host over "
              "HTTPS, and there is no --default-certificate");
}

bool explain_walk_handshake(struct explainer *explainer)
{
    const struct table *table = explainer->table;
    const struct vhost *vhost = table_vhost(table, SCHEME_HTTPS, explainer->host);

    if (vhost != NULL && vhost->tls == NULL && vhost->tcp == NULL)
        return refuse_broken_host(explainer, vhost);
    if (vhost != NULL && vhost->tls == NULL) {
        explain_add_fact(explainer, "tls", "passed through: the endpoint answers the handshake");
        return true;
    }
    if (vhost != NULL) {
        add_secret_fact(explainer, vhost->tls_secret, "");
        add_tls_facts(explainer, vhost->tls);
        return true;
    }
    if (table->default_tls == NULL)
        return refuse_unknown_host(explainer);
    add_secret_fact(explainer, table->default_tls->tls_secret,
                    ": the default certificate, for nobody serves this host over HTTPS");
    add_tls_facts(explainer, table->default_tls->tls);
    return true;
}

void explain_add_redirect_hint(struct explainer *explainer)
{
    const struct vhost *vhost = table_tls_vhost(explainer->table, explainer->host);

    if (vhost != NULL && vhost->tcp != NULL)
        explain_add_fact(explainer, "hint",
                         "over HTTPS no HTTP is spoken here: connections are relayed as TCP");
    else if (table_tls_host(explainer->table, explainer->host) == NULL)
        explain_add_fact(
            explainer, "hint",
            "no handshake for this host succeeds here, see explain for the https:// URL; "
            "that is well only where something else serves it on HTTPS");
    else if (table_vhost(explainer->table, SCHEME_HTTPS, explainer->host) == NULL)
        explain_add_fact(explainer, "hint",
                         "over HTTPS nobody serves this host, so it answers 404: name it in "
                         "spec.tls of its Ingress");
}
