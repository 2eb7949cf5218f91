/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c - frozen settings for endpoints that speak TLS.
 */
#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "tls/host.h"
#include "tls/trust_parts.h"

struct tls_upstream {
    _Atomic uint32_t refs;
    struct tls_upstream_config config; /* trust a ref, names borrowed from the fields below */
    char *server_name;                 /* owned */
    char *subject_name;                /* owned */
};

struct tls_upstream *tls_upstream_create(const struct tls_upstream_config *config)
{
    struct tls_upstream *upstream = mem_new(struct tls_upstream);

    CHECK(config->trust != NULL || config->subject_name.len == 0);
    atomic_init(&upstream->refs, 1);
    upstream->config = *config;
    upstream->server_name = mem_string(config->server_name);
    upstream->config.server_name.at = upstream->server_name;
    upstream->subject_name = mem_string(config->subject_name);
    upstream->config.subject_name.at = upstream->subject_name;
    if (config->trust != NULL)
        (void)trust_ref(config->trust);
    return upstream;
}

struct tls_upstream *tls_upstream_ref(struct tls_upstream *upstream)
{
    refs_take(&upstream->refs);
    return upstream;
}

void tls_upstream_unref(struct tls_upstream *upstream)
{
    if (!refs_drop(&upstream->refs))
        return;
    if (upstream->config.trust != NULL)
        trust_unref(upstream->config.trust);
    mem_free(upstream->server_name);
    mem_free(upstream->subject_name);
    mem_free(upstream);
}

bool tls_upstream_equal(const struct tls_upstream *a, const struct tls_upstream *b)
{
    if (a == b)
        return true;
    return a != NULL && b != NULL && a->config.is_h2 == b->config.is_h2 &&
           bytes_equal(a->config.server_name, b->config.server_name) &&
           bytes_equal(a->config.subject_name, b->config.subject_name) &&
           trust_equal(a->config.trust, b->config.trust);
}

const struct tls_upstream_config *tls_upstream_config(const struct tls_upstream *upstream)
{
    return &upstream->config;
}
