/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo.c - a small HTTP/1.1 backend that shows what reached it, fast enough for wrk.
 *
 *     echo --listen 127.0.0.1:9001 [--name api-1] [--workers 2] [--health FILE]
 *
 * Prints one line when it listens (port 0 picks one). Paths: see echo_paths.c. One process per
 * worker, an edge-triggered epoll loop each: a request on a warm connection costs one read and one
 * write.
 */
#include "echo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WORKERS_MAX   64
#define READ_SIZE     (64u * 1024)
#define EVENTS_MAX    256
#define LISTENER_DATA NULL /* epoll data of the listening socket */

const char *echo_name = "echo";
const char *echo_health_file;

/* A process is one loop and nothing else, so its state may stand here. */
static struct conn *sleepers; /* unsorted: tests have a handful */
static int epoll_fd;
static uint64_t conns_count;

uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

_Noreturn void die(const char *what)
{
    fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

void conn_sleep(struct conn *conn, uint32_t ms)
{
    if (conn->wake_at_ms == 0) {
        conn->next_sleeper = sleepers;
        sleepers = conn;
    }
    conn->wake_at_ms = now_ms() + (ms > 0 ? ms : 1);
}

static void conn_unlink_sleeper(struct conn *conn)
{
    struct conn **at = &sleepers;

    while (*at != NULL && *at != conn)
        at = &(*at)->next_sleeper;
    if (*at != NULL)
        *at = conn->next_sleeper;
    conn->wake_at_ms = 0;
}

/* Milliseconds to the next waking, -1 for none. */
static int sleep_timeout(void)
{
    uint64_t next = UINT64_MAX;

    if (sleepers == NULL)
        return -1;
    for (const struct conn *conn = sleepers; conn != NULL; conn = conn->next_sleeper)
        if (conn->wake_at_ms < next)
            next = conn->wake_at_ms;
    uint64_t now = now_ms();
    return next <= now ? 0 : (int)(next - now);
}

static void conn_destroy(struct conn *conn)
{
    if (conn->wake_at_ms != 0)
        conn_unlink_sleeper(conn);
    if (conn->ending == END_RESET) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};

        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    close(conn->fd);
    buffer_fini(&conn->in);
    buffer_fini(&conn->out);
    buffer_fini(&conn->request.head);
    free(conn);
}

/* Returns false when the connection is broken. */
static bool conn_read(struct conn *conn)
{
    char *room = buffer_reserve(&conn->in, READ_SIZE);
    ssize_t count = read(conn->fd, room, READ_SIZE);

    if (count < 0) {
        conn->can_read = false;
        return errno == EAGAIN || errno == EINTR;
    }
    if (count == 0)
        conn->at_eof = true;
    /* A short read leaves the socket empty, unless what follows is the end: that raises no edge. */
    conn->can_read = count == READ_SIZE || (conn->hung_up && count > 0);
    conn->in.end += (size_t)count;
    return true;
}

static bool conn_write(struct conn *conn)
{
    size_t waiting = buffer_length(&conn->out);
    ssize_t count =
        send(conn->fd, conn->out.bytes + conn->out.start, waiting, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (count < 0) {
        conn->can_write = false;
        return errno == EAGAIN || errno == EINTR;
    }
    conn->can_write = (size_t)count == waiting;
    buffer_consume(&conn->out, (size_t)count);
    return true;
}

static void conn_after_head(struct conn *conn)
{
    conn->requests++;
    conn->produce = PRODUCE_NOTHING;
    conn->ending = conn->request.keep_alive ? END_KEEP : END_CLOSE;
    conn->made = 0;
    conn->trailers = false;
    conn->chunk_state = CHUNK_SIZE;
    answer_begin(conn);
}

/* One step of the story; false when it must wait for the peer or for time. */
static bool conn_step(struct conn *conn)
{
    enum took took;

    switch (conn->state) {
    case CONN_HEAD:
        took = request_take_head(conn);
        if (took == TOOK_BAD) {
            buffer_printf(&conn->out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                                      "Connection: close\r\n\r\n");
            conn->ending = END_CLOSE;
            conn->state = CONN_FLUSH;
        } else if (took == TOOK_ALL) {
            conn_after_head(conn);
        }
        return took != TOOK_NOTHING;
    case CONN_BODY:
        if (buffer_length(&conn->out) >= OUT_BYTES_MARK)
            return false;
        took = request_take_body(conn);
        if (took == TOOK_ALL)
            answer_body_ended(conn);
        if (took == TOOK_BAD) {
            conn->ending = END_RESET;
            conn->state = CONN_FLUSH;
        }
        return took != TOOK_NOTHING;
    case CONN_ANSWER:
        if (conn->wake_at_ms != 0)
            return false;
        return answer_produce(conn);
    case CONN_WEBSOCKET:
        return buffer_length(&conn->out) < OUT_BYTES_MARK && websocket_run(conn);
    case CONN_FLUSH:
        return false;
    }
    return false;
}

static bool conn_is_over(const struct conn *conn)
{
    if (conn->state == CONN_FLUSH)
        return buffer_length(&conn->out) == 0;
    /* A peer that has said its last word still gets the answers it asked for. */
    return conn->at_eof && conn->state != CONN_ANSWER && buffer_length(&conn->out) == 0;
}

/* Do all that can be done now. The connection may be gone afterwards. */
static void conn_run(struct conn *conn)
{
    bool moved = true;

    while (moved) {
        moved = false;
        if (conn->can_read && !conn->at_eof && buffer_length(&conn->in) < IN_BYTES_MAX &&
            buffer_length(&conn->out) < OUT_BYTES_MARK) {
            if (!conn_read(conn)) {
                conn_destroy(conn);
                return;
            }
            moved = true;
        }
        while (conn_step(conn))
            moved = true;
        if (conn->can_write && buffer_length(&conn->out) > 0) {
            if (!conn_write(conn)) {
                conn_destroy(conn);
                return;
            }
            moved = moved || conn->can_write;
        }
    }
    if (conn_is_over(conn))
        conn_destroy(conn);
}

static void wake_sleepers(void)
{
    uint64_t now = now_ms();
    struct conn *next = NULL;

    for (struct conn *conn = sleepers; conn != NULL; conn = next) {
        next = conn->next_sleeper;
        if (conn->wake_at_ms > now)
            continue;
        conn_unlink_sleeper(conn);
        conn_run(conn);
    }
}

static void accept_all(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = calloc(1, sizeof(*conn));
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
        int on = 1;

        if (conn == NULL)
            die("memory");
        conn->fd = fd;
        conn->number = ++conns_count;
        conn->can_write = true;
        event.data.ptr = conn;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            die("epoll_ctl");
    }
}

static _Noreturn void serve(int listener)
{
    struct epoll_event events[EVENTS_MAX];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = LISTENER_DATA};

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll");
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, sleep_timeout());

        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;

            if (conn == LISTENER_DATA) {
                accept_all(listener);
                continue;
            }
            conn->can_read |= (events[i].events & ~(uint32_t)EPOLLOUT) != 0;
            conn->can_write |= (events[i].events & EPOLLOUT) != 0;
            conn->hung_up |= (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
            conn_run(conn);
        }
        if (sleepers != NULL)
            wake_sleepers();
    }
}

static int listen_on(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    socklen_t length = sizeof(*address);

    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)address, length) != 0 || listen(fd, 4096) != 0)
        die("listen");
    if (getsockname(fd, (struct sockaddr *)address, &length) != 0)
        die("getsockname");
    return fd;
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: echo --listen IPV4:PORT [--name NAME] [--workers N] "
                    "[--health FILE]\n");
    exit(2);
}

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    const char *colon = strrchr(text, ':');
    struct addrinfo hints = {
        .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found;
    char host[64];

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(address, found->ai_addr, sizeof(*address));
    freeaddrinfo(found);
    return true;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {0};
    int listeners[WORKERS_MAX];
    int workers = 1;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--listen") == 0 && parse_address(argv[i + 1], &address))
            continue;
        if (strcmp(argv[i], "--name") == 0)
            echo_name = argv[i + 1];
        else if (strcmp(argv[i], "--health") == 0)
            echo_health_file = argv[i + 1];
        else if (strcmp(argv[i], "--workers") == 0)
            workers = atoi(argv[i + 1]);
        else
            usage();
    }
    if (address.sin_family != AF_INET || argc % 2 == 0 || workers < 1 || workers > WORKERS_MAX)
        usage();
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < workers; i++)
        listeners[i] = listen_on(&address);
    printf("echo %s listens on %s:%d\n", echo_name, inet_ntoa(address.sin_addr),
           ntohs(address.sin_port));
    fflush(stdout);
    for (int i = 1; i < workers; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            serve(listeners[i]);
        }
    }
    serve(listeners[0]);
}
