/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.h - many deadlines, one timer: a hierarchical timing wheel per worker.
 *
 *     deadline_set() is a store in the usual case: pushing a deadline further away does not move
 * it; the wheel looks again when the old instant comes and puts it where it belongs then.
 *
 * Granularity DEADLINE_TICK_MS; never early. Pure: time is an argument, so the owner of the loop
 * (worker) drives it: sleep until deadlines_next_ms(), then deadlines_run().
 */
#ifndef CORE_DEADLINE_H
#define CORE_DEADLINE_H

#include "core/list.h"

#include <stdint.h>

#define DEADLINE_TICK_MS 8
#define DEADLINE_NEVER   UINT64_MAX

struct deadline;
/* The deadline is not set any more when this runs; it may be set again, cancelled or its owner
 * freed from here. */
typedef void deadline_fn(struct deadline *deadline);

/* Lives inside what it belongs to; LIST_ENTRY-like access by offsetof from the callback. */
struct deadline {
    struct list link;    /* in a slot of the wheel while set */
    uint64_t due_ms;     /* when it shall fire; DEADLINE_NEVER when not set */
    uint64_t slotted_ms; /* when the wheel looks at it next; <= due_ms rounded up to a tick */
    deadline_fn *run;
};

#define DEADLINE_OWNER(deadline, type, member)                                                     \
    ((type *)(void *)((char *)(deadline)-offsetof(type, member)))

struct deadlines;

struct deadlines *deadlines_create(uint64_t now_ms);
void deadlines_destroy(struct deadlines *deadlines); /* none may be set any more */

void deadline_init(struct deadline *deadline, deadline_fn *run);
/* Arm or move. due_ms is an instant on the clock of now_ms; one that had passed at the last run
 * fires on the next one, never on the one that is under way. DEADLINE_NEVER cancels. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t due_ms);
void deadline_cancel(struct deadlines *deadlines, struct deadline *deadline); /* may be unset */
bool deadline_is_set(const struct deadline *deadline);

/* Fire all that are due, in no particular order. Costs what is due or must be looked at, however
 * far the clock has jumped; a clock that went back fires nothing new. Not from inside a callback.
 */
void deadlines_run(struct deadlines *deadlines, uint64_t now_ms);
/* The instant to wake at next, DEADLINE_NEVER when nothing is set; may be early, never late. */
uint64_t deadlines_next_ms(const struct deadlines *deadlines);

#endif
