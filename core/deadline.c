/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.c - a hierarchical timing wheel.
 *
 * An instant is a tick number, written in digits of six bits. A deadline stands on the level of the
 * highest digit in which its tick differs from the wheel's, in the slot of its own digit there:
 *
 *     wheel  ... 0 | 12 | 40 |  7
 *     due    ... 0 | 12 | 41 | 30      -> level 1, slot 41
 *
 * So all of a lower level is due before anything of a higher one, slots behind the wheel's digit
 * are empty, and the first occupied slot of the lowest occupied level is what happens next. When
 * the wheel gets to the start of a slot above level 0, its deadlines move down. What differs above
 * the highest level waits in `far`, looked at when that digit changes (every 37 hours).
 */
#include "core/deadline.h"

#include "core/check.h"
#include "core/mem.h"

#define LEVELS     4
#define SLOTS      64
#define DIGIT_BITS 6
#define FAR_BITS   (LEVELS * DIGIT_BITS)
#define TICK_NEVER UINT64_MAX

struct deadlines {
    uint64_t tick;             /* every slot up to this one has been looked at */
    uint64_t occupied[LEVELS]; /* bit per slot: its list is not empty */
    struct list slots[LEVELS][SLOTS];
    struct list far;
    struct list passed; /* had passed when they were set; the next run fires them */
    struct list due;    /* being fired by the run under way */
    bool running;
};

/* Rounded up, so that nothing fires early. */
static uint64_t tick_of(uint64_t due_ms)
{
    return due_ms / DEADLINE_TICK_MS + (due_ms % DEADLINE_TICK_MS != 0);
}

static size_t digit_of(uint64_t tick, size_t level)
{
    return (size_t)(tick >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

/* The first tick that has these upper digits: `low_bits` bits become 0. */
static uint64_t without_low_bits(uint64_t tick, size_t low_bits)
{
    return tick >> low_bits << low_bits;
}

struct deadlines *deadlines_create(uint64_t now_ms)
{
    struct deadlines *deadlines = mem_new(struct deadlines);

    deadlines->tick = now_ms / DEADLINE_TICK_MS;
    for (size_t level = 0; level < LEVELS; level++)
        for (size_t slot = 0; slot < SLOTS; slot++)
            list_init(&deadlines->slots[level][slot]);
    list_init(&deadlines->far);
    list_init(&deadlines->passed);
    list_init(&deadlines->due);
    return deadlines;
}

void deadlines_destroy(struct deadlines *deadlines)
{
    if (deadlines == NULL)
        return;
    for (size_t level = 0; level < LEVELS; level++)
        CHECK(deadlines->occupied[level] == 0);
    CHECK(list_is_empty(&deadlines->far) && list_is_empty(&deadlines->passed));
    CHECK(list_is_empty(&deadlines->due));
    mem_free(deadlines);
}

void deadline_init(struct deadline *deadline, deadline_fn *run)
{
    list_init(&deadline->link);
    deadline->due_ms = DEADLINE_NEVER;
    deadline->slotted_ms = 0;
    deadline->run = run;
}

bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->due_ms != DEADLINE_NEVER;
}

/* Puts a deadline that is in no list where its due_ms belongs. */
static void put(struct deadlines *deadlines, struct deadline *deadline)
{
    uint64_t tick = tick_of(deadline->due_ms);
    uint64_t differs = tick ^ deadlines->tick;
    size_t level;

    if (tick <= deadlines->tick) {
        deadline->slotted_ms = 0;
        list_push_back(&deadlines->passed, &deadline->link);
        return;
    }
    if (differs >> FAR_BITS != 0) {
        deadline->slotted_ms = without_low_bits(tick, FAR_BITS) * DEADLINE_TICK_MS;
        list_push_back(&deadlines->far, &deadline->link);
        return;
    }
    level = (size_t)(63 - __builtin_clzll(differs)) / DIGIT_BITS;
    deadline->slotted_ms = without_low_bits(tick, level * DIGIT_BITS) * DEADLINE_TICK_MS;
    deadlines->occupied[level] |= UINT64_C(1) << digit_of(tick, level);
    list_push_back(&deadlines->slots[level][digit_of(tick, level)], &deadline->link);
}

/* Takes a deadline out of its list. If that leaves a slot empty, its bit goes too: a stale bit
 * would wake the loop for nothing. */
static void take_out(struct deadlines *deadlines, struct deadline *deadline)
{
    struct list *neighbour = deadline->link.next;
    bool is_last = neighbour == deadline->link.prev; /* then the neighbour is the head */
    uintptr_t offset = (uintptr_t)neighbour - (uintptr_t)deadlines->slots; /* wraps for others */

    list_remove(&deadline->link);
    if (is_last && offset < sizeof(deadlines->slots)) {
        size_t index = offset / sizeof(struct list);

        deadlines->occupied[index / SLOTS] &= ~(UINT64_C(1) << index % SLOTS);
    }
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t due_ms)
{
    bool was_set = deadline_is_set(deadline);

    if (due_ms == DEADLINE_NEVER) {
        deadline_cancel(deadlines, deadline);
        return;
    }
    deadline->due_ms = due_ms;
    if (was_set && tick_of(due_ms) >= deadline->slotted_ms / DEADLINE_TICK_MS)
        return; /* the wheel looks at it in time */
    if (was_set)
        take_out(deadlines, deadline);
    put(deadlines, deadline);
}

void deadline_cancel(struct deadlines *deadlines, struct deadline *deadline)
{
    if (!deadline_is_set(deadline))
        return;
    take_out(deadlines, deadline);
    deadline->due_ms = DEADLINE_NEVER;
}

/* The tick at which the wheel must look next, and the list it must look at. */
static uint64_t next_event(const struct deadlines *deadlines, size_t *level, size_t *slot)
{
    for (*level = 0; *level < LEVELS; (*level)++) {
        uint64_t occupied = deadlines->occupied[*level];

        if (occupied == 0)
            continue;
        *slot = (size_t)__builtin_ctzll(occupied);
        return without_low_bits(deadlines->tick, (*level + 1) * DIGIT_BITS) +
               ((uint64_t)*slot << (*level * DIGIT_BITS));
    }
    if (list_is_empty(&deadlines->far))
        return TICK_NEVER;
    *slot = 0;
    return without_low_bits(deadlines->tick, FAR_BITS) + (UINT64_C(1) << FAR_BITS);
}

/* All of `from` goes to the end of `to`. */
static void move_all(struct list *from, struct list *to)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Looks at every deadline of one list, which the wheel has just reached: what is due goes to the
 * due list, the rest where it belongs now. */
static void look_at(struct deadlines *deadlines, struct list *reached, uint64_t until_tick)
{
    struct list looked_at;

    list_init(&looked_at);
    move_all(reached, &looked_at); /* far ones may go to `far` again */
    LIST_EACH (&looked_at, link) {
        struct deadline *deadline = LIST_ENTRY(link, struct deadline, link);

        list_remove(link);
        if (tick_of(deadline->due_ms) <= until_tick) {
            deadline->slotted_ms = 0;
            list_push_back(&deadlines->due, link);
        } else {
            put(deadlines, deadline);
        }
    }
}

/* Moves the wheel to `until_tick`, from one occupied slot to the next. */
static void advance(struct deadlines *deadlines, uint64_t until_tick)
{
    size_t level;
    size_t slot;
    uint64_t event;

    while ((event = next_event(deadlines, &level, &slot)) <= until_tick) {
        deadlines->tick = event;
        if (level == LEVELS) { /* nothing else is left, so all these periods are one step */
            deadlines->tick = without_low_bits(until_tick, FAR_BITS);
            look_at(deadlines, &deadlines->far, until_tick);
            continue;
        }
        deadlines->occupied[level] &= ~(UINT64_C(1) << slot);
        look_at(deadlines, &deadlines->slots[level][slot], until_tick);
    }
    deadlines->tick = until_tick;
}

/* One at a time from the front, since a callback may cancel, move or free any of the others. */
static void fire_due(struct deadlines *deadlines)
{
    struct list *link;

    while ((link = list_first(&deadlines->due)) != NULL) {
        struct deadline *deadline = LIST_ENTRY(link, struct deadline, link);

        list_remove(link);
        if (tick_of(deadline->due_ms) > deadlines->tick) {
            put(deadlines, deadline); /* moved by another's callback */
            continue;
        }
        deadline->due_ms = DEADLINE_NEVER;
        deadline->run(deadline);
    }
}

void deadlines_run(struct deadlines *deadlines, uint64_t now_ms)
{
    uint64_t until_tick = now_ms / DEADLINE_TICK_MS;

    CHECK(!deadlines->running);
    deadlines->running = true;
    move_all(&deadlines->passed, &deadlines->due);
    if (until_tick > deadlines->tick)
        advance(deadlines, until_tick);
    fire_due(deadlines);
    deadlines->running = false;
}

uint64_t deadlines_next_ms(const struct deadlines *deadlines)
{
    size_t level;
    size_t slot;
    uint64_t event;

    if (!list_is_empty(&deadlines->passed))
        return deadlines->tick * DEADLINE_TICK_MS;
    event = next_event(deadlines, &level, &slot);
    return event == TICK_NEVER ? DEADLINE_NEVER : event * DEADLINE_TICK_MS;
}
