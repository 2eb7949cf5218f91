/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.c - who of many may write.
 *
 *     READ -> absent: CREATE -\
 *          -> free, expired, ours: WRITE --> held: WRITE again and again -> deadline: READ
 *          -> somebody's: READ later
 */
#include "controller/lease.h"

#include "core/check.h"

/* SplitMix64, as in lb/random.c: no secret, only jitter. */
static uint64_t random_below(struct lease *lease, uint64_t end)
{
    uint64_t mixed = lease->random += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (mixed ^ (mixed >> 31)) % end;
}

void lease_init(struct lease *lease, struct bytes identity, uint64_t seed, uint64_t now_ms)
{
    *lease = (struct lease){
        .identity = identity, .random = seed, .wake_at_ms = now_ms, .wanted = LEASE_READ};
    arena_init(&lease->arena, 512);
}

void lease_fini(struct lease *lease)
{
    arena_fini(&lease->arena);
}

bool lease_is_leading(const struct lease *lease, uint64_t now_ms)
{
    return lease->is_held && now_ms < lease->leads_until_ms;
}

uint64_t lease_wake_at_ms(const struct lease *lease)
{
    if (lease->asked != LEASE_NOTHING)
        return lease->is_held ? lease->leads_until_ms : UINT64_MAX;
    if (lease->is_held && lease->leads_until_ms < lease->wake_at_ms)
        return lease->leads_until_ms;
    return lease->wake_at_ms;
}

/* A record that somebody has, for as long as it says. */
static uint64_t taken_until_ms(const struct lease *lease)
{
    if (!lease->is_known || lease->known.holder.len == 0)
        return 0;
    return lease->changed_at_ms + (uint64_t)lease->known.duration_s * 1000;
}

static bool is_ours(const struct lease *lease)
{
    return lease->is_known && bytes_equal(lease->known.holder, lease->identity);
}

static void want(struct lease *lease, enum lease_ask ask, uint64_t at_ms)
{
    lease->wanted = ask;
    lease->wake_at_ms = at_ms;
}

enum lease_ask lease_next(struct lease *lease, uint64_t now_ms)
{
    if (lease->is_held && now_ms >= lease->leads_until_ms) {
        lease->is_held = false;
        want(lease, LEASE_READ, now_ms);
    }
    if (lease->asked != LEASE_NOTHING)
        return LEASE_NOTHING;
    if (lease->is_releasing ? lease->wanted == LEASE_NOTHING : now_ms < lease->wake_at_ms)
        return LEASE_NOTHING;
    lease->asked = lease->wanted;
    lease->asked_at_ms = now_ms;
    return lease->asked;
}

struct lease_record lease_record_to_write(struct lease *lease, struct bytes time)
{
    struct lease_record record = {.holder = lease->identity,
                                  .acquired = time,
                                  .renewed = time,
                                  .duration_s = LEASE_DURATION_MS / 1000};

    CHECK(lease->asked == LEASE_CREATE || lease->asked == LEASE_WRITE);
    if (lease->asked == LEASE_CREATE)
        return record;
    record.version = lease->known.version;
    record.transitions = lease->known.transitions;
    if (is_ours(lease) && lease->known.acquired.len > 0)
        record.acquired = lease->known.acquired;
    else
        record.transitions++;
    if (lease->is_releasing) { /* as client-go: others need not wait */
        record.holder = BYTES_NONE;
        record.duration_s = 1;
    }
    return record;
}

static bool is_same(const struct lease_record *a, const struct lease_record *b)
{
    return bytes_equal(a->holder, b->holder) && bytes_equal(a->renewed, b->renewed) &&
           bytes_equal(a->acquired, b->acquired) && a->duration_s == b->duration_s &&
           a->transitions == b->transitions;
}

/* A label that somebody sets makes a new version and not a new record: who holds it is as old as
 * before. */
static void learn(struct lease *lease, const struct lease_record *record, uint64_t now_ms)
{
    struct lease_record copy = *record;
    struct arena arena;

    if (!lease->is_known || !is_same(&lease->known, record))
        lease->changed_at_ms = now_ms;
    arena_init(&arena, 512);
    copy.version = arena_copy(&arena, record->version);
    copy.holder = arena_copy(&arena, record->holder);
    copy.acquired = arena_copy(&arena, record->acquired);
    copy.renewed = arena_copy(&arena, record->renewed);
    arena_fini(&lease->arena);
    lease->arena = arena;
    lease->known = copy;
    lease->is_known = true;
}

static uint64_t retry_ms(struct lease *lease)
{
    uint64_t wait_ms = LEASE_RETRY_MS;

    for (uint32_t i = 1; i < lease->failures && wait_ms < LEASE_RETRY_MS_MAX; i++)
        wait_ms *= 2;
    if (wait_ms > LEASE_RETRY_MS_MAX)
        wait_ms = LEASE_RETRY_MS_MAX;
    return wait_ms + random_below(lease, wait_ms / 2);
}

/* Look again when it is free, at the latest, so that no time is lost. A Lease that was deleted is
 * as taken as before: who held it need not have heard yet. */
static void take_if_free(struct lease *lease, enum lease_ask how, uint64_t now_ms)
{
    uint64_t free_at_ms = taken_until_ms(lease), later_ms;

    if (is_ours(lease) || now_ms >= free_at_ms) {
        want(lease, how, now_ms);
        return;
    }
    later_ms = now_ms + retry_ms(lease);
    want(lease, LEASE_READ, free_at_ms < later_ms ? free_at_ms : later_ms);
}

static void on_written(struct lease *lease, uint64_t now_ms)
{
    lease->is_held = is_ours(lease);
    lease->leads_until_ms = lease->asked_at_ms + LEASE_DEADLINE_MS;
    want(lease, lease->is_held ? LEASE_WRITE : LEASE_READ, lease->asked_at_ms + LEASE_RENEW_MS);
    if (lease->wake_at_ms < now_ms)
        lease->wake_at_ms = now_ms;
}

static void on_got(struct lease *lease, enum lease_ask asked, const struct lease_record *record,
                   uint64_t now_ms)
{
    lease->failures = 0;
    lease->is_unsure = false;
    learn(lease, record, now_ms);
    if (asked == LEASE_READ)
        take_if_free(lease, LEASE_WRITE, now_ms);
    else
        on_written(lease, now_ms);
}

/* What the API server has is not known any more; a leader leads on until its deadline and reads
 * what became of it. */
static void on_nothing(struct lease *lease, enum lease_ask asked, enum lease_answer answer,
                       uint64_t now_ms)
{
    lease->is_unsure = lease->is_unsure || (answer == LEASE_FAILED && asked != LEASE_READ);
    if (answer == LEASE_FAILED && !lease->is_held)
        lease->failures++;
    if (answer == LEASE_CONFLICT && lease->is_held)
        want(lease, LEASE_READ, now_ms);
    else if (lease->is_held)
        want(lease, LEASE_READ, now_ms + LEASE_RETRY_MS);
    else
        want(lease, LEASE_READ, now_ms + retry_ms(lease));
}

/* A renewal that was on its way may have made another version, and so may somebody's label. */
static void go_on_releasing(struct lease *lease, enum lease_ask asked, enum lease_answer answer,
                            const struct lease_record *record, uint64_t now_ms)
{
    lease->wanted = LEASE_NOTHING;
    if (asked == LEASE_READ && answer == LEASE_GOT) {
        learn(lease, record, now_ms);
        lease->wanted = is_ours(lease) ? LEASE_WRITE : LEASE_NOTHING;
    } else if (answer == LEASE_CONFLICT && !lease->has_read_to_release) {
        lease->has_read_to_release = true;
        lease->wanted = LEASE_READ;
    }
}

void lease_answered(struct lease *lease, enum lease_answer answer,
                    const struct lease_record *record, uint64_t now_ms)
{
    enum lease_ask asked = lease->asked;

    CHECK(asked != LEASE_NOTHING);
    lease->asked = LEASE_NOTHING;
    if (lease->is_releasing) {
        go_on_releasing(lease, asked, answer, record, now_ms);
        return;
    }
    if (answer == LEASE_GOT)
        on_got(lease, asked, record, now_ms);
    else if (answer == LEASE_ABSENT && asked == LEASE_READ)
        take_if_free(lease, LEASE_CREATE, now_ms);
    else
        on_nothing(lease, asked, answer, now_ms);
    if (lease->is_held && !is_ours(lease))
        lease->is_held = false; /* somebody took it, or an operator cleared it */
}

void lease_release(struct lease *lease)
{
    bool was_ours = lease->is_held && is_ours(lease);

    CHECK(lease->asked == LEASE_NOTHING);
    lease->is_held = false;
    lease->is_releasing = true;
    lease->has_read_to_release = lease->is_unsure;
    if (lease->is_unsure)
        lease->wanted = LEASE_READ;
    else
        lease->wanted = was_ours ? LEASE_WRITE : LEASE_NOTHING;
}
