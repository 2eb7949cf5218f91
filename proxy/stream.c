/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - the life of one request, told as steps.
 *
 *     ROUTE -> FILTER -> PICK -> [PENDING] -> [CONNECT] -> SEND -> RELAY -> FINISH
 *                         ^                      |           |       |
 *                         +------- BACKOFF <-----+-----------+-------+   another attempt
 *
 * Callbacks write down what happened and run the machine. Bodies move in relay.c, attempts and
 * their connections in attempt.c.
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
#include "proxy/session.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"
#include "route/match.h"
#include "route/normal.h"
#include "route/rewrite.h"
#include "tls/tls.h"

static void on_stream_deadline(struct deadline *deadline);

static struct stream *stream_take(struct worker *worker)
{
    struct list *first = list_first(&worker->free_streams);
    struct arena arena;
    struct text replay;
    struct stream *stream;

    if (first == NULL) {
        stream = mem_new(struct stream);
        arena_init(&stream->arena, STREAM_ARENA_BYTES);
        text_init(&stream->replay);
    } else {
        stream = LIST_ENTRY(first, struct stream, link);
        list_remove(first);
        worker->free_streams_count--;
        arena = stream->arena;
        replay = stream->replay;
        mem_clear(stream, sizeof(*stream));
        stream->arena = arena;
        stream->replay = replay;
    }
    stream->magic = STREAM_MAGIC;
    stream->worker = worker;
    list_init(&stream->link);
    list_init(&stream->upstream_link);
    deadline_init(&stream->deadline, on_stream_deadline);
    bufq_init(&stream->waiting, &worker->net.chunks, BODY_WAITING_BYTES);
    worker->stats.streams_now++;
    return stream;
}

static void stream_free(struct stream *stream)
{
    arena_fini(&stream->arena);
    text_fini(&stream->replay);
    mem_free(stream);
}

void stream_keep(struct stream *stream)
{
    struct worker *worker = stream->worker;

    stream->magic = 0;
    arena_reset(&stream->arena);
    text_clear(&stream->replay);
    if (stream->replay.capacity > STREAM_ARENA_BYTES) /* one large body: not kept either */
        text_fini(&stream->replay);
    if (worker->free_streams_count >= STREAMS_KEPT_MAX) {
        stream_free(stream);
        return;
    }
    list_push_front(&worker->free_streams, &stream->link);
    worker->free_streams_count++;
}

void stream_discard(struct stream *stream)
{
    stream->worker->stats.streams_now--;
    stream_keep(stream);
}

void streams_free_all(struct worker *worker)
{
    struct list *first;

    while ((first = list_first(&worker->free_streams)) != NULL) {
        list_remove(first);
        stream_free(LIST_ENTRY(first, struct stream, link));
    }
    worker->free_streams_count = 0;
}

struct stream *stream_open(struct conn *conn, uint64_t started_us)
{
    struct stream *stream = stream_take(conn->worker);

    stream->conn = conn;
    stream->started_us = started_us;
    stream->is_admin = conn_is_admin(conn);
    return stream;
}

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
static void on_stream_deadline(struct deadline *deadline)
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
    if (failure == FAILURE_CONNECT_TIMEOUT || failure == FAILURE_PER_TRY_TIMEOUT ||
        failure == FAILURE_RESPONSE_HEAD_TIMEOUT)
        attempt_failed(stream, failure);
    else
        stream_fail(stream, failure);
    stream_run(stream);
}

/* ---- steps ---- */

static enum failure failure_of_path(enum path_fault fault)
{
    switch (fault) {
    case PATH_FINE:
        return FAILURE_NONE;
    case PATH_BAD_ESCAPE:
        return FAILURE_BAD_ESCAPE;
    case PATH_NUL:
        return FAILURE_PATH_NUL;
    case PATH_BACKSLASH:
        return FAILURE_PATH_BACKSLASH;
    case PATH_ABOVE_ROOT:
        return FAILURE_PATH_ABOVE_ROOT;
    case PATH_BAD_BYTE:
        return FAILURE_PATH_BAD_BYTE;
    }
    return FAILURE_PATH_BAD_BYTE;
}

/* Host and path in the one form that is matched and forwarded (hostile-input R3). */
static enum failure normalise(struct stream *stream)
{
    struct request *request = &stream->request;
    struct host_port authority = {BYTES_NONE, 0};
    enum path_fault fault;

    if (request->scheme.len > 0 &&
        !bytes_equal_nocase(request->scheme,
                            conn_is_secure(stream->conn) ? BYTES("https") : BYTES("http")))
        return FAILURE_SCHEME_MISMATCH;
    if (request->authority.len > 0 &&
        authority_parse(request->authority, arena_alloc(&stream->arena, request->authority.len),
                        &authority) != STATUS_OK)
        return failure_of_h1(H1_BAD_HOST);
    stream->host = authority.host;
    stream->path = request->path;
    if (path_is_normal(request->path))
        return FAILURE_NONE;
    fault = path_normalise(request->path, arena_alloc(&stream->arena, request->path.len),
                           &stream->path);
    return failure_of_path(fault);
}

/*
 * Whether a request for this host may come on a connection whose handshake was made for another, or
 * by other rules (RFC 9110 section 15.5.20; design 5.8; hostile-input 78, 79). The host's own
 * connection is held against its settings for client certificates, which may have changed since;
 * that of another host, which a browser uses when one certificate covers both, against all of them.
 */
static bool is_misdirected(const struct stream *stream)
{
    const struct table *table = stream->generation->table;
    const struct tls *tls = stream->conn->tls;
    const struct vhost *vhost;
    const struct tls_host *then, *now, *named;
    struct bytes server_name;

    if (tls == NULL)
        return false;
    then = tls_host_of(tls);
    server_name = tls_server_name(tls);
    vhost = table_tls_vhost(table, stream->host);
    if (vhost != NULL && vhost->tcp != NULL) /* no HTTP is spoken with it here */
        return true;
    named = vhost == NULL ? NULL : vhost->tls;
    if (named == NULL) /* its own host went since: that has no path any more, or no certificate */
        return !bytes_equal(server_name, stream->host) ||
               table_vhost(table, SCHEME_HTTPS, stream->host) != NULL;
    if (!bytes_equal(tls_host_auth_id(named), tls_host_auth_id(then)))
        return true;
    if (bytes_equal(server_name, stream->host))
        return false;
    now = table_tls_host(table, server_name);
    return now == NULL || !bytes_equal(tls_host_id(now), tls_host_id(named));
}

static enum failure find_route(struct stream *stream)
{
    enum scheme scheme = conn_is_secure(stream->conn) ? SCHEME_HTTPS : SCHEME_HTTP;

    stream->generation = current_take(&stream->worker->current);
    if (stream->generation == NULL)
        return FAILURE_NOT_READY;
    if (is_misdirected(stream))
        return FAILURE_MISDIRECTED;
    switch (match_route(stream->generation->table, scheme, stream->host, stream->path,
                        &stream->route)) {
    case MATCH_ROUTE:
        return FAILURE_NONE;
    case MATCH_NO_HOST:
        return FAILURE_NO_HOST;
    case MATCH_NO_PATH:
        return FAILURE_NO_PATH;
    case MATCH_REGEX_LIMIT:
        return FAILURE_REGEX_LIMIT;
    }
    return FAILURE_NO_HOST;
}

static enum step_result step_route(struct stream *stream)
{
    enum failure failure;

    if (bytes_equal(stream->request.path, BYTES("*"))) {
        answer_options(stream);
        stream->step = STREAM_FINISH;
        return STEP_NEXT;
    }
    failure = normalise(stream);
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
        failure = find_route(stream);
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
