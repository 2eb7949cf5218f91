/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_parts.h - what kube.c, kube_lists.c, kube_start.c and kube_metrics.c share. Internal to
 * controller/kube.
 */
#ifndef CONTROLLER_KUBE_KUBE_PARTS_H
#define CONTROLLER_KUBE_KUBE_PARTS_H

#include "controller/kube/follow.h"
#include "controller/kube/kube.h"
#include "controller/kube/pod_nodes.h"
#include "controller/kube/snapshot.h"
#include "controller/kube/statuses.h"

/* What has been given to the owner so far. */
enum kube_state {
    KUBE_NOTHING,  /* lists are still coming */
    KUBE_SNAPSHOT, /* what the snapshot had, where a list has not come yet */
    KUBE_CHANGING, /* lists have begun to come: the others are waited for */
    KUBE_MIXED,    /* but not for ever: what comes is given as it comes */
    KUBE_WHOLE,    /* every list; from then on what changes */
};

struct kube {
    struct kube_config config;
    struct follow **follows; /* owned */
    size_t follows_count;
    struct source_batch *batch; /* owned; what was told and not given yet; NULL: nothing */
    struct statuses statuses;
    struct followed pods; /* with our labels */
    struct text pod_selector;
    struct pod_nodes pod_nodes;
    enum kube_state state;
    struct snapshot *snapshot; /* owned; NULL: none is kept */
    bool is_snapshot_asked;    /* what it has of what lacks is here, or on its way, or nothing */
    bool is_seeding;           /* what the snapshot has is told, or will be, where a list lacks */
    size_t synced_count;       /* lists that were whole when it was given */
    uv_timer_t wait;           /* for lists: at the start, and when they take a snapshot's place */
    uint64_t seed;
    size_t open_count;
    source_closed_fn *on_closed;
    void *closed_context;
};

/* Nothing that is served comes of it, so serving does not wait for it, and no snapshot has it. */
static inline bool followed_is_aside(const struct followed *what)
{
    return what->kind == OBJECT_POD || what->kind == OBJECT_NODE;
}

static inline bool follow_is_aside(const struct follow *follow)
{
    return followed_is_aside(follow_what(follow));
}

/* Follows are going, or gone. */
static inline bool kube_is_closing(const struct kube *kube)
{
    return kube->on_closed != NULL;
}

/* ---- kube_lists.c ---- */

#define KUBE_LISTS_COUNT 9
extern const struct followed kube_lists[KUBE_LISTS_COUNT]; /* always */
extern const struct followed kube_endpoints;
extern const struct followed kube_services, kube_pods, kube_nodes;

/* ---- kube.c ---- */

/* What was told; made where there is nothing. */
struct source_batch *kube_batch(struct kube *kube);
bool kube_follows_kind(const struct kube *kube, enum object_kind kind);

/* ---- kube_start.c ---- */

/* Gives the batch to the owner, if it is time to. */
void kube_give_batch(struct kube *kube);
/* The lists have KUBE_SNAPSHOT_WAIT_MS from here on. */
void kube_start_waiting(struct kube *kube);
/* Something of what is served comes from the snapshot. */
bool kube_serves_snapshot(const struct kube *kube);
void kube_add_snapshot_detail(const struct kube *kube, struct text *out);

/* ---- kube_metrics.c ---- */

void kube_write_metrics(const struct kube *kube, struct text *out);

#endif
