/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tried.h - statuses that were written, or could not be, until they are seen as they should be, and
 * for STATUS_CONTEST_MS after that.
 *
 * Internal to status_writer.c.
 */
#ifndef CONTROLLER_TRIED_H
#define CONTROLLER_TRIED_H

#include "controller/status_writer.h"
#include "controller/title.h"
#include "core/map.h"

struct tried {
    struct status_write write; /* first; texts owned, or behind the struct */
    struct bytes key;          /* behind the struct, as are ns and name */
    uint64_t wanted;           /* a hash of what was written */
    struct text version;       /* of the object it was written for */
    struct text body;
    uint64_t uid;           /* a hash of that of the object it was written for */
    uint64_t written_at_ms; /* if is_written */
    uint64_t retry_at_ms;
    uint32_t failures;
    uint32_t contests; /* how often somebody else changed it soon after, in a row */
    bool is_written;   /* and nobody has changed it since, as far as we have seen */
    bool is_under_way;
    bool waits_for_watch; /* written, or another version is there: the watch tells */
    uint32_t round;       /* that met it last */
};

struct tried_set {
    struct map by_key;
};

void tried_init(struct tried_set *set);
void tried_fini(struct tried_set *set);

/* NULL: its status was not tried. */
struct tried *tried_find(struct tried_set *set, const struct title *object);
/* There must be none of this object. */
struct tried *tried_add(struct tried_set *set, const struct title *object);
void tried_note_written(struct tried *tried, uint64_t now_ms);
/* It is seen to differ from `wanted`, a hash, in this version. True when somebody else has changed
 * what we wrote, soon after: once more, and the next try waits. */
bool tried_note_change(struct tried *tried, uint64_t wanted, struct bytes version, uint64_t now_ms);
/* The next try waits `first_ms`; twice as long each time, up to `max_ms`. */
void tried_wait(struct tried *tried, uint32_t times, uint64_t first_ms, uint64_t max_ms,
                uint64_t now_ms);
void tried_forget(struct tried_set *set, struct tried *tried);
/* Those that this round did not meet: nobody asks about them any more. What is under way stays. */
void tried_forget_old(struct tried_set *set, uint32_t round);
void tried_forget_all(struct tried_set *set);

#endif
