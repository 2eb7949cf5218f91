/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt.c - from a route to bytes on an endpoint's connection, and again if that failed.
 */
#include "proxy/attempt.h"

#include "core/check.h"
#include "proxy/grpc_web.h"
#include "proxy/pool.h"
#include "proxy/relay.h"
#include "proxy/session.h"
#include "proxy/worker.h"

static uint64_t random_of(struct stream *stream)
{
    return random_next(&stream->worker->random);
}

/* The cluster of this request: chosen once by weight, kept over retries. */
static enum failure choose_cluster(struct stream *stream)
{
    const struct cluster_spec *spec;
    struct cluster *cluster;

    if (stream->attempts == 0) {
        uint32_t index = stream->route->backends_count == 1
                             ? 0
                             : backend_choose(stream->route, random_of(stream));

        stream->cluster_slot = stream->route->backends[index].cluster_slot;
    }
    spec = table_cluster(stream->generation->table, stream->cluster_slot);
    if (spec == NULL)
        return FAILURE_NO_ENDPOINT;
    cluster = clusters_get(stream->worker->clusters, spec);
    if (cluster->requests >= cluster->limits.requests_max) {
        stream->worker->stats.limit_cluster_requests++;
        return FAILURE_OVERFLOW_REQUESTS;
    }
    cluster->requests++;
    stream->counts_as_request = true;
    stream->cluster = cluster;
    return FAILURE_NONE;
}

static void wait_for_connection(struct stream *stream)
{
    struct cluster *cluster = stream->cluster;

    if (cluster->pending >= cluster->limits.pending_max) {
        stream->worker->stats.limit_cluster_pending++;
        stream_fail(stream, FAILURE_OVERFLOW_PENDING);
        return;
    }
    cluster->pending++;
    stream->worker->stats.pending_now++;
    stream->counts_as_pending = true;
    list_push_back(&cluster->waiting, &stream->link);
    stream->step = STREAM_PENDING;
    stream_arm(stream, stream->worker->config->timeouts.pending_ms, FAILURE_PENDING_TIMEOUT);
}

void attempt_leave_pending(struct stream *stream)
{
    if (!stream->counts_as_pending)
        return;
    stream->counts_as_pending = false;
    list_remove(&stream->link);
    stream->cluster->pending--;
    stream->worker->stats.pending_now--;
}

static void give_back_endpoint(struct stream *stream, enum balancer_outcome outcome)
{
    struct endpoint *endpoint = stream->endpoint;

    if (endpoint == NULL)
        return;
    stream->endpoint = NULL;
    balancer_give_back(endpoint, outcome, worker_now_ms(stream->worker));
}

static bool take_endpoint(struct stream *stream)
{
    uint32_t tried = stream->attempts < TRIED_MAX ? stream->attempts : TRIED_MAX;

    stream->endpoint = balancer_take(stream->cluster, session_key(stream), stream->tried, tried,
                                     worker_now_ms(stream->worker));
    return stream->endpoint != NULL;
}

void attempt_start_clock(struct stream *stream)
{
    uint32_t span_ms = stream->route->retry.per_try_timeout_ms;

    if (span_ms != 0 && stream->try_due_ms == 0 && stream->request_is_complete)
        stream->try_due_ms = worker_now_ms(stream->worker) + span_ms;
}

static void remember_endpoint(struct stream *stream)
{
    stream->endpoint_address = stream->endpoint->address;
    if (stream->attempts < TRIED_MAX)
        stream->tried[stream->attempts] = stream->endpoint->address;
    stream->attempts++;
    stream->any_byte_sent = false;
    stream->any_byte_came = false;
    stream->is_unsendable = false;
    stream->try_due_ms = 0;
    attempt_start_clock(stream);
}

/* A request that may not or cannot be sent twice needs a connection that is surely alive. */
static bool is_safe_to_repeat(const struct stream *stream)
{
    return stream->replay_is_kept && stream->request_is_complete &&
           stream->request_bytes <= REPLAY_BYTES_MAX;
}

void attempt_begin(struct stream *stream)
{
    struct worker *worker = stream->worker;
    enum failure failure = FAILURE_NONE;

    if (stream->cluster == NULL)
        failure = choose_cluster(stream);
    if (failure == FAILURE_NONE && !take_endpoint(stream))
        failure = stream->cluster->endpoints_count > 0 ? FAILURE_NO_HEALTHY_ENDPOINT
                                                       : FAILURE_NO_ENDPOINT;
    if (failure != FAILURE_NONE) {
        stream_fail(stream, failure);
        return;
    }
    if (!grpc_web_begin(stream))
        return;
    switch (pool_take(worker, stream->cluster, stream->endpoint, stream, !stream->reuse_was_dead,
                      is_safe_to_repeat(stream), &stream->upstream)) {
    case POOL_READY:
        remember_endpoint(stream);
        stream->sent_on_reuse = true;
        stream->step = STREAM_SEND;
        break;
    case POOL_OPENING:
        remember_endpoint(stream);
        stream->sent_on_reuse = false;
        stream->step = STREAM_CONNECT;
        stream_arm(stream, worker->config->timeouts.connect_ms, FAILURE_CONNECT_TIMEOUT);
        break;
    case POOL_FULL:
        give_back_endpoint(stream, BALANCER_DONE);
        wait_for_connection(stream);
        break;
    case POOL_FAILED:
        remember_endpoint(stream);
        give_back_endpoint(stream, BALANCER_DONE); /* the lack is ours, not the endpoint's */
        attempt_failed(stream, FAILURE_CONNECT_FAILED);
        break;
    }
}

void attempt_send(struct stream *stream)
{
    enum status status = relay_send(stream);

    if (status == STATUS_REFUSED) {
        stream_fail(stream, FAILURE_NO_WEBSOCKETS);
        return;
    }
    if (status != STATUS_OK && status != STATUS_AGAIN) {
        attempt_failed(stream, stream->sent_on_reuse ? FAILURE_REUSE_DEAD : FAILURE_UPSTREAM_RESET);
        return;
    }
    stream->step = STREAM_RELAY;
    stream->sent_us = worker_now_us(stream->worker);
    relay_arm(stream);
}

static void drop_connection(struct stream *stream)
{
    if (stream->upstream == NULL)
        return;
    upstream_drop(stream);
    stream->upstream = NULL;
    stream->upstream_is_paused = false;
}

static struct retry_facts facts_of(const struct stream *stream, enum failure failure,
                                   uint16_t status)
{
    return (struct retry_facts){
        .failure = failure,
        .status = status,
        .attempts = stream->attempts,
        .is_idempotent = method_is_idempotent(stream->request.method_id),
        .is_replayable = !stream->any_byte_sent || stream->replay_is_kept,
        .any_byte_sent = stream->any_byte_sent,
        .any_byte_came = stream->any_byte_came,
        .was_reused = stream->sent_on_reuse,
        .reuse_was_dead = stream->reuse_was_dead,
        .was_refused = stream->was_refused,
        .head_is_out = stream->head_is_out || stream->interims > 0,
    };
}

/* What was sent goes into the queue again, before what was not. */
static void rewind_body(struct stream *stream)
{
    struct bufq unsent = stream->waiting;
    struct iovec part;

    if (!stream->any_byte_sent)
        return;
    bufq_init(&stream->waiting, &stream->worker->net.chunks, BODY_WAITING_BYTES);
    bufq_append(&stream->waiting, text_bytes(&stream->replay));
    text_clear(&stream->replay);
    while (bufq_peek(&unsent, &part, 1) == 1) {
        bufq_append(&stream->waiting, bytes_from(part.iov_base, part.iov_len));
        bufq_consume(&unsent, part.iov_len);
    }
    bufq_fini(&unsent);
}

static bool take_retry(struct stream *stream)
{
    struct cluster *cluster = stream->cluster;

    if (stream->counts_as_retry)
        return true;
    if (!retry_is_within_budget(cluster->retries, cluster->requests, cluster->limits.retries_max)) {
        stream->worker->stats.limit_cluster_retries++;
        return false;
    }
    cluster->retries++;
    stream->counts_as_retry = true;
    return true;
}

/* True when another attempt follows; the stream's step is set then. */
static bool try_again(struct stream *stream, enum failure failure, uint16_t status)
{
    const struct retry_facts facts = facts_of(stream, failure, status);
    enum retry_decision decision = retry_decide(&stream->route->retry, &facts);

    switch (decision) {
    case RETRY_NO:
        return false;
    case RETRY_REUSE:
        stream->reuse_was_dead = true;
        stream->attempts--; /* it never began */
        stream->step = STREAM_PICK;
        break;
    case RETRY_NOW:
        stream->was_refused = stream->was_refused || failure == FAILURE_STREAM_REFUSED;
        stream->step = STREAM_PICK;
        break;
    case RETRY_BACKOFF:
        if (!take_retry(stream))
            return false;
        stream->step = STREAM_BACKOFF;
        stream_arm(stream, retry_backoff_ms(stream->attempts, random_of(stream)), failure);
        break;
    }
    stream->worker->stats.retries++;
    return true;
}

void attempt_failed(struct stream *stream, enum failure failure)
{
    bool no_connection = failure_row(failure)->retry == RETRY_ALWAYS;
    bool is_again;

    attempt_leave_pending(stream);
    drop_connection(stream);
    if (no_connection)
        stream->worker->stats.upstream_connect_failures++;
    give_back_endpoint(stream, no_connection ? BALANCER_CONNECT_FAILED : BALANCER_DONE);
    stream->try_due_ms = 0;
    is_again = try_again(stream, failure, 0);
    if (is_again)
        rewind_body(stream);
    else
        stream_fail(stream, failure);
}

void attempt_elsewhere(struct stream *stream, bool takes_none)
{
    drop_connection(stream);
    give_back_endpoint(stream, BALANCER_DONE);
    CHECK(stream->attempts > 0);
    stream->attempts--;
    stream->try_due_ms = 0; /* it would end the wait for a connection */
    stream->step = STREAM_PICK;
    stream->sent_away_count += takes_none;
    if (stream->sent_away_count > SENT_AWAY_MAX)
        stream_fail(stream, FAILURE_STREAM_REFUSED);
}

bool attempt_retries_status(struct stream *stream, uint16_t status)
{
    if (stream->route->retry.on == 0)
        return false;
    stream->try_due_ms = 0; /* or it would end the wait for the next attempt */
    if (!try_again(stream, FAILURE_NONE, status))
        return false;
    drop_connection(stream);
    give_back_endpoint(stream, BALANCER_DONE);
    rewind_body(stream);
    return true;
}

void attempt_answers(struct stream *stream)
{
    if (!stream->counts_as_retry)
        return;
    stream->counts_as_retry = false;
    stream->cluster->retries--;
}

void attempt_done(struct stream *stream)
{
    give_back_endpoint(stream, BALANCER_DONE);
    if (stream->upstream == NULL)
        return;
    upstream_give_back(stream);
    stream->upstream = NULL;
}

void attempt_end(struct stream *stream)
{
    struct cluster *cluster = stream->cluster;

    attempt_leave_pending(stream);
    drop_connection(stream);
    give_back_endpoint(stream, BALANCER_DONE);
    if (cluster == NULL)
        return;
    stream->cluster = NULL;
    if (stream->counts_as_retry)
        cluster->retries--;
    if (stream->counts_as_request)
        cluster->requests--;
}
