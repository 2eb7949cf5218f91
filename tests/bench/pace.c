/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - an HTTP/1.1 client at a fixed rate, for latencies that waiting does not flatter.
 *
 *     pace --to 127.0.0.1:8080 --host app.test --path / --rate 2000 --seconds 10 [--connections 16]
 *
 * Each request has its own due time and its latency counts from then, so that a stall of the proxy
 * is seen by all requests that were due meanwhile. Prints one line of JSON, times in microseconds.
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
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 4096
#define ANSWER_MAX      (64u * 1024)

struct options {
    struct sockaddr_in to;
    const char *host;
    const char *path;
    uint64_t rate; /* requests a second, all connections together */
    uint64_t seconds;
    uint32_t connections;
};

struct conn {
    int fd;
    uint64_t due_us; /* of the request under way; 0 = idle */
    char *answer;    /* owned */
    size_t length;
};

struct load {
    struct options options;
    struct conn *conns; /* owned */
    uint32_t *idle;     /* owned; stack of idle connections */
    uint32_t idle_count;
    char request[2048];
    size_t request_length;
    int epoll_fd;
    uint64_t started_us;
    uint64_t sent;       /* requests begun; the next one's due time follows from it */
    uint32_t *latencies; /* owned; microseconds */
    uint64_t done;
    uint64_t failed; /* broken connections and answers that are not 2xx */
    uint64_t reconnects;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "pace: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        die("memory");
    return memory;
}

static void conn_open(struct load *load, struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    int on = 1;

    conn->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (conn->fd < 0 ||
        connect(conn->fd, (struct sockaddr *)&load->options.to, sizeof(load->options.to)) != 0)
        die("connect");
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        die("epoll_ctl");
    conn->due_us = 0;
    conn->length = 0;
    load->idle[load->idle_count++] = (uint32_t)(conn - load->conns);
}

static uint64_t next_due_us(const struct load *load)
{
    return load->started_us + load->sent * 1000000 / load->options.rate;
}

/* Begin all requests that are due and have an idle connection. */
static void send_due(struct load *load)
{
    uint64_t now = now_us();

    while (load->idle_count > 0 && next_due_us(load) <= now &&
           load->sent < load->options.rate * load->options.seconds) {
        struct conn *conn = &load->conns[load->idle[--load->idle_count]];

        conn->due_us = next_due_us(load);
        load->sent++;
        if (send(conn->fd, load->request, load->request_length, MSG_NOSIGNAL) < 0)
            continue; /* its end comes as an event */
    }
}

static void conn_fail(struct load *load, struct conn *conn)
{
    if (conn->due_us != 0) {
        load->failed++;
        load->latencies[load->done++] = UINT32_MAX;
    }
    load->reconnects++;
    close(conn->fd);
    if (conn->due_us == 0) /* it stands among the idle ones: take it out */
        for (uint32_t i = 0; i < load->idle_count; i++)
            if (load->idle[i] == (uint32_t)(conn - load->conns))
                load->idle[i] = load->idle[--load->idle_count];
    conn_open(load, conn);
}

/* The length of the whole answer, 0 while its head is not here; answers must have a length. */
static size_t answer_length(const struct conn *conn)
{
    const char *end = memmem(conn->answer, conn->length, "\r\n\r\n", 4);
    const char *field = strcasestr(conn->answer, "\r\nContent-Length:");

    if (end == NULL)
        return 0;
    if (field == NULL || field > end)
        return (size_t)(end - conn->answer) + 4;
    return (size_t)(end - conn->answer) + 4 + strtoull(field + 17, NULL, 10);
}

static void on_readable(struct load *load, struct conn *conn)
{
    ssize_t count =
        recv(conn->fd, conn->answer + conn->length, ANSWER_MAX - conn->length, MSG_DONTWAIT);

    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0 || conn->due_us == 0) {
        conn_fail(load, conn);
        return;
    }
    conn->length += (size_t)count;
    conn->answer[conn->length] = '\0';
    size_t whole = answer_length(conn);
    if (whole == 0 || conn->length < whole)
        return;
    if (conn->length < 12 || conn->answer[9] != '2')
        load->failed++;
    load->latencies[load->done++] = (uint32_t)(now_us() - conn->due_us);
    conn->due_us = 0;
    conn->length = 0;
    load->idle[load->idle_count++] = (uint32_t)(conn - load->conns);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(const struct load *load)
{
    const uint32_t *sorted = load->latencies;
    uint64_t count = load->done;

    qsort(load->latencies, count, sizeof(*sorted), compare);
    printf("{\"requests\": %llu, \"failed\": %llu, \"reconnects\": %llu, \"p50_us\": %u, "
           "\"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u}\n",
           (unsigned long long)count, (unsigned long long)load->failed,
           (unsigned long long)load->reconnects, sorted[count / 2], sorted[count * 99 / 100],
           sorted[count * 999 / 1000], sorted[count - 1]);
}

static void run(struct load *load)
{
    struct epoll_event events[256];
    uint64_t total = load->options.rate * load->options.seconds;
    uint64_t give_up_us;

    load->started_us = now_us();
    give_up_us = load->started_us + (load->options.seconds + 10) * 1000000;
    while (load->done < total && now_us() < give_up_us) {
        send_due(load);
        uint64_t now = now_us();
        uint64_t due = next_due_us(load);
        uint64_t wait = load->idle_count > 0 && due > now && load->sent < total ? due - now : 5000;
        struct timespec timeout = {.tv_nsec = (long)(wait < 5000 ? wait : 5000) * 1000};
        int count = epoll_pwait2(load->epoll_fd, events, 256, &timeout, NULL);

        for (int i = 0; i < count; i++)
            on_readable(load, events[i].data.ptr);
    }
}

static bool take_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--to") == 0)
        return net_parse(value, &options->to);
    if (strcmp(name, "--host") == 0)
        options->host = value;
    else if (strcmp(name, "--path") == 0)
        options->path = value;
    else if (strcmp(name, "--rate") == 0)
        options->rate = strtoull(value, NULL, 10);
    else if (strcmp(name, "--seconds") == 0)
        options->seconds = strtoull(value, NULL, 10);
    else if (strcmp(name, "--connections") == 0)
        options->connections = (uint32_t)strtoul(value, NULL, 10);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct load load = {.options = {.host = "localhost", .path = "/", .connections = 16}};
    struct options *options = &load.options;
    bool good = argc > 1 && argc % 2 == 1;

    for (int i = 1; good && i + 1 < argc; i += 2)
        good = take_option(options, argv[i], argv[i + 1]);
    if (!good || options->rate == 0 || options->seconds == 0 || options->connections == 0 ||
        options->connections > CONNECTIONS_MAX || options->to.sin_port == 0) {
        fprintf(stderr, "usage: pace --to IPV4:PORT --rate N --seconds N [--host NAME] "
                        "[--path PATH] [--connections N]\n");
        return 2;
    }
    load.request_length =
        (size_t)snprintf(load.request, sizeof(load.request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                         options->path, options->host);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* 50 us of slack would be in every latency */
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load.conns = allocate(options->connections, sizeof(*load.conns));
    load.idle = allocate(options->connections, sizeof(*load.idle));
    load.latencies = allocate(options->rate * options->seconds + 1, sizeof(*load.latencies));
    for (uint32_t i = 0; i < options->connections; i++) {
        load.conns[i].answer = allocate(1, ANSWER_MAX + 1);
        conn_open(&load, &load.conns[i]);
    }
    run(&load);
    if (load.done == 0)
        die("no answers");
    report(&load);
    return 0;
}
