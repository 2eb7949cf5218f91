/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_relay.c - bytes in both directions, and how they end.
 *
 *     CHOSEN -> CONNECTING -> OPEN -> ENDED         both sides have said all
 *                  \            \---> BREAKING -> ENDED   one of them is dead
 *                   \-> ENDED                             no endpoint
 *
 * What one side sends is written to the other one before anything else is read. Where it does not
 * take all, the rest is queued and the sender is not read: so each direction holds one read at
 * most.
 */
#include "proxy/tcp_relay.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/access_log.h"
#include "proxy/client.h"
#include "proxy/tcp_attempt.h"
#include "proxy/upstream.h"
#include "tls/tls.h"

static struct tcp_relay *relay_of(const struct conn *conn)
{
    CHECK(conn->relay != NULL && conn->relay->magic == TCP_RELAY_MAGIC);
    return conn->relay;
}

static struct stats *stats_of(const struct tcp_relay *relay)
{
    return &relay->conn->worker->stats;
}

static void arm_idle(struct tcp_relay *relay)
{
    conn_arm(relay->conn, relay->conn->worker->config->timeouts.tcp_idle_ms);
}

/* ---- the end ---- */

static void account(struct tcp_relay *relay)
{
    struct worker *worker = relay->conn->worker;

    worker->stats.tcp_ended[relay->failure]++;
    if (worker->access_log != NULL)
        access_log_write_tcp(worker->access_log, relay);
}

void tcp_relay_end(struct tcp_relay *relay, enum failure failure)
{
    struct conn *conn = relay->conn;

    if (relay->state == TCP_ENDED)
        return;
    relay->state = TCP_ENDED;
    relay->failure = failure;
    stats_of(relay)->tcp_now--;
    account(relay);
    tcp_attempt_end(relay, failure != FAILURE_NONE);
    if (failure == FAILURE_NONE || relay->client_is_broken)
        conn_close(conn);
    else
        conn_abort(conn);
}

/* When both have said all, and all of it has gone out. */
static void end_if_both(struct tcp_relay *relay)
{
    if (relay->client_ended && relay->endpoint_ended &&
        transport_queued_bytes(relay->conn->transport) == 0 &&
        transport_queued_bytes(relay->upstream->transport) == 0)
        tcp_relay_end(relay, FAILURE_NONE);
}

/* ---- one side is dead ---- */

static enum failure failure_of_break(const struct tcp_relay *relay)
{
    return relay->endpoint_is_broken ? FAILURE_UPSTREAM_RESET : FAILURE_CLIENT_GONE;
}

/* What the side that is left was sent is its own, and a reset would overtake it. */
static void look_at_break(struct tcp_relay *relay)
{
    struct transport *left =
        relay->client_is_broken ? relay->upstream->transport : relay->conn->transport;
    bool both = relay->client_is_broken && relay->endpoint_is_broken;

    if (both || worker_now_ms(relay->conn->worker) >= relay->break_due_ms ||
        transport_unread_bytes(left) == 0)
        tcp_relay_end(relay, failure_of_break(relay));
    else
        conn_arm(relay->conn, TCP_BREAK_LOOK_MS);
}

static void begin_break(struct tcp_relay *relay)
{
    struct worker *worker = relay->conn->worker;

    if (relay->state == TCP_OPEN) {
        relay->state = TCP_BREAKING;
        relay->break_due_ms = worker_now_ms(worker) + worker->config->timeouts.linger_ms;
        transport_pause(relay->conn->transport);
        transport_pause(relay->upstream->transport);
    }
    look_at_break(relay);
}

static void break_client(struct tcp_relay *relay)
{
    relay->client_is_broken = true;
    begin_break(relay);
}

static void break_endpoint(struct tcp_relay *relay)
{
    relay->endpoint_is_broken = true;
    begin_break(relay);
}

void tcp_relay_client_broken(struct conn *conn)
{
    struct tcp_relay *relay = relay_of(conn);

    if (relay->state == TCP_OPEN || relay->state == TCP_BREAKING) {
        break_client(relay);
        return;
    }
    relay->client_is_broken = true;
    tcp_relay_end(relay, FAILURE_CLIENT_GONE);
}

/* ---- from the client ---- */

static void send_to_endpoint(struct tcp_relay *relay, struct bytes data)
{
    enum status status = transport_write(relay->upstream->transport, &data, 1);

    relay->bytes_in += data.len;
    stats_of(relay)->tcp_bytes_in += data.len;
    if (status == STATUS_AGAIN) {
        transport_pause(relay->conn->transport);
    } else if (status != STATUS_OK) {
        break_endpoint(relay);
        return;
    }
    arm_idle(relay);
}

static void on_client_bytes(struct conn *conn, struct bytes data)
{
    struct tcp_relay *relay = relay_of(conn);

    if (relay->state == TCP_OPEN)
        send_to_endpoint(relay, data);
}

static void on_client_end(struct conn *conn)
{
    struct tcp_relay *relay = relay_of(conn);

    if (relay->state != TCP_OPEN)
        return;
    relay->client_ended = true;
    transport_finish(relay->upstream->transport);
    arm_idle(relay);
    end_if_both(relay);
}

/* The client has read all that was queued for it. */
static void on_client_drained(struct conn *conn)
{
    struct tcp_relay *relay = relay_of(conn);

    if (relay->state == TCP_BREAKING)
        look_at_break(relay);
    if (relay->state != TCP_OPEN)
        return;
    if (!relay->endpoint_ended)
        transport_resume(relay->upstream->transport);
    arm_idle(relay);
    end_if_both(relay);
}

/* ---- from the endpoint ---- */

static struct tcp_relay *relay_of_upstream(const struct upstream *upstream)
{
    CHECK(upstream->relay != NULL && upstream->relay->magic == TCP_RELAY_MAGIC);
    return upstream->relay;
}

static void on_endpoint_bytes(struct upstream *upstream, struct bytes data)
{
    struct tcp_relay *relay = relay_of_upstream(upstream);
    enum status status;

    if (relay->state != TCP_OPEN)
        return;
    status = transport_write(relay->conn->transport, &data, 1);
    relay->bytes_out += data.len;
    stats_of(relay)->tcp_bytes_out += data.len;
    if (status == STATUS_AGAIN) {
        transport_pause(upstream->transport);
    } else if (status != STATUS_OK) {
        break_client(relay);
        return;
    }
    arm_idle(relay);
}

static void on_endpoint_end(struct upstream *upstream, bool is_reset)
{
    struct tcp_relay *relay = relay_of_upstream(upstream);

    if (is_reset) {
        break_endpoint(relay);
        return;
    }
    if (relay->state != TCP_OPEN)
        return;
    relay->endpoint_ended = true;
    transport_finish(relay->conn->transport);
    arm_idle(relay);
    end_if_both(relay);
}

static void on_endpoint_drained(struct upstream *upstream)
{
    struct tcp_relay *relay = relay_of_upstream(upstream);

    if (relay->state == TCP_BREAKING)
        look_at_break(relay);
    if (relay->state != TCP_OPEN)
        return;
    if (!relay->client_ended)
        transport_resume(relay->conn->transport);
    arm_idle(relay);
    end_if_both(relay);
}

static void on_endpoint_open(struct upstream *upstream)
{
    tcp_relay_opened(relay_of_upstream(upstream));
}

static void on_endpoint_open_failed(struct upstream *upstream, enum failure why)
{
    tcp_attempt_failed(relay_of_upstream(upstream), why);
}

static void fini_upstream(struct upstream *upstream)
{
    (void)upstream;
}

/* Nothing of a stream: a relay carries none. */
const struct upstream_ops upstream_tcp_ops = {
    .on_open = on_endpoint_open,
    .on_open_failed = on_endpoint_open_failed,
    .on_bytes = on_endpoint_bytes,
    .on_end = on_endpoint_end,
    .on_drained = on_endpoint_drained,
    .fini = fini_upstream,
};

/* ---- the beginning ---- */

static struct tcp_relay *relay_create(struct conn *conn, const struct vhost *vhost,
                                      struct bytes server_name)
{
    struct tcp_relay *relay = mem_new(struct tcp_relay);

    relay->magic = TCP_RELAY_MAGIC;
    relay->conn = conn;
    relay->generation = current_take(&conn->worker->current);
    relay->route = vhost->tcp;
    relay->is_passthrough = vhost->tls == NULL;
    relay->started_us = worker_now_us(conn->worker);
    text_init(&relay->object);
    text_init(&relay->server_name);
    text_init(&relay->hello);
    text_add(&relay->object, vhost->tcp->object);
    text_add(&relay->server_name, server_name);
    return relay;
}

struct tls_choice tcp_relay_choose(struct conn *conn, const struct vhost *vhost,
                                   struct bytes server_name)
{
    struct tcp_relay *relay = relay_create(conn, vhost, server_name);

    CHECK(conn->relay == NULL);
    conn->relay = relay;
    conn->ops = &client_tcp_ops;
    relay->failure = tcp_attempt_choose(relay);
    if (relay->failure != FAILURE_NONE) {
        relay->state = TCP_ENDED;
        account(relay);
        return (struct tls_choice){TLS_UNAVAILABLE, NULL};
    }
    if (relay->is_passthrough)
        return (struct tls_choice){TLS_PASS_ON, NULL};
    return (struct tls_choice){TLS_SERVE_BYTES, vhost->tls};
}

bool tcp_relay_is_passthrough(const struct conn *conn)
{
    return conn->relay != NULL && conn->relay->is_passthrough;
}

void tcp_relay_begin(struct conn *conn, struct bytes hello)
{
    struct tcp_relay *relay = relay_of(conn);

    CHECK(relay->state == TCP_CHOSEN);
    relay->state = TCP_CONNECTING;
    conn->state = CONN_RELAY;
    stats_of(relay)->tcp_now++;
    transport_pause(conn->transport);
    text_add(&relay->hello, hello);
    tcp_attempt_begin(relay);
}

/* From here on nothing of the table is needed. */
static void let_table_go(struct tcp_relay *relay)
{
    current_give_back(&relay->conn->worker->current, relay->generation);
    relay->generation = NULL;
    relay->route = NULL;
}

void tcp_relay_opened(struct tcp_relay *relay)
{
    struct text hello = relay->hello;

    relay->state = TCP_OPEN;
    let_table_go(relay);
    text_init(&relay->hello);
    transport_resume(relay->conn->transport);
    arm_idle(relay);
    if (hello.len > 0)
        send_to_endpoint(relay, text_bytes(&hello));
    text_fini(&hello);
}

/* ---- what a connection asks ---- */

static void on_deadline(struct conn *conn)
{
    struct tcp_relay *relay = relay_of(conn);

    switch (relay->state) {
    case TCP_CONNECTING:
        stats_of(relay)->timeout_connect++;
        tcp_attempt_failed(relay, FAILURE_CONNECT_TIMEOUT);
        break;
    case TCP_OPEN:
        stats_of(relay)->timeout_tcp_idle++;
        tcp_relay_end(relay, FAILURE_TCP_IDLE);
        break;
    case TCP_BREAKING:
        look_at_break(relay);
        break;
    case TCP_CHOSEN:
    case TCP_ENDED:
        break;
    }
}

static void on_gone(struct conn *conn, enum failure why)
{
    struct tcp_relay *relay = relay_of(conn);

    if (relay->state != TCP_CHOSEN)
        tcp_relay_end(relay, why);
}

/* It may last for hours: it goes on until the drain timeout cuts it. */
static void drain(struct conn *conn)
{
    (void)conn;
}

static bool is_idle(const struct conn *conn)
{
    (void)conn;
    return false;
}

static void fini(struct conn *conn)
{
    struct tcp_relay *relay = relay_of(conn);

    conn->relay = NULL;
    tcp_attempt_end(relay, true); /* of a handshake that came to nothing; else all is given back */
    text_fini(&relay->object);
    text_fini(&relay->server_name);
    text_fini(&relay->hello);
    relay->magic = 0;
    mem_free(relay);
}

/* The same: nothing of a stream. */
const struct client_ops client_tcp_ops = {
    .on_bytes = on_client_bytes,
    .on_end = on_client_end,
    .on_drained = on_client_drained,
    .on_deadline = on_deadline,
    .on_gone = on_gone,
    .drain = drain,
    .is_idle = is_idle,
    .fini = fini,
};
