/* SPDX-License-Identifier: Apache-2.0 */
/*
 * greet.c - a client that makes TLS connections, for what a handshake costs and what one holds.
 *
 *     greet --to 127.0.0.1:8443 --host app.test --path / --seconds 3 [--connections 64] [--resume]
 *     greet --to 127.0.0.1:8443 --host app.test --path / --hold 10000 [--connections 64]
 *
 * `connections` are busy at a time, each with a handshake and one request, over HTTP/1.1
 * or with --http2. The first form closes what was answered and begins anew, with a ticket of the
 * connection before when told to resume. The second leaves each open until so many are, prints,
 * and ends with its standard input.
 *
 * TLS 1.3, X25519 and TLS_AES_128_GCM_SHA256 whoever is asked, so that all have the same to do.
 * The certificate is not verified. Prints one line of JSON.
 */
#include "greet.h"

#include "net.h"

#include <openssl/err.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/prctl.h>

#define CONNECTIONS_MAX 30000
#define EVENTS_MAX      256
#define PATIENCE_MS     5000 /* for what is not answered when the time is over */

_Noreturn void die(const char *what)
{
    fprintf(stderr, "greet: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        die("memory");
    return memory;
}

/* The slot goes on with a new connection, unless all are there or the time is over. */
static void conn_again(struct load *load, struct conn *conn)
{
    if (load->options.hold == 0) {
        conn_close(load, conn);
        if (now_ms() < load->end_ms)
            conn_open(load, conn);
        return;
    }
    conn_release_buffers(conn);
    if (load->opened < load->options.hold)
        conn_open(load, &load->conns[load->opened++]);
}

static void conn_run(struct load *load, struct conn *conn)
{
    int result;

    do {
        result = conn_step(load, conn);
    } while (result > 0 && conn->step != STEP_DONE);
    if (result < 0) {
        load->failed++;
        conn_close(load, conn);
        if (load->options.hold != 0)
            die("a connection that was to be held failed");
        if (now_ms() < load->end_ms)
            conn_open(load, conn);
    } else if (conn->step == STEP_DONE) {
        load->done++;
        conn_again(load, conn);
    }
}

static bool is_over(const struct load *load)
{
    const struct options *options = &load->options;

    return options->hold != 0 ? load->done >= options->hold
                              : load->open_count == 0 || now_ms() >= load->end_ms + PATIENCE_MS;
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];

    for (uint32_t i = 0; i < load->options.connections; i++)
        conn_open(load, &load->conns[i]);
    load->opened = load->options.connections;
    while (!is_over(load)) {
        int count = epoll_wait(load->epoll_fd, events, EVENTS_MAX, 100);

        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;

            if (conn->fd >= 0 && conn->step != STEP_DONE)
                conn_run(load, conn);
        }
    }
}

static void print_load(const struct load *load)
{
    uint64_t done = load->done > 0 ? load->done : 1;

    printf("{\"done\": %llu, \"failed\": %llu, \"resumed\": %llu, \"tickets_each\": %.2f, "
           "\"cipher\": \"%s\"}\n",
           (unsigned long long)load->done, (unsigned long long)load->failed,
           (unsigned long long)load->resumed, (double)load->tickets / (double)done,
           load->cipher == NULL ? "none" : load->cipher);
    fflush(stdout);
}

static bool parse_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--to") == 0)
        return net_parse(value, &options->to);
    if (strcmp(name, "--host") == 0)
        snprintf(options->host, sizeof(options->host), "%s", value);
    else if (strcmp(name, "--path") == 0)
        options->path = value;
    else if (strcmp(name, "--seconds") == 0)
        options->seconds = strtoull(value, NULL, 10);
    else if (strcmp(name, "--connections") == 0)
        options->connections = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "--hold") == 0)
        options->hold = (uint32_t)strtoul(value, NULL, 10);
    else
        return false;
    return true;
}

static bool parse_options(struct options *options, int argc, char **argv)
{
    int i = 1;

    while (i < argc) {
        if (strcmp(argv[i], "--resume") == 0) {
            options->resume = true;
            i++;
        } else if (strcmp(argv[i], "--http2") == 0) {
            options->http2 = true;
            i++;
        } else if (i + 1 < argc && parse_option(options, argv[i], argv[i + 1])) {
            i += 2;
        } else {
            return false;
        }
    }
    if (options->hold != 0 && options->connections > options->hold)
        options->connections = options->hold;
    return options->to.sin_family == AF_INET && (options->hold != 0) != (options->seconds != 0) &&
           options->connections >= 1 && options->connections <= CONNECTIONS_MAX &&
           options->hold <= CONNECTIONS_MAX;
}

static void wait_for_end_of_input(void)
{
    char scratch[256];

    while (read(STDIN_FILENO, scratch, sizeof(scratch)) > 0)
        ;
}

int main(int argc, char **argv)
{
    struct load load = {.options = {.host = "app.test", .path = "/", .connections = 64}};
    struct options *options = &load.options;

    if (!parse_options(options, argc, argv)) {
        fprintf(stderr, "usage: greet --to IPV4:PORT [--host NAME] [--path PATH] "
                        "[--http2] [--connections N] --seconds N [--resume] | --hold N\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    make_tls(&load);
    make_request(&load);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load.conns =
        allocate(options->hold != 0 ? options->hold : options->connections, sizeof(struct conn));
    load.end_ms = now_ms() + options->seconds * 1000;
    run(&load);
    print_load(&load);
    if (options->hold != 0)
        wait_for_end_of_input();
    return load.done > 0 ? 0 : 1;
}
