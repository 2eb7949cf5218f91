/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_end.h - a transport over a real socket, what it heard, and the plain socket at its other
 * end.
 */
#ifndef TESTS_UNIT_CORE_SOCKET_END_H
#define TESTS_UNIT_CORE_SOCKET_END_H

#include "core/list.h"
#include "core/mem.h"
#include "core/tcp.h"
#include "core/text.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <sys/socket.h>

#define MEGABYTE (1024 * 1024)

struct end {
    struct tcp tcp;
    struct text got;
    unsigned int reads;
    unsigned int ends;
    unsigned int drains;
    unsigned int breaks;
    unsigned int closes;
    unsigned int connects;
    enum status why; /* of the break or of the connect */
    bool pauses;     /* at the first bytes */
    bool closes_at_bytes;
    int peer;
};

struct place {
    uv_loop_t loop;
    uv_timer_t tick; /* so that one turn of the loop never waits for long */
    struct net net;
};

static inline struct end *end_of(struct transport *transport)
{
    return LIST_ENTRY(transport, struct end, tcp.transport);
}

static inline void on_bytes(struct transport *transport, struct bytes data)
{
    struct end *end = end_of(transport);

    end->reads++;
    text_add(&end->got, data);
    if (end->pauses)
        transport_pause(transport);
    if (end->closes_at_bytes) {
        transport_close(transport);
        transport_close(transport);
    }
}

static inline void on_end(struct transport *transport)
{
    end_of(transport)->ends++;
}

static inline void on_drained(struct transport *transport)
{
    end_of(transport)->drains++;
}

static inline void on_broken(struct transport *transport, enum status why)
{
    end_of(transport)->breaks++;
    end_of(transport)->why = why;
}

static inline void on_closed(struct transport *transport)
{
    end_of(transport)->closes++;
}

static inline void on_connected(struct tcp *tcp, enum status status)
{
    struct end *end = end_of(&tcp->transport);

    end->connects++;
    end->why = status;
}

static const struct transport_events events = {
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_broken = on_broken,
    .on_closed = on_closed,
};

static inline void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static inline void open_place(struct place *place)
{
    assert_int_equal(uv_loop_init(&place->loop), 0);
    assert_int_equal(uv_timer_init(&place->loop, &place->tick), 0);
    assert_int_equal(uv_timer_start(&place->tick, on_tick, 1, 1), 0);
    net_init(&place->net, &place->loop);
}

/* Nothing may be left behind: neither bytes nor handles. */
static inline void close_place(struct place *place)
{
    assert_int_equal(place->net.queued_bytes, 0);
    assert_int_equal(place->net.chunks.used_count, 0);
    uv_close((uv_handle_t *)&place->tick, NULL);
    while (net_turn(&place->net, true))
        ;
    assert_int_equal(uv_loop_close(&place->loop), 0);
    net_fini(&place->net);
}

#define TURNS_MAX 5000
#define run_until(place, condition)                                                                \
    do {                                                                                           \
        for (int turns_ = 0; turns_ < TURNS_MAX && !(condition); turns_++)                         \
            (void)net_turn(&(place)->net, true);                                                   \
        assert_true(condition);                                                                    \
    } while (0)

static inline void run_turns(struct place *place, int turns)
{
    while (turns-- > 0)
        (void)net_turn(&place->net, true);
}

static inline int listen_on(struct address *address)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(local);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&local, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &length), 0);
    assert_int_equal(address_from_sockaddr((const struct sockaddr *)&local, address), STATUS_OK);
    return fd;
}

static inline void init_end(struct end *end)
{
    *end = (struct end){.peer = -1};
    text_init(&end->got);
}

/* Connected over the loopback; buffers kept small so that little is much. */
static inline void open_end(struct place *place, struct end *end)
{
    struct address address;
    struct sockaddr_storage remote;
    int listener = listen_on(&address);
    socklen_t length = address_to_sockaddr(&address, &remote);
    int small = 8192;
    int fd;

    init_end(end);
    end->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(end->peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(end->peer, (const struct sockaddr *)&remote, length), 0);
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    (void)close(listener);
    tcp_open(&end->tcp, &place->net, fd, &events);
}

static inline void close_end(struct place *place, struct end *end)
{
    transport_close(&end->tcp.transport);
    assert_int_equal(end->closes, 0); /* never from inside that call */
    run_until(place, end->closes == 1);
    text_fini(&end->got);
    if (end->peer >= 0)
        (void)close(end->peer);
}

static inline void peer_sends(const struct end *end, struct bytes data)
{
    assert_int_equal(send(end->peer, data.at, data.len, MSG_NOSIGNAL), data.len);
}

static inline enum status write_one(struct end *end, struct bytes data)
{
    return transport_write(&end->tcp.transport, &data, 1);
}

/* A megabyte in which every place can be told from the next ones. */
static inline struct bytes pattern(void)
{
    static char at[MEGABYTE];

    for (size_t i = 0; i < sizeof(at); i++)
        at[i] = (char)((i * 2654435761u) >> 13);
    return bytes_from(at, sizeof(at));
}

/* What the peer can read now is added to `text`; false at its end. */
static inline bool peer_reads(const struct end *end, struct text *text)
{
    char piece[65536];
    ssize_t count = recv(end->peer, piece, sizeof(piece), MSG_DONTWAIT);

    if (count > 0)
        text_add(text, bytes_from(piece, (size_t)count));
    return count != 0;
}

static inline void peer_reads_until(struct place *place, const struct end *end, struct text *text,
                                    size_t len)
{
    for (int i = 0; i < 100000 && text->len < len; i++) {
        (void)peer_reads(end, text);
        (void)net_turn(&place->net, false);
    }
    assert_int_equal(text->len, len);
}

#endif
