/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_call.c - one call of a follow: what is asked, and the bytes that come.
 *
 *     follow_start() -> api -> head, bytes -> follow->bytes: whole lines, or the body of a failure
 *                          \-> end -> follow->end
 *
 * A page of a list becomes lines here, one for each item. What is too long, or makes no sense, ends
 * the call as if the server had failed.
 */
#include "controller/kube/follow_parts.h"

/* SplitMix64, as in lb/random.c: no secret, only jitter. */
uint64_t follow_random(struct follow *follow)
{
    uint64_t mixed = follow->random += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* ---- the end of a call ---- */

void follow_drop_call(struct follow *follow)
{
    if (follow->call != NULL)
        api_cancel(follow->call);
    follow->call = NULL;
}

void follow_fail_call(struct follow *follow, const struct served_failure *failure)
{
    follow_drop_call(follow);
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

void follow_too_long(struct follow *follow, const char *what)
{
    follow->stats.too_large++;
    follow_drop_call(follow);
    text_wipe(&follow->bytes);
    follow->has_ended = true;
    follow->end = (struct reflector_end){.is_too_long = true, .is_answered = true, .status = 200};
    follow->end.failure.code = 500;
    text_clear(&follow->message);
    text_printf(&follow->message, "%s is larger than is taken", what);
    log_error(follow->config.log, "an answer of the API server is larger than is taken",
              LOG_STRING("resource", follow->config.what->resource), LOG_STRING("what", what));
}

/* ---- what comes ---- */

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

static void on_head(void *context, int status)
{
    struct follow *follow = context;

    follow->contact_at_ms = follow_now_ms(follow);
    if (!is_success(status))
        return;
    reflector_began(&follow->reflector);
    follow_log_trouble(follow);
}

/* A failure is read as far as FAILURE_BYTES_MAX; one byte more says that it was longer. */
static void take_failure_bytes(struct follow *follow, struct bytes bytes)
{
    bool was_short = follow->bytes.len <= FAILURE_BYTES_MAX;

    text_add(&follow->bytes, bytes_slice(bytes, 0, FAILURE_BYTES_MAX + 1 - follow->bytes.len));
    if (was_short && follow->bytes.len > FAILURE_BYTES_MAX)
        follow->stats.too_large++;
}

static void take_page_bytes(struct follow *follow, struct bytes bytes)
{
    enum status status = page_take(&follow->page, bytes, &follow->bytes);

    if (status == STATUS_TOO_LARGE)
        follow_too_long(follow, "the head of a list");
    else if (status != STATUS_OK)
        follow_fail_call(follow, NULL);
}

static void take_bytes(struct follow *follow, struct bytes bytes)
{
    bool is_list = follow->reflector.asked == ASK_LIST;

    if (follow->reflector.asked == ASK_WITNESS)
        return; /* that it comes is all there is to know */
    if (follow->reflector.is_listing)
        follow->listing.bytes += bytes.len;
    if (is_list && follow->page.bytes_count + bytes.len > PAGE_BYTES_MAX)
        follow_too_long(follow, "a page of a list");
    else if (follow->bytes.len + bytes.len > PENDING_BYTES_MAX)
        follow_too_long(follow, "what comes at once");
    else if (follow->listing.bytes > LIST_BYTES_MAX)
        follow_too_long(follow, "a list");
    else if (is_list)
        take_page_bytes(follow, bytes);
    else
        text_add(&follow->bytes, bytes);
}

static void on_bytes(void *context, int status, struct bytes bytes)
{
    struct follow *follow = context;

    follow->contact_at_ms = follow_now_ms(follow);
    if (!is_success(status)) {
        take_failure_bytes(follow, bytes);
        return;
    }
    take_bytes(follow, bytes);
    follow_go_on(follow);
    if (follow_is_busy(follow) && follow->bytes.len > PAUSE_BYTES && follow->call != NULL)
        api_hold(follow->call);
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
    follow->end =
        (struct reflector_end){.is_answered = result->end == API_ANSWERED,
                               .is_silent = result->end == API_SILENT || result->end == API_LATE,
                               .status = result->status,
                               .retry_after_ms = result->retry_after_ms};
    if (result->end != API_ANSWERED) {
        text_clear(&follow->message);
        text_add(&follow->message, result->error);
    } else if (!is_success(result->status)) {
        read_failure(follow, result);
    }
    follow_go_on(follow);
}

/* ---- what is asked ---- */

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
    case ASK_WITNESS:
        break;
    }
}

/* IngressClasses are few, and there wherever Ingresses are. */
static void add_path(const struct follow *follow, struct text *path)
{
    if (follow->reflector.ask == ASK_WITNESS) {
        text_add_str(path, WITNESS_PATH "?");
        return;
    }
    text_add(path, text_bytes(&follow->list));
    text_add_byte(path, follow->config.what->selector == NULL ? '?' : '&');
}

static bool begins_listing(const struct reflector *reflector)
{
    return reflector->ask != ASK_WITNESS &&
           (reflector->ask != ASK_LIST || reflector->next.len == 0);
}

void follow_start(struct follow *follow)
{
    struct api_request request = {.method = "GET",
                                  .on_head = on_head,
                                  .on_bytes = on_bytes,
                                  .on_end = on_end,
                                  .context = follow};
    struct text path;
    uint32_t timeout_s;

    text_init(&path);
    add_path(follow, &path);
    if (begins_listing(&follow->reflector)) {
        follow_drop_listing(follow);
        follow_record_listing(follow);
    }
    reflector_ask(&follow->reflector, follow_now_ms(follow), follow_random(follow), &path,
                  &timeout_s);
    count_call(follow);
    request.path = text_bytes(&path);
    request.timeout_ms = timeout_s == 0 ? LIST_TIMEOUT_MS : timeout_s * 1000 + WATCH_SLACK_MS;
    request.silence_ms = timeout_s == 0 ? 0 : WATCH_SILENCE_MS;
    follow->has_ended = false;
    follow->is_read = false;
    page_fini(&follow->page);
    page_init(&follow->page);
    follow->call = api_start(follow->config.api, &request);
    text_fini(&path);
}
