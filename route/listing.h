/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing.h - the hosts and clusters of a table in a stable order. Internal to route/.
 */
#ifndef ROUTE_LISTING_H
#define ROUTE_LISTING_H

#include "route/table.h"

/* Exact names, wildcards, then the host-less rules, each sorted by name; under one name HTTP before
 * HTTPS. NULL-terminated; the caller frees the array with mem_free(), the vhosts are borrowed from
 * the table. */
const struct vhost **listing_hosts(const struct table *table);
/* Clusters with a spec, sorted by key. Owned likewise. */
const struct cluster_spec **listing_clusters(const struct table *table);

#endif
