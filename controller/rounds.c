/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rounds.c - a bucket, a count and four instants.
 */
#include "controller/rounds.h"

#include "core/check.h"

void rounds_init(struct rounds *rounds, const struct rounds_pace *pace, uint64_t now_ms)
{
    *rounds = (struct rounds){.pace = *pace, .wake_at_ms = UINT64_MAX};
    bucket_init(&rounds->bucket, pace->writes_per_second, pace->writes_burst, now_ms);
}

void rounds_want(struct rounds *rounds)
{
    rounds->is_wanted = true;
}

void rounds_wake_by(struct rounds *rounds, uint64_t at_ms)
{
    if (at_ms < rounds->wake_at_ms)
        rounds->wake_at_ms = at_ms;
}

void rounds_hold(struct rounds *rounds, uint64_t until_ms)
{
    rounds->held_until_ms = until_ms;
}

bool rounds_is_due(const struct rounds *rounds, uint64_t now_ms)
{
    return now_ms >= rounds->next_at_ms && (rounds->is_wanted || now_ms >= rounds->wake_at_ms);
}

void rounds_begin(struct rounds *rounds, uint64_t now_ms)
{
    rounds->is_wanted = false;
    rounds->next_at_ms = now_ms + rounds->pace.gap_ms;
    rounds->wake_at_ms = UINT64_MAX;
    rounds->number++;
}

uint64_t rounds_next_ms(const struct rounds *rounds)
{
    uint64_t at_ms = rounds->is_wanted ? rounds->next_at_ms : rounds->wake_at_ms;

    return at_ms > rounds->next_at_ms ? at_ms : rounds->next_at_ms;
}

bool rounds_may_send(struct rounds *rounds, uint64_t now_ms)
{
    if (rounds->under_way >= rounds->pace.writes_at_once || !bucket_take(&rounds->bucket, now_ms))
        return false;
    rounds->under_way++;
    return true;
}

uint64_t rounds_send_ms(struct rounds *rounds, uint64_t now_ms)
{
    if (rounds->under_way >= rounds->pace.writes_at_once)
        return UINT64_MAX;
    return bucket_next_ms(&rounds->bucket, now_ms);
}

void rounds_answered(struct rounds *rounds, uint32_t retry_after_ms, uint64_t now_ms)
{
    CHECK(rounds->under_way > 0);
    rounds->under_way--;
    rounds->is_wanted = true; /* the object may have changed while it was written */
    if (retry_after_ms > 0)
        rounds->held_until_ms = now_ms + retry_after_ms;
}
