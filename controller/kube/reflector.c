/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflector.c - the rules of list and watch.
 */
#include "controller/kube/reflector.h"

void reflector_init(struct reflector *reflector, bool may_be_absent)
{
    *reflector = (struct reflector){.ask = ASK_STREAM,
                                    .is_listing = true,
                                    .may_be_cached = true,
                                    .may_be_absent = may_be_absent,
                                    .page_items = LIST_PAGE_ITEMS};
    text_init(&reflector->version);
    text_init(&reflector->next);
}

void reflector_fini(struct reflector *reflector)
{
    text_fini(&reflector->version);
    text_fini(&reflector->next);
}

static void set_text(struct text *text, struct bytes value)
{
    text_clear(text);
    text_add(text, value);
}

static void add_value(struct text *query, const char *name, struct bytes value)
{
    text_printf(query, "&%s=", name);
    text_add_percent(query, value);
}

static uint32_t watch_seconds(uint64_t random)
{
    return WATCH_SECONDS_MIN + (uint32_t)(random % (WATCH_SECONDS_MAX - WATCH_SECONDS_MIN + 1));
}

/* The whole list at once is cheapest for the server, out of its cache; where that is too much for
 * us, pages, which it ignores for a list out of the cache. */
static void ask_list(const struct reflector *reflector, struct text *query)
{
    text_printf(query, "limit=%u", reflector->page_items);
    if (reflector->next.len > 0)
        add_value(query, "continue", text_bytes(&reflector->next));
    else if (reflector->is_paged)
        return;
    else if (reflector->may_be_cached)
        add_value(query, "resourceVersion", BYTES("0"));
    else if (reflector->version.len > 0)
        add_value(query, "resourceVersion", text_bytes(&reflector->version));
}

void reflector_ask(struct reflector *reflector, uint64_t now_ms, uint64_t random,
                   struct text *query, uint32_t *timeout_s)
{
    reflector->asked = reflector->ask;
    reflector->asked_at_ms = now_ms;
    reflector->any_event = false;
    *timeout_s = 0;
    if (reflector->ask == ASK_LIST) {
        ask_list(reflector, query);
        return;
    }
    if (reflector->ask == ASK_WITNESS) {
        text_add_str(query, "limit=1");
        return;
    }
    *timeout_s = watch_seconds(random);
    text_printf(query, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%u", *timeout_s);
    if (reflector->ask == ASK_STREAM)
        text_add_str(query, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    if (reflector->version.len > 0)
        add_value(query, "resourceVersion", text_bytes(&reflector->version));
}

/* A watch may bring no byte for a minute, and all is well already. */
void reflector_began(struct reflector *reflector)
{
    if (!reflector->is_listing)
        reflector->trouble = TROUBLE_NONE;
}

static void listing_is_over(struct reflector *reflector)
{
    reflector->ask = ASK_WATCH;
    reflector->is_listing = false;
    reflector->is_synced = true;
    reflector->may_be_cached = false;
    reflector->absent_times = 0;
    reflector->is_absent = false;
    reflector->internal_errors = 0;
    reflector->stream_faults = 0;
    reflector->trouble = TROUBLE_NONE;
    text_clear(&reflector->next);
}

bool reflector_page(struct reflector *reflector, struct bytes version, struct bytes next)
{
    set_text(&reflector->next, next);
    if (next.len > 0)
        return false;
    set_text(&reflector->version, version);
    listing_is_over(reflector);
    return true;
}

/* Versions of the first events of a stream are in no order: only the bookmark's counts, and all
 * after it. */
enum reflector_told reflector_event(struct reflector *reflector, const struct served_event *event)
{
    switch (event->type) {
    case SERVED_CHANGED:
    case SERVED_DELETED:
        reflector->any_event = true;
        if (!reflector->is_listing && event->item.resource_version.len > 0)
            set_text(&reflector->version, event->item.resource_version);
        return TOLD_CHANGE;
    case SERVED_BOOKMARK:
        reflector->any_event = true;
        if (reflector->is_listing && !event->ends_listing)
            return TOLD_NOTHING;
        if (event->item.resource_version.len > 0)
            set_text(&reflector->version, event->item.resource_version);
        if (!reflector->is_listing)
            return TOLD_NOTHING;
        listing_is_over(reflector);
        return TOLD_ALL;
    case SERVED_FAILED:
        return TOLD_FAULT;
    case SERVED_UNKNOWN:
        break;
    }
    return TOLD_NOTHING;
}

/* ---- how it goes on ---- */

static uint64_t part_of(uint64_t random, uint64_t bound)
{
    return bound == 0 ? 0 : random % bound;
}

static void wait_after_fault(struct reflector *reflector, const struct reflector_end *end,
                             uint64_t now_ms, uint64_t random)
{
    uint64_t span_ms = RETRY_FIRST_MS;

    if (now_ms - reflector->fault_at_ms > RETRY_QUIET_MS)
        reflector->faults = 0;
    for (uint32_t i = 0; i < reflector->faults && span_ms < RETRY_MAX_MS; i++)
        span_ms *= 2;
    if (span_ms > RETRY_MAX_MS)
        span_ms = RETRY_MAX_MS;
    reflector->faults++;
    reflector->fault_at_ms = now_ms;
    span_ms = span_ms / 2 + part_of(random, span_ms / 2 + 1);
    if (end->retry_after_ms > span_ms)
        span_ms = end->retry_after_ms;
    if ((uint64_t)end->failure.retry_after_s * 1000 > span_ms)
        span_ms = (uint64_t)end->failure.retry_after_s * 1000;
    reflector->ask_at_ms = now_ms + span_ms;
}

static void wait_long(struct reflector *reflector, uint64_t now_ms, uint64_t random)
{
    reflector->ask_at_ms = now_ms + RETRY_SLOW_MS + part_of(random, RETRY_SLOW_MS / 4);
}

/* From the first page on; what was collected of it is dropped by who collects. */
static void list_anew(struct reflector *reflector)
{
    bool is_list = reflector->streams_refused || reflector->is_paged ||
                   reflector->stream_faults >= STREAM_FAULTS_MAX;

    reflector->ask = is_list ? ASK_LIST : ASK_STREAM;
    reflector->is_listing = true;
    text_clear(&reflector->next);
}

void reflector_relist(struct reflector *reflector, uint64_t now_ms)
{
    list_anew(reflector);
    reflector->ask_at_ms = now_ms;
}

/* The version is no good any more: any that the server has now. */
static void list_from_scratch(struct reflector *reflector)
{
    text_clear(&reflector->version);
    reflector->may_be_cached = false;
    list_anew(reflector);
}

static int code_of(const struct reflector_end *end)
{
    if (end->failure.code != 0)
        return end->failure.code;
    return end->status;
}

static bool is_expired(const struct reflector_end *end)
{
    return code_of(end) == 410 || bytes_equal(end->failure.reason, BYTES("Expired")) ||
           bytes_equal(end->failure.reason, BYTES("Gone"));
}

static bool is_success(const struct reflector_end *end)
{
    return end->is_answered && end->failure.code == 0 && end->status >= 200 && end->status < 300;
}

/* A stream that ends too soon, or in a list's midst, is as good as none. */
static enum reflector_trouble trouble_of(const struct reflector_end *end)
{
    return end->is_answered && !is_success(end) ? TROUBLE_SERVER : TROUBLE_AWAY;
}

/* The server does not know this kind of list, and will not tomorrow. */
static bool refuses_streams(const struct reflector_end *end)
{
    int code = code_of(end);

    return code == 400 || code == 405 || code == 422 || code == 501;
}

/* It knows them but can do none: its etcd is too old, say. One that is away, or asks us to wait,
 * has not said that. */
static bool fails_stream(const struct reflector_end *end)
{
    bool asks_to_wait =
        code_of(end) == 429 || end->retry_after_ms > 0 || end->failure.retry_after_s > 0;

    return end->failure.code != 0 && !asks_to_wait && !is_expired(end);
}

/* True when the answer settles what a kind that is not there, or not ours to see, means. */
static bool ended_absent(struct reflector *reflector, const struct reflector_end *end,
                         uint64_t now_ms, uint64_t random)
{
    int code = code_of(end);
    bool is_absent = code == 404 && reflector->is_listing;

    if (is_absent && reflector->may_be_absent && !reflector->is_absent) {
        reflector->ask = ASK_WITNESS;
        reflector->ask_at_ms = now_ms;
        return true;
    }
    if (is_absent)
        reflector->trouble = TROUBLE_ABSENT;
    else if (code == 401 || code == 403)
        reflector->trouble = TROUBLE_FORBIDDEN;
    else
        return false;
    list_anew(reflector);
    wait_long(reflector, now_ms, random);
    return true;
}

/* The 404 before it is an answer about what is installed, or it is a fault like any other. */
static void ended_witness(struct reflector *reflector, const struct reflector_end *end,
                          uint64_t now_ms, uint64_t random)
{
    bool is_forbidden = code_of(end) == 401 || code_of(end) == 403;

    list_anew(reflector);
    if (is_success(end)) {
        reflector->absent_times++;
        reflector->trouble = TROUBLE_ABSENT;
        wait_long(reflector, now_ms, random);
        return;
    }
    reflector->absent_times = 0;
    reflector->trouble = is_forbidden ? TROUBLE_FORBIDDEN : trouble_of(end);
    if (is_forbidden)
        wait_long(reflector, now_ms, random);
    else
        wait_after_fault(reflector, end, now_ms, random);
}

void reflector_absent(struct reflector *reflector)
{
    reflector->is_absent = true;
    reflector->is_synced = true;
}

/* What can only be had in another way is asked for at once: nothing is wrong. */
static bool ended_stream(struct reflector *reflector, const struct reflector_end *end)
{
    if (end->is_too_long)
        return false;
    if (refuses_streams(end)) {
        reflector->streams_refused = true;
        return true;
    }
    if (fails_stream(end)) {
        reflector->stream_faults = STREAM_FAULTS_MAX;
        return true;
    }
    if (end->status != 0 && end->failure.code == 0)
        reflector->stream_faults++; /* it began, and broke: perhaps it is too much at once */
    return false;
}

static void ask_for_less(struct reflector *reflector)
{
    if (reflector->is_paged && reflector->page_items > 4)
        reflector->page_items /= 4;
    else if (reflector->is_paged)
        reflector->page_items = 1;
    reflector->is_paged = true;
}

static void ended_listing(struct reflector *reflector, const struct reflector_end *end,
                          uint64_t now_ms, uint64_t random)
{
    bool is_at_once = reflector->asked == ASK_STREAM && ended_stream(reflector, end);

    reflector->absent_times = 0;
    if (end->is_too_long)
        ask_for_less(reflector);
    if (is_expired(end) || end->failure.is_too_large)
        list_from_scratch(reflector);
    else
        list_anew(reflector);
    if (is_at_once) {
        reflector->ask_at_ms = now_ms;
        return;
    }
    reflector->trouble = trouble_of(end);
    wait_after_fault(reflector, end, now_ms, random);
}

/* Whether the version still counts, and a watch may go on from it. */
static bool may_go_on(struct reflector *reflector, const struct reflector_end *end)
{
    int code = code_of(end);

    if (end->is_too_long)
        return false; /* it would be told again */
    if (is_success(end))
        return true; /* it was only short */
    if (!end->is_answered && end->failure.code == 0)
        return true; /* it broke: the old version still resumes (spec/watch.md 13) */
    if (code == 429)
        return true;
    if (code == 500 || code == 503)
        return ++reflector->internal_errors < INTERNAL_ERRORS_MAX;
    return false;
}

static void ended_watch(struct reflector *reflector, const struct reflector_end *end,
                        uint64_t now_ms, uint64_t random)
{
    if (is_expired(end) || end->failure.is_too_large) {
        list_from_scratch(reflector); /* as it must be now and then: no trouble */
    } else {
        reflector->trouble = trouble_of(end);
        if (!may_go_on(reflector, end))
            list_anew(reflector);
    }
    wait_after_fault(reflector, end, now_ms, random);
}

bool reflector_is_over(const struct reflector *reflector, const struct reflector_end *end)
{
    return !reflector->is_listing && (is_success(end) || (end->is_silent && end->status == 200));
}

void reflector_ended(struct reflector *reflector, const struct reflector_end *end, uint64_t now_ms,
                     uint64_t random)
{
    bool is_short = now_ms - reflector->asked_at_ms < SHORT_WATCH_MS && !reflector->any_event;

    if (reflector->asked == ASK_WITNESS) {
        ended_witness(reflector, end, now_ms, random);
        return;
    }
    if (is_success(end) && reflector->asked == ASK_LIST) {
        reflector->ask_at_ms = now_ms; /* the next page, or the watch */
        return;
    }
    if (reflector_is_over(reflector, end) && !is_short) {
        reflector->internal_errors = 0;
        reflector->trouble = TROUBLE_NONE;
        reflector->ask_at_ms = now_ms;
        return;
    }
    if (ended_absent(reflector, end, now_ms, random))
        return;
    if (reflector->is_listing)
        ended_listing(reflector, end, now_ms, random);
    else
        ended_watch(reflector, end, now_ms, random);
}
