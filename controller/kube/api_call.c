/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_call.c - the life of one call.
 *
 *     WAITING -> RUNNING -> ENDED
 *        ^          |  401, or TLS failed, for the first time
 *        +- RENEWING <-+
 */
#include "controller/kube/api_call.h"

#include "core/check.h"

static void destroy(struct api_call *call)
{
    list_remove(&call->link);
    call->api->calls_count--;
    text_fini(&call->held);
    text_fini(&call->path);
    text_fini(&call->body);
    mem_free(call);
}

static void leave_line(struct api_call *call, bool is_in)
{
    struct api_line *line = call->line;

    if (line == NULL)
        return;
    call->line = NULL;
    if (is_in)
        session_remove(line->session, call->easy);
    call_free_easy(call);
    api_line_leave(line);
}

void call_drop(struct api_call *call)
{
    leave_line(call, true);
    destroy(call);
}

void api_cancel(struct api_call *call)
{
    if (call->state == CALL_ENDED || call->state == CALL_CANCELLED)
        return;
    call->state = CALL_CANCELLED;
    call->api->stats.cancelled++;
    if (call->is_telling || (call->line != NULL && session_is_busy(call->line->session)))
        return;
    call_drop(call);
}

void api_hold(struct api_call *call)
{
    call->is_held = true;
}

/* It may end, and be gone, while it is told what has waited. */
void api_release(struct api_call *call)
{
    if (!call->is_held)
        return;
    call->is_held = false;
    call->heard_ms = uv_now(call->api->loop);
    if (call->state != CALL_RUNNING || !call->is_paused)
        return;
    call->is_paused = false;
    session_resume(call->line->session, call->easy);
}

static void count(struct api_call *call, enum api_end end)
{
    struct api_stats *stats = &call->api->stats;

    if (end == API_ANSWERED)
        stats->answers[call->status >= 100 && call->status < 600 ? call->status / 100 : 0]++;
    else if (end == API_FAILED)
        stats->failed++;
    else if (end == API_SILENT)
        stats->silent++;
    else
        stats->late++;
}

static void finish(struct api_call *call, enum api_end end, struct bytes error)
{
    struct api_result result = {
        .end = end,
        .status = call->status,
        .retry_after_ms = call->retry_after_ms,
        .error = error,
    };

    count(call, end);
    call->state = CALL_ENDED;
    call->request.on_end(call->request.context, &result);
    destroy(call);
}

void call_begin(struct api_call *call, struct api_line *line)
{
    struct api *api = call->api;

    call->state = CALL_RUNNING;
    call->is_paused = false;
    call->is_held = false;
    call->is_head_told = false;
    call->is_h2 = false;
    call->line = line;
    call->identity_number = auth_number(api->auth);
    call->status = 0;
    call->retry_after_ms = 0;
    call->error[0] = '\0';
    line->calls_count++;
    call_make_easy(call, &line->address, auth_identity(api->auth));
    session_add(line->session, call->easy);
}

static void begin_again(struct api_call *call)
{
    call->state = CALL_WAITING;
    call->api->stats.again++;
    text_clear(&call->held);
    call->is_held_too_large = false;
    api_pump(call->api);
}

/* The body that was kept back is seen after all. */
static bool tell_held(struct api_call *call)
{
    if (call->held.len == 0)
        return true;
    call->is_telling = true;
    call->request.on_bytes(call->request.context, call->status, text_bytes(&call->held));
    call->is_telling = false;
    if (call->state != CALL_CANCELLED)
        return true;
    destroy(call);
    return false;
}

static bool is_tls_failure(CURLcode result)
{
    return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CONNECT_ERROR ||
           result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_ISSUER_ERROR;
}

/* Nothing of the request has been sent. We set no timeout of libcurl's but that to connect. */
static bool is_unsent(CURLcode result)
{
    return result == CURLE_COULDNT_CONNECT || result == CURLE_OPERATION_TIMEDOUT ||
           is_tls_failure(result);
}

/* The address in use is no good. The first call to find that out moves on for all. */
static void leave_address(struct api *api, const struct api_line *line)
{
    if (api->line != line)
        return;
    addresses_next(&api->addresses);
    api_retire_line(api);
}

/* libcurl says how long it took to fail. With it the same trouble of several lists would read as
 * several troubles. */
static void drop_time(char *error)
{
    char *at = strstr(error, " after "), *end;

    if (at == NULL)
        return;
    end = at + strlen(" after ");
    end += strspn(end, "0123456789");
    if (strncmp(end, " ms", 3) == 0)
        memmove(at, end + 3, strlen(end + 3) + 1);
}

static void conclude(struct api_call *call)
{
    const char *why;

    drop_time(call->error);
    why = call->error[0] != '\0' ? call->error : curl_easy_strerror(call->result);
    if (call->result == CURLE_OK || call->is_held_too_large) {
        if (tell_held(call))
            finish(call, API_ANSWERED, BYTES_NONE);
    } else if (is_unsent(call->result) && ++call->addresses_tried < call->api->addresses.count) {
        begin_again(call);
    } else {
        finish(call, API_FAILED, bytes_of(why));
    }
}

static bool may_renew(const struct api_call *call)
{
    bool is_unknown = call->status == 401 && (call->result == CURLE_OK || call->is_held_too_large);

    return !call->has_renewed && (is_unknown || is_tls_failure(call->result));
}

/* Another call may have had the identity read again while this one was out. */
static void renew(struct api_call *call)
{
    call->has_renewed = true;
    if (call->identity_number != auth_number(call->api->auth)) {
        begin_again(call);
        return;
    }
    call->state = CALL_RENEWING;
    auth_read(call->api->auth);
}

/* The same identity would get the same answer. */
void call_on_identity_read(struct api_call *call)
{
    if (call->identity_number != auth_number(call->api->auth) &&
        auth_identity(call->api->auth) != NULL)
        begin_again(call);
    else
        conclude(call);
}

void call_on_done(struct api_call *call, CURLcode result)
{
    struct api *api = call->api;
    const struct api_line *line = call->line;

    call->result = result;
    if (call->state == CALL_CANCELLED) {
        leave_line(call, false);
        destroy(call);
        return;
    }
    call_read_easy(call);
    if (call->status != 0)
        addresses_keep(&api->addresses);
    else if (result != CURLE_OK)
        leave_address(api, line);
    leave_line(call, false);
    if (may_renew(call))
        renew(call);
    else
        conclude(call);
}

void call_fail(struct api_call *call, struct bytes why)
{
    finish(call, API_FAILED, why);
}

/* A connection on which nothing came may be dead: what begins next must not be put on it. */
void call_time_out(struct api_call *call, enum api_end end)
{
    if (call->line != NULL) {
        call_read_easy(call);
        if (end == API_SILENT || call->status == 0)
            leave_address(call->api, call->line);
    }
    leave_line(call, true);
    finish(call, end,
           end == API_SILENT ? BYTES("nothing came from the API server for too long")
                             : BYTES("the API server took too long to answer"));
}

uint64_t call_due_ms(const struct api_call *call, enum api_end *end)
{
    const struct api_request *request = &call->request;
    uint64_t late = request->timeout_ms > 0 ? call->started_ms + request->timeout_ms : UINT64_MAX;
    uint32_t silence_ms = call->is_held ? 0 : call_silence_ms(call);
    uint64_t silent = silence_ms > 0 ? call->heard_ms + silence_ms : UINT64_MAX;

    if (call->state == CALL_CANCELLED || call->state == CALL_ENDED)
        return UINT64_MAX;
    *end = silent < late ? API_SILENT : API_LATE;
    return silent < late ? silent : late;
}
