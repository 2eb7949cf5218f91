/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - who of many may write: the state of one candidate. Pure: no calls, no loop; time is an
 * argument, in monotonic milliseconds that go on while the machine sleeps.
 *
 *     lease_next() -> READ, CREATE, WRITE -> the caller asks the API server -> lease_answered()
 *
 * A candidate takes the Lease when its record has not changed for as long as the record says, by
 * the candidate's own clock; times that others wrote are never looked at. A leader stops leading
 * LEASE_DEADLINE_MS after it *began* the last renewal that succeeded. So there are never two while
 * no clock runs faster than another by more than LEASE_DURATION_MS : LEASE_DEADLINE_MS, however
 * late answers are. Records are replaced by their version only, so of two that take it one does.
 *
 * Source: client-go v0.36 tools/leaderelection; spec/watch.md 25.
 */
#ifndef CONTROLLER_LEASE_H
#define CONTROLLER_LEASE_H

#include "controller/object/lease_record.h"

#define LEASE_DURATION_MS  15000 /* after which others may take it */
#define LEASE_DEADLINE_MS  10000 /* after which we have lost it */
#define LEASE_RENEW_MS     4000  /* between renewals; leaves three tries before the deadline */
#define LEASE_RETRY_MS     2000  /* between tries, and half as much more at random for candidates */
#define LEASE_RETRY_MS_MAX 30000 /* doubled up to here while the API server does not answer */

enum lease_ask { LEASE_NOTHING, LEASE_READ, LEASE_CREATE, LEASE_WRITE };
enum lease_answer {
    LEASE_GOT,      /* with the record that the API server has now */
    LEASE_ABSENT,   /* 404 */
    LEASE_CONFLICT, /* 409: somebody was faster */
    LEASE_FAILED,   /* anything else, and no answer; it may have been written all the same */
};

struct lease {
    struct bytes identity;     /* borrowed; like no other candidate's */
    struct arena arena;        /* of the record */
    struct lease_record known; /* as last seen */
    bool is_known;
    bool is_held;      /* the last thing heard is that we have it */
    bool is_unsure;    /* what was written last failed, and may have been written all the same */
    bool is_releasing; /* told to let go; nothing but that is asked any more, */
    bool has_read_to_release; /* and for that it is read at most once */
    enum lease_ask asked;     /* under way */
    enum lease_ask wanted;    /* at wake_at_ms */
    uint64_t asked_at_ms;     /* when it began */
    uint64_t changed_at_ms;   /* when the record was first seen as it is */
    uint64_t leads_until_ms;  /* if is_held */
    uint64_t wake_at_ms;
    uint32_t failures; /* in a row */
    uint64_t random;
};

void lease_init(struct lease *lease, struct bytes identity, uint64_t seed, uint64_t now_ms);
void lease_fini(struct lease *lease);

/* What to ask now. Unless it is LEASE_NOTHING, lease_answered() must follow before the next call.
 */
enum lease_ask lease_next(struct lease *lease, uint64_t now_ms);
/* The record to create or to write, texts borrowed until the next call; `time` is for people. */
struct lease_record lease_record_to_write(struct lease *lease, struct bytes time);
/* record: only with LEASE_GOT; copied. */
void lease_answered(struct lease *lease, enum lease_answer answer,
                    const struct lease_record *record, uint64_t now_ms);

/* To be asked right before each write, with a clock just read. */
bool lease_is_leading(const struct lease *lease, uint64_t now_ms);
/* When lease_next() or lease_is_leading() may say something else. */
uint64_t lease_wake_at_ms(const struct lease *lease);

/* Leads no more from now on. lease_next() then asks to write that it is free, if it was ours, and
 * to read it before that, once, where it is not known what became of the last writing;
 * LEASE_NOTHING says that all is done. An ask under way must be answered (LEASE_FAILED) first. */
void lease_release(struct lease *lease);

#endif
