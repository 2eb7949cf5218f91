/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_h2.c - a client's HTTP/2 connection: feeds its session, writes what that has to say at the
 * end of the turn, and brings it to an end. Its streams are client_h2_stream.c's.
 */
#include "proxy/client_h2.h"

#include "core/mem.h"
#include "proxy/limits.h"
#include "proxy/worker.h"

static const struct proxy_timeouts *timeouts_of(const struct client_h2 *client)
{
    return &client->conn->worker->config->timeouts;
}

static uint64_t idle_left_ms(const struct client_h2 *client)
{
    uint64_t now_ms = worker_now_ms(client->conn->worker);

    return client->idle_until_ms > now_ms ? client->idle_until_ms - now_ms : 0;
}

/* To the end, or until it may rest. */
static void arm_rest(struct client_h2 *client)
{
    uint64_t left_ms = idle_left_ms(client);
    bool may_rest = left_ms > CLIENT_H2_REST_MS && list_is_empty(&client->streams);

    client->is_resting = false;
    conn_arm(client->conn, may_rest ? CLIENT_H2_REST_MS : (uint32_t)left_ms);
}

void client_h2_arm_idle(struct client_h2 *client)
{
    uint32_t span_ms = client->is_draining ? DRAIN_IDLE_MS : timeouts_of(client)->keep_alive_ms;

    client->idle_until_ms = worker_now_ms(client->conn->worker) + span_ms;
    arm_rest(client);
}

/* ---- writing ---- */

static void on_gone(struct conn *conn, enum failure why)
{
    struct client_h2 *client = conn->h2;
    struct list *first = client->streams.next;

    while (first != &client->streams) {
        struct client_h2_stream *half = LIST_ENTRY(first, struct client_h2_stream, link);

        first = first->next;
        half->is_closed = true;
        if (half->stream != NULL)
            stream_client_gone(half->stream, why);
    }
}

static void connection_is_dead(struct client_h2 *client)
{
    conn_close(client->conn);
    on_gone(client->conn, FAILURE_CLIENT_GONE);
}

/* The answer is out before its request was complete: no more of that is wanted (RFC 9113 section
 * 8.1). Only now, since a reset would take the answer with it. */
static bool reset_early(struct client_h2 *client)
{
    bool any = false;

    LIST_EACH (&client->early, link) {
        struct client_h2_stream *half = LIST_ENTRY(link, struct client_h2_stream, early_link);

        if (!half->end_is_out)
            continue;
        list_remove(link);
        client_h2_stream_reset(half, H2_NO_ERROR);
        any = true;
    }
    return any;
}

static void end_session(struct client_h2 *client)
{
    struct conn *conn = client->conn;

    if (conn->state != CONN_SESSION)
        return;
    conn->worker->stats.connections_closed_asked++;
    conn->worker->stats.h2_ended[h2_end_of(client->session)]++;
    conn->must_linger = true;
    on_gone(conn, FAILURE_CLIENT_GONE);
    conn_linger(conn);
}

static void write_out(struct client_h2 *client)
{
    struct conn *conn = client->conn;
    enum status status;

    if (conn->state != CONN_SESSION)
        return;
    do
        status = flush_session(conn->worker, client->session, conn->transport);
    while (status == STATUS_OK && reset_early(client));
    conn->worker->stats.limit_streams += h2_take_refused_count(client->session);
    if (status == STATUS_CLOSED)
        connection_is_dead(client);
    else if (status == STATUS_OK && h2_is_over(client->session))
        end_session(client);
}

static void run_flush(struct flush *flush)
{
    write_out(LIST_ENTRY(flush, struct client_h2, flush));
}

/* ---- the connection ---- */

static void session_failed(struct client_h2 *client)
{
    struct conn *conn = client->conn;

    (void)flush_session(conn->worker, client->session, conn->transport);
    end_session(client);
}

/* A head that is not complete within one read has a deadline, which bytes that drip do not push
 * away (hostile-input 84). */
static void time_head(struct client_h2 *client)
{
    bool is_open = client->head_of != NULL;

    if (is_open == client->head_is_timed || client->conn->state != CONN_SESSION)
        return;
    client->head_is_timed = is_open;
    if (is_open)
        conn_arm(client->conn, timeouts_of(client)->head_ms);
    else
        client_h2_arm_idle(client);
}

static void on_bytes(struct conn *conn, struct bytes data)
{
    struct client_h2 *client = conn->h2;

    if (h2_receive(client->session, data, worker_now_ms(conn->worker)) != STATUS_OK) {
        if (conn->state == CONN_SESSION)
            session_failed(client);
        return;
    }
    if (client->is_resting && conn->state == CONN_SESSION)
        arm_rest(client); /* it is up again, if only for a PING */
    time_head(client);
    client_h2_ask_flush(client);
}

static void on_conn_end(struct conn *conn)
{
    connection_is_dead(conn->h2);
}

static void on_drained(struct conn *conn)
{
    write_out(conn->h2);
}

static void go_away(struct client_h2 *client)
{
    client->is_going_away = true;
    h2_shutdown(client->session, false);
    client_h2_ask_flush(client);
    conn_arm(client->conn, timeouts_of(client)->client_write_ms);
}

/* A client that does not open a stream's window, or does not read at all: hostile-input 72. */
static void reset_unread(struct client_h2 *client)
{
    LIST_EACH (&client->streams, link) {
        struct client_h2_stream *half = LIST_ENTRY(link, struct client_h2_stream, link);
        size_t unread = client_h2_stream_unread_bytes(half);

        if (half->stream != NULL || half->is_reset)
            continue; /* it has a deadline of its own */
        if (unread >= half->unread_bytes) {
            client->conn->worker->stats.timeout_client_write++;
            client_h2_stream_reset(half, H2_CANCEL);
        }
        half->unread_bytes = unread;
    }
    conn_arm(client->conn, timeouts_of(client)->client_write_ms);
}

static void go_away_now(struct client_h2 *client)
{
    go_away(client);
    write_out(client);
    end_session(client);
}

static void rest(struct client_h2 *client)
{
    client->is_resting = true;
    h2_rest(client->session);
    conn_arm(client->conn, (uint32_t)idle_left_ms(client));
}

/* While nobody waits for a head: a look, now and then, at what has not been read. */
static void on_deadline(struct conn *conn)
{
    struct client_h2 *client = conn->h2;

    if (client->head_is_timed) {
        conn->worker->stats.timeout_head++;
        go_away_now(client);
    } else if (list_is_empty(&client->streams) && idle_left_ms(client) > 0) {
        rest(client);
    } else if (list_is_empty(&client->streams)) {
        conn_count_idle_end(conn);
        go_away_now(client);
    } else if (client->is_draining && !client->is_going_away) {
        go_away(client);
    } else {
        reset_unread(client);
    }
}

static void drain(struct conn *conn)
{
    struct client_h2 *client = conn->h2;

    if (conn->state != CONN_SESSION || client->is_draining)
        return;
    client->is_draining = true;
    h2_shutdown(client->session, true);
    client_h2_ask_flush(client);
    client_h2_arm_idle(client);
}

static bool is_idle(const struct conn *conn)
{
    return conn->state == CONN_SESSION && list_is_empty(&conn->h2->streams);
}

static void fini(struct conn *conn)
{
    struct client_h2 *client = conn->h2;

    LIST_EACH (&client->streams, link)
        client_h2_stream_release(LIST_ENTRY(link, struct client_h2_stream, link));
    list_remove(&client->flush.link);
    h2_destroy(client->session);
    conn->h2 = NULL;
    mem_free(client);
}

void client_h2_begin(struct conn *conn, struct bytes data)
{
    const struct proxy_config *config = conn->worker->config;
    const struct h2_config session = {
        .side = H2_SERVER,
        .limits = config->limits,
        .streams_max = config->h2_streams_max,
        .window_bytes = H2_STREAM_WINDOW_BYTES,
        .websockets = true,
        .pool = conn->worker->h2_memory,
        .scheme = conn_is_secure(conn) ? BYTES("https") : BYTES("http"),
    };
    struct client_h2 *client = mem_new(struct client_h2);

    client->conn = conn;
    list_init(&client->streams);
    list_init(&client->early);
    flush_init(&client->flush, run_flush);
    client->session = h2_create(&session, &client_h2_events, client);
    conn->h2 = client;
    conn->ops = &client_h2_ops;
    conn->state = CONN_SESSION;
    conn->worker->stats.h2_sessions++;
    client_h2_arm_idle(client);
    client_h2_ask_flush(client);
    if (conn->worker->state != WORKER_SERVING)
        drain(conn);
    if (data.len > 0)
        on_bytes(conn, data);
}

const struct client_ops client_h2_ops = {
    .on_bytes = on_bytes,
    .on_end = on_conn_end,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_gone = on_gone,
    .drain = drain,
    .is_idle = is_idle,
    .fini = fini,
    .send = client_h2_stream_send,
    .update_reading = client_h2_stream_update_reading,
    .begin_tunnel = client_h2_stream_begin_tunnel,
    .abort = client_h2_stream_abort,
    .finish = client_h2_stream_finished,
    .unread_bytes = client_h2_stream_unread,
};
