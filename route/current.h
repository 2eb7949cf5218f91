/* SPDX-License-Identifier: Apache-2.0 */
/*
 * current.h - the table that one worker serves by, and the older ones its streams still use.
 *
 * One per worker, used on that worker's loop only, so counting the streams of a generation costs a
 * plain increment. The atomic reference on the table is taken once per generation and worker.
 */
#ifndef ROUTE_CURRENT_H
#define ROUTE_CURRENT_H

#include "core/list.h"
#include "route/table.h"

/* One generation as seen by one worker. */
struct generation {
    struct list link;    /* in current->generations */
    struct table *table; /* ref */
    uint32_t leases;     /* streams that started with it */
};

/* Takes over a reference nobody on this worker needs any more; must not block (it may hand the
 * table to a thread that frees it). */
typedef void current_release_fn(void *context, struct table *table);

struct current {
    struct generation *latest; /* owned; NULL before the first publication */
    struct list generations;   /* all that still hold their table, latest first */
    current_release_fn *release;
    void *context;
};

void current_init(struct current *current, current_release_fn *release, void *context);
/* All leases must have been given back. */
void current_fini(struct current *current);

/* Takes over the caller's reference. Streams already running keep the table they started with. */
void current_publish(struct current *current, struct table *fresh);

/* Lease the latest generation for one stream; NULL before the first publication. */
struct generation *current_take(struct current *current);
void current_give_back(struct current *current, struct generation *generation);

#endif
