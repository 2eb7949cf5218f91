/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_tls.c - who a host is for a ClientHello: its certificates, versions, client certificates.
 *
 *     host_certificates.c -> one certificate of each kind --\
 *     annotations -> versions, client certificates ----------> tls_host
 *
 * Whoever asks for client certificates must not go without: what cannot be set up refuses
 * handshakes, and an Ingress that may not ask has its routes not served over HTTPS.
 */
#include "controller/compile/host.h"
#include "controller/compile/permission.h"

#include <stdlib.h>

/* All objects that contribute to the host in one way or another, oldest first. */
struct origin_list {
    const struct origin **list;
    uint32_t count;
};

static int compare_origins(const void *a, const void *b)
{
    const struct origin *left = *(const struct origin *const *)a;
    const struct origin *right = *(const struct origin *const *)b;

    return object_compare_age(left->object, right->object);
}

static void add_origin(struct origin_list *all, const struct origin *origin)
{
    if (all->count == 0 || all->list[all->count - 1] != origin)
        all->list[all->count++] = origin;
}

static void drop_repeats(struct origin_list *all)
{
    uint32_t kept = 0;

    if (all->count > 1)
        qsort(all->list, all->count, sizeof(all->list[0]), compare_origins);
    for (uint32_t i = 0; i < all->count; i++) {
        if (kept == 0 || all->list[kept - 1]->object != all->list[i]->object)
            all->list[kept++] = all->list[i];
    }
    all->count = kept;
}

static struct origin_list all_origins(struct host_pass *host, const struct tls_sources *sources)
{
    struct arena *scratch = host->pass->scratch;
    size_t max = (size_t)host->node->rules.count + sources->count + 1;
    struct origin_list all = {arena_alloc(scratch, max * sizeof(all.list[0])), 0};

    if (host->tree.root != NULL)
        add_origin(&all, host->tree.root);
    for (uint32_t i = 0; i < host->node->rules.count; i++)
        add_origin(&all, host->origins[i]);
    for (uint32_t i = 0; i < sources->count; i++) {
        if (host->tree.root == NULL || sources->list[i].object != host->tree.root->object)
            add_origin(&all, origin_create(host->pass, sources->list[i].object));
    }
    drop_repeats(&all);
    return all;
}

static bool is_own(const struct host_pass *host, const struct origin *origin)
{
    return bytes_equal(origin->object->ns, host->tls_ns);
}

/* Whose word counts for the minimum. A root that has the TLS side has it alone. Of Ingresses, those
 * that ask for HTTPS in this host and whose namespace has its certificate, or borrows it: nobody
 * else is to shut out a host's clients. */
static bool decides_minimum(const struct host_pass *host, const struct tls_sources *sources,
                            const struct origin *origin)
{
    struct secret_ref shown;

    if (host->tree.side != TREE_PLAIN)
        return origin == host->tree.root;
    if (origin->ingress == NULL || !host_tls_asks(host, origin->ingress))
        return false;
    shown = tls_source_ref(&sources->list[0]);
    return is_own(host, origin) ||
           (shown.name.len > 0 && secret_permitted(host->pass, origin->object->ns, &shown) != NULL);
}

static void tell_minimum(struct host_pass *host, const struct tls_sources *sources,
                         const struct origin *origin)
{
    const struct object *owner = sources->list[0].object;
    const char *remedy = owner->kind == OBJECT_INGRESS
                             ? "the annotation"
                             : "spec.virtualhost.tls.minimumProtocolVersion";

    findings_add(
        &host->findings, false, origin->object,
        "annotation tls-minimum-protocol-version: it has no effect on host %.*s, whose TLS "
        "is that of %.*s: set %s there",
        BYTES_ARG(host->node->name), BYTES_ARG(object_title(owner, host->pass->scratch)), remedy);
}

/* The highest of all who decide, so that nobody's is undercut. Who asked for more in vain is told,
 * where it is served over HTTPS at all. */
static void choose_minimum(struct host_pass *host, const struct tls_sources *sources,
                           const struct origin_list *all, struct tls_host_config *config)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i]->tls.version_min > config->version_min &&
            decides_minimum(host, sources, all->list[i]))
            config->version_min = all->list[i]->tls.version_min;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i]->tls.version_min > config->version_min && host_serves(host, all->list[i]))
            tell_minimum(host, sources, all->list[i]);
    }
}

/* One that leaves nothing is ignored. */
static void choose_maximum(struct host_pass *host, const struct origin_list *all,
                           struct tls_host_config *config)
{
    for (uint32_t i = 0; i < all->count; i++) {
        enum tls_version max = all->list[i]->tls.version_max;

        if (max >= config->version_max || !is_own(host, all->list[i]))
            continue;
        if (max >= config->version_min)
            config->version_max = max;
        else
            findings_add(&host->findings, true, all->list[i]->object,
                         "annotation tls-maximum-protocol-version: it is below the minimum of host "
                         "%.*s, so it is ignored",
                         BYTES_ARG(host->node->name));
    }
}

bool host_tls_bars(const struct host_pass *host, const struct origin *origin)
{
    return host->scheme == SCHEME_HTTPS && origin->tls.client_auth != TLS_CLIENT_AUTH_NONE &&
           !is_own(host, origin);
}

static bool same_client_settings(const struct origin *a, const struct origin *b)
{
    return a->tls.client_auth == b->tls.client_auth &&
           bytes_equal(a->tls.client_ca, b->tls.client_ca);
}

static void tell_weaker(struct host_pass *host, const struct origin *weaker,
                        const struct origin *chosen)
{
    findings_add(&host->findings, false, weaker->object,
                 "annotation fairlead.dev/client-ca-secret: what %.*s says about client "
                 "certificates holds for host %.*s: it is stricter, or comes first by age and name",
                 BYTES_ARG(chosen->title), BYTES_ARG(host->node->name));
}

static void tell_barred(struct host_pass *host, const struct origin *origin)
{
    const char *outcome = host_serves(host, origin) ? "the paths of this one answer 503 over HTTPS"
                                                    : "this one is not served over HTTPS";
    struct bytes text =
        plain_printf(host->pass->scratch,
                     "annotation fairlead.dev/client-ca-secret: the certificate of host %.*s is of "
                     "namespace %.*s, and only objects there can ask for client certificates; %s",
                     BYTES_ARG(host->node->name), BYTES_ARG(host->tls_ns), outcome);

    findings_add(&host->findings, true, origin->object, "%.*s", BYTES_ARG(text));
    if (origin == host->tree.root)
        tree_fault_root(host, text);
}

/* Whose client certificate settings hold: the strictest, then the oldest; NULL when nobody has any.
 */
static const struct origin *strictest(struct host_pass *host, const struct origin_list *all)
{
    const struct origin *chosen = NULL;

    for (uint32_t i = 0; i < all->count; i++) {
        const struct origin *origin = all->list[i];

        if (host_tls_bars(host, origin))
            tell_barred(host, origin);
        else if (chosen == NULL || origin->tls.client_auth > chosen->tls.client_auth)
            chosen = origin;
    }
    if (chosen == NULL || chosen->tls.client_auth == TLS_CLIENT_AUTH_NONE)
        return NULL;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct origin *origin = all->list[i];

        if (origin->tls.client_auth != TLS_CLIENT_AUTH_NONE && !host_tls_bars(host, origin) &&
            !same_client_settings(origin, chosen))
            tell_weaker(host, origin, chosen);
    }
    return chosen;
}

static struct trust *client_trust(struct host_pass *host, const struct origin *origin,
                                  struct bytes *fault)
{
    struct pass *pass = host->pass;
    struct secret_ref ref = secret_ref_parse(origin->tls.client_ca, origin->object->ns);

    *fault = BYTES("no Secret is named");
    if (ref.name.len == 0)
        return NULL;
    return permitted_trust(pass, origin->object->ns, &ref, fault);
}

/* False when clients would have to be asked, and cannot be. */
static bool choose_client_auth(struct host_pass *host, const struct origin_list *all,
                               struct tls_host_config *config)
{
    const struct origin *chosen = strictest(host, all);
    struct bytes fault, text;

    if (chosen == NULL)
        return true;
    config->client_auth = chosen->tls.client_auth;
    config->client_trust = client_trust(host, chosen, &fault);
    if (config->client_trust != NULL)
        return true;
    text = plain_printf(host->pass->scratch,
                        "annotation fairlead.dev/client-ca-secret: %.*s; handshakes for host %.*s "
                        "are refused",
                        BYTES_ARG(fault), BYTES_ARG(host->node->name));
    findings_add(&host->findings, true, chosen->object, "%.*s", BYTES_ARG(text));
    if (chosen == host->tree.root)
        tree_fault_root(host, text);
    return false;
}

struct host_tls host_tls_resolve(struct host_pass *host, const struct tls_sources *sources)
{
    struct tls_host_config config = {.version_min = TLS_VERSION_1_2,
                                     .version_max = TLS_VERSION_1_3};
    struct origin_list all = all_origins(host, sources);
    struct host_tls resolved = {0};
    bool has_certificate, may_ask;

    host->tls_ns = sources->list[0].object->ns;
    has_certificate =
        host_certificates_choose(host, sources, config.certificates, &resolved.secret);
    choose_minimum(host, sources, &all, &config);
    choose_maximum(host, &all, &config);
    may_ask = choose_client_auth(host, &all, &config);
    if (has_certificate && may_ask)
        resolved.tls = tls_host_create(&config);
    return resolved;
}
