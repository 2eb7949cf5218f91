/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rounds.h - the pace of a writer that looks at everything, round after round, and sends what
 * differs: when a round is due, and what may be sent. Pure: time is an argument, in monotonic
 * milliseconds.
 *
 *     rounds_want() -> rounds_is_due() -> rounds_begin() -> turns, rounds_may_send() -> the end
 *          ^                                                                             |
 *          +------------- something changed, or rounds_wake_by() has come <--------------+
 *
 * Rounds are made only after something changed: where nothing does, nothing is looked at.
 */
#ifndef CONTROLLER_ROUNDS_H
#define CONTROLLER_ROUNDS_H

#include "controller/bucket.h"

#include <stddef.h>

struct rounds_pace {
    uint32_t writes_per_second;
    uint32_t writes_burst;
    uint32_t writes_at_once; /* that are not answered */
    uint32_t gap_ms;         /* between the beginnings of two rounds */
};

struct rounds {
    struct rounds_pace pace;
    struct bucket bucket;
    uint32_t number;  /* of this round, or of the last */
    bool is_wanted;   /* something changed since this round began */
    size_t under_way; /* writes */
    uint64_t next_at_ms;
    uint64_t wake_at_ms;    /* the first of what waits for a time; UINT64_MAX: nothing does */
    uint64_t held_until_ms; /* nothing is looked at or sent before */
};

void rounds_init(struct rounds *rounds, const struct rounds_pace *pace, uint64_t now_ms);
void rounds_want(struct rounds *rounds);
/* Something is to be looked at again then, whether anything changes or not. */
void rounds_wake_by(struct rounds *rounds, uint64_t at_ms);
void rounds_hold(struct rounds *rounds, uint64_t until_ms);

bool rounds_is_due(const struct rounds *rounds, uint64_t now_ms);
void rounds_begin(struct rounds *rounds, uint64_t now_ms);
/* When to come again, after a round. */
uint64_t rounds_next_ms(const struct rounds *rounds);

/* True counts as a write under way. */
bool rounds_may_send(struct rounds *rounds, uint64_t now_ms);
/* After false: when that may change, UINT64_MAX when an answer has to come first. */
uint64_t rounds_send_ms(struct rounds *rounds, uint64_t now_ms);
/* retry_after_ms: as the server asked; 0: it did not. */
void rounds_answered(struct rounds *rounds, uint32_t retry_after_ms, uint64_t now_ms);

#endif
