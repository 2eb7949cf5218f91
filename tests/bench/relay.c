/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - the floor of the bench: bytes from one socket to another, and nothing else.
 *
 *     relay --listen 127.0.0.1:9100 --backend 127.0.0.1:9001
 *
 * One connection to the backend for each client's, kept as long as it. A request and its answer
 * cost two reads and two writes, which is what any proxy must pay. No bytes are looked at.
 */
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_SIZE  (64u * 1024)
#define EVENTS_MAX 256

struct pair;

struct side {
    int fd;
    bool can_read; /* edge-triggered: until a call comes back short */
    bool can_write;
    bool hung_up;
    struct pair *pair; /* borrowed; holds this side */
    char *held;        /* owned; bytes for this side that its socket did not take, or NULL */
    size_t held_start;
    size_t held_end;
};

struct pair {
    struct side client;
    struct side backend;
    bool closed; /* freed at the end of the turn: an event of the other side may be waiting */
    struct pair *next_closed;
};

static char scratch[READ_SIZE];
static struct pair *closed_pairs;
static int epoll_fd;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct side *other_side(struct side *side)
{
    return side == &side->pair->client ? &side->pair->backend : &side->pair->client;
}

static void pair_close(struct pair *pair)
{
    if (pair->closed)
        return;
    pair->closed = true;
    close(pair->client.fd);
    close(pair->backend.fd);
    pair->next_closed = closed_pairs;
    closed_pairs = pair;
}

static void free_closed(void)
{
    while (closed_pairs != NULL) {
        struct pair *pair = closed_pairs;

        closed_pairs = pair->next_closed;
        free(pair->client.held);
        free(pair->backend.held);
        free(pair);
    }
}

/* What `side` does not take at once is held; until it is gone, the other side is not read. */
static bool side_write(struct side *side, const char *bytes, size_t count)
{
    ssize_t sent = side->can_write ? send(side->fd, bytes, count, MSG_NOSIGNAL) : 0;

    if (sent < 0) {
        if (errno != EAGAIN)
            return false;
        sent = 0;
    }
    if ((size_t)sent == count)
        return true;
    side->can_write = false;
    side->held = malloc(READ_SIZE);
    if (side->held == NULL)
        die("memory");
    memcpy(side->held, bytes + sent, count - (size_t)sent);
    side->held_start = 0;
    side->held_end = count - (size_t)sent;
    return true;
}

static bool side_write_held(struct side *side)
{
    ssize_t sent = send(side->fd, side->held + side->held_start, side->held_end - side->held_start,
                        MSG_NOSIGNAL);

    if (sent < 0) {
        side->can_write = false;
        return errno == EAGAIN;
    }
    side->held_start += (size_t)sent;
    if (side->held_start < side->held_end) {
        side->can_write = false;
        return true;
    }
    free(side->held);
    side->held = NULL;
    return true;
}

/* Move bytes from one side to the other for as long as both are willing. */
static bool move(struct side *from, struct side *to)
{
    if (to->held != NULL && to->can_write && !side_write_held(to))
        return false;
    while (from->can_read && to->held == NULL) {
        ssize_t count = read(from->fd, scratch, READ_SIZE);

        if (count == 0)
            return false;
        if (count < 0) {
            from->can_read = false;
            return errno == EAGAIN;
        }
        from->can_read = count == READ_SIZE || from->hung_up;
        if (!side_write(to, scratch, (size_t)count))
            return false;
    }
    return true;
}

static void on_event(struct side *side, uint32_t events)
{
    struct pair *pair = side->pair;

    if (pair->closed)
        return;
    side->can_read |= (events & ~(uint32_t)EPOLLOUT) != 0;
    side->can_write |= (events & EPOLLOUT) != 0;
    side->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (!move(side, other_side(side)) || !move(other_side(side), side))
        pair_close(pair);
}

static void side_open(struct side *side, struct pair *pair, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = side};
    int on = 1;

    side->fd = fd;
    side->pair = pair;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void accept_all(int listener, const struct sockaddr_in *backend)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct pair *pair = calloc(1, sizeof(*pair));

        if (upstream < 0 || pair == NULL)
            die("socket");
        if (connect(upstream, (const struct sockaddr *)backend, sizeof(*backend)) != 0 &&
            errno != EINPROGRESS)
            die("connect");
        side_open(&pair->client, pair, fd);
        side_open(&pair->backend, pair, upstream);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {0};
    struct sockaddr_in backend = {0};
    struct epoll_event events[EVENTS_MAX];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}; /* NULL: the listener */

    if (argc != 5 || strcmp(argv[1], "--listen") != 0 || !net_parse(argv[2], &address) ||
        strcmp(argv[3], "--backend") != 0 || !net_parse(argv[4], &backend)) {
        fprintf(stderr, "usage: relay --listen IPV4:PORT --backend IPV4:PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = net_listen(&address);
    if (listener < 0)
        die("listen");
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll");
    printf("relay listens on %s\n", argv[2]);
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listener, &backend);
            else
                on_event(events[i].data.ptr, events[i].events);
        }
        free_closed();
    }
}
