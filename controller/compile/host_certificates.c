/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_certificates.c - which certificates a host shows.
 *
 *     spec.tls of Ingresses -> sources -> Secrets -> one certificate of each kind
 *                                               \-> else the default one, else none
 *
 * Only the namespace of the oldest source shows certificates for the host: with another
 * namespace's, a tenant could make a host fail, or seem to be it (hostile-input 83).
 */
#include "controller/compile/host.h"
#include "controller/compile/permission.h"

/* "*.example.com" covers one label before it. */
static bool wildcard_covers(struct bytes wildcard, struct bytes host)
{
    size_t dot = bytes_find(host, '.');

    return bytes_starts_with(wildcard, BYTES("*.")) && dot != BYTES_NOT_FOUND && dot > 0 &&
           host.at[0] != '*' && bytes_equal_nocase(bytes_skip(wildcard, 1), bytes_skip(host, dot));
}

/* By its name, or by a wildcard over it. Rules without a host stand under the name "*", which an
 * entry may have by mistake, and are never served over HTTPS. */
static bool entry_covers(const struct ingress_tls *entry, struct bytes host)
{
    if (bytes_equal(host, BYTES("*")))
        return false;
    for (uint32_t i = 0; i < entry->hosts_count; i++) {
        if (bytes_equal_nocase(entry->hosts[i], host) || wildcard_covers(entry->hosts[i], host))
            return true;
    }
    return false;
}

bool host_tls_asks(const struct host_pass *host, const struct ingress *ingress)
{
    for (uint32_t i = 0; i < ingress->tls_count; i++) {
        if (entry_covers(&ingress->tls[i], host->node->name))
            return true;
    }
    return false;
}

static struct tls_sources *sources_create(struct host_pass *host, size_t max)
{
    struct tls_sources *sources = arena_alloc(
        host->pass->scratch, sizeof(struct tls_sources) + max * sizeof(struct tls_source));

    sources->count = 0;
    return sources;
}

static struct tls_source entry_source(struct host_pass *host, const struct ingress *ingress,
                                      uint32_t entry)
{
    return (struct tls_source){&ingress->object, ingress->tls[entry].secret,
                               plain_printf(host->pass->scratch, "spec.tls[%u]", entry)};
}

/* Nobody names the host itself. A wildcard entry takes in the rules of its own Ingress only: names
 * of others are not its to give certificates to. */
static const struct tls_sources *wildcard_sources(struct host_pass *host)
{
    const struct host_node *node = host->node;
    struct tls_sources *sources;
    size_t max = 0;

    for (uint32_t i = 0; i < node->rules.count; i++)
        max += as_ingress(node->rules.list[i].object)->tls_count;
    sources = sources_create(host, max);
    for (uint32_t i = 0; i < node->rules.count; i++) {
        const struct object *object = node->rules.list[i].object;
        const struct ingress *ingress = as_ingress(object);

        if (i > 0 && object == node->rules.list[i - 1].object)
            continue;
        for (uint32_t j = 0; j < ingress->tls_count; j++) {
            if (entry_covers(&ingress->tls[j], node->name))
                sources->list[sources->count++] = entry_source(host, ingress, j);
        }
    }
    return sources->count > 0 ? sources : NULL;
}

/* Several roots claim the host, one of them with TLS, and none has it. */
static void tell_refused_entries(struct host_pass *host)
{
    const struct contributors *tls = &host->node->tls;

    for (uint32_t i = 0; i < tls->count; i++)
        findings_add(&host->findings, true, tls->list[i].object,
                     "spec.tls[%u]: host %.*s is the fqdn of multiple IngressRoutes, so its "
                     "handshakes are refused",
                     tls->list[i].index, BYTES_ARG(host->node->name));
}

/* The Secret of the root, which is shown for the host; no name where there is none. */
static struct secret_ref shown_secret(const struct host_pass *host)
{
    const struct ingress_route *root =
        host->tree.root == NULL ? NULL : as_ingress_route(host->tree.root->object);
    struct tls_source source;

    if (root == NULL || root->tls_secret.len == 0 || host->tree.is_passthrough)
        return (struct secret_ref){0};
    source = (struct tls_source){&root->object, root->tls_secret, BYTES_NONE};
    return tls_source_ref(&source);
}

bool host_tls_lends(const struct host_pass *host, struct bytes ns)
{
    const struct secret_ref shown = shown_secret(host);

    return shown.name.len > 0 && secret_permitted(host->pass, ns, &shown) != NULL;
}

static void tell_refused_entry(struct host_pass *host, const struct contributor *entry)
{
    const struct secret_ref shown = shown_secret(host);

    findings_add(&host->findings, true, entry->object,
                 "spec.tls[%u]: %.*s has the TLS side of host %.*s, with Secret %.*s/%.*s: "
                 "certificate delegation not permitted, so no path of this Ingress is served over "
                 "HTTPS",
                 entry->index, BYTES_ARG(host->tree.root->title), BYTES_ARG(host->node->name),
                 BYTES_ARG(shown.ns), BYTES_ARG(shown.name));
}

static void tell_idle_entries(struct host_pass *host)
{
    const struct contributors *tls = &host->node->tls;

    for (uint32_t i = 0; i < tls->count; i++) {
        if (shown_secret(host).name.len > 0 && !host_tls_lends(host, tls->list[i].object->ns))
            tell_refused_entry(host, &tls->list[i]);
        else
            findings_add(&host->findings, false, tls->list[i].object,
                         "spec.tls[%u]: %.*s has the TLS side of host %.*s, so its certificate is "
                         "the one that is shown",
                         tls->list[i].index, BYTES_ARG(host->tree.root->title),
                         BYTES_ARG(host->node->name));
    }
}

/* The root owns the TLS side of its host, also where its own Secret fails: nobody else's
 * certificate stands in for it. */
static const struct tls_sources *root_source(struct host_pass *host)
{
    const struct ingress_route *root;
    struct tls_sources *sources;

    if (host->tree.root == NULL) {
        tell_refused_entries(host);
        return NULL;
    }
    root = as_ingress_route(host->tree.root->object);
    sources = sources_create(host, 1);
    if (host->tree.tcp == NULL || host->tree.side == TREE_BROKEN) /* else fill_tcp() tells them */
        tell_idle_entries(host);
    if (root->tls_secret.len == 0 || host->tree.is_passthrough)
        return NULL;
    sources->list[sources->count++] =
        (struct tls_source){&root->object, root->tls_secret, BYTES("spec.virtualhost.tls")};
    return sources;
}

const struct tls_sources *host_tls_sources(struct host_pass *host)
{
    const struct contributors *tls = &host->node->tls;
    struct tls_sources *sources;

    if (host->tree.side != TREE_PLAIN)
        return root_source(host);
    if (tls->count == 0)
        return wildcard_sources(host);
    sources = sources_create(host, tls->count);
    for (uint32_t i = 0; i < tls->count; i++)
        sources->list[i] = entry_source(host, as_ingress(tls->list[i].object), tls->list[i].index);
    sources->count = tls->count;
    return sources;
}

/* The certificates of a host while they are chosen. */
struct choice {
    struct host_pass *host;
    struct certificate **by_kind; /* CERTIFICATE_KINDS, to be filled; borrowed from the Secrets */
    const struct secret_node *from[CERTIFICATE_KINDS];
    uint32_t count;
    const struct tls_source *nameless; /* the first entry that names no Secret, or NULL */
};

static void tell(struct choice *choice, bool is_error, const struct tls_source *source,
                 const char *field, struct bytes text)
{
    findings_add(&choice->host->findings, is_error, source->object, "%.*s%s: %.*s",
                 BYTES_ARG(source->field), field, BYTES_ARG(text));
}

static void check_cover(struct choice *choice, const struct tls_source *source,
                        const struct secret_node *secret, const struct certificate *certificate)
{
    struct arena *scratch = choice->host->pass->scratch;
    struct bytes host = choice->host->node->name;

    if (certificate_covers(certificate, host))
        return;
    tell(choice, false, source, ".secretName",
         plain_printf(scratch, "the certificate of Secret %.*s (%.*s) does not cover host %.*s",
                      BYTES_ARG(secret_title(secret)), BYTES_ARG(certificate_subject(certificate)),
                      BYTES_ARG(host)));
}

/* One of each kind; the oldest. */
static void choose(struct choice *choice, const struct tls_source *source,
                   struct secret_node *secret, struct certificate *certificate)
{
    enum certificate_kind kind = certificate_kind(certificate);
    struct arena *scratch = choice->host->pass->scratch;

    if (choice->from[kind] == secret)
        return;
    if (choice->from[kind] != NULL) {
        tell(choice, false, source, ".secretName",
             plain_printf(
                 scratch,
                 "host %.*s shows the certificate of Secret %.*s, which comes first by age "
                 "and place and has a key of the same kind",
                 BYTES_ARG(choice->host->node->name), BYTES_ARG(secret_title(choice->from[kind]))));
        return;
    }
    check_cover(choice, source, secret, certificate);
    choice->by_kind[kind] = certificate;
    choice->from[kind] = secret;
    choice->count++;
    if (choice->host->tree.side != TREE_BROKEN)
        secret_list_show(&choice->host->pass->secrets, secret);
}

struct secret_ref tls_source_ref(const struct tls_source *source)
{
    const struct object *object = source->object;
    struct ingress_tls_policy policy;

    ingress_tls_policy_parse(object, &policy, NULL);
    return secret_ref_parse(source->secret,
                            policy.secrets_ns.len > 0 ? policy.secrets_ns : object->ns);
}

static void try_source(struct choice *choice, const struct tls_source *source)
{
    struct pass *pass = choice->host->pass;
    struct bytes fault;
    struct secret_ref ref = tls_source_ref(source);
    struct secret_node *secret;
    struct certificate *certificate;

    if (source->secret.len == 0) {
        if (choice->nameless == NULL)
            choice->nameless = source;
        return;
    }
    secret = secret_permitted(pass, source->object->ns, &ref);
    if (secret == NULL) {
        tell(choice, true, source, ".secretName",
             plain_printf(pass->scratch, "Secret %.*s/%.*s: certificate delegation not permitted",
                          BYTES_ARG(ref.ns), BYTES_ARG(ref.name)));
        return;
    }
    certificate = secret_certificate(secret, pass->cache, &fault);
    if (certificate == NULL)
        tell(choice, true, source, ".secretName", fault);
    else
        choose(choice, source, secret, certificate);
}

static void tell_foreign(struct choice *choice, const struct tls_source *source,
                         const struct tls_source *first)
{
    tell(choice, false, source, "",
         plain_printf(choice->host->pass->scratch,
                      "Ingress %.*s/%.*s comes first by age and name, so the certificates of host "
                      "%.*s are those of its namespace",
                      BYTES_ARG(first->object->ns), BYTES_ARG(first->object->name),
                      BYTES_ARG(choice->host->node->name)));
}

/* The certificate of --default-certificate; NULL and *fault when there is none. */
static struct secret_node *default_secret(struct pass *pass, struct certificate **certificate,
                                          struct bytes *fault)
{
    struct bytes written = pass->options->default_certificate;
    struct secret_ref ref = secret_ref_parse(written, BYTES("default"));
    struct secret_node *secret;

    *fault = BYTES("there is no --default-certificate");
    if (written.len == 0)
        return NULL;
    secret = secret_list_add(&pass->dag->secrets, &pass->secrets, ref.ns, ref.name);
    *certificate = secret_certificate(secret, pass->cache, fault);
    return *certificate == NULL ? NULL : secret;
}

/* Nothing of the host's own can be shown (design 5.2). */
static void choose_default(struct choice *choice)
{
    struct certificate *certificate;
    struct bytes fault;
    struct secret_node *secret = default_secret(choice->host->pass, &certificate, &fault);

    if (secret != NULL) {
        enum certificate_kind kind = certificate_kind(certificate);

        choice->by_kind[kind] = certificate;
        choice->from[kind] = secret;
        choice->count = 1;
        secret_list_show(&choice->host->pass->secrets, secret);
    } else if (choice->nameless != NULL) {
        tell(choice, true, choice->nameless, ".secretName",
             plain_printf(choice->host->pass->scratch,
                          "no Secret is named, and %.*s: handshakes for host %.*s are refused",
                          BYTES_ARG(fault), BYTES_ARG(choice->host->node->name)));
    }
}

static void choose_all(struct choice *choice, const struct tls_sources *sources)
{
    const struct tls_source *first = &sources->list[0];

    for (uint32_t i = 0; i < sources->count; i++) {
        const struct tls_source *source = &sources->list[i];

        if (bytes_equal(source->object->ns, first->object->ns))
            try_source(choice, source);
        else
            tell_foreign(choice, source, first);
    }
    if (choice->count == 0 && choice->host->tree.side == TREE_PLAIN)
        choose_default(choice);
}

/* "default/rsa, default/ecdsa"; where there is nothing, the Secret that should be there. */
static struct bytes secrets_text(const struct choice *choice, const struct tls_sources *sources)
{
    struct secret_ref wanted = tls_source_ref(&sources->list[0]);
    struct text text;
    struct bytes copy;

    text_init(&text);
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        if (choice->from[kind] == NULL)
            continue;
        text_add_str(&text, text.len > 0 ? ", " : "");
        text_add_plain(&text, secret_title(choice->from[kind]));
    }
    if (choice->count == 0 && wanted.name.len > 0) {
        text_add_plain(&text, wanted.ns);
        text_add_byte(&text, '/');
        text_add_plain(&text, wanted.name);
    }
    copy = arena_copy(choice->host->pass->scratch, text_bytes(&text));
    text_fini(&text);
    return copy;
}

bool host_certificates_choose(struct host_pass *host, const struct tls_sources *sources,
                              struct certificate **by_kind, struct bytes *secrets)
{
    struct choice choice = {.host = host, .by_kind = by_kind};

    choose_all(&choice, sources);
    *secrets = secrets_text(&choice, sources);
    return choice.count > 0;
}

struct host_tls host_tls_default(struct host_pass *host)
{
    struct tls_host_config config = {.version_min = TLS_VERSION_1_2,
                                     .version_max = TLS_VERSION_1_3};
    struct certificate *certificate;
    struct bytes fault;
    struct secret_node *secret = default_secret(host->pass, &certificate, &fault);

    if (secret == NULL) {
        findings_add_located(&host->findings, true, BYTES_NONE, BYTES("--default-certificate"),
                             fault);
        return (struct host_tls){0};
    }
    config.certificates[certificate_kind(certificate)] = certificate;
    secret_list_show(&host->pass->secrets, secret);
    return (struct host_tls){tls_host_create(&config), secret_title(secret)};
}
