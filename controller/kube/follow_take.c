/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_take.c - from what was decoded to what is told.
 *
 *     job -> events --> tell
 *                \---> listing --(it is complete)--> apply: tell all, then what it lacks
 *
 * A list of a large cluster is tens of thousands of objects, and the loop serves traffic meanwhile:
 * each turn takes TAKE_EVENTS_MAX of them.
 */
#include "controller/kube/follow_parts.h"
#include "core/check.h"

#define TAKE_EVENTS_MAX 512 /* in one turn of the loop: about a millisecond */
#define TAKE_PAUSE_MS   1   /* libuv would run a timer of 0 ms again in the same turn */
#define DROP_HERE_MAX   64  /* a job of so few events is freed at once */

static void change(struct follow *follow, const struct served_item *item, enum follow_event event)
{
    follow->config.on_change(follow->config.context, follow, item, event);
}

/* What a sibling may have to be told again is kept. */
static bool keep(struct follow *follow, const struct served_item *item)
{
    return known_keys_put(&follow->known, item->ns, item->name,
                          follow->config.what->has_sibling ? item->object : NULL);
}

static void count_fault(struct follow *follow, const struct served_item *item)
{
    if (item->fault.len > 0)
        follow->stats.rejected++;
}

/* An item without a name cannot be told: nobody could say whose it is. */
static void tell(struct follow *follow, const struct served_item *item, bool is_gone)
{
    count_fault(follow, item);
    if (item->name.len == 0)
        return;
    if (!is_gone)
        change(follow, item, keep(follow, item) ? FOLLOW_CHANGED : FOLLOW_CAME);
    else if (known_keys_remove(&follow->known, item->ns, item->name))
        change(follow, item, FOLLOW_WENT);
}

/* ---- a list that is complete ---- */

static void begin_applying(struct follow *follow)
{
    CHECK(!follow->applying.is_on);
    follow->applying = (struct applying){.is_on = true, .before = follow->known};
    known_keys_init(&follow->known);
}

static void end_applying(struct follow *follow)
{
    const struct leavings leavings = {follow->listing.jobs, follow->listing.events,
                                      follow->applying.before};

    leavings_drop(&leavings, follow->config.loop);
    follow->listing = (struct listing){0};
    follow->applying = (struct applying){.is_on = false};
    known_keys_init(&follow->applying.before);
    follow->is_synced = true;
    follow->is_seeded = false;
}

static void apply_event(struct follow *follow, const struct served_event *event)
{
    const struct served_item *item = &event->item;
    bool was_known = known_keys_has(&follow->applying.before, item->ns, item->name);

    count_fault(follow, item);
    if (item->name.len == 0)
        return;
    if (event->type != SERVED_DELETED) {
        was_known = keep(follow, item) || was_known;
        change(follow, item, was_known ? FOLLOW_CHANGED : FOLLOW_CAME);
    } else {
        (void)known_keys_remove(&follow->known, item->ns, item->name);
        change(follow, item, FOLLOW_WENT);
    }
}

/* What is known and was not listed has gone unseen (spec/watch.md 18). */
static void apply_one(struct follow *follow)
{
    struct applying *applying = &follow->applying;
    struct served_item item = {0};

    if (applying->at < follow->listing.count)
        apply_event(follow, follow->listing.events[applying->at++]);
    else if (!known_keys_next(&applying->before, &applying->before_at, &item.ns, &item.name))
        end_applying(follow);
    else if (!known_keys_has(&follow->known, item.ns, item.name))
        change(follow, &item, FOLLOW_WENT);
}

/* ---- what was decoded ---- */

static void end_job(struct follow *follow)
{
    struct decode_job *job = follow->taking;

    follow->taking = NULL;
    follow->taking_at = 0;
    if (follow->reflector.is_listing && !job->is_seed)
        listing_keep(&follow->listing, job);
    else if (job->events_count <= DROP_HERE_MAX)
        decode_job_destroy(job);
    else
        leavings_drop(&(struct leavings){.jobs = job}, follow->config.loop);
}

/* Nothing that came after it counts. */
static void fail(struct follow *follow, const struct served_failure *failure)
{
    follow_fail_call(follow, failure);
    end_job(follow);
}

static void take_event(struct follow *follow, const struct served_event *event)
{
    bool is_gone = event->type == SERVED_DELETED;

    switch (reflector_event(&follow->reflector, event)) {
    case TOLD_NOTHING:
        break;
    case TOLD_CHANGE:
        follow->stats.events++;
        if (follow->reflector.is_listing)
            listing_add(&follow->listing, event);
        else
            tell(follow, &event->item, is_gone);
        break;
    case TOLD_ALL:
        begin_applying(follow);
        break;
    case TOLD_FAULT:
        fail(follow, &event->failure);
        break;
    }
}

static void take_item(struct follow *follow, const struct served_event *event)
{
    follow->stats.events++;
    listing_add(&follow->listing, event);
}

static void end_seed(struct follow *follow)
{
    follow->is_seeded = true;
    end_job(follow);
}

static void take_one(struct follow *follow)
{
    struct decode_job *job = follow->taking;
    bool is_more = follow->taking_at < job->events_count;

    if (is_more && job->is_seed)
        tell(follow, &job->events[follow->taking_at++].item, false);
    else if (job->is_seed)
        end_seed(follow);
    else if (is_more && job->is_list)
        take_item(follow, &job->events[follow->taking_at++]);
    else if (is_more)
        take_event(follow, &job->events[follow->taking_at++]);
    else if (job->is_invalid)
        fail(follow, NULL);
    else
        end_job(follow);
}

bool follow_is_taking(const struct follow *follow)
{
    return follow->taking != NULL || follow->applying.is_on;
}

static void take_some(struct follow *follow);

static void on_turn(uv_timer_t *timer)
{
    take_some(timer->data);
}

static void take_some(struct follow *follow)
{
    for (unsigned i = 0; i < TAKE_EVENTS_MAX && follow_is_taking(follow); i++) {
        if (follow->applying.is_on)
            apply_one(follow);
        else
            take_one(follow);
    }
    if (follow_is_taking(follow))
        CHECK(uv_timer_start(&follow->turn, on_turn, TAKE_PAUSE_MS, 0) == 0);
    else
        follow_taken(follow);
}

void follow_take(struct follow *follow, struct decode_job *job)
{
    CHECK(!follow_is_taking(follow));
    follow->taking = job;
    take_some(follow);
}

void follow_take_page(struct follow *follow)
{
    struct served_page page;
    struct arena arena;

    CHECK(!follow_is_taking(follow));
    arena_init(&arena, 1024);
    if (served_read_page(text_bytes(&follow->page.head), &arena, &page) != STATUS_OK)
        follow_fail_call(follow, NULL);
    else if (reflector_page(&follow->reflector, page.resource_version, page.next))
        begin_applying(follow);
    arena_fini(&arena);
    if (!follow->applying.is_on)
        return;
    follow_record_end(follow);
    take_some(follow);
}

void follow_forget_all(struct follow *follow)
{
    CHECK(!follow_is_taking(follow) && follow->listing.count == 0);
    follow_record_absent(follow);
    begin_applying(follow);
    take_some(follow);
}

void follow_init_taking(struct follow *follow)
{
    known_keys_init(&follow->known);
    known_keys_init(&follow->applying.before);
    CHECK(uv_timer_init(follow->config.loop, &follow->turn) == 0);
    follow->turn.data = follow;
}
