/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost.h - frozen vhosts: making, comparing and dropping them. Internal to route/.
 */
#ifndef ROUTE_VHOST_H
#define ROUTE_VHOST_H

#include "route/builder.h"
#include "route/regex.h"

/* A route on its way into a vhost. */
struct route_draft {
    struct route route;  /* text and backends borrowed for the call of vhost_create() */
    struct regex *regex; /* of a PATH_REGEX route; taken over */
};

/* What a vhost is made of; borrowed for the call. */
struct vhost_parts {
    struct bytes name;
    enum scheme scheme;
    struct route_draft *drafts;
    uint32_t count;
    const struct route *default_route; /* or NULL */
    const struct route *tcp;           /* or NULL */
    struct tls_host *tls;              /* or NULL */
    struct bytes tls_secret;
    struct delegation_gap *gaps;
    uint32_t gaps_count;
};

/*
 * Two blocks of memory: the vhost with its routes, backends and text, each text once however many
 * routes say it; and the path tree. The drafts are sorted in place. CHECKs that no two routes have
 * the same kind and path. One reference; one more to the tls_host.
 */
struct vhost *vhost_create(const struct vhost_parts *parts);
struct vhost *vhost_ref(struct vhost *vhost);
void vhost_unref(struct vhost *vhost);
/* Same name, scheme and certificates, and same routes with the same content. */
bool vhost_equal(const struct vhost *a, const struct vhost *b);
bool route_equal(const struct route *a, const struct route *b);

/* Consumes the builder. */
struct vhost *vhost_builder_freeze(struct vhost_builder *builder);

#endif
