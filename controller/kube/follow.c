/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.c - the calls of one reflector, and what they bring.
 *
 *     START -> call runs: bytes gather -> job decodes whole lines -> changes
 *                     \-> call ended, all lines decoded -> reflector_ended() -> timer -> START
 *
 * One job runs at a time, so what came first is told first. A list is gathered apart and takes the
 * place of what was known when it is complete, so that what it lacks has gone.
 */
#include "controller/kube/follow.h"

#include "controller/kube/follow_parts.h"
#include "core/check.h"

static void start(struct follow *follow);
static void go_on(struct follow *follow);

static uint64_t now_ms(const struct follow *follow)
{
    return uv_now(follow->config.loop);
}

/* SplitMix64, as in lb/random.c: no secret, only jitter. */
static uint64_t next_random(struct follow *follow)
{
    uint64_t mixed = follow->random += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* ---- the end of the follow ---- */

static void follow_destroy(struct follow *follow)
{
    follow_closed_fn *on_closed = follow->on_closed;
    void *context = follow->closed_context;

    known_keys_fini(&follow->known);
    listing_fini(&follow->listing);
    reflector_fini(&follow->reflector);
    text_wipe(&follow->bytes);
    text_fini(&follow->message);
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

static void on_timer_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

static void drop_call(struct follow *follow)
{
    if (follow->call != NULL)
        api_cancel(follow->call);
    follow->call = NULL;
}

void follow_close(struct follow *follow, follow_closed_fn *on_closed, void *context)
{
    follow->is_closing = true;
    follow->on_closed = on_closed;
    follow->closed_context = context;
    drop_call(follow);
    uv_close((uv_handle_t *)&follow->timer, on_timer_closed);
}

/* ---- changes ---- */

static void tell(struct follow *follow, struct served_item *item, bool is_gone)
{
    bool is_known;

    if (item->name.len == 0)
        return; /* nobody could say whose it is */
    is_known = known_keys_set(&follow->known, item->ns, item->name, !is_gone);
    if (item->fault.len > 0)
        follow->stats.rejected++;
    if (!is_gone || is_known)
        follow->config.on_change(follow->config.context, follow, item, is_gone);
}

/* What is known and was not listed has gone unseen (spec/watch.md 18). */
static void apply_listing(struct follow *follow)
{
    struct known_keys before = follow->known;
    struct served_item gone = {0};
    size_t at = 0;

    known_keys_of(&follow->known, &follow->listing);
    while (known_keys_next(&before, &at, &gone.ns, &gone.name)) {
        if (!known_keys_has(&follow->known, gone.ns, gone.name))
            follow->config.on_change(follow->config.context, follow, &gone, true);
    }
    known_keys_fini(&before);
    for (size_t i = 0; i < follow->listing.count; i++) {
        struct listed *listed = &follow->listing.list[i];

        follow->stats.rejected += listed->item.fault.len > 0;
        if (listed->item.name.len > 0)
            follow->config.on_change(follow->config.context, follow, &listed->item,
                                     listed->is_gone);
    }
    listing_clear(&follow->listing);
}

static void forget_all(struct follow *follow)
{
    struct served_item gone = {0};
    size_t at = 0;

    while (known_keys_next(&follow->known, &at, &gone.ns, &gone.name))
        follow->config.on_change(follow->config.context, follow, &gone, true);
    known_keys_fini(&follow->known);
    known_keys_init(&follow->known);
}

static void fail_call(struct follow *follow, const struct served_failure *failure)
{
    drop_call(follow);
    follow->has_ended = true;
    follow->end = (struct reflector_end){
        .is_answered = true, .status = 200, .failure = {.code = 500, .is_too_large = false}};
    if (failure == NULL)
        return;
    follow->end.failure.code = failure->code != 0 ? failure->code : 500;
    follow->end.failure.is_too_large = failure->is_too_large;
    follow->end.failure.retry_after_s = failure->retry_after_s;
    follow->end.failure.reason =
        bytes_equal(failure->reason, BYTES("Expired")) ? BYTES("Expired") : BYTES_NONE;
    text_clear(&follow->message);
    text_add(&follow->message, failure->message);
}

/* True when the call goes on. */
static bool take_event(struct follow *follow, struct served_event *event)
{
    bool is_gone = event->type == SERVED_DELETED;

    switch (reflector_event(&follow->reflector, event)) {
    case TOLD_NOTHING:
        break;
    case TOLD_CHANGE:
        follow->stats.events++;
        if (follow->reflector.is_listing)
            listing_add(&follow->listing, &event->item, is_gone);
        else
            tell(follow, &event->item, is_gone);
        break;
    case TOLD_ALL:
        apply_listing(follow);
        break;
    case TOLD_FAULT:
        fail_call(follow, &event->failure);
        return false;
    }
    return true;
}

static void take_events(struct follow *follow, struct decode_job *job)
{
    for (size_t i = 0; i < job->events_count; i++) {
        if (!take_event(follow, &job->events[i]))
            return;
    }
    if (job->is_invalid)
        fail_call(follow, NULL);
}

static void take_page(struct follow *follow, struct decode_job *job)
{
    if (job->is_invalid) {
        fail_call(follow, NULL);
        return;
    }
    for (size_t i = 0; i < job->page.items_count; i++) {
        follow->stats.events++;
        listing_add(&follow->listing, &job->page.items[i], false);
    }
    if (reflector_page(&follow->reflector, job->page.resource_version, job->page.next))
        apply_listing(follow);
}

/* ---- decoding ---- */

static void on_decoded(struct decode_job *job)
{
    struct follow *follow = job->owner;

    follow->is_decoding = false;
    if (follow->is_closing) {
        decode_job_destroy(job);
        part_closed(follow);
        return;
    }
    if (job->is_page)
        take_page(follow, job);
    else
        take_events(follow, job);
    decode_job_destroy(job);
    follow->config.on_told(follow->config.context, follow);
    part_closed(follow);
    go_on(follow);
}

static void decode(struct follow *follow, bool is_page, size_t len)
{
    struct decode_job *job = decode_job_create(follow, is_page, &follow->bytes, len);

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

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

/* ---- calls ---- */

static void too_long(struct follow *follow)
{
    follow->stats.too_large++;
    drop_call(follow);
    text_wipe(&follow->bytes);
    follow->has_ended = true;
    follow->end = (struct reflector_end){.is_too_long = true, .is_answered = true, .status = 200};
    follow->end.failure.code = 500;
    log_error(follow->config.log, "an answer of the API server is larger than is taken",
              LOG_STRING("resource", follow->config.what->resource));
}

static void on_bytes(void *context, int status, struct bytes bytes)
{
    struct follow *follow = context;
    bool is_list = follow->reflector.asked == ASK_LIST;
    size_t max = is_list ? PAGE_BYTES_MAX : PENDING_BYTES_MAX;

    if (!is_success(status))
        max = FAILURE_BYTES_MAX;
    follow->contact_at_ms = now_ms(follow);
    if (follow->bytes.len + bytes.len > max) {
        if (is_success(status)) {
            too_long(follow);
            go_on(follow);
        }
        return;
    }
    text_add(&follow->bytes, bytes);
    if (is_success(status) && !is_list)
        go_on(follow);
}

static void read_failure(struct follow *follow, const struct api_result *result)
{
    struct served_failure failure;
    struct arena arena;

    arena_init(&arena, 1024);
    served_read_failure(text_bytes(&follow->bytes), &arena, &failure);
    follow->end.failure.code = result->status;
    follow->end.failure.is_too_large = failure.is_too_large;
    follow->end.failure.retry_after_s = failure.retry_after_s;
    text_clear(&follow->message);
    text_add(&follow->message, failure.message);
    arena_fini(&arena);
    text_clear(&follow->bytes);
}

static void on_end(void *context, const struct api_result *result)
{
    struct follow *follow = context;

    follow->call = NULL;
    follow->has_ended = true;
    follow->end = (struct reflector_end){.is_answered = result->end == API_ANSWERED,
                                         .status = result->status,
                                         .retry_after_ms = result->retry_after_ms};
    if (result->end != API_ANSWERED) {
        text_clear(&follow->message);
        text_add(&follow->message, result->error);
    } else if (!is_success(result->status)) {
        read_failure(follow, result);
    }
    go_on(follow);
}

static void add_path(const struct follow *follow, struct text *path)
{
    const struct followed *what = follow->config.what;

    text_add_str(path, what->root);
    if (follow->config.ns.len > 0) {
        text_add_str(path, "/namespaces/");
        text_add(path, follow->config.ns);
    }
    text_printf(path, "/%s?", what->resource);
    if (what->selector != NULL)
        text_printf(path, "%s&", what->selector);
}

static void count_call(struct follow *follow)
{
    switch (follow->reflector.ask) {
    case ASK_LIST:
        follow->stats.lists++;
        break;
    case ASK_STREAM:
        follow->stats.streams++;
        break;
    case ASK_WATCH:
        follow->stats.watches++;
        break;
    }
}

static void start(struct follow *follow)
{
    struct api_request request = {
        .method = "GET", .on_bytes = on_bytes, .on_end = on_end, .context = follow};
    struct text path;
    uint32_t timeout_s;

    text_init(&path);
    add_path(follow, &path);
    if (follow->reflector.ask != ASK_LIST || follow->reflector.next.len == 0)
        listing_clear(&follow->listing);
    reflector_ask(&follow->reflector, now_ms(follow), next_random(follow), &path, &timeout_s);
    count_call(follow);
    request.path = text_bytes(&path);
    request.timeout_ms = timeout_s == 0 ? LIST_TIMEOUT_MS : timeout_s * 1000 + WATCH_SLACK_MS;
    request.silence_ms = timeout_s == 0 ? 0 : WATCH_SILENCE_MS;
    follow->has_ended = false;
    follow->is_read = false;
    follow->call = api_start(follow->config.api, &request);
    text_fini(&path);
}

static void on_timer(uv_timer_t *timer)
{
    start(timer->data);
}

static void log_trouble(struct follow *follow)
{
    enum reflector_trouble trouble = follow->reflector.trouble;
    struct text text;

    if (trouble == follow->told)
        return;
    follow->told = trouble;
    if (trouble == TROUBLE_NONE ||
        (trouble == TROUBLE_ABSENT && follow->config.what->may_be_absent))
        return;
    text_init(&text);
    follow_add_detail(follow, &text);
    log_warn(follow->config.log, "objects cannot be followed on the API server",
             LOG_BYTES("why", text_bytes(&text)));
    text_fini(&text);
}

static void finish(struct follow *follow)
{
    uint64_t now = now_ms(follow);
    bool is_gone, was_ok = follow->end.failure.code == 0 && follow->end.is_answered;

    follow->has_ended = false;
    text_wipe(&follow->bytes);
    if (!was_ok)
        follow->stats.faults++;
    reflector_ended(&follow->reflector, &follow->end, now, next_random(follow), &is_gone);
    if (is_gone)
        forget_all(follow);
    log_trouble(follow);
    uv_timer_start(&follow->timer, on_timer,
                   follow->reflector.ask_at_ms > now ? follow->reflector.ask_at_ms - now : 0, 0);
    follow->config.on_told(follow->config.context, follow);
}

/* Decode what is whole; when nothing is left and the call has ended, see what to ask next. */
static void go_on(struct follow *follow)
{
    bool is_list = follow->reflector.asked == ASK_LIST, is_whole;
    size_t len;

    if (follow->is_decoding || follow->is_closing)
        return;
    is_whole = follow->has_ended && follow->end.is_answered && follow->end.failure.code == 0;
    if (is_list && is_whole && !follow->is_read) {
        follow->is_read = true;
        decode(follow, true, follow->bytes.len); /* an empty one is no list */
        return;
    }
    len = is_list ? 0 : whole_lines(follow);
    if (len > 0 && (!follow->has_ended || follow->end.failure.code == 0)) {
        decode(follow, false, len);
        return;
    }
    if (!follow->has_ended && !is_list && follow->bytes.len > EVENT_BYTES_MAX)
        too_long(follow);
    if (follow->has_ended)
        finish(follow);
}

/* ---- for the owner ---- */

struct follow *follow_open(const struct follow_config *config)
{
    struct follow *follow = mem_new(struct follow);

    follow->config = *config;
    follow->config.ns = mem_bytes(config->ns);
    follow->random = config->seed;
    reflector_init(&follow->reflector);
    known_keys_init(&follow->known);
    listing_init(&follow->listing);
    text_init(&follow->bytes);
    text_init(&follow->message);
    CHECK(uv_timer_init(config->loop, &follow->timer) == 0);
    follow->timer.data = follow;
    follow->parts_open = 1;
    start(follow);
    return follow;
}

const struct followed *follow_what(const struct follow *follow)
{
    return follow->config.what;
}

bool follow_is_synced(const struct follow *follow)
{
    return follow->reflector.is_synced;
}

bool follow_is_absent(const struct follow *follow)
{
    return follow->reflector.trouble == TROUBLE_ABSENT;
}

bool follow_knows(const struct follow *follow, struct bytes ns, struct bytes name)
{
    return known_keys_has(&follow->known, ns, name);
}

void follow_relist(struct follow *follow)
{
    const struct served_failure expired = {.code = 410};

    if (follow->is_closing || follow->call == NULL || follow->has_ended)
        return;
    fail_call(follow, &expired);
    go_on(follow);
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

static const char *trouble_words(enum reflector_trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
        return "not listed yet";
    case TROUBLE_AWAY:
        return "the API server does not answer";
    case TROUBLE_FORBIDDEN:
        return "not permitted to list and watch";
    case TROUBLE_ABSENT:
        return "not installed";
    case TROUBLE_SERVER:
        return "the API server refuses";
    }
    return "";
}

void follow_add_detail(const struct follow *follow, struct text *out)
{
    const struct followed *what = follow->config.what;
    enum reflector_trouble trouble = follow->reflector.trouble;

    if (follow->reflector.is_synced &&
        (trouble == TROUBLE_NONE || (trouble == TROUBLE_ABSENT && what->may_be_absent)))
        return;
    text_printf(out, "%s%s %s", out->len > 0 ? "; " : "", what->resource, what->api_version);
    if (follow->config.ns.len > 0)
        text_printf(out, " in %.*s", BYTES_ARG(follow->config.ns));
    text_printf(out, ": %s", trouble_words(trouble));
    if (trouble != TROUBLE_NONE && follow->message.len > 0)
        text_printf(out, " (%.*s)", (int)(follow->message.len < 200 ? follow->message.len : 200),
                    follow->message.at);
}
