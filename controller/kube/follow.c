/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.c - one reflector at work: it is asked what to ask, and told what came of it.
 *
 *     follow_call.c: bytes gather -> job decodes whole lines -> follow_take.c tells
 *                \-> call ended, all lines told -> reflector_ended() -> timer -> the next call
 *
 * A watch comes in lines; a page of a list is cut into such as it comes, one for each item.
 * One job is decoded and told at a time, so what came first is told first; meanwhile no more than
 * PAUSE_BYTES of the next are read. A list is gathered apart and takes the place of what was known
 * when it is complete, so that what it lacks has gone.
 */
#include "controller/kube/follow.h"

#include "controller/kube/follow_parts.h"
#include "controller/kube/snapshot.h"
#include "core/check.h"

uint64_t follow_now_ms(const struct follow *follow)
{
    return uv_now(follow->config.loop);
}

/* ---- the end of the follow ---- */

void follow_drop_listing(struct follow *follow)
{
    const struct leavings leavings = {.jobs = follow->listing.jobs,
                                      .events = follow->listing.events};

    if (leavings.jobs != NULL || leavings.events != NULL)
        leavings_drop(&leavings, follow->config.loop);
    follow->listing = (struct listing){0};
}

static void follow_destroy(struct follow *follow)
{
    follow_closed_fn *on_closed = follow->on_closed;
    void *context = follow->closed_context;

    if (follow->taking != NULL)
        decode_job_destroy(follow->taking);
    follow_drop_seed(follow);
    follow_drop_listing(follow);
    known_keys_fini(&follow->applying.before);
    known_keys_fini(&follow->known);
    reflector_fini(&follow->reflector);
    text_wipe(&follow->bytes);
    page_fini(&follow->page);
    text_fini(&follow->message);
    text_fini(&follow->list);
    mem_bytes_free(follow->config.ns);
    mem_free(follow);
    on_closed(context);
}

static void part_closed(struct follow *follow)
{
    CHECK(follow->parts_open > 0);
    if (--follow->parts_open == 0)
        follow_destroy(follow);
}

static void on_handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void follow_close(struct follow *follow, follow_closed_fn *on_closed, void *context)
{
    follow->is_closing = true;
    follow->on_closed = on_closed;
    follow->closed_context = context;
    follow_drop_call(follow);
    uv_close((uv_handle_t *)&follow->timer, on_handle_closed);
    uv_close((uv_handle_t *)&follow->turn, on_handle_closed);
}

/* ---- decoding ---- */

static void on_decoded(struct decode_job *job)
{
    struct follow *follow = job->owner;

    follow->is_decoding = false;
    if (follow->is_closing) {
        decode_job_destroy(job);
    } else {
        follow_record_job(follow, job);
        follow_take(follow, job);
    }
    part_closed(follow);
}

void follow_taken(struct follow *follow)
{
    follow_log_trouble(follow);
    follow->config.on_told(follow->config.context, follow);
    follow_go_on(follow);
}

static void decode(struct follow *follow, size_t len)
{
    struct decode_job *job = decode_job_create(follow, &follow->bytes, len);

    if (follow->config.snapshot != NULL)
        job->list = text_bytes(&follow->list);
    follow->is_decoding = true;
    follow->parts_open++;
    decode_job_start(job, follow->config.loop, on_decoded);
}

/* Bytes up to and with the last newline. */
static size_t whole_lines(const struct follow *follow)
{
    size_t last = bytes_find_last(text_bytes(&follow->bytes), '\n');

    return last == BYTES_NOT_FOUND ? 0 : last + 1;
}

static void on_timer(uv_timer_t *timer)
{
    follow_start(timer->data);
}

static void settle(struct follow *follow)
{
    bool was_ok = (follow->end.failure.code == 0 && follow->end.is_answered) ||
                  reflector_is_over(&follow->reflector, &follow->end);

    if (follow->wants_relist) {
        follow->wants_relist = false;
        reflector_relist(&follow->reflector, follow_now_ms(follow));
        return;
    }
    if (!was_ok)
        follow->stats.faults++;
    reflector_ended(&follow->reflector, &follow->end, follow_now_ms(follow), follow_random(follow));
    if (follow->reflector.trouble == TROUBLE_ABSENT)
        follow_weigh_absence(follow);
}

static void finish(struct follow *follow)
{
    uint64_t now = follow_now_ms(follow), at;

    follow->has_ended = false;
    text_wipe(&follow->bytes);
    settle(follow);
    at = follow->reflector.ask_at_ms;
    follow_log_trouble(follow);
    CHECK(uv_timer_start(&follow->timer, on_timer, at > now ? at - now : 0, 0) == 0);
    follow->config.on_told(follow->config.context, follow);
}

/* What came before a watch broke counts; of a list, only the whole. */
static bool may_decode(const struct follow *follow)
{
    bool is_list = follow->reflector.asked == ASK_LIST;

    return !follow->has_ended ||
           (follow->end.failure.code == 0 && (follow->end.is_answered || !is_list));
}

static bool has_page(const struct follow *follow)
{
    return follow->reflector.asked == ASK_LIST && follow->has_ended && !follow->is_read &&
           may_decode(follow);
}

bool follow_is_busy(const struct follow *follow)
{
    return follow->is_decoding || follow_is_taking(follow);
}

/* Decode what is whole; when nothing is left and the call has ended, see what to ask next. */
void follow_go_on(struct follow *follow)
{
    size_t len;

    if (follow_is_busy(follow) || follow->is_closing)
        return;
    if (follow->seed != NULL) {
        follow_take_seed(follow);
        return;
    }
    len = whole_lines(follow);
    if (len > 0 && may_decode(follow)) {
        decode(follow, len);
    } else if (!follow->has_ended && follow->bytes.len > EVENT_BYTES_MAX) {
        follow_too_long(follow, "an object");
    } else if (has_page(follow)) {
        follow->is_read = true;
        follow_take_page(follow);
    }
    if (!follow_is_busy(follow) && follow->has_ended)
        finish(follow);
    else if (follow->call != NULL)
        api_release(follow->call);
}

/* ---- for the owner ---- */

/* Of each call, but for how it asks. */
static void add_path(const struct follow *follow, struct text *path)
{
    const struct followed *what = follow->config.what;

    text_add_str(path, what->root);
    if (follow->config.ns.len > 0) {
        text_add_str(path, "/namespaces/");
        text_add(path, follow->config.ns);
    }
    text_printf(path, "/%s", what->resource);
    if (what->selector != NULL)
        text_printf(path, "?%s", what->selector);
}

struct follow *follow_open(const struct follow_config *config)
{
    struct follow *follow = mem_new(struct follow);

    follow->config = *config;
    follow->config.ns = mem_bytes(config->ns);
    follow->random = config->seed;
    follow->awaits_seed = config->awaits_seed;
    reflector_init(&follow->reflector, config->what->may_be_absent);
    follow_init_taking(follow);
    text_init(&follow->bytes);
    page_init(&follow->page);
    text_init(&follow->message);
    CHECK(uv_timer_init(config->loop, &follow->timer) == 0);
    follow->timer.data = follow;
    text_init(&follow->list);
    add_path(follow, &follow->list);
    if (config->snapshot != NULL)
        follow->list_number = snapshot_add_list(config->snapshot, text_bytes(&follow->list));
    follow->parts_open = 2;
    follow->contact_at_ms = follow_now_ms(follow);
    follow_start(follow);
    return follow;
}

const struct followed *follow_what(const struct follow *follow)
{
    return follow->config.what;
}

bool follow_is_synced(const struct follow *follow)
{
    return follow->is_synced;
}

bool follow_knows(const struct follow *follow, struct bytes ns, struct bytes name,
                  struct object **object)
{
    return known_keys_get(&follow->known, ns, name, object) ||
           known_keys_get(&follow->applying.before, ns, name, object);
}

/* Where no call is under way the next one waits for its time, which is not changed. */
void follow_relist(struct follow *follow)
{
    if (follow->is_closing)
        return;
    if (follow->call == NULL && !follow->has_ended) {
        reflector_relist(&follow->reflector, follow->reflector.ask_at_ms);
        return;
    }
    follow_drop_call(follow);
    follow->has_ended = true;
    follow->wants_relist = true;
    follow->end = (struct reflector_end){.is_answered = true, .status = 200};
    follow_go_on(follow);
}

void follow_hurry(struct follow *follow)
{
    if (follow->is_synced || follow->reflector.trouble != TROUBLE_AWAY ||
        !uv_is_active((const uv_handle_t *)&follow->timer))
        return;
    follow->reflector.ask_at_ms = follow_now_ms(follow);
    CHECK(uv_timer_start(&follow->timer, on_timer, 0, 0) == 0);
}

const struct follow_stats *follow_stats(const struct follow *follow)
{
    return &follow->stats;
}

enum reflector_trouble follow_trouble(const struct follow *follow)
{
    return follow->reflector.trouble;
}

uint64_t follow_contact_at_ms(const struct follow *follow)
{
    return follow->contact_at_ms;
}
