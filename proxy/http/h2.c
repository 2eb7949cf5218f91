/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2.c - sessions: what the caller asks of one, and the bytes in and out.
 *
 *     h2_receive -> h2_guard -> nghttp2 -> h2_callbacks.c -> events
 *     h2_output  <- nghttp2 <- h2_write.c <- h2_respond, h2_request, on_pull
 */
#include "proxy/http/h2.h"

#include "core/check.h"
#include "proxy/http/h2_pool.h"
#include "proxy/http/h2_session.h"

#include <nghttp2/nghttp2.h>

#define CONNECTION_WINDOW_BYTES 1048576
#define STREAMS_BEFORE_SETTINGS 100     /* RFC 9113 section 6.5.2 recommends no less */
#define HEAD_SEND_BYTES_MAX     1048576 /* what we send is bounded by what we took in */
#define SETTINGS_MAX            6
#define QUEUED_PER_STREAM       4 /* head, reset, window update, trailers */

const char *h2_end_label(enum h2_end end)
{
    switch (end) {
    case H2_END_NONE:
        return "none";
    case H2_END_PROTOCOL:
        return "protocol_error";
    case H2_END_RESETS:
        return "rapid_reset";
    case H2_END_IDLE_FRAMES:
        return "idle_frames";
    case H2_END_ANSWERS:
        return "answers_unread";
    case H2_END_CONTINUATIONS:
        return "continuations";
    case H2_END_SETTINGS:
        return "settings";
    case H2_ENDS_COUNT:
        break;
    }
    return "none";
}

/* ---- memory ---- */

static void *on_malloc(size_t size, void *pool)
{
    return h2_pool_alloc(pool, size);
}

static void on_free(void *memory, void *pool)
{
    h2_pool_free(pool, memory);
}

static void *on_calloc(size_t count, size_t size, void *pool)
{
    size_t total;

    CHECK(!__builtin_mul_overflow(count, size, &total));
    return memset(h2_pool_alloc(pool, total), 0, total);
}

static void *on_realloc(void *memory, size_t size, void *pool)
{
    return h2_pool_resize(pool, memory, size);
}

/* ---- creation ---- */

static nghttp2_option *options_create(void)
{
    nghttp2_option *option;

    CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_settings(option, H2_SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_outbound_ack(option, H2_ANSWERS_QUEUED_MAX);
    nghttp2_option_set_peer_max_concurrent_streams(option, STREAMS_BEFORE_SETTINGS);
    nghttp2_option_set_max_send_header_block_length(option, HEAD_SEND_BYTES_MAX);
    /* These h2_guard counts, by our clock and with a label each: nghttp2 is not to be first. */
    nghttp2_option_set_max_continuations(option, H2_CONTINUATIONS_MAX + 1);
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
    return option;
}

static void session_create(struct h2 *h2)
{
    nghttp2_mem memory = {h2->pool, on_malloc, on_free, on_calloc, on_realloc};
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option = options_create();
    int error;

    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    h2_callbacks_set(callbacks);
    if (h2->config.side == H2_SERVER)
        error = nghttp2_session_server_new3(&h2->session, callbacks, h2, option, &memory);
    else
        error = nghttp2_session_client_new3(&h2->session, callbacks, h2, option, &memory);
    CHECK(error == 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
}

/* Priorities of RFC 7540 are switched off: nobody could tell what they do to whom. */
static void submit_settings(struct h2 *h2)
{
    const struct h2_config *config = &h2->config;
    nghttp2_settings_entry entries[SETTINGS_MAX];
    size_t count = 0;

    entries[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, config->window_bytes};
    entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                                                config->limits.head_bytes_max};
    entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    if (config->side == H2_CLIENT)
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    else
        entries[count++] =
            (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, config->streams_max};
    if (config->side == H2_SERVER && config->websockets)
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    CHECK(nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries, count) == 0);
    CHECK(nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                CONNECTION_WINDOW_BYTES) == 0);
}

struct h2 *h2_create(const struct h2_config *config, const struct h2_events *events, void *context)
{
    struct h2 *h2 = mem_new(struct h2);

    h2->config = *config;
    h2->events = events;
    h2->context = context;
    h2->owns_pool = config->pool == NULL;
    h2->pool = h2->owns_pool ? h2_pool_create() : config->pool;
    h2_guard_init(&h2->guard, config->side, config->limits.head_bytes_max);
    list_init(&h2->streams);
    text_init(&h2->scratch);
    session_create(h2);
    submit_settings(h2);
    return h2;
}

void h2_destroy(struct h2 *h2)
{
    nghttp2_session_del(h2->session);
    LIST_EACH (&h2->streams, link)
        h2_stream_destroy(LIST_ENTRY(link, struct h2_stream, link));
    if (h2->owns_pool)
        h2_pool_destroy(h2->pool);
    text_fini(&h2->scratch);
    mem_free(h2);
}

/* ---- streams ---- */

struct h2_stream *h2_stream_find(const struct h2 *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2->session, id);
}

struct h2_stream *h2_stream_create(struct h2 *h2, void *owner)
{
    struct h2_stream *stream = h2_pool_alloc(h2->pool, sizeof(*stream));

    *stream = (struct h2_stream){.h2 = h2, .owner = owner};
    list_push_back(&h2->streams, &stream->link);
    h2->streams_count++;
    return stream;
}

void h2_stream_destroy(struct h2_stream *stream)
{
    struct h2 *h2 = stream->h2;

    list_remove(&stream->link);
    h2->streams_count--;
    h2_pool_free(h2->pool, stream);
}

void h2_stream_refuse(struct h2_stream *stream, enum h2_error error)
{
    if (stream->is_reset)
        return;
    stream->is_provoked = true;
    h2_reset(stream->h2, stream->id, error);
}

/* A request that has not been packed yet is not in nghttp2's table, but can be taken back. Rare. */
static struct h2_stream *find_waiting(struct h2 *h2, uint32_t id)
{
    LIST_EACH (&h2->streams, link) {
        struct h2_stream *stream = LIST_ENTRY(link, struct h2_stream, link);

        if (stream->id == id)
            return stream;
    }
    return NULL;
}

void h2_forget(struct h2 *h2, uint32_t id)
{
    struct h2_stream *stream = h2_stream_find(h2, (int32_t)id);

    if (stream == NULL)
        stream = find_waiting(h2, id);
    if (stream == NULL)
        return;
    stream->owner = NULL;
    h2_resume(h2, id);
}

void h2_reset(struct h2 *h2, uint32_t id, enum h2_error error)
{
    struct h2_stream *stream = h2_stream_find(h2, (int32_t)id);

    if (stream == NULL)
        stream = find_waiting(h2, id);
    if (stream == NULL || stream->is_reset)
        return;
    stream->is_reset = true;
    stream->reset_error = error;
    (void)nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, (int32_t)id, error);
}

void h2_resume(struct h2 *h2, uint32_t id)
{
    (void)nghttp2_session_resume_data(h2->session, (int32_t)id);
}

void h2_consume(struct h2 *h2, uint32_t id, size_t count)
{
    (void)nghttp2_session_consume_stream(h2->session, (int32_t)id, count);
}

uint32_t h2_take_refused_count(struct h2 *h2)
{
    uint32_t count = h2->refused_count;

    h2->refused_count = 0;
    return count;
}

uint32_t h2_streams_count(const struct h2 *h2)
{
    return h2->streams_count;
}

void h2_respond(struct h2 *h2, uint32_t id, const struct response *response,
                const struct forward_response *how, bool is_end)
{
    struct h2_stream *stream = h2_stream_find(h2, (int32_t)id);

    if (stream == NULL || stream->is_reset)
        return;
    if (h2_write_response(h2, stream, response, how, is_end) < 0)
        h2_reset(h2, id, H2_INTERNAL_ERROR);
}

uint32_t h2_request(struct h2 *h2, void *owner, const struct request *request,
                    const struct forward_request *how, bool is_end)
{
    struct h2_stream *stream;
    int32_t id;

    if (h2_room(h2) == 0)
        return 0;
    stream = h2_stream_create(h2, owner);
    stream->method_id = request->method_id;
    stream->wants_websocket = request->wants_websocket && how->upgrade;
    id = h2_write_request(h2, stream, request, how, is_end);
    if (id < 0) {
        h2_stream_destroy(stream);
        return 0;
    }
    stream->id = (uint32_t)id;
    h2_guard_earn(&h2->guard);
    return stream->id;
}

/* ---- the connection ---- */

uint32_t h2_room(const struct h2 *h2)
{
    uint32_t max;

    if (h2->is_ended || h2->is_broken || h2_is_going_away(h2))
        return 0;
    max = nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return max > h2->streams_count ? max - h2->streams_count : 0;
}

bool h2_is_going_away(const struct h2 *h2)
{
    return h2->is_going_away || nghttp2_session_check_request_allowed(h2->session) == 0;
}

bool h2_peer_takes_websockets(const struct h2 *h2)
{
    return nghttp2_session_get_remote_settings(h2->session,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void h2_shutdown(struct h2 *h2, bool is_notice)
{
    if (is_notice)
        (void)nghttp2_submit_shutdown_notice(h2->session);
    else
        (void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(h2->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
}

void h2_finish(struct h2 *h2, enum h2_end end, enum h2_error error)
{
    if (h2->is_ended)
        return;
    h2->is_ended = true;
    h2->end = end;
    (void)nghttp2_session_terminate_session(h2->session, error);
}

/* Whatever waits in nghttp2's queues is there because the peer asked for it and does not read. */
static bool has_too_many_answers(const struct h2 *h2)
{
    uint64_t max = H2_ANSWERS_QUEUED_MAX + (uint64_t)h2->streams_count * QUEUED_PER_STREAM;

    return nghttp2_session_get_outbound_queue_size(h2->session) > max;
}

static void feed(struct h2 *h2, struct bytes data)
{
    ssize_t taken = nghttp2_session_mem_recv(h2->session, (const uint8_t *)data.at, data.len);

    if (taken == NGHTTP2_ERR_FLOODED || has_too_many_answers(h2))
        h2_finish(h2, H2_END_ANSWERS, H2_ENHANCE_YOUR_CALM);
    else if (taken < 0)
        h2_finish(h2, H2_END_PROTOCOL, H2_PROTOCOL_ERROR);
}

enum status h2_receive(struct h2 *h2, struct bytes data, uint64_t now_ms)
{
    enum h2_end end;

    if (h2->is_ended)
        return STATUS_INVALID;
    h2->now_ms = now_ms;
    end = h2_guard_scan(&h2->guard, data, now_ms);
    if (end != H2_END_NONE)
        h2_finish(h2, end, h2->guard.error);
    else
        feed(h2, data);
    return h2->is_ended ? STATUS_INVALID : STATUS_OK;
}

static void take_packed(struct h2 *h2)
{
    struct bytes part = bytes_slice(h2->packed, 0, h2->room_max - h2->room_used);

    memcpy(h2->room + h2->room_used, part.at, part.len);
    h2->room_used += part.len;
    h2->packed = bytes_skip(h2->packed, part.len);
}

/* False when nghttp2 has nothing more, now or for the room that is left. */
static bool pack_more(struct h2 *h2)
{
    const uint8_t *frame;
    ssize_t len = nghttp2_session_mem_send(h2->session, &frame);

    if (len < 0)
        h2->is_broken = true;
    if (len <= 0)
        return false;
    h2->packed = bytes_from((const char *)frame, (size_t)len);
    return true;
}

size_t h2_output(struct h2 *h2, char *room, size_t max)
{
    h2->room = room;
    h2->room_used = 0;
    h2->room_max = max;
    if (h2->packed.len > 0)
        take_packed(h2);
    while (!h2->is_broken && h2->room_used < max && pack_more(h2))
        take_packed(h2);
    h2->room = NULL;
    return h2->room_used;
}

bool h2_wants_output(const struct h2 *h2)
{
    return h2->packed.len > 0 || (!h2->is_broken && nghttp2_session_want_write(h2->session) != 0);
}

bool h2_is_over(const struct h2 *h2)
{
    return !h2_wants_output(h2) && (h2->is_broken || nghttp2_session_want_read(h2->session) == 0);
}

enum h2_end h2_end_of(const struct h2 *h2)
{
    return h2->end;
}
