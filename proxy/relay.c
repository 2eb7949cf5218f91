/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - bodies in both directions. Heads are written with the first body bytes in one write.
 */
#include "proxy/relay.h"

#include "core/check.h"
#include "proxy/attempt.h"
#include "proxy/framer.h"
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
    conn_update_reading(stream->conn);
}

/* Keep what may have to be sent again, as long as it is not too much. */
static void keep_for_replay(struct stream *stream, const struct framer *framer)
{
    if (!stream->replay_is_kept)
        return;
    for (size_t i = 0; i < framer->count; i++)
        text_add(&stream->replay, framer->parts[i]);
    if (stream->replay.len <= REPLAY_BYTES_MAX)
        return;
    stream->replay_is_kept = false;
    stream->worker->stats.limit_retry_body++;
    text_fini(&stream->replay);
}

static void queue_request(struct stream *stream, const struct framer *framer)
{
    for (size_t i = 0; i < framer->count; i++)
        bufq_append(&stream->waiting, framer->parts[i]);
    if (bufq_is_full(&stream->waiting))
        pause_client(stream);
}

static void write_request(struct stream *stream, const struct framer *framer)
{
    enum status status =
        transport_write(&stream->upstream->tcp.transport, framer->parts, framer->count);

    if (status == STATUS_AGAIN)
        pause_client(stream);
    else if (status != STATUS_OK)
        stream->is_unsendable = true; /* an answer may still be there to be read */
}

static void flush_request(struct stream *stream, struct framer *framer)
{
    keep_for_replay(stream, framer);
    if (stream->step != STREAM_RELAY)
        queue_request(stream, framer);
    else if (!stream->is_unsendable && framer->count > 0)
        write_request(stream, framer);
    framer_init(framer, framer->framing);
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

void relay_request(struct stream *stream, struct bytes *data)
{
    struct framer framer MEM_UNCLEARED;
    struct bytes payload;
    enum h1_fault fault = H1_FINE;
    enum h1_body_result result;

    framer_init(&framer, stream->request.framing);
    while ((result = h1_body_next(&stream->request_body, data, &payload, &fault)) == H1_BODY_DATA) {
        note_body_bytes(stream, payload.len);
        framer_add_body(&framer, payload);
        if (framer_is_full(&framer))
            flush_request(stream, &framer);
    }
    if (result == H1_BODY_BAD || is_too_large(stream)) {
        stream_fail(stream, is_too_large(stream) ? FAILURE_BODY_TOO_LARGE : failure_of_h1(fault));
        return;
    }
    if (result == H1_BODY_END) {
        stream->request_is_complete = true;
        framer_add_end(&framer);
    }
    flush_request(stream, &framer);
    if (stream->step == STREAM_RELAY)
        relay_arm(stream);
}

/* ---- sending the head ---- */

/* Eight bytes as sixteen hex digits, all at once: the nibbles are spread over two words, and those
 * above nine get the distance from ':' to 'a' added. */
static void put_hex(char out[16], uint64_t value)
{
    for (int half = 0; half < 2; half++) {
        uint64_t word = half == 0 ? value >> 32 : value & 0xffffffffu;
        uint64_t over;

        word = (word | word << 16) & 0x0000ffff0000ffffu;
        word = (word | word << 8) & 0x00ff00ff00ff00ffu;
        word = (word | word << 4) & 0x0f0f0f0f0f0f0f0fu;
        over = ((word + 0x0606060606060606u) >> 4) & 0x0101010101010101u;
        word = __builtin_bswap64(word + 0x3030303030303030u + over * ('a' - '9' - 1));
        memcpy(out + 8 * half, &word, 8);
    }
}

/* A random UUID, RFC 9562 section 5.4. */
static struct bytes make_request_id(struct stream *stream)
{
    char *id = arena_alloc(&stream->arena, 36);
    uint64_t high = random_next(&stream->worker->random);
    uint64_t low = random_next(&stream->worker->random);
    char digits[32];

    put_hex(digits, (high & 0xffffffffffff0fffu) | 0x4000u);
    put_hex(digits + 16, (low & 0x3fffffffffffffffu) | 0x8000000000000000u);
    memcpy(id, digits, 8);
    id[8] = '-';
    memcpy(id + 9, digits + 8, 4);
    id[13] = '-';
    memcpy(id + 14, digits + 12, 4);
    id[18] = '-';
    memcpy(id + 19, digits + 16, 4);
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

static struct bytes number_text(struct stream *stream, uint32_t number)
{
    char *digits = arena_alloc(&stream->arena, 10);
    size_t at = 10;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return bytes_from(digits + at, 10 - at);
}

/* The port the client asked for: in its Host, else the public one (design 5.19). */
static struct bytes forwarded_port(struct stream *stream)
{
    struct bytes authority = stream->request.authority;
    size_t colon = bytes_find_last(authority, ':');

    if (colon != BYTES_NOT_FOUND && colon + 1 < authority.len &&
        bytes_find(bytes_skip(authority, colon), ']') == BYTES_NOT_FOUND)
        return bytes_skip(authority, colon + 1);
    return number_text(stream, stream->worker->config->public_http_port);
}

static void build_head(struct stream *stream)
{
    struct text *out = &stream->worker->scratch;
    struct forward_request how = {
        .path = stream->path,
        .host = stream->request.authority,
        .client_ip = conn_client_ip(stream->conn),
        .scheme = BYTES("http"),
        .port = forwarded_port(stream),
        .client_is_trusted = stream->conn->is_trusted,
        .upgrade = stream->request.wants_websocket,
        .expects_continue = stream->request.expects_continue,
        .framing = stream->request.framing,
        .content_length = stream->request.content_length,
    };

    stream->request_id = request_id_of(stream);
    how.request_id = stream->request_id;
    text_clear(out);
    forward_request_head(out, &stream->request, &how);
    stream->head_out = arena_copy(&stream->arena, text_bytes(out));
}

/* Write the head and all that waits. */
static enum status send_with_body(struct stream *stream)
{
    struct iovec queued[TRANSPORT_PARTS_MAX - 1] MEM_UNCLEARED;
    struct bytes parts[TRANSPORT_PARTS_MAX] MEM_UNCLEARED;
    size_t count = bufq_peek(&stream->waiting, queued, TRANSPORT_PARTS_MAX - 1);
    enum status status;

    parts[0] = stream->head_out;
    for (size_t i = 0; i < count; i++)
        parts[i + 1] = bytes_from(queued[i].iov_base, queued[i].iov_len);
    status = transport_write(&stream->upstream->tcp.transport, parts, count + 1);
    if (status == STATUS_OK || status == STATUS_AGAIN)
        bufq_consume(&stream->waiting, stream->waiting.len);
    return status;
}

enum status relay_send(struct stream *stream)
{
    enum status status;

    if (stream->head_out.len == 0)
        build_head(stream);
    if (bufq_is_empty(&stream->waiting))
        status = transport_write(&stream->upstream->tcp.transport, &stream->head_out, 1);
    else
        status = send_with_body(stream);
    if (status != STATUS_OK && status != STATUS_AGAIN)
        return status;
    stream->any_byte_sent = true;
    if (status == STATUS_AGAIN) {
        pause_client(stream);
    } else if (stream->client_is_paused) {
        stream->client_is_paused = false;
        conn_update_reading(stream->conn);
    }
    return status;
}

/* ---- endpoint to client ---- */

static void pause_upstream(struct stream *stream)
{
    if (stream->response_is_complete || stream->upstream_is_paused)
        return;
    stream->upstream_is_paused = true;
    transport_pause(&stream->upstream->tcp.transport);
}

/* False when the client is gone; the stream is failed then. */
static bool flush_response(struct stream *stream, struct framer *framer)
{
    enum status status = conn_write(stream->conn, framer->parts, framer->count);

    framer_init(framer, framer->framing);
    if (status == STATUS_AGAIN) {
        pause_upstream(stream);
    } else if (status != STATUS_OK) {
        conn_close(stream->conn);
        stream_fail(stream, FAILURE_CLIENT_GONE);
        return false;
    }
    return true;
}

/* The endpoint's answer is complete. `rest` are bytes after it: then the connection is not to be
 * trusted any more (hostile-input 54). */
static void complete(struct stream *stream, struct bytes rest)
{
    bool is_clean = stream->upstream_keeps && rest.len == 0 && stream->request_is_complete &&
                    !stream->is_unsendable && bufq_is_empty(&stream->waiting) &&
                    transport_queued_bytes(&stream->upstream->tcp.transport) == 0;

    stream->response_is_complete = true;
    attempt_done(stream, is_clean);
    stream->step = STREAM_FINISH;
}

/* Body bytes, after whatever the framer holds already. */
static void relay_body(struct stream *stream, struct framer *framer, struct bytes data)
{
    struct bytes payload;
    enum h1_fault fault = H1_FINE;
    enum h1_body_result result;

    while ((result = h1_body_next(&stream->response_body, &data, &payload, &fault)) ==
           H1_BODY_DATA) {
        stream->response_bytes += payload.len;
        framer_add_body(framer, payload);
        if (framer_is_full(framer) && !flush_response(stream, framer))
            return;
    }
    if (result == H1_BODY_END)
        framer_add_end(framer);
    if (framer->count > 0 && !flush_response(stream, framer))
        return;
    if (result == H1_BODY_BAD)
        stream_fail(stream, FAILURE_RESPONSE_TRUNCATED);
    else if (result == H1_BODY_END)
        complete(stream, data);
    else
        relay_arm(stream);
}

static enum body_framing framing_for_client(const struct stream *stream,
                                            const struct response *response)
{
    if (response->framing == BODY_NONE || response->framing == BODY_LENGTH)
        return response->framing;
    return stream->request.version_minor == 0 ? BODY_UNTIL_CLOSE : BODY_CHUNKED;
}

static bool may_keep_alive(const struct stream *stream)
{
    return stream->request.keep_alive && stream->request_is_complete && !stream->conn->ends_after &&
           stream->client_framing != BODY_UNTIL_CLOSE && stream->worker->state == WORKER_SERVING;
}

static void write_head(struct stream *stream, const struct response *response, struct text *out)
{
    const struct forward_response how = {
        .client_version_minor = stream->request.version_minor,
        .keep_alive = !stream->conn->ends_after,
        .client_wants_keep_alive_1_0 =
            stream->request.version_minor == 0 && stream->request.keep_alive,
        .framing = stream->client_framing,
        .date = worker_date(stream->worker),
    };

    text_clear(out);
    forward_response_head(out, response, &how);
}

/* The final head, and the body bytes that came with it. */
static void begin_answer(struct stream *stream, const struct response *response, struct bytes data)
{
    struct worker *worker = stream->worker;
    struct framer framer MEM_UNCLEARED;

    if (attempt_retries_status(stream, response->status))
        return;
    attempt_answers(stream);
    histogram_observe(&worker->stats.upstream_duration, worker_now_us(worker) - stream->sent_us);
    stream->status = response->status;
    stream->upstream_keeps = response->keep_alive;
    stream->client_framing = framing_for_client(stream, response);
    if (!may_keep_alive(stream))
        stream->conn->ends_after = true;
    h1_body_init(&stream->response_body, response->framing, response->content_length,
                 &worker->config->limits, &stream->arena);
    write_head(stream, response, &worker->scratch);
    stream->head_is_out = true;
    framer_init(&framer, stream->client_framing);
    framer_add_head(&framer, text_bytes(&worker->scratch));
    relay_body(stream, &framer, data);
}

/* An interim answer goes on to clients that know such things (RFC 9110 section 15.2). */
static bool relay_interim(struct stream *stream, const struct response *response)
{
    const struct forward_response how = {
        .client_version_minor = 1, .keep_alive = true, .framing = BODY_NONE};
    struct text *out = &stream->worker->scratch;
    struct framer framer MEM_UNCLEARED;

    if (++stream->interims > INTERIM_ANSWERS_MAX) {
        stream_fail(stream, FAILURE_TOO_MANY_INTERIM);
        return false;
    }
    if (stream->request.version_minor == 0)
        return true;
    text_clear(out);
    forward_response_head(out, response, &how);
    framer_init(&framer, BODY_NONE);
    framer_add_head(&framer, text_bytes(out));
    return flush_response(stream, &framer);
}

/* Take heads off *data until the final one. True when *response is it. */
static bool read_heads(struct stream *stream, struct bytes *data, struct response *response)
{
    struct upstream *upstream = stream->upstream;
    const struct h1_limits *limits = &stream->worker->config->limits;

    for (;;) {
        enum h1_fault fault = H1_FINE;
        size_t head_len = 0;
        enum status status = h1_scan_response(&upstream->scan, *data, limits, &head_len, &fault);
        struct bytes head =
            bytes_slice(*data, upstream->scan.start, head_len - upstream->scan.start);

        if (status == STATUS_AGAIN)
            return false;
        if (status == STATUS_OK)
            fault = h1_parse_response(head, limits, stream->request.method_id,
                                      stream->request.wants_websocket, &stream->arena, response);
        if (status != STATUS_OK || fault != H1_FINE) {
            stream_fail(stream, FAILURE_BAD_RESPONSE);
            return false;
        }
        upstream->scan = (struct h1_scan){0};
        *data = bytes_skip(*data, head_len);
        if (response->status >= 200 || response->status == 101)
            return true;
        if (!relay_interim(stream, response))
            return false;
    }
}

static void relay_heads(struct stream *stream, struct bytes *data)
{
    struct response response;

    if (!read_heads(stream, data, &response))
        return;
    if (response.status == 101)
        tunnel_begin(stream, &response, *data);
    else
        begin_answer(stream, &response, *data);
    *data = BYTES_NONE;
}

/* Heads may come in pieces; the pieces are kept until the final head is whole. */
static void relay_head_bytes(struct stream *stream, struct bytes data)
{
    struct upstream *upstream = stream->upstream;
    struct text held = upstream->partial;
    bool was_empty = held.len == 0;

    text_init(&upstream->partial);
    if (!was_empty) {
        text_add(&held, data);
        data = text_bytes(&held);
    }
    relay_heads(stream, &data);
    if (data.len > 0 && stream->upstream == upstream)
        text_add(&upstream->partial, data);
    text_fini(&held);
}

void relay_response(struct stream *stream, struct bytes data)
{
    struct framer framer MEM_UNCLEARED;

    if (stream->step != STREAM_RELAY) {
        /* An answer before the request was sent is no answer to it. */
        stream_fail(stream, FAILURE_BAD_RESPONSE);
        return;
    }
    stream->any_byte_came = true;
    if (!stream->head_is_out) {
        relay_head_bytes(stream, data);
        return;
    }
    framer_init(&framer, stream->client_framing);
    relay_body(stream, &framer, data);
}

void relay_response_end(struct stream *stream, bool is_reset)
{
    struct framer framer MEM_UNCLEARED;

    if (!stream->head_is_out) {
        attempt_failed(stream, stream->sent_on_reuse ? FAILURE_REUSE_DEAD : FAILURE_UPSTREAM_RESET);
        return;
    }
    if (is_reset || h1_body_finish(&stream->response_body) != STATUS_OK) {
        stream_fail(stream, FAILURE_RESPONSE_TRUNCATED);
        return;
    }
    framer_init(&framer, stream->client_framing);
    framer_add_end(&framer);
    stream->upstream_keeps = false;
    if (framer.count == 0 || flush_response(stream, &framer))
        complete(stream, BYTES_NONE);
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
        stream->conn->unread_bytes = transport_unread_bytes(&stream->conn->tcp.transport);
        stream_arm(stream, timeouts->client_write_ms, FAILURE_CLIENT_STALLED);
    } else if (stream->head_is_out || stream->client_is_paused) {
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
    if (transport_unread_bytes(&stream->conn->tcp.transport) >= stream->conn->unread_bytes)
        return false;
    relay_arm(stream);
    return true;
}
