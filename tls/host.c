/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - frozen settings of TLS, and the ids by which sessions are kept apart.
 */
#include "tls/host.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "tls/certificate_parts.h"
#include "tls/trust_parts.h"

#include <openssl/evp.h>

#define ID_BYTES 16

struct tls_host {
    _Atomic uint32_t refs;
    struct tls_host_config config; /* each certificate a ref, client_trust a ref */
    unsigned char id[ID_BYTES];
    unsigned char auth_id[ID_BYTES];
};

const char *tls_version_name(enum tls_version version)
{
    switch (version) {
    case TLS_VERSION_1_2:
        return "TLSv1.2";
    case TLS_VERSION_1_3:
        return "TLSv1.3";
    }
    return "";
}

/* ---- ids ---- */

/* Everything before it is of one length, so that no two settings give the same text. */
static void add_auth(const struct tls_host_config *config, struct text *out)
{
    text_add_byte(out, (char)config->client_auth);
    text_add_byte(out, config->client_trust != NULL);
    if (config->client_trust != NULL)
        text_add(out, trust_id(config->client_trust));
}

static void add_certificates(const struct tls_host_config *config, struct text *out)
{
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        const struct certificate *certificate = config->certificates[kind];

        text_add_byte(out, certificate != NULL);
        if (certificate != NULL)
            text_add(out, certificate_id(certificate));
    }
}

static void digest_into(unsigned char id[ID_BYTES], const struct text *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    CHECK(EVP_Digest(text->at, text->len, digest, NULL, EVP_sha256(), NULL) == 1);
    memcpy(id, digest, ID_BYTES);
}

static void note_ids(struct tls_host *host)
{
    struct text text;

    text_init(&text);
    add_auth(&host->config, &text);
    digest_into(host->auth_id, &text);
    text_add_byte(&text, (char)host->config.version_min);
    text_add_byte(&text, (char)host->config.version_max);
    add_certificates(&host->config, &text);
    digest_into(host->id, &text);
    text_fini(&text);
}

/* ---- hosts ---- */

static bool has_certificate(const struct tls_host_config *config)
{
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        if (config->certificates[kind] != NULL)
            return true;
    return false;
}

struct tls_host *tls_host_create(const struct tls_host_config *config)
{
    struct tls_host *host = mem_new(struct tls_host);

    CHECK(has_certificate(config) && config->version_min <= config->version_max);
    CHECK(config->client_auth == TLS_CLIENT_AUTH_NONE || config->client_trust != NULL);
    atomic_init(&host->refs, 1);
    host->config = *config;
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        if (config->certificates[kind] == NULL)
            continue;
        CHECK(certificate_kind(config->certificates[kind]) == (enum certificate_kind)kind);
        (void)certificate_ref(config->certificates[kind]);
    }
    if (config->client_trust != NULL)
        (void)trust_ref(config->client_trust);
    note_ids(host);
    return host;
}

struct tls_host *tls_host_ref(struct tls_host *host)
{
    refs_take(&host->refs);
    return host;
}

void tls_host_unref(struct tls_host *host)
{
    if (!refs_drop(&host->refs))
        return;
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        if (host->config.certificates[kind] != NULL)
            certificate_unref(host->config.certificates[kind]);
    if (host->config.client_trust != NULL)
        trust_unref(host->config.client_trust);
    mem_free(host);
}

/* The id knows nothing of staples, for a fresh one must not end sessions. */
bool tls_host_equal(const struct tls_host *a, const struct tls_host *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || memcmp(a->id, b->id, ID_BYTES) != 0)
        return false;
    for (int kind = 0; kind < CERTIFICATE_KINDS; kind++)
        if (!certificate_equal(a->config.certificates[kind], b->config.certificates[kind]))
            return false;
    return true;
}

const struct tls_host_config *tls_host_config(const struct tls_host *host)
{
    return &host->config;
}

struct bytes tls_host_id(const struct tls_host *host)
{
    return bytes_from((const char *)host->id, ID_BYTES);
}

struct bytes tls_host_auth_id(const struct tls_host *host)
{
    return bytes_from((const char *)host->auth_id, ID_BYTES);
}
