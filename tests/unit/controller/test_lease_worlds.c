/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lease_worlds.c - who of many may write, in worlds of candidates whose clocks and links are
 * bad.
 */
#include "controller/lease.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define CANDIDATES 4
#define STEP_MS    50
#define CALL_MS    2500 /* by the candidate's own clock */

/* A call on its way: it arrives, perhaps long after its caller has given up, or never. */
struct call {
    enum lease_ask ask;
    struct lease_record record; /* texts below */
    char version[24], acquired[24], renewed[24];
    bool holds;   /* or gives back */
    bool is_lost; /* before it arrives */
    bool is_answer_lost;
    uint64_t arrives_ms;
    uint64_t answered_ms;
    bool has_arrived;
    enum lease_answer answer;
    char seen[4][24]; /* of the answer: version, holder, acquired, renewed */
    uint32_t seen_duration_s;
    bool is_used;
};

struct candidate {
    struct lease lease;
    char name[8];
    uint64_t offset_ms;
    uint32_t rate; /* thousandths of true time */
    struct call calls[64];
    struct call *current;
    uint64_t gives_up_ms; /* local */
    uint64_t paused_until_ms;
};

struct world {
    struct candidate candidates[CANDIDATES];
    uint64_t now_ms;
    uint64_t random;
    bool exists;
    uint64_t version;
    char holder[24], acquired[24], renewed[24];
    uint32_t duration_s;
    uint32_t badness; /* in percent: calls lost, answers lost, pauses */
    uint64_t led_ms;
};

static uint64_t dice(struct world *world, uint64_t end)
{
    uint64_t mixed = world->random += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (mixed ^ (mixed >> 31)) % end;
}

static uint64_t local_ms(const struct world *world, const struct candidate *candidate)
{
    return candidate->offset_ms + world->now_ms * candidate->rate / 1000;
}

static void copy_text(char *to, struct bytes from)
{
    (void)snprintf(to, 24, "%.*s", BYTES_ARG(from));
}

static uint64_t delay(struct world *world)
{
    return dice(world, 100) < world->badness ? dice(world, 30000) : dice(world, 200);
}

static void send_call(struct world *world, struct candidate *candidate, enum lease_ask ask)
{
    struct call *call = NULL;
    char time[24];

    for (size_t i = 0; i < 64 && call == NULL; i++)
        call = candidate->calls[i].is_used ? NULL : &candidate->calls[i];
    assert_non_null(call);
    *call = (struct call){.ask = ask, .is_used = true};
    if (ask != LEASE_READ) {
        (void)snprintf(time, sizeof(time), "%llu", (unsigned long long)local_ms(world, candidate));
        call->record = lease_record_to_write(&candidate->lease, bytes_of(time));
        copy_text(call->version, call->record.version);
        copy_text(call->acquired, call->record.acquired);
        copy_text(call->renewed, call->record.renewed);
        call->holds = call->record.holder.len > 0;
    }
    call->is_lost = dice(world, 100) < world->badness;
    call->is_answer_lost = dice(world, 100) < world->badness;
    call->arrives_ms = world->now_ms + delay(world);
    call->answered_ms = call->arrives_ms + delay(world);
    candidate->current = call;
    candidate->gives_up_ms = local_ms(world, candidate) + CALL_MS;
}

/* What the API server does. */
static void arrive(struct world *world, struct candidate *candidate, struct call *call)
{
    char version[24];

    call->has_arrived = true;
    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)world->version);
    call->answer = LEASE_GOT;
    if (call->ask == LEASE_CREATE ? world->exists : !world->exists)
        call->answer = call->ask == LEASE_CREATE ? LEASE_CONFLICT : LEASE_ABSENT;
    else if (call->ask == LEASE_WRITE && strcmp(version, call->version) != 0)
        call->answer = LEASE_CONFLICT;
    if (call->answer == LEASE_GOT && call->ask != LEASE_READ) {
        world->exists = true;
        (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)++world->version);
        copy_text(world->holder, call->holds ? bytes_of(candidate->name) : BYTES_NONE);
        copy_text(world->acquired, bytes_of(call->acquired));
        copy_text(world->renewed, bytes_of(call->renewed));
        world->duration_s = call->record.duration_s;
    }
    copy_text(call->seen[0], bytes_of(version));
    copy_text(call->seen[1], bytes_of(world->holder));
    copy_text(call->seen[2], bytes_of(world->acquired));
    copy_text(call->seen[3], bytes_of(world->renewed));
    call->seen_duration_s = world->duration_s;
}

static void answer(struct world *world, struct candidate *candidate, struct call *call)
{
    struct lease_record record = {.version = bytes_of(call->seen[0]),
                                  .holder = bytes_of(call->seen[1]),
                                  .acquired = bytes_of(call->seen[2]),
                                  .renewed = bytes_of(call->seen[3]),
                                  .duration_s = call->seen_duration_s};

    candidate->current = NULL;
    lease_answered(&candidate->lease, call->answer, &record, local_ms(world, candidate));
}

static void move_calls(struct world *world, struct candidate *candidate)
{
    bool is_paused = world->now_ms < candidate->paused_until_ms;

    for (size_t i = 0; i < 64; i++) {
        struct call *call = &candidate->calls[i];

        if (!call->is_used)
            continue;
        if (!call->is_lost && !call->has_arrived && world->now_ms >= call->arrives_ms)
            arrive(world, candidate, call);
        if (call == candidate->current && !is_paused && call->has_arrived &&
            !call->is_answer_lost && world->now_ms >= call->answered_ms)
            answer(world, candidate, call);
        if (call != candidate->current && (call->has_arrived || call->is_lost))
            call->is_used = false;
    }
}

static void move_candidate(struct world *world, struct candidate *candidate)
{
    uint64_t local = local_ms(world, candidate);
    enum lease_ask ask;

    move_calls(world, candidate);
    if (dice(world, 100000) < world->badness)
        candidate->paused_until_ms = world->now_ms + dice(world, 40000);
    if (world->now_ms < candidate->paused_until_ms)
        return;
    if (candidate->current != NULL && local >= candidate->gives_up_ms) {
        candidate->current = NULL;
        lease_answered(&candidate->lease, LEASE_FAILED, NULL, local);
    }
    ask = lease_next(&candidate->lease, local);
    if (ask != LEASE_NOTHING)
        send_call(world, candidate, ask);
}

/* Asked of those who stand still, too: they might write in the next moment. */
static void count_leaders(struct world *world)
{
    int leaders = 0;

    for (size_t i = 0; i < CANDIDATES; i++)
        leaders +=
            lease_is_leading(&world->candidates[i].lease, local_ms(world, &world->candidates[i]));
    assert_in_range(leaders, 0, 1);
    world->led_ms += leaders == 1 ? STEP_MS : 0;
}

static void world_init(struct world *world, uint64_t seed, uint32_t badness)
{
    *world = (struct world){.random = seed, .badness = badness};
    for (size_t i = 0; i < CANDIDATES; i++) {
        struct candidate *candidate = &world->candidates[i];

        (void)snprintf(candidate->name, sizeof(candidate->name), "c%zu", i);
        candidate->offset_ms = dice(world, 1000000000);
        candidate->rate = 850 + (uint32_t)dice(world, 301); /* 15 % slow to 15 % fast */
        lease_init(&candidate->lease, bytes_of(candidate->name), dice(world, UINT64_MAX),
                   local_ms(world, candidate));
    }
}

static void world_run(struct world *world, uint64_t span_ms)
{
    for (uint64_t end_ms = world->now_ms + span_ms; world->now_ms < end_ms;
         world->now_ms += STEP_MS) {
        for (size_t i = 0; i < CANDIDATES; i++)
            move_candidate(world, &world->candidates[i]);
        count_leaders(world);
    }
}

static void world_fini(struct world *world)
{
    for (size_t i = 0; i < CANDIDATES; i++)
        lease_fini(&world->candidates[i].lease);
}

TEST(watch_25_no_two_ever_lead_however_bad_clocks_links_and_pauses_are)
{
    static struct world world;
    uint64_t led_ms = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        world_init(&world, seed, (uint32_t)(seed % 4) * 12);
        world_run(&world, 600000);
        led_ms += world.led_ms;
        world_fini(&world);
    }
    assert_true(led_ms > 40 * 100000); /* or it would prove nothing */
}

TEST(watch_25_with_good_links_somebody_leads_nearly_always)
{
    static struct world world;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        world_init(&world, seed, 0);
        world_run(&world, 300000);
        assert_true(world.led_ms > 299000);
        world_fini(&world);
    }
}

TEST(watch_25_a_leader_that_dies_is_followed_within_twenty_seconds)
{
    static struct world world;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t led_ms;
        size_t dead = 0;

        world_init(&world, seed, 0);
        for (size_t i = 0; i < CANDIDATES; i++)
            world.candidates[i].rate = 1000;
        world_run(&world, 20000 + dice(&world, 10000));
        while (!lease_is_leading(&world.candidates[dead].lease,
                                 local_ms(&world, &world.candidates[dead])))
            dead++;
        world.candidates[dead].paused_until_ms = UINT64_MAX;
        world_run(&world, 19900);
        led_ms = world.led_ms;
        world_run(&world, 100);
        assert_int_equal(world.led_ms, led_ms + 100);
        world_fini(&world);
    }
}

TESTS(UNIT(watch_25_no_two_ever_lead_however_bad_clocks_links_and_pauses_are),
      UNIT(watch_25_with_good_links_somebody_leads_nearly_always),
      UNIT(watch_25_a_leader_that_dies_is_followed_within_twenty_seconds))
