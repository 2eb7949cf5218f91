/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - the life of one request, told as steps.
 *
 *     ROUTE -> FILTER -> PICK -> [PENDING] -> [CONNECT] -> SEND -> RELAY -> FINISH
 *                         ^                      |           |       |
 *                         +------- BACKOFF <-----+-----------+-------+   another attempt
 *
 * Callbacks write down what happened and run the machine. ROUTE asks routing.c, bodies move in
 * relay.c, attempts and their connections in attempt.c.
 */
#include "proxy/stream.h"

#include "core/check.h"
#include "proxy/access_log.h"
#include "proxy/admin.h"
#include "proxy/answer.h"
#include "proxy/attempt.h"
#include "proxy/client.h"
#include "proxy/filter/filter.h"
#include "proxy/grpc_web.h"
#include "proxy/relay.h"
#include "proxy/routing.h"
#include "proxy/session.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"
#include "route/rewrite.h"

void stream_begin(struct stream *stream)
{
    stream->replay_is_kept = method_is_idempotent(stream->request.method_id);
    stream->worker->stats.fields_dropped += stream->request.fields_dropped_count;
    stream_run(stream);
}

void stream_describe_answer(struct stream *stream, struct forward_response *how)
{
    struct field *added;

    how->date = worker_date(stream->worker);
    if (stream->route == NULL || (stream->route->hsts.len | stream->set_cookie.len) == 0)
        return;
    added = arena_alloc(&stream->arena, 2 * sizeof(*added));
    how->added = added;
    if (stream->route->hsts.len > 0)
        added[how->added_count++] =
            (struct field){BYTES("strict-transport-security"), stream->route->hsts,
                           FIELD_STRICT_TRANSPORT_SECURITY, false};
    if (session_is_new(stream))
        added[how->added_count++] = session_field(stream);
}

void stream_fail(struct stream *stream, enum failure failure)
{
    CHECK(failure != FAILURE_NONE);
    if (stream->failure == FAILURE_NONE)
        stream->failure = failure;
    stream->step = STREAM_FINISH;
}

void stream_arm(struct stream *stream, uint32_t span_ms, enum failure failure)
{
    uint64_t due_ms = worker_now_ms(stream->worker) + span_ms;

    stream->deadline_means = failure;
    if (stream->try_due_ms != 0 && stream->try_due_ms < due_ms && !stream->head_is_out) {
        due_ms = stream->try_due_ms;
        stream->deadline_means = FAILURE_PER_TRY_TIMEOUT;
    }
    if (stream->total_due_ms != 0 && stream->total_due_ms < due_ms) {
        due_ms = stream->total_due_ms;
        stream->deadline_means = FAILURE_RESPONSE_TIMEOUT;
    }
    deadline_set(stream->worker->deadlines, &stream->deadline, due_ms);
}

static void count_timeout(struct stats *stats, enum failure failure)
{
    uint64_t *counter = failure == FAILURE_CONNECT_TIMEOUT         ? &stats->timeout_connect
                        : failure == FAILURE_PENDING_TIMEOUT       ? &stats->timeout_pending
                        : failure == FAILURE_BODY_TIMEOUT          ? &stats->timeout_body
                        : failure == FAILURE_RESPONSE_HEAD_TIMEOUT ? &stats->timeout_response_head
                        : failure == FAILURE_RESPONSE_TIMEOUT      ? &stats->timeout_response
                        : failure == FAILURE_PER_TRY_TIMEOUT       ? &stats->timeout_per_try
                        : failure == FAILURE_CLIENT_STALLED        ? &stats->timeout_client_write
                        : failure == FAILURE_TUNNEL_IDLE           ? &stats->timeout_tunnel_idle
                                                                   : &stats->timeout_stream_idle;

    (*counter)++;
}

/* Timeouts of an attempt may be followed by another; those of the stream end it. */
void stream_on_deadline(struct deadline *deadline)
{
    struct stream *stream = DEADLINE_OWNER(deadline, struct stream, deadline);
    enum failure failure = stream->deadline_means;

    CHECK(stream->magic == STREAM_MAGIC);
    if (stream->step == STREAM_BACKOFF) {
        stream->step = STREAM_PICK;
        stream_run(stream);
        return;
    }
    if (stream->step == STREAM_RELAY && relay_has_progress(stream))
        return;
    count_timeout(&stream->worker->stats, failure);
    if (failure == FAILURE_CONNECT_TIMEOUT)
        failure = upstream_connect_timed_out(stream->upstream);
    if (failure == FAILURE_CONNECT_TIMEOUT || failure == FAILURE_UPSTREAM_TLS ||
        failure == FAILURE_PER_TRY_TIMEOUT || failure == FAILURE_RESPONSE_HEAD_TIMEOUT)
        attempt_failed(stream, failure);
    else
        stream_fail(stream, failure);
    stream_run(stream);
}

/* ---- steps ---- */

static enum step_result step_route(struct stream *stream)
{
    enum failure failure;

    if (bytes_equal(stream->request.path, BYTES("*"))) {
        answer_options(stream);
        stream->step = STREAM_FINISH;
        return STEP_NEXT;
    }
    failure = routing_normalise(stream);
    if (failure == FAILURE_SCHEME_MISMATCH || failure == FAILURE_H1_BAD_HOST)
        stream->conn->ends_after = true;
    /* HTTP/2 has a word of its own for what should not have been sent: hostile-input 64, 65. */
    stream->is_malformed = failure != FAILURE_NONE && stream->request.version_major == 2;
    if (failure == FAILURE_NONE && stream->is_admin) {
        stream->step = STREAM_ADMIN;
        admin_begin(stream);
        return STEP_NEXT;
    }
    if (failure == FAILURE_NONE && stream->worker->is_over_memory)
        failure = FAILURE_OVER_MEMORY;
    if (failure == FAILURE_NONE)
        failure = routing_find(stream);
    if (failure != FAILURE_NONE)
        stream_fail(stream, failure);
    else
        stream->step = STREAM_FILTER;
    return STEP_NEXT;
}

/* HTTP/1.0 may come without a host, and then there is nowhere to send it. */
static void redirect(struct stream *stream)
{
    if (stream->host.len == 0) {
        stream_fail(stream, failure_of_h1(H1_BAD_HOST));
        return;
    }
    answer_redirect_https(stream);
    stream->step = STREAM_FINISH;
}

/* From here on the path is only forwarded; what is logged is what the client wrote. */
static void rewrite(struct stream *stream)
{
    char *room = arena_alloc(&stream->arena, rewrite_bound(stream->route, stream->path));

    stream->original_path = stream->path;
    stream->path = rewrite_path(stream->route, stream->path, room);
}

static enum step_result step_filter(struct stream *stream)
{
    const struct filter_request request = {
        .request = &stream->request,
        .route = stream->route,
        .body_bytes_max = stream->worker->config->request_body_bytes_max,
    };

    switch (filter_run(&request)) {
    case FILTER_CONTINUE:
        if (route_rewrites(stream->route))
            rewrite(stream);
        stream->step = STREAM_PICK;
        break;
    case FILTER_REDIRECT_HTTPS:
        redirect(stream);
        break;
    case FILTER_UNAVAILABLE:
        stream_fail(stream, FAILURE_ROUTE_UNAVAILABLE);
        break;
    case FILTER_UPGRADE_FORBIDDEN:
        stream->conn->ends_after = true;
        stream_fail(stream, FAILURE_UPGRADE_FORBIDDEN);
        break;
    case FILTER_UPGRADE_INVALID:
        stream->conn->ends_after = true;
        stream_fail(stream, FAILURE_UPGRADE_INVALID);
        break;
    case FILTER_BODY_TOO_LARGE:
        stream_fail(stream, FAILURE_BODY_TOO_LARGE);
        break;
    }
    return STEP_NEXT;
}

static enum step_result step_pick(struct stream *stream)
{
    attempt_begin(stream);
    return STEP_NEXT;
}

static enum step_result step_wait(struct stream *stream)
{
    (void)stream;
    return STEP_WAIT;
}

static enum step_result step_send(struct stream *stream)
{
    attempt_send(stream);
    return STEP_NEXT;
}

/* The answer is on its way, or cannot be given any more. */
static void end_answer(struct stream *stream)
{
    const struct failure_row *row = failure_row(stream->failure);

    if (stream->failure == FAILURE_NONE || stream->client_is_gone)
        return;
    if (!stream->head_is_out && row->code != 0 && !stream->is_malformed)
        answer_failure(stream, stream->failure);
    else
        client_abort(stream);
}

static void count(struct stream *stream)
{
    struct stats *stats = &stream->worker->stats;

    stats->streams_now--;
    if (stream->is_admin) {
        stats->admin_requests++;
        return;
    }
    stats->client_bytes_in += stream->request_bytes;
    stats->client_bytes_out += stream->response_bytes;
    if (stream->failure != FAILURE_NONE)
        stats->failures[stream->failure]++;
    else if (stream->is_redirect)
        stats->redirects++;
    else if (stream->status >= 100 && stream->status < 600)
        stats->requests_by_class[stream->status / 100]++;
    histogram_observe(&stats->duration, worker_now_us(stream->worker) - stream->started_us);
}

static enum step_result step_finish(struct stream *stream)
{
    struct worker *worker = stream->worker;

    end_answer(stream);
    attempt_end(stream);
    admin_forget(stream);
    if (stream->status == 101)
        worker->stats.tunnels_now--;
    count(stream);
    if (worker->access_log != NULL && !stream->is_admin)
        access_log_write(worker->access_log, stream);
    if (stream->generation != NULL)
        current_give_back(&worker->current, stream->generation);
    deadline_cancel(worker->deadlines, &stream->deadline);
    bufq_fini(&stream->waiting);
    grpc_web_end(stream);
    client_finish(stream);
    return STEP_DONE;
}

typedef enum step_result step_fn(struct stream *stream);

static const struct {
    const char *name;
    step_fn *run;
} steps[] = {
    [STREAM_ROUTE] = {"route", step_route},    /* -> FILTER, ADMIN, or FINISH with our own answer */
    [STREAM_FILTER] = {"filter", step_filter}, /* -> PICK, or FINISH with our own answer */
    [STREAM_PICK] = {"pick", step_pick},       /* -> SEND, CONNECT, PENDING, or FINISH */
    [STREAM_PENDING] = {"pending", step_wait}, /* -> PICK when a connection is free, or FINISH */
    [STREAM_BACKOFF] = {"backoff", step_wait}, /* -> PICK when the deadline fires */
    [STREAM_CONNECT] = {"connect", step_wait}, /* -> SEND, or PICK for another endpoint */
    [STREAM_SEND] = {"send", step_send},       /* -> RELAY, or PICK if the connection was dead */
    [STREAM_RELAY] = {"relay", step_wait},     /* -> FINISH, TUNNEL, or PICK if nothing went back */
    [STREAM_TUNNEL] = {"tunnel", step_wait},   /* -> FINISH */
    [STREAM_ADMIN] = {"admin", step_wait},     /* -> FINISH */
    [STREAM_FINISH] = {"finish", step_finish},
};

void stream_run(struct stream *stream)
{
    enum step_result result;

    CHECK(stream->magic == STREAM_MAGIC);
    stream->run_again = true;
    if (stream->running) /* a step called something that called us back */
        return;
    stream->running = true;
    do {
        stream->run_again = false;
        result = steps[stream->step].run(stream);
        if (result == STEP_DONE) /* the stream is gone */
            return;
    } while (result == STEP_NEXT || stream->run_again);
    stream->running = false;
}

/* ---- what happens to a stream ---- */

void stream_client_ended(struct stream *stream)
{
    if (stream->step == STREAM_TUNNEL)
        tunnel_client_ended(stream);
    else if (!stream->request_is_complete)
        stream_fail(stream, FAILURE_CLIENT_GONE); /* never a complete message: hostile-input 10 */
    stream_run(stream);
}

void stream_client_drained(struct stream *stream)
{
    if (stream->upstream_is_paused && stream->upstream != NULL) {
        stream->upstream_is_paused = false;
        upstream_resume(stream);
    }
    if (stream->step == STREAM_RELAY)
        relay_arm(stream);
    else if (stream->step == STREAM_TUNNEL)
        tunnel_drained(stream);
    stream_run(stream);
}

void stream_client_gone(struct stream *stream, enum failure why)
{
    stream->client_is_gone = true;
    stream_fail(stream, why);
    stream_run(stream);
}

void stream_on_connected(struct stream *stream)
{
    stream->step = STREAM_SEND;
    stream_run(stream);
}

void stream_on_connect_failed(struct stream *stream, enum failure why)
{
    attempt_failed(stream, why);
    stream_run(stream);
}

void stream_on_upstream_drained(struct stream *stream)
{
    if (stream->client_is_paused) {
        stream->client_is_paused = false;
        client_update_reading(stream);
    }
    if (stream->step == STREAM_RELAY)
        relay_arm(stream);
    else if (stream->step == STREAM_TUNNEL)
        tunnel_drained(stream);
    stream_run(stream);
}

void stream_on_capacity(struct stream *stream)
{
    CHECK(stream->step == STREAM_PENDING);
    attempt_leave_pending(stream);
    stream->step = STREAM_PICK;
    stream_run(stream);
}
