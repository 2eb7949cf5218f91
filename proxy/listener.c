/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.c - accepts in batches, pauses at limits, and closes without losing anybody.
 */
#include "proxy/listener.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/conn.h"
#include "proxy/limits.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LISTEN_BACKLOG   4096
#define ACCEPT_BATCH_MAX 64  /* connections taken in one turn of the loop */
#define PAUSE_MS         100 /* after an error that will pass */
#define WARN_AGAIN_MS    1000
#define CLOSING_ROUND_MS 20
#define CLOSING_ROUNDS   5 /* handshakes under way get this many rounds to complete */

/* ---- binding ---- */

static int bind_failed(const struct listen_address *address, int fd, struct log *log,
                       const char *what)
{
    struct text text;
    int error = errno;

    text_init(&text);
    listen_address_add(address, &text);
    log_error(log, what, LOG_BYTES("address", text_bytes(&text)), LOG_ERRNO(error));
    text_fini(&text);
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* A socket file that nobody listens on any more is left over from a process that was killed. */
static bool is_stale_socket(const struct sockaddr_un *local)
{
    struct stat info;
    int fd;
    bool is_stale;

    if (stat(local->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    is_stale =
        connect(fd, (const struct sockaddr *)local, sizeof(*local)) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    return is_stale;
}

static int bind_unix(const struct listen_address *address, struct log *log)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return bind_failed(address, fd, log, "cannot make a socket");
    memcpy(local.sun_path, address->path, strlen(address->path));
    if (is_stale_socket(&local))
        (void)unlink(local.sun_path);
    if (bind(fd, (const struct sockaddr *)&local, sizeof(local)) != 0)
        return bind_failed(address, fd, log, "cannot bind: is the path in use or not writable?");
    if (listen(fd, LISTEN_BACKLOG) != 0)
        return bind_failed(address, fd, log, "cannot listen");
    return fd;
}

static void set_options(int fd, const struct listen_address *address, bool reuse_port)
{
    int on = 1;
    int off = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (reuse_port)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    /* Accepted sockets inherit it: one system call less for each. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (address->address.is_v6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address->is_any ? &off : &on, sizeof(on));
}

/* SO_REUSEPORT lets a second process of the same user share the port in silence. So the port is
 * probed first without it: whoever has it already is found. */
static bool is_in_use(const struct sockaddr_storage *local, socklen_t length,
                      const struct listen_address *address)
{
    int fd = socket(local->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool in_use;

    if (fd < 0)
        return false;
    set_options(fd, address, false);
    in_use = bind(fd, (const struct sockaddr *)local, length) != 0 && errno == EADDRINUSE;
    (void)close(fd);
    return in_use;
}

static int bind_tcp(struct listen_address *address, struct listener_binding binding,
                    struct log *log)
{
    struct sockaddr_storage local;
    socklen_t length = address_to_sockaddr(&address->address, &local);
    int fd;

    if (binding.is_exclusive && address->address.port != 0 && is_in_use(&local, length, address)) {
        errno = EADDRINUSE;
        return bind_failed(address, -1, log, "cannot bind: another process has this port");
    }
    fd = socket(local.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bind_failed(address, fd, log, "cannot make a socket");
    set_options(fd, address, binding.reuse_port);
    if (bind(fd, (const struct sockaddr *)&local, length) != 0)
        return bind_failed(address, fd, log,
                           errno == EACCES ? "cannot bind: no permission for this port; "
                                             "use one above 1023 or grant CAP_NET_BIND_SERVICE"
                                           : "cannot bind");
    if (!binding.waits && listen(fd, LISTEN_BACKLOG) != 0)
        return bind_failed(address, fd, log, "cannot listen");
    length = sizeof(local);
    if (getsockname(fd, (struct sockaddr *)&local, &length) == 0) {
        struct address bound;

        if (address_from_sockaddr((const struct sockaddr *)&local, &bound) == STATUS_OK)
            address->address.port = bound.port;
    }
    return fd;
}

int listener_bind(struct listen_address *address, struct listener_binding binding, struct log *log)
{
    return address->is_unix ? bind_unix(address, log) : bind_tcp(address, binding, log);
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *poll, int status, int events);

static void watch(struct listener *listener)
{
    listener->is_paused = false;
    listener->lacks_files = false;
    CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_readable) == 0);
}

static void on_timer(uv_timer_t *timer);

/* Bounded waits instead of a busy loop: a level-triggered poll would spin on what we do not take.
 */
static void pause_for(struct listener *listener, uint64_t *counter)
{
    if (!listener->is_paused)
        (*counter)++;
    listener->is_paused = true;
    (void)uv_poll_stop(&listener->poll);
    if (!listener->is_closing)
        CHECK(uv_timer_start(&listener->timer, on_timer, PAUSE_MS, 0) == 0);
}

void listener_on_room(struct listener *listener)
{
    if (listener->is_paused && !listener->lacks_files && !listener->is_closing)
        watch(listener);
}

/* The limit of open files. The admin port must stay reachable, so it may take an idle client's file
 * and goes on at once; a data listener waits, for the freed file is not meant for it. */
static bool find_file(struct listener *listener, int error)
{
    struct worker *worker = listener->worker;
    uint64_t now_ms = worker_now_ms(worker);

    if (listener->warned_ms == 0 || now_ms - listener->warned_ms >= WARN_AGAIN_MS) {
        listener->warned_ms = now_ms;
        log_warn(worker->log, "cannot accept, pausing; raise the limit of open files",
                 LOG_ERRNO(error));
    }
    if (listener->config->is_admin && limits_close_idle(worker))
        return true;
    listener->lacks_files = true;
    pause_for(listener, &worker->stats.accept_paused_files);
    return false;
}

static void take_connection(struct listener *listener, int fd,
                            const struct sockaddr_storage *remote)
{
    struct worker *worker = listener->worker;
    struct address peer = {0};

    if (!listener->config->address.is_unix)
        (void)address_from_sockaddr((const struct sockaddr *)remote, &peer);
    if (!listener->config->is_admin && !limits_address_take(worker, &peer)) {
        worker->stats.connections_refused_address++;
        (void)close(fd);
        return;
    }
    conn_open(listener, fd, &peer);
}

/* True when another connection may wait. */
static bool accept_one(struct listener *listener)
{
    struct stats *stats = &listener->worker->stats;
    struct sockaddr_storage remote;
    socklen_t length = sizeof(remote);
    int fd;

    if (!listener->config->is_admin && !limits_has_room(listener->worker)) {
        pause_for(listener, &stats->accept_paused_connections);
        return false;
    }
    if (listener->config->is_tls && !limits_has_room_for_handshake(listener->worker)) {
        pause_for(listener, &stats->accept_paused_handshakes);
        return false;
    }
    fd = accept4(listener->fd, (struct sockaddr *)&remote, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        take_connection(listener, fd, &remote);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return find_file(listener, errno);
    return errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == EPERM;
}

/* True when all that waited has been taken, or nothing more can be. */
static bool accept_batch(struct listener *listener)
{
    for (int i = 0; i < ACCEPT_BATCH_MAX; i++)
        if (!accept_one(listener))
            return true;
    return false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)events;
    if (status < 0)
        log_error(listener->worker->log, "a listener failed", LOG_ERRNO(status));
    (void)accept_batch(listener);
}

static void write_public_port(struct listener *listener)
{
    const struct proxy_config *config = listener->worker->config;
    uint16_t port = listener->config->is_tls ? config->public_https_port : config->public_http_port;
    size_t at = sizeof(listener->public_port_digits);

    do {
        listener->public_port_digits[--at] = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    listener->public_port =
        bytes_from(listener->public_port_digits + at, sizeof(listener->public_port_digits) - at);
}

struct listener *listener_open(struct worker *worker, const struct listener_config *config, int fd)
{
    struct listener *listener = mem_new(struct listener);

    if (listen(fd, LISTEN_BACKLOG) != 0) /* once more where it does already: no harm */
        log_error(worker->log, "cannot listen", LOG_ERRNO(errno));
    listener->worker = worker;
    listener->config = config;
    listener->fd = fd;
    write_public_port(listener);
    CHECK(uv_poll_init(worker->loop, &listener->poll, fd) == 0);
    CHECK(uv_timer_init(worker->loop, &listener->timer) == 0);
    listener->poll.data = listener;
    listener->timer.data = listener;
    listener->handles_open = 2;
    watch(listener);
    return listener;
}

/* ---- closing ---- */

/* Drops segments with SYN and without ACK. The filter sees the TCP header first; byte 13 has the
 * flags (RFC 9293 section 3.1). A client that gets no answer to its SYN sends it again after a
 * second, when the port is closed or another process's. */
static void refuse_syns(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),          BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    CHECK(listener->handles_open > 0);
    if (--listener->handles_open > 0)
        return;
    (void)close(listener->fd);
    listener->fd = -1;
    if (listener->config->address.is_unix)
        (void)unlink(listener->config->address.path);
    worker_check_stopped(listener->worker);
}

static void on_timer(uv_timer_t *timer)
{
    struct listener *listener = timer->data;

    if (!listener->is_closing) {
        if (listener->is_paused)
            watch(listener);
        return;
    }
    if (listener->closing_rounds > 0)
        listener->closing_rounds--;
    if (!accept_batch(listener) || listener->closing_rounds > 0)
        return;
    uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
    uv_close((uv_handle_t *)&listener->timer, on_handle_closed);
}

void listener_close(struct listener *listener)
{
    if (listener->is_closing)
        return;
    listener->is_closing = true;
    listener->closing_rounds = CLOSING_ROUNDS;
    if (!listener->config->address.is_unix)
        refuse_syns(listener->fd);
    if (listener->is_paused)
        watch(listener);
    CHECK(uv_timer_start(&listener->timer, on_timer, CLOSING_ROUND_MS, CLOSING_ROUND_MS) == 0);
}

bool listener_is_closed(const struct listener *listener)
{
    return listener->handles_open == 0;
}

void listener_destroy(struct listener *listener)
{
    CHECK(listener_is_closed(listener));
    mem_free(listener);
}
