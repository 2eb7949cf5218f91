/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader.h - of all Fairleads of a cluster, is it this one that writes? lease.h with a timer and
 * calls.
 */
#ifndef CONTROLLER_LEADER_H
#define CONTROLLER_LEADER_H

#include "controller/kube/api.h"

struct leader;

/* We lead from now on, or no more; not told by leader_close(). */
typedef void leader_changed_fn(void *context);

struct leader_config {
    uv_loop_t *loop;
    struct log *log;
    struct api *api;       /* borrowed; outlives the leader */
    struct bytes ns;       /* of the Lease; borrowed, as is */
    struct bytes name;     /* this, */
    struct bytes identity; /* and this: leader_make_identity() */
    leader_changed_fn *on_changed;
    void *context;
};

/* "host_0123456789abcdef": like no other's. */
void leader_make_identity(struct text *identity);

struct leader *leader_open(const struct leader_config *config);
/* Asked right before each write: it reads the clock. */
bool leader_is_leading(const struct leader *leader);
void leader_write_metrics(const struct leader *leader, struct text *out);

typedef void leader_closed_fn(void *context);
/* Leads no more at once. The Lease is given back before on_closed, if that takes no longer than
 * RELEASE_MS. */
void leader_close(struct leader *leader, leader_closed_fn *on_closed, void *context);

#endif
