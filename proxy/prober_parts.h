/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prober_parts.h - what a prober is made of: prober.c asks, prober_target.c knows whom and
 * tells the workers, prober_follow.c keeps it true to the table. Internal to these three.
 */
#ifndef PROXY_PROBER_PARTS_H
#define PROXY_PROBER_PARTS_H

#include "proxy/probe.h"
#include "proxy/prober.h"

/* All that is asked at one address: in most cases one target. */
struct spot {
    struct address address;
    struct list targets; /* struct target by spot_link; never empty */
};

/* One endpoint, probed one way. */
struct target {
    struct list link;      /* in the prober's line while it is due and not asked */
    struct prober *prober; /* borrowed */
    struct probe_way *way; /* a use */
    struct spot *spot;     /* borrowed; goes with its last target */
    struct list spot_link;
    struct list uses;        /* struct use; none: it ends with the walk that is under way */
    struct list orphan_link; /* in the prober's orphans then */
    struct health health;
    struct probe *probe;      /* borrowed; while it has not reported */
    struct deadline deadline; /* of the next question */
    struct probe_report last;
    uint64_t started_ms; /* the last question */
    uint64_t changed_ms; /* the state is as it is since then */
    bool is_heard;       /* there was a result */
};

/* A cluster's interest in a target. */
struct use {
    struct list link; /* in the target's uses */
    struct target *target;
    uint32_t slot;
};

/* A slot of the table as it was followed last. */
struct place {
    const struct cluster_spec *spec; /* ref, or NULL */
    struct use *uses;                /* owned; one for each endpoint if it has a check, else NULL */
};

struct prober {
    struct worker *worker; /* borrowed; worker 0 */
    struct map ways;       /* struct probe_way by its key */
    struct map spots;      /* struct spot by address */
    struct list line;      /* struct target: due, in order */
    struct deadline line_deadline;
    uint64_t tick_ms;     /* when the last ones were asked */
    uint32_t asked_count; /* at that moment */
    uint32_t open_count;  /* probes that are not closed yet */
    uint32_t open_max;

    struct place *places; /* owned; by slot */
    uint32_t places_count;
    uint32_t next_slot; /* the walk goes on here */
    uint32_t end_slot;  /* and ends here; equal: it is done */
    struct deadline walk_deadline;
    uint32_t fresh_count; /* targets made in this walk */
    struct list orphans;  /* struct target: without a use when it was looked at */

    uint32_t unheard_count; /* targets without a result */
    uint64_t settle_by_ms;  /* 0: no table yet */
    bool is_settled;
    bool is_stopped;
};

/* Ask those that are due, as far as limits allow. */
void prober_run_line(struct prober *prober);
void prober_on_due(struct deadline *deadline); /* of a target: it is its turn */

/* Tell all workers what is known of it. */
void prober_tell(const struct target *target, enum endpoint_health health);
/* One target more or less (+1, -1) that does so, for the gauges. */
void prober_count(struct prober *prober, enum endpoint_health health, int64_t change);
/* There was a first result, or it does not matter any more. */
void prober_note_heard(struct target *target);
/* It is asked no more. */
void prober_target_stop(struct target *target);
/* The target for a way and an address; made if there is none, and then it must get a use. */
struct target *prober_target(struct prober *prober, struct probe_way *way,
                             const struct address *address);
/* Its last use is gone. */
void prober_target_end(struct target *target);

void prober_follow_init(struct prober *prober);
void prober_follow_stop(struct prober *prober);
void prober_follow_fini(struct prober *prober);

static inline bool prober_is_following(const struct prober *prober)
{
    return prober->next_slot < prober->end_slot;
}

#endif
