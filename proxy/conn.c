/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - opens a client connection, hands on what its transport tells, and ends it.
 *
 *     [PROXY_HEADER ->] [HANDSHAKE ->] a protocol's states -> [LINGER ->] CLOSING
 *                                 \--> RELAY -> CLOSING
 *
 * What comes before the protocol is in conn_preface.c; what comes in a protocol's states is handed
 * to conn->ops.
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/client.h"
#include "proxy/conn_parts.h"
#include "proxy/limits.h"
#include "proxy/tcp_relay.h"
#include "tls/tls.h"

struct conn *conn_of(struct transport *transport)
{
    struct conn *conn = transport->owner;

    CHECK(conn->magic == CONN_MAGIC);
    return conn;
}

void conn_arm(struct conn *conn, uint32_t span_ms)
{
    deadline_set(conn->worker->deadlines, &conn->deadline, worker_now_ms(conn->worker) + span_ms);
}

void conn_arm_write(struct conn *conn)
{
    conn->unread_bytes = transport_unread_bytes(conn->transport);
    conn_arm(conn, conn->worker->config->timeouts.client_write_ms);
}

bool conn_is_read(struct conn *conn)
{
    if (transport_unread_bytes(conn->transport) >= conn->unread_bytes)
        return false;
    conn_arm_write(conn);
    return true;
}

/* ---- the end ---- */

static void on_conn_closed(struct transport *transport)
{
    struct conn *conn = conn_of(transport);
    struct worker *worker = conn->worker;

    CHECK(conn->stream == NULL);
    conn->ops->fini(conn);
    list_remove(&conn->link);
    worker->conns_count--;
    if (!conn_is_admin(conn)) {
        worker->clients_count--;
        worker->stats.connections_now--;
        limits_address_forget(worker, &conn->peer);
    }
    text_fini(&conn->pending);
    text_fini(&conn->client_cert);
    if (conn->tls != NULL)
        tls_destroy(conn->tls);
    conn->magic = 0;
    mem_free(conn);
    limits_conn_closed(worker);
    worker_check_stopped(worker);
}

static bool enter_closing(struct conn *conn)
{
    if (conn->state == CONN_CLOSING)
        return false;
    if (conn->state == CONN_HANDSHAKE)
        conn_handshake_is_over(conn);
    conn->state = CONN_CLOSING;
    deadline_cancel(conn->worker->deadlines, &conn->deadline);
    return true;
}

void conn_close(struct conn *conn)
{
    if (enter_closing(conn))
        transport_close(conn->transport);
}

void conn_abort(struct conn *conn)
{
    if (!enter_closing(conn))
        return;
    conn->worker->stats.connections_closed_error++;
    transport_abort(conn->transport);
}

/* A close with unread input would make the kernel send a reset, which may overtake the answer (RFC
 * 9112 section 9.6). */
void conn_linger(struct conn *conn)
{
    if (conn->client_ended || !conn->must_linger) {
        if (transport_queued_bytes(conn->transport) == 0) {
            conn_close(conn);
            return;
        }
    }
    conn->state = CONN_LINGER;
    text_fini(&conn->pending);
    transport_finish(conn->transport);
    if (transport_queued_bytes(conn->transport) > 0)
        conn_arm_write(conn);
    else
        conn_arm(conn, conn->worker->config->timeouts.linger_ms);
    if (!conn->client_ended)
        transport_resume(conn->transport);
}

void conn_linger_bytes(struct conn *conn, size_t count)
{
    conn->lingered_bytes += (uint32_t)count;
    if (conn->lingered_bytes > LINGER_BYTES_MAX)
        conn_close(conn);
}

static void linger_is_over(struct conn *conn)
{
    if (transport_queued_bytes(conn->transport) == 0) {
        conn_close(conn);
    } else if (!conn_is_read(conn)) {
        conn->worker->stats.timeout_client_write++;
        conn_abort(conn);
    }
}

void conn_count_idle_end(struct conn *conn)
{
    struct stats *stats = &conn->worker->stats;

    if (conn->worker->state != WORKER_SERVING) {
        stats->connections_closed_drain++;
        return;
    }
    stats->timeout_keep_alive++;
    stats->connections_closed_keep_alive++;
}

void conn_cut(struct conn *conn)
{
    if (conn->state != CONN_CLOSING)
        conn->ops->on_gone(conn, FAILURE_SHUTDOWN);
    conn_close(conn);
}

void conn_drain(struct conn *conn)
{
    conn->ops->drain(conn);
}

bool conn_is_idle(const struct conn *conn)
{
    return conn->ops->is_idle(conn);
}

/* ---- what the transport tells ---- */

static void on_client_bytes(struct transport *transport, struct bytes data)
{
    struct conn *conn = conn_of(transport);

    switch (conn->state) {
    case CONN_PROXY_HEADER:
        conn_read_proxy_header(conn, data);
        break;
    case CONN_LINGER:
        conn_linger_bytes(conn, data.len);
        break;
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_STREAM:
    case CONN_FLUSH:
    case CONN_SESSION:
    case CONN_RELAY:
        conn->ops->on_bytes(conn, data);
        break;
    case CONN_HANDSHAKE:
    case CONN_CLOSING:
        break;
    }
}

static void on_client_end(struct transport *transport)
{
    struct conn *conn = conn_of(transport);

    conn->client_ended = true;
    switch (conn->state) {
    case CONN_PROXY_HEADER:
    case CONN_HANDSHAKE:
        conn_close(conn);
        break;
    case CONN_LINGER:
        if (transport_queued_bytes(transport) == 0)
            conn_close(conn);
        break;
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_STREAM:
    case CONN_FLUSH:
    case CONN_SESSION:
    case CONN_RELAY:
        conn->ops->on_end(conn);
        break;
    case CONN_CLOSING:
        break;
    }
}

static void on_client_drained(struct transport *transport)
{
    struct conn *conn = conn_of(transport);

    if (conn->state != CONN_LINGER)
        conn->ops->on_drained(conn);
    else if (conn->client_ended || !conn->must_linger)
        conn_close(conn);
    else
        conn_arm(conn, conn->worker->config->timeouts.linger_ms);
}

static void on_client_broken(struct transport *transport, enum status why)
{
    struct conn *conn = conn_of(transport);

    (void)why;
    if (conn->state == CONN_RELAY) {
        tcp_relay_client_broken(conn);
        return;
    }
    if (conn->state == CONN_HANDSHAKE)
        conn_handshake_failed(conn);
    conn_close(conn);
    conn->ops->on_gone(conn, FAILURE_CLIENT_GONE);
}

const struct transport_events conn_events = {
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
    case CONN_HANDSHAKE:
        stats->timeout_handshake++;
        conn_close(conn);
        break;
    case CONN_LINGER:
        linger_is_over(conn);
        break;
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_STREAM:
    case CONN_FLUSH:
    case CONN_SESSION:
    case CONN_RELAY:
        conn->ops->on_deadline(conn);
        break;
    case CONN_CLOSING:
        break;
    }
}

/* ---- opening ---- */

static void set_client(struct conn *conn, const struct address *peer)
{
    conn->peer = *peer;
    conn->client = *peer;
    if (!conn->listener->config->address.is_unix) {
        conn_set_client_ip(conn, peer);
        return;
    }
    memcpy(conn->client_ip, "unknown", 7); /* RFC 7239 section 6.2 */
    conn->client_ip_length = 7;
}

/* On a unix socket nobody has an address: who may connect was said by the rights of its file. */
static bool is_trusted_by(const struct listener *listener, const struct address *peer)
{
    const struct proxy_config *config = listener->worker->config;

    return listener->config->address.is_unix ? config->trusted_count > 0
                                             : conn_is_trusted(config, peer);
}

static struct conn *conn_create(struct listener *listener, const struct address *peer)
{
    struct worker *worker = listener->worker;
    struct conn *conn = mem_new(struct conn);

    conn->magic = CONN_MAGIC;
    conn->worker = worker;
    conn->listener = listener;
    conn->ops = &client_h1_ops;
    conn->transport = &conn->tcp.transport;
    set_client(conn, peer);
    conn->is_trusted = is_trusted_by(listener, peer);
    text_init(&conn->pending);
    text_init(&conn->client_cert);
    deadline_init(&conn->deadline, on_conn_deadline);
    list_push_back(&worker->conns, &conn->link);
    worker->conns_count++;
    return conn;
}

void conn_open(struct listener *listener, int fd, const struct address *peer)
{
    struct worker *worker = listener->worker;
    struct conn *conn = conn_create(listener, peer);

    if (!conn_is_admin(conn)) {
        worker->clients_count++;
        worker->stats.connections_accepted++;
        worker->stats.connections_now++;
    }
    tcp_open(&conn->tcp, &worker->net, fd, &conn_events);
    conn->tcp.transport.owner = conn;
    conn_begin(conn);
    transport_resume(conn->transport);
}
