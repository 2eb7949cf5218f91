/* SPDX-License-Identifier: Apache-2.0 */
/*
 * greet.c - a client that makes TLS connections, for what a handshake costs and what one holds.
 *
 *     greet --to 127.0.0.1:8443 --host app.test --path / --seconds 3 [--connections 64] [--resume]
 *     greet --to 127.0.0.1:8443 --host app.test --path / --hold 10000 [--connections 64]
 *
 * `connections` are busy at a time, each with a handshake and one HTTP/1.1 request. The first form
 * closes what was answered and begins anew, with a ticket of the connection before when told to
 * resume. The second leaves each open until so many are, prints, and ends with its standard input.
 *
 * TLS 1.3, X25519 and TLS_AES_128_GCM_SHA256 whoever is asked, so that all have the same to do.
 * The certificate is not verified. Prints one line of JSON.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

#define CONNECTIONS_MAX 30000
#define HEAD_MAX        4096
#define EVENTS_MAX      256

struct options {
    struct sockaddr_in to;
    char host[256]; /* an array, for OpenSSL's macro casts const away */
    const char *path;
    uint64_t seconds;
    uint32_t connections;
    uint32_t hold; /* 0 = the first form */
    bool resume;
};

enum step { STEP_GREET, STEP_ASK, STEP_HEAD, STEP_BODY, STEP_DONE };

struct conn {
    int fd;
    enum step step;
    SSL *ssl;             /* owned */
    SSL_SESSION *session; /* owned; the newest ticket this slot was given, or NULL */
    size_t head_length;
    size_t body_left;
    char *head; /* owned; while it is being read */
};

struct load {
    struct options options;
    struct conn *conns; /* owned */
    uint32_t opened;    /* slots of `conns` that were used, when they are held */
    SSL_CTX *tls;       /* owned */
    char request[1024];
    size_t request_length;
    int epoll_fd;
    uint64_t end_ms; /* nothing is begun after it */
    uint64_t done;
    uint64_t failed;
    uint64_t resumed;
    uint64_t tickets;
    const char *cipher; /* of the newest connection */
};

static _Noreturn void die(const char *what)
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

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        die("memory");
    return memory;
}

/* Each slot keeps the newest of the tickets it is given; OpenSSL gives us the reference. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct load *load = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct conn *conn = SSL_get_app_data(ssl);

    load->tickets++;
    if (!load->options.resume)
        return 0;
    SSL_SESSION_free(conn->session);
    conn->session = session;
    return 1;
}

static void make_tls(struct load *load)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (tls == NULL || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") ||
        !SSL_CTX_set1_groups_list(tls, "X25519"))
        die("TLS");
    SSL_CTX_set_app_data(tls, load);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, on_ticket);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    load->tls = tls;
}

static int connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 && errno != EINPROGRESS)
        die("connect");
    return fd;
}

static void conn_open(struct load *load, struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};

    conn->fd = connect_to(&load->options.to);
    conn->step = STEP_GREET;
    conn->head_length = 0;
    conn->head = allocate(1, HEAD_MAX);
    conn->ssl = SSL_new(load->tls);
    if (conn->ssl == NULL || !SSL_set_fd(conn->ssl, conn->fd) ||
        !SSL_set_tlsext_host_name(conn->ssl, load->options.host))
        die("TLS");
    SSL_set_app_data(conn->ssl, conn);
    if (conn->session != NULL)
        SSL_set_session(conn->ssl, conn->session);
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        die("epoll_ctl");
}

static void conn_close(struct conn *conn)
{
    if (conn->step == STEP_DONE)
        SSL_shutdown(conn->ssl);
    SSL_free(conn->ssl);
    close(conn->fd);
    conn->fd = -1;
    free(conn->head);
    conn->head = NULL;
}

/* The slot goes on with a new connection, unless all are there or the time is over. */
static void conn_again(struct load *load, struct conn *conn)
{
    if (load->options.hold == 0) {
        conn_close(conn);
        if (now_ms() < load->end_ms)
            conn_open(load, conn);
        return;
    }
    free(conn->head);
    conn->head = NULL;
    if (load->opened < load->options.hold)
        conn_open(load, &load->conns[load->opened++]);
}

/* How long the body is, of a head that ends at `end`. */
static size_t body_length(const char *head)
{
    const char *field = strcasestr(head, "\r\ncontent-length:");

    return field == NULL ? 0 : strtoul(field + sizeof("\r\ncontent-length:") - 1, NULL, 10);
}

/* Returns whether the step is done. */
static bool take_head(struct conn *conn, size_t count)
{
    conn->head_length += count;
    conn->head[conn->head_length] = '\0';
    const char *end = strstr(conn->head, "\r\n\r\n");
    if (end == NULL)
        return false;
    size_t length = body_length(conn->head);
    size_t got = conn->head_length - (size_t)(end + 4 - conn->head);
    conn->body_left = length > got ? length - got : 0;
    return true;
}

/* What OpenSSL said of a call: more than 0 it worked, 0 it waits for the socket, less it failed. */
static int outcome(struct conn *conn, int result)
{
    if (result > 0)
        return result;
    int why = SSL_get_error(conn->ssl, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    ERR_clear_error();
    return -1;
}

static int step_head(struct conn *conn)
{
    size_t room = HEAD_MAX - 1 - conn->head_length;
    int count = outcome(conn, SSL_read(conn->ssl, conn->head + conn->head_length, (int)room));

    if (count <= 0)
        return count;
    if (!take_head(conn, (size_t)count))
        return conn->head_length < HEAD_MAX - 1 ? 1 : -1;
    conn->step = conn->body_left == 0 ? STEP_DONE : STEP_BODY;
    return strncmp(conn->head, "HTTP/1.1 200", 12) == 0 ? 1 : -1;
}

static int step_body(struct conn *conn)
{
    char scratch[16384];
    int count = outcome(conn, SSL_read(conn->ssl, scratch, sizeof(scratch)));

    if (count <= 0)
        return count;
    conn->body_left -= (size_t)count < conn->body_left ? (size_t)count : conn->body_left;
    if (conn->body_left == 0)
        conn->step = STEP_DONE;
    return 1;
}

static int step_greet(struct load *load, struct conn *conn)
{
    int result = outcome(conn, SSL_connect(conn->ssl));

    if (result <= 0)
        return result;
    load->resumed += SSL_session_reused(conn->ssl) != 0;
    load->cipher = SSL_get_cipher_name(conn->ssl);
    conn->step = STEP_ASK;
    return 1;
}

static int step_ask(struct load *load, struct conn *conn)
{
    int result = outcome(conn, SSL_write(conn->ssl, load->request, (int)load->request_length));

    if (result > 0)
        conn->step = STEP_HEAD;
    return result;
}

/* One step; the answer is like that of outcome(). */
static int conn_step(struct load *load, struct conn *conn)
{
    switch (conn->step) {
    case STEP_GREET:
        return step_greet(load, conn);
    case STEP_ASK:
        return step_ask(load, conn);
    case STEP_HEAD:
        return step_head(conn);
    case STEP_BODY:
        return step_body(conn);
    case STEP_DONE:
        return 0;
    }
    return 0;
}

static void conn_run(struct load *load, struct conn *conn)
{
    int result;

    do {
        result = conn_step(load, conn);
    } while (result > 0 && conn->step != STEP_DONE);
    if (result < 0) {
        load->failed++;
        conn_close(conn);
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

    return options->hold != 0 ? load->done >= options->hold : now_ms() >= load->end_ms;
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

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    const char *colon = strrchr(text, ':');
    char host[32] = "";

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)atoi(colon + 1));
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

static bool parse_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--to") == 0)
        return parse_address(value, &options->to);
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
                        "[--connections N] --seconds N [--resume] | --hold N\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    make_tls(&load);
    load.request_length =
        (size_t)snprintf(load.request, sizeof(load.request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                         options->path, options->host);
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
