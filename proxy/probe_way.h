/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_way.h - one way of probing: the check, what is spoken, and whom an endpoint must prove to
 * be. Shared by all endpoints that are probed so, whatever clusters they are of.
 */
#ifndef PROXY_PROBE_WAY_H
#define PROXY_PROBE_WAY_H

#include "core/map.h"
#include "route/table.h"

#define PROBE_USER_AGENT "fairlead-health-check"

struct probe_way {
    uint32_t uses;
    struct map *ways;          /* borrowed; where it stands */
    struct text key;           /* health_add_way() */
    struct health_check check; /* without its texts: */
    struct text path;          /* with its query; as it is sent */
    struct text host;
    struct text request; /* the whole HTTP/1 request */
    enum cluster_protocol protocol;
    struct tls_upstream *tls; /* ref; NULL: in clear text, or nothing is spoken */
};

static inline bool probe_way_speaks_h2(const struct probe_way *way)
{
    return way->protocol == CLUSTER_H2C || way->protocol == CLUSTER_H2;
}

/* The way of a spec that has a health check; made on first use. One more use. `ways` is a map of
 * struct probe_way. */
struct probe_way *probe_way_take(struct map *ways, const struct cluster_spec *spec);
struct probe_way *probe_way_ref(struct probe_way *way);
/* One use less; gone with the last one. */
void probe_way_unref(struct probe_way *way);

#endif
