/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - connections without sockets, for tests: a transport of memory, a server of ours on it,
 * and a client that is OpenSSL's own and does what it is told.
 *
 *     struct world world;
 *     open_world(&world);              a CA, a host "a.test", an engine
 *     begin(&world, "a.test");         a connection with a client that asks for that name
 *     run(&world);                     until nothing moves any more
 *     close_world(&world);
 */
#ifndef TESTS_UNIT_TLS_WIRE_H
#define TESTS_UNIT_TLS_WIRE_H

#include "tests/unit/tls/make.h"
#include "tls/parts.h"
#include "tls/tls.h"

#include <openssl/ssl.h>

/* ---- a transport of memory ---- */

struct pipe {
    struct transport transport; /* first field */
    struct text arrived;        /* from the peer, not lent yet */
    struct text sent;           /* to the peer, not taken yet */
    struct text queued;         /* written while the peer takes nothing */
    size_t lend_max;            /* bytes of one on_bytes */
    int writes;
    bool is_reading, is_clogged, is_dead, is_finished, is_closing, was_reset, is_closed;
    bool has_peer_ended, was_end_told;
};

static inline void pipe_resume(struct transport *transport)
{
    ((struct pipe *)transport)->is_reading = true;
}

static inline void pipe_pause(struct transport *transport)
{
    ((struct pipe *)transport)->is_reading = false;
}

static inline enum status pipe_write(struct transport *transport, const struct bytes *parts,
                                     size_t count)
{
    struct pipe *pipe = (struct pipe *)transport;
    bool is_queueing = pipe->is_clogged || pipe->queued.len > 0;

    if (pipe->is_dead || pipe->is_finished || pipe->is_closing)
        return STATUS_CLOSED;
    pipe->writes += count > 0;
    for (size_t i = 0; i < count; i++)
        text_add(is_queueing ? &pipe->queued : &pipe->sent, parts[i]);
    return pipe->queued.len > 0 ? STATUS_AGAIN : STATUS_OK;
}

static inline void pipe_finish(struct transport *transport)
{
    ((struct pipe *)transport)->is_finished = true;
}

static inline void pipe_close(struct transport *transport, bool reset)
{
    struct pipe *pipe = (struct pipe *)transport;

    pipe->is_closing = true;
    pipe->was_reset = reset;
}

static inline size_t pipe_queued_bytes(const struct transport *transport)
{
    return ((const struct pipe *)transport)->queued.len;
}

static inline bool pipe_is_stale(struct transport *transport)
{
    return ((struct pipe *)transport)->arrived.len > 0;
}

static inline void pipe_open(struct pipe *pipe)
{
    static const struct transport_ops ops = {
        .resume = pipe_resume,
        .pause = pipe_pause,
        .write = pipe_write,
        .finish = pipe_finish,
        .close = pipe_close,
        .queued_bytes = pipe_queued_bytes,
        .unread_bytes = pipe_queued_bytes,
        .is_stale = pipe_is_stale,
    };

    *pipe = (struct pipe){.transport = {.ops = &ops}, .lend_max = 65536};
}

static inline void pipe_fini(struct pipe *pipe)
{
    text_fini(&pipe->arrived);
    text_fini(&pipe->sent);
    text_fini(&pipe->queued);
}

/* A copy of just that size, so that a look past it is found out. */
static inline void pipe_lend(struct pipe *pipe)
{
    size_t length = pipe->arrived.len < pipe->lend_max ? pipe->arrived.len : pipe->lend_max;
    char *copy = mem_alloc(length);

    memcpy(copy, pipe->arrived.at, length);
    memmove(pipe->arrived.at, pipe->arrived.at + length, pipe->arrived.len - length);
    pipe->arrived.len -= length;
    pipe->transport.events->on_bytes(&pipe->transport, bytes_from(copy, length));
    mem_free(copy);
}

/* One event, if there is one. */
static inline bool pipe_turn(struct pipe *pipe)
{
    if (pipe->is_closing) {
        if (pipe->is_closed)
            return false;
        pipe->is_closed = true;
        pipe->transport.events->on_closed(&pipe->transport);
        return true;
    }
    if (!pipe->is_clogged && pipe->queued.len > 0) {
        text_add(&pipe->sent, text_bytes(&pipe->queued));
        text_clear(&pipe->queued);
        pipe->transport.events->on_drained(&pipe->transport);
        return true;
    }
    if (!pipe->is_reading)
        return false;
    if (pipe->arrived.len > 0) {
        pipe_lend(pipe);
        return true;
    }
    if (!pipe->has_peer_ended || pipe->was_end_told)
        return false;
    pipe->was_end_told = true;
    pipe->is_reading = false;
    pipe->transport.events->on_end(&pipe->transport);
    return true;
}

/* ---- an end of ours ---- */

struct end {
    struct pipe pipe;
    struct tls *tls; /* owned until it is closed */
    struct text got;
    int readies, reads, ends, drains, breaks, closes;
    struct text passed; /* what was handed back, and what came since */
    int passes;
    enum status why;
    enum tls_failure failure;
    bool stays_paused;                     /* does not read when it is ready */
    bool pauses, closes_when_read, echoes; /* in on_bytes */
};

static inline struct end *end_of(struct transport *transport)
{
    return transport->owner;
}

static inline void end_on_ready(struct tls *tls)
{
    struct end *end = tls_transport(tls)->owner;

    end->readies++;
    if (!end->stays_paused)
        transport_resume(tls_transport(tls));
}

static inline void end_on_bytes(struct transport *transport, struct bytes data)
{
    struct end *end = end_of(transport);

    end->reads++;
    text_add(&end->got, data);
    if (end->echoes)
        (void)transport_write(transport, &data, 1);
    if (end->pauses)
        transport_pause(transport);
    if (end->closes_when_read)
        transport_close(transport);
}

static inline void end_on_end(struct transport *transport)
{
    end_of(transport)->ends++;
}

static inline void end_on_drained(struct transport *transport)
{
    end_of(transport)->drains++;
}

static inline void end_on_broken(struct transport *transport, enum status why)
{
    struct end *end = end_of(transport);

    end->breaks++;
    end->why = why;
    end->failure = tls_failure_of(tls_of(transport));
    transport_close(transport);
}

static inline void end_on_closed(struct transport *transport)
{
    struct end *end = end_of(transport);

    end->closes++;
    tls_destroy(tls_of(transport));
    end->tls = NULL;
}

static const struct transport_events end_events = {
    .on_bytes = end_on_bytes,
    .on_end = end_on_end,
    .on_drained = end_on_drained,
    .on_broken = end_on_broken,
    .on_closed = end_on_closed,
};

static inline void end_on_bytes_passed(struct transport *transport, struct bytes data)
{
    text_add(&end_of(transport)->passed, data);
}

/* Takes the pipe back. */
static inline void end_on_passed(struct tls *tls, struct bytes data)
{
    static const struct transport_events passed_events = {.on_bytes = end_on_bytes_passed};
    struct end *end = tls_transport(tls)->owner;

    end->passes++;
    text_add(&end->passed, data);
    tls_destroy(tls);
    end->tls = NULL;
    end->pipe.transport.events = &passed_events;
    end->pipe.transport.owner = end;
}

static inline void end_accept(struct end *end, struct tls_engine *engine)
{
    *end = (struct end){.why = STATUS_OK};
    pipe_open(&end->pipe);
    end->tls =
        tls_accept(engine, &end->pipe.transport, &end_events, end, end_on_ready, end_on_passed);
}

static inline void end_connect(struct end *end, struct tls_engine *engine,
                               const struct tls_upstream *upstream)
{
    *end = (struct end){.why = STATUS_OK};
    pipe_open(&end->pipe);
    end->tls = tls_connect(engine, &end->pipe.transport, upstream, &end_events, end, end_on_ready);
}

static inline struct transport *transport_of(struct end *end)
{
    assert_non_null(end->tls);
    return tls_transport(end->tls);
}

static inline void end_fini(struct end *end)
{
    if (end->tls != NULL) {
        transport_close(tls_transport(end->tls));
        while (pipe_turn(&end->pipe))
            ;
    }
    assert_null(end->tls);
    pipe_fini(&end->pipe);
    text_fini(&end->got);
    text_fini(&end->passed);
}

/* ---- a client of OpenSSL's ---- */

struct peer {
    SSL_CTX *context;     /* owned; a test sets it up before the first begin() */
    SSL *ssl;             /* owned */
    SSL_SESSION *session; /* owned; the last ticket that came */
    struct text got;
    unsigned long error; /* the first of the handshake or of reading */
    bool is_open;
    bool has_ended; /* close_notify came */
    int tickets;    /* of this connection */
};

static inline int peer_on_session(SSL *ssl, SSL_SESSION *session)
{
    struct peer *peer = SSL_get_app_data(ssl);

    SSL_SESSION_free(peer->session);
    peer->session = session;
    peer->tickets++;
    return 1;
}

static inline void peer_init(struct peer *peer)
{
    *peer = (struct peer){.context = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_security_level(peer->context, 0);
    (void)SSL_CTX_set_min_proto_version(peer->context, TLS1_VERSION);
    (void)SSL_CTX_set_session_cache_mode(peer->context,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(peer->context, peer_on_session);
}

static inline void peer_begin(struct peer *peer, const char *name)
{
    if (peer->ssl != NULL) /* else its session would not be resumed any more */
        SSL_set_shutdown(peer->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(peer->ssl);
    text_clear(&peer->got);
    peer->error = 0;
    peer->tickets = 0;
    peer->is_open = peer->has_ended = false;
    peer->ssl = SSL_new(peer->context);
    (void)SSL_set_app_data(peer->ssl, peer);
    SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(peer->ssl);
    if (name != NULL) {
        char *copy = mem_string(bytes_of(name)); /* the macro takes no constant */

        assert_int_equal(SSL_set_tlsext_host_name(peer->ssl, copy), 1);
        mem_free(copy);
    }
}

static inline void peer_fini(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_SESSION_free(peer->session);
    SSL_CTX_free(peer->context);
    text_fini(&peer->got);
}

static inline void peer_note(struct peer *peer, int result)
{
    int error = SSL_get_error(peer->ssl, result);

    if (error == SSL_ERROR_ZERO_RETURN)
        peer->has_ended = true;
    else if (error != SSL_ERROR_WANT_READ && peer->error == 0)
        peer->error = ERR_peek_error();
    ERR_clear_error();
}

static inline void peer_step(struct peer *peer)
{
    char buffer[16384];
    int count;

    ERR_clear_error();
    if (!peer->is_open) {
        int result = SSL_do_handshake(peer->ssl);

        peer->is_open = result == 1;
        if (result != 1)
            peer_note(peer, result);
    }
    if (!peer->is_open)
        return;
    while ((count = SSL_read(peer->ssl, buffer, sizeof(buffer))) > 0)
        text_add(&peer->got, bytes_from(buffer, (size_t)count));
    peer_note(peer, count);
}

/* Moves bytes between the peer and the pipe of the other end. */
static inline bool peer_turn(struct peer *peer, struct pipe *pipe)
{
    char buffer[16384];
    bool has_moved = false;
    int count;

    if (pipe->sent.len > 0) {
        (void)BIO_write(SSL_get_rbio(peer->ssl), pipe->sent.at, (int)pipe->sent.len);
        text_clear(&pipe->sent);
        has_moved = true;
    }
    if (peer->error == 0)
        peer_step(peer);
    while ((count = BIO_read(SSL_get_wbio(peer->ssl), buffer, sizeof(buffer))) > 0) {
        text_add(&pipe->arrived, bytes_from(buffer, (size_t)count));
        has_moved = true;
    }
    return has_moved;
}

static inline void peer_write(struct peer *peer, struct bytes data)
{
    assert_int_equal(SSL_write(peer->ssl, data.at, (int)data.len), (int)data.len);
}

/* ---- all together ---- */

struct world {
    struct identity ca, leaf;
    struct certificate *certificate;
    struct tls_host_config config; /* of "a.test" */
    struct tls_host *a, *b;        /* ref; what "a.test" and "b.test" are; NULL: nobody */
    struct tls_tickets *tickets;
    struct tls_engine *engine;
    struct end server;
    struct peer client;
    struct text asked; /* the names that choose() was asked for, each with a ';' */
    bool has_server;
};

static inline struct tls_choice world_choice(const struct world *world, struct bytes name)
{
    if (bytes_equal(name, BYTES("passed.test")))
        return (struct tls_choice){TLS_PASS_ON, NULL};
    if (bytes_equal(name, BYTES("down.test")))
        return (struct tls_choice){TLS_UNAVAILABLE, NULL};
    if (bytes_equal(name, BYTES("bytes.test")))
        return (struct tls_choice){TLS_SERVE_BYTES, world->a};
    if (bytes_equal(name, BYTES("a.test")) && world->a != NULL)
        return (struct tls_choice){TLS_SERVE, world->a};
    if (bytes_equal(name, BYTES("b.test")) && world->b != NULL)
        return (struct tls_choice){TLS_SERVE, world->b};
    return (struct tls_choice){TLS_UNKNOWN_NAME, NULL};
}

static inline struct tls_choice world_choose(void *context, void *owner, struct bytes name)
{
    struct world *world = context;

    assert_non_null(owner);
    text_add(&world->asked, name);
    text_add_byte(&world->asked, ';');
    return world_choice(world, name);
}

static inline void set_a(struct world *world)
{
    if (world->a != NULL)
        tls_host_unref(world->a);
    world->a = tls_host_create(&world->config);
}

static inline void open_world(struct world *world)
{
    *world = (struct world){
        .ca = make_identity(&(struct recipe){.name = "ca", .is_ca = true}),
    };
    world->leaf = make_identity(
        &(struct recipe){.name = "a", .sans = "DNS:a.test,IP:10.0.0.1", .issuer = &world->ca});
    world->certificate = make_certificate(&world->leaf, &world->ca);
    world->config = (struct tls_host_config){
        .certificates = {[CERTIFICATE_ECDSA] = world->certificate},
        .version_max = TLS_VERSION_1_3,
    };
    set_a(world);
    world->tickets = tls_tickets_create(TLS_TICKETS_ROTATE_S);
    world->engine = tls_engine_create(world->tickets, world_choose, world);
    world->engine->budget_ns = UINT64_MAX; /* no test may hang on how fast the machine is */
    peer_init(&world->client);
}

static inline void begin(struct world *world, const char *name)
{
    if (world->has_server)
        end_fini(&world->server);
    world->has_server = true;
    end_accept(&world->server, world->engine);
    peer_begin(&world->client, name);
}

/* One turn of a loop; true when there was something to do. */
static inline bool engine_turn(struct tls_engine *engine)
{
    bool has_moved = !list_is_empty(&engine->due) || !list_is_empty(&engine->waiting);

    return tls_engine_turn(engine) || has_moved;
}

static inline void run(struct world *world)
{
    bool has_moved;

    do {
        has_moved = peer_turn(&world->client, &world->server.pipe);
        has_moved = pipe_turn(&world->server.pipe) || has_moved;
        has_moved = engine_turn(world->engine) || has_moved;
        assert_int_equal(world->engine->output.len, 0);
    } while (has_moved);
}

/* The same without the client: what it would say was put on the wire already. */
static inline void run_server(struct world *world)
{
    bool has_moved;

    do {
        has_moved = pipe_turn(&world->server.pipe);
        has_moved = engine_turn(world->engine) || has_moved;
    } while (has_moved);
}

static inline void assert_open(const struct world *world)
{
    assert_int_equal(world->server.failure, TLS_FAILURE_NONE);
    assert_int_equal(world->server.readies, 1);
    assert_true(world->client.is_open);
}

static inline void server_says(struct world *world, struct bytes data)
{
    assert_int_equal(transport_write(transport_of(&world->server), &data, 1), STATUS_OK);
    run(world);
}

/* The handshake came to nothing, for this reason, and the client heard this alert (0: none). */
static inline void assert_refused(const struct world *world, enum tls_failure failure, int alert)
{
    assert_int_equal(world->server.readies, 0);
    assert_int_equal(world->server.breaks, 1);
    assert_int_equal(world->server.closes, 1);
    assert_string_equal(tls_failure_label(world->server.failure), tls_failure_label(failure));
    if (alert != 0)
        assert_int_equal(ERR_GET_REASON(world->client.error), SSL_AD_REASON_OFFSET + alert);
}

/* begin(), and the client says its hello: it waits in the server's pipe, and a copy is in `hello`.
 */
static inline void begin_hello(struct world *world, const char *server_name, struct text *hello)
{
    begin(world, server_name);
    (void)peer_turn(&world->client, &world->server.pipe);
    text_add(hello, text_bytes(&world->server.pipe.arrived));
}

static inline void set_versions(struct world *world, int min, int max)
{
    assert_int_equal(SSL_CTX_set_min_proto_version(world->client.context, min), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(world->client.context, max), 1);
}

static inline void close_world(struct world *world)
{
    if (world->has_server)
        end_fini(&world->server);
    peer_fini(&world->client);
    tls_engine_destroy(world->engine);
    tls_tickets_destroy(world->tickets);
    if (world->a != NULL)
        tls_host_unref(world->a);
    if (world->b != NULL)
        tls_host_unref(world->b);
    certificate_unref(world->certificate);
    identity_free(&world->ca);
    identity_free(&world->leaf);
    text_fini(&world->asked);
}

#endif
