/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates.c - which certificates are shown, and whether it is their time.
 *
 * Whether one is valid changes without any object changing. So that a run need not look at all of
 * them, the next moment at which something changes is kept.
 */
#include "controller/compile/certificates.h"

#include <time.h>

/* What a certificate's dates say at the moment of a run. */
enum expiry { EXPIRY_FINE, EXPIRY_NOT_YET, EXPIRY_SOON, EXPIRY_OVER };

static struct object secret_object(const struct secret_node *secret)
{
    return (struct object){.kind = OBJECT_SECRET, .ns = secret->ns, .name = secret->name};
}

static bool is_shown(const struct secret_node *secret)
{
    return secret->shown_count > 0 && secret->certificate != NULL;
}

static void forget_idle(struct pass *pass)
{
    struct secrets *secrets = &pass->dag->secrets;
    struct secret_node *secret;
    struct findings none;

    findings_init(&none, pass->scratch);
    while ((secret = secrets_next_idle(secrets)) != NULL) {
        emit_replace(pass->emit, &secret->findings, &none);
        secrets_destroy_node(secrets, secret);
    }
}

static void write_list(struct pass *pass)
{
    struct secrets *secrets = &pass->dag->secrets;
    struct served_certificate *list =
        mem_new_array(struct served_certificate, secrets->nodes.count + 1);
    struct secret_node *secret;
    size_t count = 0, at = 0;

    while ((secret = map_next(&secrets->nodes, &at)) != NULL) {
        if (is_shown(secret))
            list[count++] = (struct served_certificate){
                .secret = secret_title(secret),
                .subject = certificate_subject(secret->certificate),
                .not_after_s = certificate_not_after_s(secret->certificate),
            };
    }
    builder_set_certificates(pass->builder, list, count);
    mem_free(list);
}

static enum expiry expiry_at(const struct certificate *certificate, int64_t now_s)
{
    int64_t end_s = certificate_not_after_s(certificate);

    if (now_s == 0)
        return EXPIRY_FINE;
    if (now_s > end_s)
        return EXPIRY_OVER;
    if (now_s < certificate_not_before_s(certificate))
        return EXPIRY_NOT_YET;
    return end_s - now_s <= CERTIFICATE_SOON_S ? EXPIRY_SOON : EXPIRY_FINE;
}

/* When the answer of expiry_at() changes next; INT64_MAX for never. */
static int64_t next_change(const struct certificate *certificate, int64_t now_s)
{
    int64_t end_s = certificate_not_after_s(certificate);

    switch (expiry_at(certificate, now_s)) {
    case EXPIRY_NOT_YET:
        return certificate_not_before_s(certificate);
    case EXPIRY_FINE:
        return end_s - CERTIFICATE_SOON_S;
    case EXPIRY_SOON:
        return end_s + 1;
    case EXPIRY_OVER:
        break;
    }
    return INT64_MAX;
}

static struct bytes date_text(struct arena *arena, int64_t unix_s)
{
    time_t moment = (time_t)unix_s;
    struct tm utc;
    char stamp[64];

    if (gmtime_r(&moment, &utc) == NULL ||
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        return plain_printf(arena, "%lld s after 1970", (long long)unix_s);
    return plain_printf(arena, "%s", stamp);
}

static void tell(const struct secret_node *secret, enum expiry expiry, struct findings *findings)
{
    const struct certificate *certificate = secret->certificate;
    const struct object object = secret_object(secret);
    struct bytes subject = certificate_subject(certificate);
    struct bytes start = date_text(findings->arena, certificate_not_before_s(certificate));
    struct bytes end = date_text(findings->arena, certificate_not_after_s(certificate));

    switch (expiry) {
    case EXPIRY_FINE:
        break;
    case EXPIRY_NOT_YET:
        findings_add(findings, true, &object,
                     "tls.crt: the certificate (%.*s) is not valid before %.*s; it is served all "
                     "the same",
                     BYTES_ARG(subject), BYTES_ARG(start));
        break;
    case EXPIRY_SOON:
        findings_add(findings, false, &object, "tls.crt: the certificate (%.*s) ends at %.*s",
                     BYTES_ARG(subject), BYTES_ARG(end));
        break;
    case EXPIRY_OVER:
        findings_add(findings, true, &object,
                     "tls.crt: the certificate (%.*s) ended at %.*s; it is served all the same",
                     BYTES_ARG(subject), BYTES_ARG(end));
        break;
    }
}

/* A certificate that is replaced by one that ends soon too has another date to tell. */
static void tell_one(struct pass *pass, struct secret_node *secret)
{
    enum expiry expiry =
        is_shown(secret) ? expiry_at(secret->certificate, pass->now_s) : EXPIRY_FINE;
    struct findings findings;

    if (expiry == EXPIRY_FINE && secret->findings == NULL)
        return;
    arena_reset(pass->scratch);
    findings_init(&findings, pass->scratch);
    if (expiry != EXPIRY_FINE)
        tell(secret, expiry, &findings);
    emit_replace(pass->emit, &secret->findings, &findings);
}

static void tell_all(struct pass *pass)
{
    struct secrets *secrets = &pass->dag->secrets;
    struct secret_node *secret;
    size_t at = 0;

    secrets->next_expiry_s = INT64_MAX;
    while ((secret = map_next(&secrets->nodes, &at)) != NULL) {
        int64_t next_s;

        tell_one(pass, secret);
        if (!is_shown(secret))
            continue;
        next_s = next_change(secret->certificate, pass->now_s);
        if (next_s < secrets->next_expiry_s)
            secrets->next_expiry_s = next_s;
    }
}

void certificates_settle(struct pass *pass)
{
    struct secrets *secrets = &pass->dag->secrets;

    arena_reset(pass->scratch);
    forget_idle(pass);
    if (secrets->shown_changed)
        write_list(pass);
    if (secrets->shown_changed || pass->now_s >= secrets->next_expiry_s)
        tell_all(pass);
    secrets->shown_changed = false;
}
