/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream_h2_stream.c - requests and answers of streams that share a connection to an endpoint.
 *
 *     stream -> stream->waiting -> on_pull() -> h2 session
 *     stream <- relay_answer() <- gathered <- events below <- h2 session
 *
 * The request's body stays in stream->waiting until the endpoint's window lets the session pull it;
 * the answer's window is given back only when the client took the bytes, so neither side can make
 * us hold more than a window.
 */
#include "core/check.h"
#include "proxy/attempt.h"
#include "proxy/pool.h"
#include "proxy/relay.h"
#include "proxy/stream.h"
#include "proxy/upstream_h2.h"

#define STATUS_FINAL_FIRST 200

static struct upstream_h2 *h2_of(const struct stream *stream)
{
    return stream->upstream->h2;
}

void upstream_h2_leave(struct upstream_h2 *h2, struct stream *stream)
{
    CHECK(h2->streams_count > 0);
    list_remove(&stream->upstream_link);
    if (h2->gathered.stream == stream)
        h2->gathered.stream = NULL;
    if (stream->held_head != NULL)
        h2->heads_count--;
    stream->held_head = NULL;
    h2->streams_count--;
    stream->upstream_id = 0;
    stream->held_bytes = 0;
}

/* The endpoint's machine may be gone without a word, and TCP takes a quarter of an hour to notice:
 * until then no new request goes there. In the time that a connect has, something comes from a peer
 * that lives. */
static void judge_silence(struct upstream *upstream, const struct stream *stream)
{
    struct worker *worker = upstream->worker;
    uint64_t waited_us = worker_now_us(worker) - stream->sent_us;

    if (!stream->any_byte_came && upstream->h2->heard_us < stream->sent_us &&
        waited_us >= worker->config->timeouts.connect_ms * UINT64_C(1000))
        upstream->h2->is_silent = true;
}

void upstream_h2_let_go(struct stream *stream, enum h2_error error)
{
    struct upstream *upstream = stream->upstream;
    struct upstream_h2 *h2 = upstream->h2;
    uint32_t id = stream->upstream_id;

    if (list_is_empty(&stream->upstream_link))
        return; /* the connection or the endpoint has ended it */
    upstream_h2_leave(h2, stream);
    if (id != 0) {
        h2_forget(h2->session, id);
        if (error != H2_NO_ERROR) {
            judge_silence(upstream, stream);
            h2_reset(h2->session, id, error);
        }
        upstream_h2_ask_flush(h2);
    }
    upstream_h2_rest(upstream);
    pool_wake(upstream->cluster);
}

bool upstream_h2_is_sent(const struct upstream_h2 *h2, const struct stream *stream)
{
    return stream->upstream_id != 0 && h2_is_sent(h2->session, stream->upstream_id);
}

/* ---- events of the session ---- */

static struct arena *arena_of(void *owner)
{
    struct stream *stream = owner;

    return &stream->arena;
}

/* Give back to the window what the client does not hold up. */
void upstream_h2_resume(struct stream *stream)
{
    size_t count = stream->held_bytes;

    if (count == 0 || stream->upstream == NULL || stream->upstream_id == 0)
        return;
    stream->held_bytes = 0;
    h2_consume(h2_of(stream)->session, stream->upstream_id, count);
    upstream_h2_ask_flush(h2_of(stream));
}

/* ---- gathering ---- */

static void hand_on(struct upstream_h2 *h2)
{
    struct stream *stream = h2->gathered.stream;

    if (stream == NULL)
        return;
    h2->gathered.stream = NULL;
    (void)relay_answer(stream, &h2->gathered.batch);
    if (!stream->upstream_is_paused)
        upstream_h2_resume(stream);
    stream_run(stream);
}

/* What was handed on may have ended it. */
static bool is_here(const struct upstream_h2 *h2, const struct stream *stream, uint32_t id)
{
    LIST_EACH (&h2->streams, link) {
        if (LIST_ENTRY(link, struct stream, upstream_link) == stream)
            return stream->upstream_id == id;
    }
    return false;
}

/* Nothing of another stream is held afterwards. False when `stream` has not lived to see that: the
 * other one's client may be its own. */
static bool hand_on_others(struct stream *stream)
{
    struct upstream_h2 *h2 = h2_of(stream);
    uint32_t id = stream->upstream_id;

    if (h2->gathered.stream == NULL || h2->gathered.stream == stream)
        return true;
    hand_on(h2);
    return is_here(h2, stream, id);
}

static struct response *take_held_head(struct upstream_h2 *h2, struct stream *stream)
{
    struct response *head = stream->held_head;

    if (head != NULL)
        h2->heads_count--;
    stream->held_head = NULL;
    return head;
}

/* The batch to add to, or NULL when the stream is gone. */
static struct batch *gather(struct stream *stream)
{
    struct upstream_h2 *h2 = h2_of(stream);
    struct upstream_h2_gathered *gathered = &h2->gathered;

    if (!hand_on_others(stream))
        return NULL;
    if (gathered->stream == NULL)
        batch_init(&gathered->batch, take_held_head(h2, stream));
    gathered->stream = stream;
    return &gathered->batch;
}

static void gather_head(struct stream *stream, const struct response *response, bool is_end)
{
    struct upstream_h2 *h2 = h2_of(stream);
    struct batch *batch;

    stream->held_head = arena_alloc(&stream->arena, sizeof(*response));
    *stream->held_head = *response;
    h2->heads_count++;
    if (!is_end)
        return;
    batch = gather(stream);
    if (batch == NULL)
        return;
    batch->is_end = true;
    hand_on(h2);
}

/* What is held of this stream; see hand_on_others(). */
static bool hand_on_of(struct stream *stream)
{
    struct upstream_h2 *h2 = h2_of(stream);
    uint32_t id = stream->upstream_id;

    if (stream->held_head != NULL && gather(stream) == NULL)
        return false;
    if (h2->gathered.stream == stream)
        hand_on(h2);
    return is_here(h2, stream, id);
}

static struct stream *stream_with_head(const struct upstream_h2 *h2)
{
    LIST_EACH (&h2->streams, link) {
        struct stream *stream = LIST_ENTRY(link, struct stream, upstream_link);

        if (stream->held_head != NULL)
            return stream;
    }
    return NULL;
}

/* The read is over. */
void upstream_h2_hand_on(struct upstream_h2 *h2)
{
    hand_on(h2);
    while (h2->heads_count > 0)
        (void)hand_on_of(stream_with_head(h2));
}

static void on_response(void *owner, const struct response *response, bool is_end)
{
    struct stream *stream = owner;

    stream->any_byte_came = true;
    if (response->status >= STATUS_FINAL_FIRST &&
        !(stream->request.wants_websocket && response->websocket_accepted)) {
        gather_head(stream, response, is_end);
        return;
    }
    if (!hand_on_others(stream))
        return;
    if (response->status < STATUS_FINAL_FIRST)
        (void)relay_interim(stream, response);
    else
        relay_switch(stream, response, BYTES_NONE);
    stream_run(stream);
}

static void on_data(void *owner, struct bytes data)
{
    struct stream *stream = owner;
    struct upstream_h2 *h2 = h2_of(stream);
    struct batch *batch = gather(stream);

    if (batch == NULL)
        return;
    stream->held_bytes += data.len;
    batch_add(batch, data);
    if (batch_is_full(batch))
        hand_on(h2);
}

static void on_end(void *owner, const struct field *trailers, uint32_t count)
{
    struct stream *stream = owner;
    struct upstream_h2 *h2 = h2_of(stream);
    struct batch *batch = gather(stream);

    if (batch == NULL)
        return;
    batch->is_end = true;
    batch->trailers = trailers;
    batch->trailers_count = count;
    hand_on(h2);
}

static enum failure failure_of(uint32_t error, bool by_peer)
{
    if (error == H2_REFUSED_STREAM)
        return FAILURE_STREAM_REFUSED;
    /* It was our session that did not like what came. */
    return by_peer ? FAILURE_UPSTREAM_RESET : FAILURE_BAD_RESPONSE;
}

/* Before its answer was complete: afterwards the session does not know whose stream it was. */
static void on_closed(void *owner, uint32_t error, bool by_peer)
{
    struct stream *stream = owner;
    struct upstream *upstream = stream->upstream;

    if (!hand_on_of(stream))
        return;
    upstream_h2_leave(upstream->h2, stream);
    upstream_h2_rest(upstream);
    pool_wake(upstream->cluster);
    if (stream->upstream_finished && error == H2_NO_ERROR)
        stream->step = STREAM_FINISH; /* a tunnel; the endpoint said all and wants no more */
    else if (stream->head_is_out)
        relay_answer_broke(stream);
    else
        attempt_failed(stream, failure_of(error, by_peer));
    stream_run(stream);
}

/* Of the request, or of the client's side of a tunnel. */
static bool has_said_all(const struct stream *stream)
{
    bool is_over =
        stream->request.wants_websocket ? stream->client_finished : stream->request_is_complete;

    return is_over && bufq_is_empty(&stream->waiting);
}

static struct h2_pulled on_pull(void *owner, char *room, size_t max)
{
    struct stream *stream = owner;
    struct h2_pulled pulled = {0};
    struct batch sent MEM_UNCLEARED;
    struct iovec part;

    if (stream->request.wants_websocket && stream->step != STREAM_TUNNEL)
        return pulled; /* until there is a tunnel, and it resumes us: hostile-input 50 */
    while (pulled.count < max && bufq_peek(&stream->waiting, &part, 1) == 1) {
        size_t count = part.iov_len < max - pulled.count ? part.iov_len : max - pulled.count;

        memcpy(room + pulled.count, part.iov_base, count);
        bufq_consume(&stream->waiting, count);
        pulled.count += count;
    }
    pulled.is_end = has_said_all(stream);
    if (pulled.is_end) {
        pulled.trailers = stream->request_trailers;
        pulled.trailers_count = stream->request_trailers_count;
    }
    batch_init(&sent, NULL);
    if (pulled.count > 0)
        batch_add(&sent, bytes_from(room, pulled.count));
    relay_keep_for_replay(stream, &sent);
    if (stream->waiting.len <= BODY_WAITING_BYTES / 2)
        stream_on_upstream_drained(stream);
    return pulled;
}

const struct h2_events upstream_h2_events = {
    .arena_of = arena_of,
    .on_response = on_response,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_pull = on_pull,
    .on_room = upstream_h2_on_room,
};

/* ---- the request ---- */

static enum status pressure(const struct stream *stream)
{
    return bufq_is_full(&stream->waiting) ? STATUS_AGAIN : STATUS_OK;
}

enum status upstream_h2_send_head(struct stream *stream)
{
    struct upstream_h2 *h2 = h2_of(stream);
    struct forward_request how;
    bool is_end = has_said_all(stream) && stream->request_trailers_count == 0;

    if (stream->request.wants_websocket && !h2_peer_takes_websockets(h2->session))
        return STATUS_REFUSED;
    relay_describe_request(stream, &how);
    stream->upstream_id = h2_request(h2->session, stream, &stream->request, &how, is_end);
    if (stream->upstream_id == 0)
        return STATUS_CLOSED;
    upstream_h2_ask_flush(h2);
    return pressure(stream);
}

enum status upstream_h2_send(struct stream *stream, const struct batch *batch)
{
    if (stream->upstream_id == 0)
        return STATUS_CLOSED;
    for (uint32_t i = 0; i < batch->runs_count; i++)
        bufq_append(&stream->waiting, batch->runs[i]);
    h2_resume(h2_of(stream)->session, stream->upstream_id);
    upstream_h2_ask_flush(h2_of(stream));
    return pressure(stream);
}

void upstream_h2_pause(struct stream *stream)
{
    (void)stream; /* what is not given back to the window holds the endpoint */
}

size_t upstream_h2_queued_bytes(const struct stream *stream)
{
    return stream->waiting.len;
}

/* ---- afterwards ---- */

void upstream_h2_give_back(struct stream *stream)
{
    upstream_h2_let_go(stream, has_said_all(stream) ? H2_NO_ERROR : H2_CANCEL);
}

/* A tunnel whose sides have both ended ends well. */
void upstream_h2_drop(struct stream *stream)
{
    bool is_well = stream->upstream_finished && has_said_all(stream);

    upstream_h2_let_go(stream, is_well ? H2_NO_ERROR : H2_CANCEL);
}
