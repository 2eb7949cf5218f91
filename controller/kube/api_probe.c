/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_probe.c - whether a connection on which nothing comes is alive, found out by asking on it.
 *
 *     watches silent -> GET /version on the same line -> an answer: all is well
 *                                                     -> nothing: the line is dead, its calls end
 *
 * A watch may rightly say nothing for a minute. A peer that went is found by TCP; but a balancer in
 * between, or a server that hangs, acknowledges for ever.
 *
 * Source: spec/watch.md 14; docs/decisions/0025-api-sessions-run-out.md
 */
#include "controller/kube/api_call.h"

/* Every client may ask for this, and nothing is looked up for it. Any answer will do. */
#define PROBE_PATH "/version"

/* A probe gets onto the connection of the call: one of HTTP/2, with the certificate that is ours
 * now. */
static bool may_probe(const struct api_call *call)
{
    return call->is_h2 && call->line->tls_number == auth_tls_number(call->api->auth);
}

uint32_t call_silence_ms(const struct api_call *call)
{
    uint32_t silence_ms = call->request.silence_ms;

    if (call->line == NULL || may_probe(call))
        return silence_ms;
    return silence_ms > API_UNPROBED_SILENCE_MS ? API_UNPROBED_SILENCE_MS : silence_ms;
}

uint64_t call_probe_due_ms(const struct api_call *call)
{
    bool is_open = call->state == CALL_RUNNING && call->request.silence_ms > 0 && !call->is_held;

    if (!is_open || call->line->probe != NULL || !may_probe(call) ||
        auth_identity(call->api->auth) == NULL)
        return UINT64_MAX;
    return call->line->heard_ms + call->api->probing.after_ms;
}

static struct api_call *find_on(struct api *api, const struct api_line *line)
{
    LIST_EACH (&api->calls, link) {
        struct api_call *call = LIST_ENTRY(link, struct api_call, link);

        if (call->line == line && call->state == CALL_RUNNING)
            return call;
    }
    return NULL;
}

/* From the start each time, as a callback may end any other. The first one retires the line, so
 * none is begun on it meanwhile. */
static void end_all_on(struct api *api, const struct api_line *line)
{
    struct api_call *call;

    api->stats.dead_connections++;
    while ((call = find_on(api, line)) != NULL)
        call_time_out(call, API_SILENT);
}

static void on_probe_bytes(void *context, int status, struct bytes bytes)
{
    (void)context;
    (void)status;
    (void)bytes;
}

/* Others may have been heard of where the probe was not: then it is only this one that hangs. */
static void on_probe_end(void *context, const struct api_result *result)
{
    struct api_line *line = context;
    struct api *api = line->api;
    bool is_dead = result->end == API_LATE && line->heard_ms <= line->probe_started_ms;

    line->probe = NULL;
    if (is_dead)
        end_all_on(api, line);
    api_set_timer(api);
}

void call_probe_line(struct api_call *call)
{
    struct api *api = call->api;
    struct api_line *line = call->line;
    const struct api_request request = {
        .method = "GET",
        .path = BYTES(PROBE_PATH),
        .timeout_ms = api->probing.timeout_ms,
        .on_bytes = on_probe_bytes,
        .on_end = on_probe_end,
        .context = line,
    };

    line->probe = api_new_call(api, &request);
    line->probe->has_renewed = true; /* a 401 is an answer */
    line->probe_started_ms = uv_now(api->loop);
    call_begin(line->probe, line);
}
