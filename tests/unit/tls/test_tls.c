/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls.c - TLS over sockets: the loop, the engine's turn and both kinds of transport together.
 */
#include "core/tcp.h"
#include "tests/unit/tls/make.h"
#include "tls/tls.h"

#include <sys/socket.h>

#define ECHO_BYTES (8u * 1024 * 1024)

/* One end of a connection of ours. */
struct side {
    struct tcp tcp;
    struct tls *tls;
    uint64_t sent, got; /* bytes */
    int pauses, ends, closes;
    bool is_echo, is_wrong;
};

static struct side *side_of(struct transport *transport)
{
    return transport->owner;
}

/* The byte at a place of the stream. */
static char byte_at(uint64_t at)
{
    return (char)(at * 31 + at / 256);
}

static void send_more(struct side *side)
{
    char buffer[60000];
    enum status status = STATUS_OK;

    while (status == STATUS_OK && side->sent < ECHO_BYTES) {
        struct bytes part = bytes_from(buffer, sizeof(buffer));

        if (part.len > ECHO_BYTES - side->sent)
            part.len = ECHO_BYTES - side->sent;
        for (size_t i = 0; i < part.len; i++)
            buffer[i] = byte_at(side->sent + i);
        side->sent += part.len;
        status = transport_write(tls_transport(side->tls), &part, 1);
        assert_int_not_equal(status, STATUS_CLOSED);
    }
    if (status == STATUS_OK)
        transport_finish(tls_transport(side->tls));
}

static void on_ready(struct tls *tls)
{
    struct side *side = side_of(tls_transport(tls));

    transport_resume(tls_transport(tls));
    if (!side->is_echo)
        send_more(side);
}

static void on_bytes(struct transport *transport, struct bytes data)
{
    struct side *side = side_of(transport);

    for (size_t i = 0; i < data.len; i++)
        side->is_wrong |= data.at[i] != byte_at(side->got + i);
    side->got += data.len;
    if (side->is_echo && transport_write(transport, &data, 1) == STATUS_AGAIN) {
        transport_pause(transport);
        side->pauses++;
    }
}

static void on_end(struct transport *transport)
{
    struct side *side = side_of(transport);

    side->ends++;
    if (side->is_echo)
        transport_finish(transport);
    if (!side->is_echo || transport_queued_bytes(transport) == 0)
        transport_close(transport);
}

static void on_drained(struct transport *transport)
{
    struct side *side = side_of(transport);

    if (!side->is_echo)
        send_more(side);
    else if (side->ends > 0)
        transport_close(transport);
    else
        transport_resume(transport);
}

static void on_broken(struct transport *transport, enum status why)
{
    (void)why;
    side_of(transport)->is_wrong = true;
    transport_close(transport);
}

static void on_closed(struct transport *transport)
{
    struct side *side = side_of(transport);

    side->closes++;
    tls_destroy(side->tls);
}

static const struct transport_events events = {
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_broken = on_broken,
    .on_closed = on_closed,
};

static struct tls_choice choose(void *context, void *owner, struct bytes name)
{
    (void)owner;
    assert_bytes(name, "a.test");
    return (struct tls_choice){TLS_SERVE, context};
}

static struct tls_host *make_host(void)
{
    struct identity leaf = make_identity(&(struct recipe){.name = "a.test"});
    struct certificate *certificate = make_certificate(&leaf, NULL);
    struct tls_host *host = tls_host_create(&(struct tls_host_config){
        .certificates = {[CERTIFICATE_ECDSA] = certificate}, .version_max = TLS_VERSION_1_3});

    certificate_unref(certificate);
    identity_free(&leaf);
    return host;
}

static void open_sides(struct net *net, struct tls_engine *engine, struct side *client,
                       struct side *server)
{
    struct tls_upstream *upstream =
        tls_upstream_create(&(struct tls_upstream_config){.server_name = BYTES("a.test")});
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    tcp_open(&client->tcp, net, fds[0], NULL);
    tcp_open(&server->tcp, net, fds[1], NULL);
    client->tls = tls_connect(engine, &client->tcp.transport, upstream, &events, client, on_ready);
    server->tls = tls_accept(engine, &server->tcp.transport, &events, server, on_ready, NULL);
    tls_upstream_unref(upstream);
}

TEST(megabytes_come_back_over_sockets_with_back_pressure_and_a_clean_end)
{
    struct tls_host *host = make_host();
    struct tls_tickets *tickets = tls_tickets_create(TLS_TICKETS_ROTATE_S);
    struct tls_engine *engine = tls_engine_create(tickets, choose, host);
    struct side client = {0};
    struct side server = {.is_echo = true};
    struct net net;
    uv_loop_t loop;
    bool is_busy;

    assert_int_equal(uv_loop_init(&loop), 0);
    net_init(&net, &loop);
    open_sides(&net, engine, &client, &server);
    do {
        is_busy = tls_engine_turn(engine);
    } while (net_turn(&net, !is_busy));
    assert_int_equal(client.got, ECHO_BYTES);
    assert_int_equal(server.got, ECHO_BYTES);
    assert_false(client.is_wrong || server.is_wrong);
    assert_true(server.pauses > 0);
    assert_int_equal(client.ends + server.ends, 2);
    assert_int_equal(client.closes + server.closes, 2);
    net_fini(&net);
    assert_int_equal(uv_loop_close(&loop), 0);
    tls_engine_destroy(engine);
    tls_tickets_destroy(tickets);
    tls_host_unref(host);
}

TESTS(UNIT(megabytes_come_back_over_sockets_with_back_pressure_and_a_clean_end))
