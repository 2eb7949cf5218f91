/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - the life of one client connection.
 *
 *     PROXY_HEADER -> IDLE <-> HEAD -> STREAM -> IDLE ...
 *                                        \-> FLUSH -> IDLE
 *                                        \-> LINGER -> CLOSING
 *
 * One loop, conn_read(), takes requests out of whatever bytes there are; streams that finish at
 * once come back to it instead of calling it again, so pipelining does not deepen the stack.
 */
#include "proxy/conn.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/http/proxy_header.h"
#include "proxy/limits.h"
#include "proxy/stream.h"

static struct conn *conn_of(struct transport *transport)
{
    struct conn *conn = LIST_ENTRY(transport, struct conn, tcp.transport);

    CHECK(conn->magic == CONN_MAGIC);
    return conn;
}

static void arm(struct conn *conn, uint32_t span_ms)
{
    deadline_set(conn->worker->deadlines, &conn->deadline, worker_now_ms(conn->worker) + span_ms);
}

static void enter_idle(struct conn *conn)
{
    conn->state = CONN_IDLE;
    conn->scan = (struct h1_scan){0};
    arm(conn, conn->worker->state == WORKER_SERVING ? conn->worker->config->timeouts.keep_alive_ms
                                                    : DRAIN_IDLE_MS);
}

static void on_conn_closed(struct transport *transport)
{
    struct conn *conn = conn_of(transport);
    struct worker *worker = conn->worker;

    CHECK(conn->stream == NULL);
    list_remove(&conn->link);
    worker->conns_count--;
    if (!conn_is_admin(conn)) {
        worker->clients_count--;
        worker->stats.connections_now--;
        limits_address_forget(worker, &conn->peer);
    }
    text_fini(&conn->pending);
    conn->magic = 0;
    mem_free(conn);
    limits_conn_closed(worker);
    worker_check_stopped(worker);
}

/* May be called twice, and from inside any of the connection's own callbacks. */
void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSING)
        return;
    conn->state = CONN_CLOSING;
    deadline_cancel(conn->worker->deadlines, &conn->deadline);
    transport_close(&conn->tcp.transport);
}

void conn_abort(struct conn *conn)
{
    if (conn->state == CONN_CLOSING)
        return;
    conn->state = CONN_CLOSING;
    conn->worker->stats.connections_closed_error++;
    deadline_cancel(conn->worker->deadlines, &conn->deadline);
    transport_abort(&conn->tcp.transport);
}

/* The client has to read some of what is queued now within the timeout. */
static void arm_write(struct conn *conn)
{
    conn->unread_bytes = transport_unread_bytes(&conn->tcp.transport);
    arm(conn, conn->worker->config->timeouts.client_write_ms);
}

/* The last answer is on its way: let the client read it before the connection goes. A close with
 * unread input would make the kernel send a reset, which may overtake the answer (RFC 9112 section
 * 9.6). */
static void linger(struct conn *conn)
{
    if (conn->client_ended || !conn->must_linger) {
        if (transport_queued_bytes(&conn->tcp.transport) == 0) {
            conn_close(conn);
            return;
        }
    }
    conn->state = CONN_LINGER;
    text_fini(&conn->pending);
    transport_finish(&conn->tcp.transport);
    if (transport_queued_bytes(&conn->tcp.transport) > 0)
        arm_write(conn);
    else
        arm(conn, conn->worker->config->timeouts.linger_ms);
    if (!conn->client_ended)
        transport_resume(&conn->tcp.transport);
}

static void linger_bytes(struct conn *conn, size_t count)
{
    conn->lingered_bytes += (uint32_t)count;
    if (conn->lingered_bytes > LINGER_BYTES_MAX)
        conn_close(conn);
}

/* Answer a head that cannot be read, or just close. */
static void refuse(struct conn *conn, struct bytes head, enum failure failure)
{
    conn->ends_after = true;
    conn->must_linger = true;
    if (failure_row(failure)->code == 0) {
        conn->worker->stats.failures[failure]++;
        conn_close(conn);
        return;
    }
    conn->state = CONN_STREAM;
    stream_begin_failed(conn, head, failure);
}

static void keep_pending(struct conn *conn, struct bytes data)
{
    text_add(&conn->pending, data);
    if (conn->pending.len > PIPELINED_BYTES_MAX)
        conn->worker->stats.limit_pipeline++;
}

static bool wants_bytes(const struct conn *conn)
{
    if (conn->client_ended)
        return false;
    switch (conn->state) {
    case CONN_PROXY_HEADER:
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_LINGER:
        return true;
    case CONN_STREAM:
        return !conn->stream->client_is_paused && conn->pending.len <= PIPELINED_BYTES_MAX;
    case CONN_FLUSH:
        return conn->pending.len <= PIPELINED_BYTES_MAX;
    case CONN_CLOSING:
        break;
    }
    return false;
}

void conn_update_reading(struct conn *conn)
{
    if (wants_bytes(conn))
        transport_resume(&conn->tcp.transport);
    else
        transport_pause(&conn->tcp.transport);
}

/* Find and begin one request in *data. False when it took the bytes and waits for more. */
static bool read_head(struct conn *conn, struct bytes *data)
{
    struct worker *worker = conn->worker;
    enum h1_fault fault = H1_FINE;
    size_t head_len = 0;
    struct bytes head;
    enum status status;

    if (conn->state == CONN_IDLE)
        conn->head_started_us = worker_now_us(worker);
    status = h1_scan_request(&conn->scan, *data, &worker->config->limits, &head_len, &fault);
    if (status == STATUS_AGAIN) {
        if (conn->state == CONN_IDLE) {
            conn->state = CONN_HEAD;
            arm(conn, worker->config->timeouts.head_ms);
        }
        return false;
    }
    if (status != STATUS_OK) {
        refuse(conn, *data, failure_of_h1(fault));
        *data = BYTES_NONE;
        return true;
    }
    conn->state = CONN_STREAM; /* its old deadline passes by while the stream has its own */
    conn->requests_count++;
    head = bytes_slice(*data, conn->scan.start, head_len - conn->scan.start);
    *data = bytes_skip(*data, head_len);
    stream_begin(conn, head, data);
    return true;
}

/* Take requests out of `data` as long as streams finish at once. Returns the rest, which is the
 * beginning of a head or follows the request that runs. */
static struct bytes read_requests(struct conn *conn, struct bytes data)
{
    while (data.len > 0) {
        if (conn->state == CONN_STREAM) {
            size_t before = data.len;

            stream_client_bytes(conn->stream, &data);
            if (conn->state == CONN_STREAM && data.len == before)
                break;
        } else if (conn->state == CONN_IDLE || conn->state == CONN_HEAD) {
            if (!read_head(conn, &data))
                break;
        } else {
            if (conn->state == CONN_LINGER)
                linger_bytes(conn, data.len);
            if (conn->state == CONN_FLUSH)
                break;
            return BYTES_NONE;
        }
    }
    return data;
}

/* Fresh bytes, not yet part of pending. */
static void conn_read(struct conn *conn, struct bytes data)
{
    struct bytes rest;

    conn->is_parsing = true;
    if (conn->pending.len == 0) {
        rest = read_requests(conn, data);
        if (rest.len > 0 && conn->state != CONN_CLOSING)
            keep_pending(conn, rest);
    } else if (conn->state == CONN_STREAM || conn->state == CONN_FLUSH) {
        keep_pending(conn, data);
    } else {
        struct text held = conn->pending;

        text_add(&held, data);
        text_init(&conn->pending);
        rest = read_requests(conn, text_bytes(&held));
        if (rest.len == held.len && conn->state != CONN_CLOSING) {
            conn->pending = held; /* nothing was taken: go on collecting */
            text_init(&held);
        } else if (rest.len > 0 && conn->state != CONN_CLOSING) {
            keep_pending(conn, rest);
        }
        text_fini(&held);
    }
    conn->is_parsing = false;
    if (conn->client_ended && (conn->state == CONN_IDLE || conn->state == CONN_HEAD))
        conn_close(conn); /* half a request will not become a whole one */
    conn_update_reading(conn);
    if (conn->client_ended && conn->state == CONN_STREAM && conn->pending.len == 0)
        stream_client_ended(conn->stream); /* it may have begun after the end was seen */
}

/* The stream has let go. Either the next request, or the end. */
static void after_stream(struct conn *conn)
{
    if (conn->ends_after || (conn->worker->state == WORKER_CUTTING)) {
        conn->worker->stats.connections_closed_asked++;
        linger(conn);
        return;
    }
    if (transport_queued_bytes(&conn->tcp.transport) > 0) {
        conn->state = CONN_FLUSH;
        arm_write(conn);
        return;
    }
    enter_idle(conn);
    if (!conn->is_parsing)
        conn_read(conn, BYTES_NONE);
}

void conn_stream_is_done(struct conn *conn)
{
    conn->stream = NULL;
    if (conn->state == CONN_STREAM)
        after_stream(conn);
}

static bool is_trusted(const struct proxy_config *config, const struct address *peer)
{
    for (size_t i = 0; i < config->trusted_count; i++)
        if (address_range_has(&config->trusted[i], peer))
            return true;
    return false;
}

static void adopt_proxy_header(struct conn *conn, const struct proxy_header *header)
{
    struct text ip;

    if (!header->has_address)
        return;
    conn->client = header->source;
    conn->is_trusted = is_trusted(conn->worker->config, &conn->client);
    text_init(&ip);
    address_add_ip(&conn->client, &ip);
    conn->client_ip_length = (uint8_t)ip.len;
    memcpy(conn->client_ip, ip.at, ip.len);
    text_fini(&ip);
}

static void read_proxy_header(struct conn *conn, struct bytes data)
{
    struct proxy_header header;
    struct text held;
    size_t used = 0;
    enum status status;

    if (conn->worker->config->trusted_count > 0 && !conn->is_trusted) {
        conn->worker->stats.connections_closed_error++;
        log_warn(conn->worker->log, "a PROXY header from a peer outside trusted-proxies",
                 LOG_ADDRESS("peer", &conn->peer));
        conn_close(conn);
        return;
    }
    text_add(&conn->pending, data);
    status = proxy_header_parse(text_bytes(&conn->pending), &header, &used);
    if (status == STATUS_AGAIN)
        return;
    if (status != STATUS_OK) {
        conn->worker->stats.connections_closed_error++;
        log_warn(conn->worker->log, "bad PROXY header; is the peer a load balancer that sends one?",
                 LOG_ADDRESS("peer", &conn->peer));
        conn_close(conn);
        return;
    }
    adopt_proxy_header(conn, &header);
    enter_idle(conn);
    held = conn->pending;
    text_init(&conn->pending);
    if (held.len > used)
        conn_read(conn, bytes_skip(text_bytes(&held), used));
    text_fini(&held);
}

static void on_client_bytes(struct transport *transport, struct bytes data)
{
    struct conn *conn = conn_of(transport);

    switch (conn->state) {
    case CONN_PROXY_HEADER:
        read_proxy_header(conn, data);
        break;
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_STREAM:
    case CONN_FLUSH:
        conn_read(conn, data);
        break;
    case CONN_LINGER:
        linger_bytes(conn, data.len);
        break;
    case CONN_CLOSING:
        break;
    }
}

/* A client may stop sending and still wait for its answer, so this ends only what is idle. */
static void on_client_end(struct transport *transport)
{
    struct conn *conn = conn_of(transport);

    conn->client_ended = true;
    switch (conn->state) {
    case CONN_STREAM:
        stream_client_ended(conn->stream);
        break;
    case CONN_LINGER:
        if (transport_queued_bytes(transport) == 0)
            conn_close(conn);
        break;
    case CONN_FLUSH:
        break;
    case CONN_PROXY_HEADER:
    case CONN_IDLE:
    case CONN_HEAD:
        conn_close(conn);
        break;
    case CONN_CLOSING:
        break;
    }
}

static void on_client_drained(struct transport *transport)
{
    struct conn *conn = conn_of(transport);

    if (conn->state == CONN_STREAM) {
        stream_client_drained(conn->stream);
    } else if (conn->state == CONN_FLUSH) {
        enter_idle(conn);
        conn_read(conn, BYTES_NONE);
    } else if (conn->state == CONN_LINGER) {
        if (conn->client_ended || !conn->must_linger)
            conn_close(conn);
        else
            arm(conn, conn->worker->config->timeouts.linger_ms);
    }
}

static void on_client_broken(struct transport *transport, enum status why)
{
    struct conn *conn = conn_of(transport);
    struct stream *stream = conn->stream;

    (void)why;
    conn_close(conn);
    if (stream != NULL)
        stream_client_gone(stream, FAILURE_CLIENT_GONE);
}

static const struct transport_events client_events = {
    .on_bytes = on_client_bytes,
    .on_end = on_client_end,
    .on_drained = on_client_drained,
    .on_broken = on_client_broken,
    .on_closed = on_conn_closed,
};

/* What the deadline of a state means. */
static void on_conn_deadline(struct deadline *deadline)
{
    struct conn *conn = DEADLINE_OWNER(deadline, struct conn, deadline);
    struct stats *stats = &conn->worker->stats;

    switch (conn->state) {
    case CONN_PROXY_HEADER:
        stats->timeout_proxy_header++;
        conn_close(conn);
        break;
    case CONN_IDLE:
        if (conn->worker->state == WORKER_SERVING) {
            stats->timeout_keep_alive++;
            stats->connections_closed_keep_alive++;
        } else {
            stats->connections_closed_drain++;
        }
        conn_close(conn);
        break;
    case CONN_HEAD:
        stats->timeout_head++;
        refuse(conn, text_bytes(&conn->pending), FAILURE_HEAD_TIMEOUT);
        break;
    case CONN_FLUSH:
    case CONN_LINGER: {
        bool is_waiting = transport_queued_bytes(&conn->tcp.transport) > 0;

        if (is_waiting && transport_unread_bytes(&conn->tcp.transport) < conn->unread_bytes) {
            arm_write(conn); /* slow, but reading */
        } else if (is_waiting) {
            stats->timeout_client_write++;
            conn_abort(conn);
        } else {
            conn_close(conn);
        }
        break;
    }
    case CONN_STREAM:
    case CONN_CLOSING:
        break;
    }
}

static void set_client(struct conn *conn, const struct address *peer)
{
    struct text ip;

    conn->peer = *peer;
    conn->client = *peer;
    if (conn->listener->config->address.is_unix) {
        memcpy(conn->client_ip, "unknown", 7); /* RFC 7239 section 6.2 */
        conn->client_ip_length = 7;
        return;
    }
    text_init(&ip);
    address_add_ip(peer, &ip);
    conn->client_ip_length = (uint8_t)ip.len;
    memcpy(conn->client_ip, ip.at, ip.len);
    text_fini(&ip);
}

void conn_open(struct listener *listener, int fd, const struct address *peer)
{
    struct worker *worker = listener->worker;
    struct conn *conn = mem_new(struct conn);

    conn->magic = CONN_MAGIC;
    conn->worker = worker;
    conn->listener = listener;
    set_client(conn, peer);
    conn->is_trusted = is_trusted(worker->config, peer);
    text_init(&conn->pending);
    deadline_init(&conn->deadline, on_conn_deadline);
    list_push_back(&worker->conns, &conn->link);
    worker->conns_count++;
    if (!conn_is_admin(conn)) {
        worker->clients_count++;
        worker->stats.connections_accepted++;
        worker->stats.connections_now++;
    }
    tcp_open(&conn->tcp, &worker->net, fd, &client_events);
    enter_idle(conn);
    if (listener->config->proxy_protocol) {
        conn->state = CONN_PROXY_HEADER;
        arm(conn, worker->config->timeouts.proxy_header_ms);
    }
    transport_resume(&conn->tcp.transport);
}

enum status conn_write(struct conn *conn, const struct bytes *parts, size_t count)
{
    return transport_write(&conn->tcp.transport, parts, count);
}

bool conn_is_idle(const struct conn *conn)
{
    return conn->state == CONN_IDLE && conn->pending.len == 0;
}

void conn_drain(struct conn *conn)
{
    if (conn->state == CONN_IDLE)
        arm(conn, DRAIN_IDLE_MS);
}
