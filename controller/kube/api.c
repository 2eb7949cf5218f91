/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.c - what all calls share: who we are, which address, the line they begin on, the timer.
 */
#include "controller/kube/api.h"

#include "controller/kube/api_call.h"
#include "core/check.h"
#include "core/metrics.h"

static void end_if_closed(struct api *api)
{
    if (!api->is_closing || api->auth != NULL || api->timers_open > 0 || api->lines_open > 0 ||
        api->addresses.is_asking)
        return;
    access_fini(&api->access);
    curl_global_cleanup();
    api->on_closed(api->closed_context);
    mem_free(api);
}

static void on_timer(uv_timer_t *timer);

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Set for the call that is due first. A byte that comes moves nothing: the timer looks again. */
void api_set_timer(struct api *api)
{
    uint64_t now_ms = uv_now(api->loop);
    uint64_t due_ms = UINT64_MAX;
    enum api_end end;

    if (api->is_closing)
        return;
    LIST_EACH (&api->calls, link) {
        const struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        due_ms = least(due_ms, least(call_due_ms(call, &end), call_probe_due_ms(call)));
    }
    if (due_ms == UINT64_MAX)
        uv_timer_stop(&api->timer);
    else
        uv_timer_start(&api->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* From the start each time, as a callback may have ended any other call. */
static bool time_out_one(struct api *api, uint64_t now_ms)
{
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);
        enum api_end end = API_LATE;

        if (call_due_ms(call, &end) <= now_ms) {
            call_time_out(call, end);
            return true;
        }
    }
    return false;
}

/* The first of a line's calls has it probed for all. */
static void probe_lines(struct api *api, uint64_t now_ms)
{
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        if (call_probe_due_ms(call) <= now_ms)
            call_probe_line(call);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct api *api = timer->data;
    uint64_t now_ms = uv_now(api->loop);

    while (time_out_one(api, now_ms))
        ;
    probe_lines(api, now_ms);
    api_set_timer(api);
}

static struct api_call *find_paused(struct api *api, uint64_t after_serial)
{
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        if (call->is_paused && !call->is_held && call->state == CALL_RUNNING &&
            call->serial > after_serial)
            return call;
    }
    return NULL;
}

/* In order, and each once: it may be paused anew at once, and end any other. */
static void on_pause_over(uv_timer_t *timer)
{
    struct api *api = timer->data;
    struct api_call *call;
    uint64_t serial = 0;

    while ((call = find_paused(api, serial)) != NULL) {
        serial = call->serial;
        call->is_paused = false;
        session_resume(call->line->session, call->easy);
    }
}

bool api_may_read(struct api_call *call, size_t bytes)
{
    struct api *api = call->api;

    if (api->turn_ms != uv_now(api->loop)) {
        api->turn_ms = uv_now(api->loop);
        api->turn_bytes = 0;
    }
    if (api->turn_bytes < API_TURN_BYTES_MAX) {
        api->turn_bytes += bytes;
        return true;
    }
    call->is_paused = true;
    api->stats.pauses++;
    if (!api->is_closing && !uv_is_active((uv_handle_t *)&api->pause))
        uv_timer_start(&api->pause, on_pause_over, API_PAUSE_MS, 0);
    return false;
}

/* A cancelled call goes as soon as nobody stands on it; libcurl has been left. */
static void sweep(struct api *api)
{
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        if (call->state == CALL_CANCELLED && !call->is_telling &&
            (call->line == NULL || !session_is_busy(call->line->session)))
            call_drop(call);
    }
}

static void on_done(void *context, CURL *easy, CURLcode result)
{
    void *call = NULL;

    (void)context;
    CHECK(curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call) == CURLE_OK && call != NULL);
    call_on_done(call, result);
}

static void on_left(void *context)
{
    struct api_line *line = context;

    sweep(line->api);
    api_pump(line->api);
}

static void on_line_closed(void *context)
{
    struct api_line *line = context;
    struct api *api = line->api;

    mem_free(line);
    api->lines_open--;
    end_if_closed(api);
}

static const struct session_events line_events = {on_done, on_left, on_line_closed};

static struct api_line *open_line(struct api *api)
{
    struct api_line *line = mem_new(struct api_line);

    line->api = api;
    line->address = *addresses_current(&api->addresses);
    line->tls_number = auth_tls_number(api->auth);
    line->heard_ms = uv_now(api->loop);
    line->session = session_open(api->loop, &line_events, line);
    api->lines_open++;
    return line;
}

void api_retire_line(struct api *api)
{
    struct api_line *line = api->line;

    if (line == NULL)
        return;
    api->line = NULL;
    line->is_retired = true;
    if (line->calls_count == 0)
        session_close(line->session);
}

void api_line_leave(struct api_line *line)
{
    CHECK(line->calls_count > 0);
    if (--line->calls_count == 0 && line->is_retired)
        session_close(line->session);
}

static bool has_waiting(const struct api *api)
{
    LIST_EACH (&api->calls, link) {
        if (LIST_ENTRY(link, struct api_call, link)->state == CALL_WAITING)
            return true;
    }
    return false;
}

/* Begin what waits, or get what it waits for. Calls nobody back. */
void api_pump(struct api *api)
{
    if (api->is_closing || !has_waiting(api))
        return;
    if (auth_identity(api->auth) == NULL) {
        auth_read(api->auth);
        return;
    }
    if (addresses_current(&api->addresses) == NULL) {
        addresses_ask(&api->addresses);
        return;
    }
    if (api->line == NULL)
        api->line = open_line(api);
    if (session_is_busy(api->line->session))
        return;
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        if (call->state == CALL_WAITING)
            call_begin(call, api->line);
    }
}

static struct api_call *find(struct api *api, enum call_state state, uint64_t last_serial)
{
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        if (call->state == state && call->serial <= last_serial)
            return call;
    }
    return NULL;
}

/* Those who wait now: a callback may start others at once. */
static void fail_waiting(struct api *api, struct bytes why)
{
    uint64_t last_serial = api->last_serial;
    struct api_call *call;

    while ((call = find(api, CALL_WAITING, last_serial)) != NULL)
        call_fail(call, why);
}

static void on_identity_read(void *context)
{
    struct api *api = context;
    struct api_call *call;

    if (api->line != NULL && api->line->tls_number != auth_tls_number(api->auth))
        api_retire_line(api);
    while ((call = find(api, CALL_RENEWING, UINT64_MAX)) != NULL)
        call_on_identity_read(call);
    if (auth_identity(api->auth) == NULL)
        fail_waiting(api, auth_error(api->auth).len > 0
                              ? auth_error(api->auth)
                              : BYTES("what the credential plugin gave has expired already"));
    api_pump(api);
}

static void on_addresses(void *context)
{
    struct api *api = context;
    struct text why;

    if (api->is_closing) {
        end_if_closed(api);
        return;
    }
    if (addresses_current(&api->addresses) == NULL) {
        text_init(&why);
        text_printf(&why, "the address of %s is not known: %s", api->access.host.at,
                    uv_strerror(api->addresses.error));
        fail_waiting(api, text_bytes(&why));
        text_fini(&why);
    }
    api_pump(api);
}

static enum status read_access(struct api *api, const struct api_config *config, struct text *error)
{
    struct auth_config auth_config = {
        .loop = config->loop,
        .log = config->log,
        .access = &api->access,
        .on_read = on_identity_read,
        .context = api,
    };
    enum status status = config->kubeconfig != NULL
                             ? access_from_kubeconfig(config->kubeconfig, &api->access, error)
                             : access_in_cluster(&api->access, error);

    return status == STATUS_OK ? auth_open(&api->auth, &auth_config, error) : status;
}

enum status api_open(struct api **api, const struct api_config *config)
{
    struct api *fresh = mem_new(struct api);
    enum status status;
    struct text error;

    *fresh = (struct api){.loop = config->loop,
                          .log = config->log,
                          .probing = {API_PROBE_AFTER_MS, API_PROBE_TIMEOUT_MS}};
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    list_init(&fresh->calls);
    text_init(&error);
    status = read_access(fresh, config, &error);
    if (status != STATUS_OK) {
        log_error(config->log, "the way to the API server can not be read",
                  LOG_BYTES("why", text_bytes(&error)));
        access_fini(&fresh->access);
        curl_global_cleanup();
        mem_free(fresh);
    } else {
        addresses_init(&fresh->addresses, config->loop, fresh->access.host, fresh->access.port,
                       on_addresses, fresh);
        uv_timer_init(config->loop, &fresh->timer);
        uv_timer_init(config->loop, &fresh->pause);
        fresh->timer.data = fresh->pause.data = fresh;
        fresh->timers_open = 2;
        *api = fresh;
    }
    text_fini(&error);
    return status;
}

void api_fix_addresses(struct api *api, const struct address *list, size_t count)
{
    addresses_fix(&api->addresses, list, count);
}

void api_fix_probing(struct api *api, struct api_probing probing)
{
    api->probing = probing;
}

struct bytes api_namespace(const struct api *api)
{
    return api->access.ns;
}

struct bytes api_obstacle(const struct api *api)
{
    return auth_lacks_plugin(api->auth) ? auth_error(api->auth) : BYTES_NONE;
}

void api_add_server(const struct api *api, struct text *out)
{
    const struct access *access = &api->access;
    bool is_v6 = bytes_find(access->host, ':') != BYTES_NOT_FOUND;

    text_printf(out, is_v6 ? "https://[%.*s]:%u" : "https://%.*s:%u", BYTES_ARG(access->host),
                access->port);
    text_add(out, access->path);
}

static struct bytes copy(struct text *text, struct bytes bytes)
{
    text_init(text);
    text_add(text, bytes);
    return text_bytes(text);
}

struct api_call *api_new_call(struct api *api, const struct api_request *request)
{
    struct api_call *call = mem_new(struct api_call);

    CHECK(!api->is_closing);
    *call = (struct api_call){.api = api, .request = *request, .serial = ++api->last_serial};
    call->request.path = copy(&call->path, request->path);
    call->request.body = copy(&call->body, request->body);
    call->started_ms = call->heard_ms = uv_now(api->loop);
    text_init(&call->held);
    list_push_back(&api->calls, &call->link);
    api->calls_count++;
    return call;
}

struct api_call *api_start(struct api *api, const struct api_request *request)
{
    struct api_call *call = api_new_call(api, request);

    api_pump(api);
    api_set_timer(api);
    return call;
}

static void on_auth_closed(void *context)
{
    struct api *api = context;

    api->auth = NULL;
    end_if_closed(api);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct api *api = handle->data;

    api->timers_open--;
    end_if_closed(api);
}

void api_close(struct api *api, api_closed_fn *on_closed, void *context)
{
    api->is_closing = true;
    api->on_closed = on_closed;
    api->closed_context = context;
    LIST_EACH (&api->calls, link) {
        api_cancel(LIST_ENTRY(link, struct api_call, link));
    }
    api_retire_line(api);
    if (api->addresses.is_asking)
        (void)uv_cancel((uv_req_t *)&api->addresses.request);
    uv_close((uv_handle_t *)&api->timer, on_timer_closed);
    uv_close((uv_handle_t *)&api->pause, on_timer_closed);
    auth_close(api->auth, on_auth_closed, api);
}
