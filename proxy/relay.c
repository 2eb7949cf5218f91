/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - bodies in both directions. A head goes with the first body bytes in one batch.
 */
#include "proxy/relay.h"

#include "core/check.h"
#include "proxy/attempt.h"
#include "proxy/client.h"
#include "proxy/grpc_web.h"
#include "proxy/listener.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

#define BODY_BYTES_PER_SECOND_MIN 100 /* hostile-input 85 */

static const struct proxy_timeouts *timeouts_of(const struct stream *stream)
{
    return &stream->worker->config->timeouts;
}

/* ---- client to endpoint ---- */

static void pause_client(struct stream *stream)
{
    stream->client_is_paused = true;
    client_update_reading(stream);
}

static void resume_client(struct stream *stream)
{
    if (!stream->client_is_paused)
        return;
    stream->client_is_paused = false;
    client_update_reading(stream);
}

void relay_keep_for_replay(struct stream *stream, const struct batch *batch)
{
    if (!stream->replay_is_kept)
        return;
    for (uint32_t i = 0; i < batch->runs_count; i++)
        text_add(&stream->replay, batch->runs[i]);
    if (stream->replay.len <= REPLAY_BYTES_MAX)
        return;
    stream->replay_is_kept = false;
    stream->worker->stats.limit_retry_body++;
    text_fini(&stream->replay);
}

static void queue_request(struct stream *stream, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->runs_count; i++)
        bufq_append(&stream->waiting, batch->runs[i]);
    if (bufq_is_full(&stream->waiting))
        pause_client(stream);
}

/* An endpoint that takes no more may still have an answer that can be read. */
static void write_request(struct stream *stream, const struct batch *batch)
{
    enum status status = STATUS_CLOSED;

    if (stream->is_unsendable)
        relay_keep_for_replay(stream, batch);
    else
        status = upstream_send(stream, batch);
    if (status == STATUS_AGAIN)
        pause_client(stream);
    else if (status != STATUS_OK)
        stream->is_unsendable = true;
}

static bool is_too_large(const struct stream *stream)
{
    uint64_t max = stream->worker->config->request_body_bytes_max;

    return max != 0 && stream->request_bytes > max;
}

static void note_body_bytes(struct stream *stream, size_t count)
{
    stream->request_bytes += count;
    stream->window_bytes += count;
    stream->body_byte_ms = worker_now_ms(stream->worker);
}

/* They come with the end, which may have to wait. Already checked: hostile-input 11. */
static void keep_trailers(struct stream *stream, const struct batch *batch)
{
    size_t size = batch->trailers_count * sizeof(struct field);

    if (batch->trailers_count == 0)
        return;
    stream->request_trailers = arena_alloc(&stream->arena, size);
    memcpy(stream->request_trailers, batch->trailers, size);
    stream->request_trailers_count = batch->trailers_count;
}

static void pass_request(struct stream *stream, const struct batch *batch)
{
    if (batch->is_end) {
        keep_trailers(stream, batch);
        stream->request_is_complete = true;
    }
    if (stream->step != STREAM_RELAY) {
        queue_request(stream, batch);
        return;
    }
    write_request(stream, batch);
    relay_arm(stream);
}

void relay_request(struct stream *stream, const struct batch *batch)
{
    struct batch translated MEM_UNCLEARED;

    if (stream->step == STREAM_TUNNEL) {
        tunnel_request(stream, batch);
        return;
    }
    if (batch->bytes_count > 0)
        note_body_bytes(stream, batch->bytes_count);
    if (is_too_large(stream)) {
        stream_fail(stream, FAILURE_BODY_TOO_LARGE);
        return;
    }
    if (stream->grpc_web == NULL) {
        pass_request(stream, batch);
    } else if (grpc_web_request(stream, batch, &translated)) {
        pass_request(stream, &translated);
    }
}

/* ---- sending the head ---- */

/* Eight nibbles, each in a byte of its own, as hex digits, all at once: those above nine get the
 * distance from ':' to 'a' added. */
static uint64_t hex_digits_of(uint64_t nibbles)
{
    uint64_t over = ((nibbles + 0x0606060606060606u) >> 4) & 0x0101010101010101u;

    return nibbles + 0x3030303030303030u + over * ('a' - '9' - 1);
}

/* Eight random bytes as sixteen hex digits, in an order that is as good as any. */
static void put_random_hex(char out[16], uint64_t random)
{
    uint64_t even = hex_digits_of(random & 0x0f0f0f0f0f0f0f0fu);
    uint64_t odd = hex_digits_of((random >> 4) & 0x0f0f0f0f0f0f0f0fu);

    memcpy(out, &even, 8);
    memcpy(out + 8, &odd, 8);
}

/* A random UUID, RFC 9562 section 5.4: the version and the variant stand in front of what is
 * random. */
static struct bytes make_request_id(struct stream *stream)
{
    char *id = arena_alloc(&stream->arena, 36);
    uint64_t low = random_next(&stream->worker->random);
    char digits[32] MEM_UNCLEARED;

    put_random_hex(digits, random_next(&stream->worker->random));
    put_random_hex(digits + 16, low);
    memcpy(id, digits, 8);
    id[8] = '-';
    memcpy(id + 9, digits + 8, 4);
    id[13] = '-';
    memcpy(id + 14, digits + 12, 4);
    id[14] = '4';
    id[18] = '-';
    memcpy(id + 19, digits + 16, 4);
    id[19] = "89ab"[low & 3];
    id[23] = '-';
    memcpy(id + 24, digits + 20, 12);
    return bytes_from(id, 36);
}

static struct bytes request_id_of(struct stream *stream)
{
    const struct field *field = request_field(&stream->request, FIELD_X_REQUEST_ID);

    if (field != NULL && request_id_is_valid(field->value))
        return field->value;
    return make_request_id(stream);
}

/* The port the client asked for: in its Host, else the public one (design 5.19). */
static struct bytes forwarded_port(const struct stream *stream)
{
    struct bytes authority = stream->request.authority;
    size_t colon = bytes_find_last(authority, ':');

    if (colon != BYTES_NOT_FOUND && colon + 1 < authority.len &&
        bytes_find(bytes_skip(authority, colon), ']') == BYTES_NOT_FOUND)
        return bytes_skip(authority, colon + 1);
    return stream->conn->listener->public_port;
}

void relay_describe_request(struct stream *stream, struct forward_request *how)
{
    bool is_secure = conn_is_secure(stream->conn);

    if (stream->request_id.len == 0)
        stream->request_id = request_id_of(stream);
    *how = (struct forward_request){
        .path = stream->path,
        .host = stream->request.authority,
        .client_ip = conn_client_ip(stream->conn),
        .scheme = is_secure ? BYTES("https") : BYTES("http"),
        .port = forwarded_port(stream),
        .request_id = stream->request_id,
        .client_is_trusted = stream->conn->is_trusted,
        .upgrade = stream->request.wants_websocket,
        .expects_continue = stream->request.expects_continue,
        .framing = stream->request.framing,
        .content_length = stream->request.content_length,
        .websocket_key = tunnel_key_to_send(stream),
        .client_cert = text_bytes(&stream->conn->client_cert),
        .original_path = stream->original_path,
    };
}

enum status relay_send(struct stream *stream)
{
    enum status status;

    /* Only HTTP/2 can say that a request was not looked at, and may be sent again, of any method.
     */
    if (!stream->any_byte_sent && stream->upstream->h2 != NULL)
        stream->replay_is_kept = true;
    status = upstream_send_head(stream);
    if (status != STATUS_OK && status != STATUS_AGAIN)
        return status;
    stream->any_byte_sent = true;
    if (status == STATUS_AGAIN)
        pause_client(stream);
    else
        resume_client(stream);
    return status;
}

/* ---- endpoint to client ---- */

static void pause_upstream(struct stream *stream)
{
    if (stream->response_is_complete || stream->upstream_is_paused)
        return;
    stream->upstream_is_paused = true;
    upstream_pause(stream);
}

static enum status send_translated(struct stream *stream, const struct batch *batch)
{
    struct batch translated MEM_UNCLEARED;
    struct response head;

    grpc_web_answer(stream, batch, &head, &translated);
    return client_send(stream, &translated);
}

/* False when the client is gone; the stream is failed then. */
static bool send_to_client(struct stream *stream, const struct batch *batch)
{
    enum status status =
        stream->grpc_web == NULL ? client_send(stream, batch) : send_translated(stream, batch);

    if (status == STATUS_AGAIN) {
        if (!batch->is_end)
            pause_upstream(stream);
    } else if (status != STATUS_OK) {
        stream->client_is_gone = true;
        stream_fail(stream, FAILURE_CLIENT_GONE);
        return false;
    }
    return true;
}

/* The final head: from here on no other attempt follows. False when one does. */
static bool begin_answer(struct stream *stream, const struct response *head)
{
    struct worker *worker = stream->worker;

    if (attempt_retries_status(stream, head->status))
        return false;
    attempt_answers(stream);
    histogram_observe(&worker->stats.upstream_duration, worker_now_us(worker) - stream->sent_us);
    stream->status = head->status;
    stream->head_is_out = true;
    return true;
}

/* To an extended CONNECT any 2xx says that there is a tunnel now, and there is none. */
static bool is_false_acceptance(const struct stream *stream, const struct response *head)
{
    return stream->request.wants_websocket && stream->request.version_major == 2 &&
           head->status / 100 == 2;
}

bool relay_answer(struct stream *stream, const struct batch *batch)
{
    if (stream->step == STREAM_TUNNEL)
        return tunnel_answer(stream, batch);
    if (batch->head != NULL && is_false_acceptance(stream, batch->head)) {
        stream_fail(stream, FAILURE_BAD_UPGRADE);
        return false;
    }
    if (batch->head != NULL && !begin_answer(stream, batch->head))
        return false;
    stream->response_bytes += batch->bytes_count;
    if (!send_to_client(stream, batch))
        return false;
    if (!batch->is_end) {
        relay_arm(stream);
        return true;
    }
    stream->response_is_complete = true;
    attempt_done(stream);
    stream->step = STREAM_FINISH;
    return true;
}

bool relay_interim(struct stream *stream, const struct response *response)
{
    struct batch batch MEM_UNCLEARED;

    if (++stream->interims > INTERIM_ANSWERS_MAX) {
        stream_fail(stream, FAILURE_TOO_MANY_INTERIM);
        return false;
    }
    batch_init(&batch, response);
    return send_to_client(stream, &batch);
}

void relay_switch(struct stream *stream, const struct response *response, struct bytes data)
{
    tunnel_begin(stream, response, data);
}

void relay_attempt_died(struct stream *stream)
{
    attempt_failed(stream, stream->sent_on_reuse ? FAILURE_REUSE_DEAD : FAILURE_UPSTREAM_RESET);
}

void relay_answer_broke(struct stream *stream)
{
    stream_fail(stream, stream->step == STREAM_TUNNEL ? FAILURE_UPSTREAM_RESET
                                                      : FAILURE_RESPONSE_TRUNCATED);
}

/* ---- deadlines ---- */

static void arm_body(struct stream *stream)
{
    uint64_t now_ms = worker_now_ms(stream->worker);

    if (deadline_is_set(&stream->deadline) && stream->deadline_means == FAILURE_BODY_TIMEOUT)
        return; /* the window goes on */
    stream->window_started_ms = now_ms;
    stream->window_bytes = 0;
    stream->body_byte_ms = now_ms;
    stream_arm(stream, timeouts_of(stream)->body_ms, FAILURE_BODY_TIMEOUT);
}

static void start_total(struct stream *stream)
{
    if (stream->total_due_ms == 0 && stream->route->response_timeout_ms != 0)
        stream->total_due_ms = worker_now_ms(stream->worker) + stream->route->response_timeout_ms;
}

void relay_arm(struct stream *stream)
{
    const struct proxy_timeouts *timeouts = timeouts_of(stream);

    if (stream->request_is_complete) {
        start_total(stream);
        attempt_start_clock(stream);
    }
    if (stream->upstream_is_paused) {
        stream->unread_bytes = client_unread_bytes(stream);
        stream_arm(stream, timeouts->client_write_ms, FAILURE_CLIENT_STALLED);
    } else if (stream->head_is_out || stream->client_is_paused || stream->is_grpc) {
        stream_arm(stream, timeouts->stream_idle_ms, FAILURE_STREAM_IDLE);
    } else if (!stream->request_is_complete) {
        arm_body(stream);
    } else {
        stream_arm(stream, timeouts->response_head_ms, FAILURE_RESPONSE_HEAD_TIMEOUT);
    }
}

static bool body_has_progress(struct stream *stream)
{
    uint64_t now_ms = worker_now_ms(stream->worker);
    uint64_t span_ms = timeouts_of(stream)->body_ms;
    uint64_t elapsed_ms = now_ms - stream->window_started_ms;
    uint64_t silent_ms = now_ms - stream->body_byte_ms;

    if (silent_ms >= span_ms)
        return false;
    if (elapsed_ms >= span_ms) {
        if (stream->window_bytes * 1000 < BODY_BYTES_PER_SECOND_MIN * elapsed_ms)
            return false;
        stream->window_started_ms = now_ms;
        stream->window_bytes = 0;
        elapsed_ms = 0;
    }
    span_ms -= elapsed_ms > silent_ms ? elapsed_ms : silent_ms;
    stream_arm(stream, (uint32_t)span_ms, FAILURE_BODY_TIMEOUT);
    return true;
}

bool relay_has_progress(struct stream *stream)
{
    if (stream->deadline_means == FAILURE_BODY_TIMEOUT)
        return body_has_progress(stream);
    if (stream->deadline_means != FAILURE_CLIENT_STALLED)
        return false;
    if (client_unread_bytes(stream) >= stream->unread_bytes)
        return false;
    relay_arm(stream);
    return true;
}
