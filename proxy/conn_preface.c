/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_preface.c - what comes on a connection before its protocol: who connects, if a balancer
 * before us says so, and TLS.
 *
 *     [PROXY_HEADER ->] [HANDSHAKE ->] client_h1 or client_h2
 *                                 \--> tcp_relay
 */
#include "core/check.h"
#include "proxy/client.h"
#include "proxy/conn_parts.h"
#include "proxy/http/proxy_header.h"
#include "proxy/limits.h"
#include "proxy/tcp_relay.h"
#include "tls/tls.h"

/* ---- PROXY header ---- */

bool conn_is_trusted(const struct proxy_config *config, const struct address *peer)
{
    for (size_t i = 0; i < config->trusted_count; i++)
        if (address_range_has(&config->trusted[i], peer))
            return true;
    return false;
}

void conn_set_client_ip(struct conn *conn, const struct address *address)
{
    struct text ip;

    text_init(&ip);
    address_add_ip(address, &ip);
    conn->client_ip_length = (uint8_t)ip.len;
    memcpy(conn->client_ip, ip.at, ip.len);
    text_fini(&ip);
}

static void adopt_proxy_header(struct conn *conn, const struct proxy_header *header)
{
    if (!header->has_address)
        return;
    conn->client = header->source;
    conn->destination = header->destination;
    conn->is_trusted = conn_is_trusted(conn->worker->config, &conn->client);
    conn_set_client_ip(conn, &conn->client);
}

static void refuse_proxy_header(struct conn *conn, const char *sentence)
{
    conn->worker->stats.connections_closed_error++;
    log_warn(conn->worker->log, sentence, LOG_ADDRESS("peer", &conn->peer));
    conn_close(conn);
}

static void begin_protocol(struct conn *conn);

void conn_read_proxy_header(struct conn *conn, struct bytes data)
{
    struct proxy_header header;
    struct text held;
    size_t used = 0;
    enum status status;

    if (conn->worker->config->trusted_count > 0 && !conn->is_trusted) {
        refuse_proxy_header(conn, "a PROXY header from a peer outside trusted-proxies");
        return;
    }
    text_add(&conn->pending, data);
    status = proxy_header_parse(text_bytes(&conn->pending), &header, &used);
    if (status == STATUS_AGAIN)
        return;
    if (status != STATUS_OK) {
        refuse_proxy_header(conn, "bad PROXY header; is the peer a load balancer that sends one?");
        return;
    }
    adopt_proxy_header(conn, &header);
    held = conn->pending;
    text_init(&conn->pending);
    begin_protocol(conn);
    if (held.len > used) /* for TLS, if that is who listens to the socket now */
        conn->tcp.transport.events->on_bytes(&conn->tcp.transport,
                                             bytes_skip(text_bytes(&held), used));
    text_fini(&held);
}

/* ---- TLS ---- */

void conn_handshake_is_over(struct conn *conn)
{
    CHECK(conn->worker->handshakes_now > 0);
    conn->worker->handshakes_now--;
    limits_conn_closed(conn->worker);
}

/* Once for all its requests. */
static void describe_client_cert(struct conn *conn)
{
    const struct tls_host *host = tls_host_of(conn->tls);

    if (tls_host_config(host)->client_auth != TLS_CLIENT_AUTH_NONE)
        (void)tls_client_certificate(conn->tls, &conn->client_cert);
}

static void on_tls_ready(struct tls *tls)
{
    struct conn *conn = conn_of(tls_transport(tls));
    struct stats *stats = &conn->worker->stats;

    CHECK(conn->state == CONN_HANDSHAKE);
    conn_handshake_is_over(conn);
    if (tls_was_resumed(tls))
        stats->tls_resumed++;
    else
        stats->tls_full++;
    describe_client_cert(conn);
    if (conn->relay != NULL)
        tcp_relay_begin(conn, BYTES_NONE);
    else if (tls_is_h2(tls))
        client_h2_begin(conn, BYTES_NONE);
    else
        client_h1_begin(conn);
}

/* The client's TLS is between it and an endpoint: the socket is ours again. */
static void on_tls_passed(struct tls *tls, struct bytes hello)
{
    struct conn *conn = conn_of(tls_transport(tls));

    CHECK(conn->state == CONN_HANDSHAKE);
    conn_handshake_is_over(conn);
    conn->tcp.transport.events = &conn_events;
    conn->tcp.transport.owner = conn;
    conn->transport = &conn->tcp.transport;
    conn->tls = NULL;
    tls_destroy(tls);
    tcp_relay_begin(conn, hello);
}

static void begin_tls(struct conn *conn)
{
    conn->state = CONN_HANDSHAKE;
    conn->worker->handshakes_now++;
    conn_arm(conn, conn->worker->config->timeouts.handshake_ms);
    transport_pause(&conn->tcp.transport);
    conn->tls = tls_accept(conn->worker->tls, &conn->tcp.transport, &conn_events, conn,
                           on_tls_ready, on_tls_passed);
    conn->transport = tls_transport(conn->tls);
    transport_resume(conn->transport);
}

static void begin_protocol(struct conn *conn)
{
    if (conn_is_secure(conn))
        begin_tls(conn);
    else
        client_h1_begin(conn);
}

void conn_handshake_failed(struct conn *conn)
{
    enum tls_failure failure = tls_failure_of(conn->tls);

    if (tcp_relay_is_passthrough(conn)) /* it would not have been ours */
        return;
    conn->worker->stats.tls_failures[failure]++;
    log_debug(conn->worker->log, "a TLS handshake failed", LOG_ADDRESS("client", &conn->client),
              LOG_STRING("why", tls_failure_label(failure)));
}

void conn_begin(struct conn *conn)
{
    if (!conn->listener->config->proxy_protocol) {
        begin_protocol(conn);
        return;
    }
    conn->state = CONN_PROXY_HEADER;
    conn_arm(conn, conn->worker->config->timeouts.proxy_header_ms);
}
