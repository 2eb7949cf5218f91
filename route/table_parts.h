/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_parts.h - what a table is made of. Internal to route/: the builder fills it, match.c reads
 * it on every request, dump.c and explain.c walk it.
 */
#ifndef ROUTE_TABLE_PARTS_H
#define ROUTE_TABLE_PARTS_H

#include "route/findings.h"
#include "route/foreign.h"
#include "route/name_index.h"
#include "route/served.h"
#include "route/slots.h"
#include "route/statuses.h"

struct table {
    _Atomic uint32_t refs;
    uint64_t generation;
    struct name_index hosts[SCHEMES_COUNT]; /* struct vhost by vhost_key() */
    struct slots slots;
    const struct vhost *hostless; /* borrowed from hosts; NULL when there are no such rules */
    struct vhost *fallback;       /* ref; holds only the table's default route; may be NULL */
    struct vhost *default_tls;    /* ref; holds only the default certificate; may be NULL */
    struct findings *findings;    /* ref; may be NULL */
    struct served *served;        /* ref; may be NULL: no certificates */
    struct statuses *statuses;    /* ref; may be NULL: none */
    struct foreign *foreign;      /* ref; may be NULL: none */
    size_t routes_count;
    size_t wildcards_count[SCHEMES_COUNT];
    size_t clusters_count;
};

/* A table with one reference that holds what `previous` holds (nothing when NULL). */
struct table *table_create(const struct table *previous);

/*
 * The key of a vhost: its name, but that of a wildcard begins with its dot (".example.com"), so
 * that a request's host without its first label finds it. No host in normal form begins so.
 */
struct bytes vhost_key(struct bytes name);
bool vhost_is_wildcard(struct bytes name);
/* By exact name as the object gave it; NULL when there is none. */
struct vhost *table_find_vhost(const struct table *table, enum scheme scheme, struct bytes name);

/* The key in a slot, also where its spec is missing; empty when the slot is free. */
struct bytes table_slot_key(const struct table *table, uint32_t slot);

#endif
