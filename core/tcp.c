/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.c - reads into the loop's shared buffer, writes at once, queues only what is left.
 */
#include "core/tcp.h"

#include "core/check.h"
#include "core/mem.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

#define CHUNKS_KEPT_MAX 64
#define FLUSH_PARTS_MAX 16
/* Reads of one connection in one turn of the loop, so that a fast peer leaves room for others. */
#define READS_PER_TURN_MAX 8

void net_init(struct net *net, uv_loop_t *loop)
{
    *net = (struct net){
        .loop = loop,
        .read_buffer = mem_resize(NULL, READ_BUFFER_BYTES),
        .write_buffer = mem_resize(NULL, GATHER_BYTES_MAX),
    };
    chunk_pool_init(&net->chunks, CHUNKS_KEPT_MAX);
}

void net_fini(struct net *net)
{
    chunk_pool_fini(&net->chunks);
    mem_free(net->read_buffer);
    mem_free(net->write_buffer);
}

static enum status status_of_errno(int error)
{
    switch (error) {
    case 0:
        return STATUS_OK;
    case ECONNREFUSED:
        return STATUS_REFUSED;
    case ETIMEDOUT:
        return STATUS_TIMEOUT;
    case EPIPE:
    case ECONNRESET:
        return STATUS_CLOSED;
    default:
        return STATUS_IO;
    }
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR || error == ENOBUFS;
}

/* ---- what is watched for ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* Tell libuv when something changed. On the request path nothing does. */
static void update_watch(struct tcp *tcp)
{
    bool wants_to_write = tcp->output != NULL || tcp->on_connected != NULL;
    uint8_t wanted =
        (uint8_t)((tcp->is_reading ? UV_READABLE : 0) | (wants_to_write ? UV_WRITABLE : 0));

    if (tcp->is_closing || wanted == tcp->watched)
        return;
    tcp->watched = wanted;
    if (wanted == 0)
        CHECK(uv_poll_stop(&tcp->poll) == 0);
    else
        CHECK(uv_poll_start(&tcp->poll, wanted, on_ready) == 0);
}

static void tcp_resume(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_reading)
        return;
    tcp->is_reading = true;
    update_watch(tcp);
}

static void tcp_pause(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (!tcp->is_reading)
        return;
    tcp->is_reading = false;
    update_watch(tcp);
}

/* ---- reading ---- */

/* One read. True when there may be more at once. */
static bool read_once(struct tcp *tcp)
{
    const struct transport_events *events = tcp->transport.events;
    ssize_t count = recv(tcp->fd, tcp->net->read_buffer, READ_BUFFER_BYTES, MSG_DONTWAIT);

    if (count > 0) {
        events->on_bytes(&tcp->transport, bytes_from(tcp->net->read_buffer, (size_t)count));
        return count == READ_BUFFER_BYTES;
    }
    if (count < 0 && is_passing(errno))
        return false;
    tcp_pause(&tcp->transport);
    if (count == 0)
        events->on_end(&tcp->transport);
    else
        events->on_broken(&tcp->transport, status_of_errno(errno));
    return false;
}

/* ---- writing ---- */

_Static_assert(sizeof(struct bytes) == sizeof(struct iovec) &&
                   offsetof(struct bytes, at) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct bytes, len) == offsetof(struct iovec, iov_len),
               "bytes and iovec are laid out alike");

static ssize_t send_vector(int fd, struct iovec *parts, size_t count)
{
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};

    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Bytes sent, 0 when the peer takes none now, -1 when it is gone. */
static ssize_t send_now(const struct tcp *tcp, const struct bytes *parts, size_t count)
{
    union {
        const struct bytes *ours;
        struct iovec *theirs; /* sendmsg() only reads through it */
    } vector = {.ours = parts};
    ssize_t sent = count == 1 ? send(tcp->fd, parts->at, parts->len, MSG_NOSIGNAL | MSG_DONTWAIT)
                              : send_vector(tcp->fd, vector.theirs, count);

    return sent < 0 && is_passing(errno) ? 0 : sent;
}

/* Queue all of the parts but the first `sent` bytes. */
static void queue_rest(struct tcp *tcp, const struct bytes *parts, size_t count, size_t sent)
{
    if (tcp->output == NULL) {
        tcp->output = mem_new(struct bufq);
        bufq_init(tcp->output, &tcp->net->chunks, 0);
    }
    for (size_t i = 0; i < count; i++) {
        size_t skipped = sent < parts[i].len ? sent : parts[i].len;
        struct bytes rest = bytes_skip(parts[i], skipped);

        sent -= skipped;
        bufq_append(tcp->output, rest);
        tcp->net->queued_bytes += rest.len;
    }
    update_watch(tcp);
}

static void drop_output(struct tcp *tcp)
{
    if (tcp->output == NULL)
        return;
    tcp->net->queued_bytes -= tcp->output->len;
    bufq_fini(tcp->output);
    mem_free(tcp->output);
    tcp->output = NULL;
    update_watch(tcp);
}

static void flush_output(struct tcp *tcp)
{
    while (!bufq_is_empty(tcp->output)) {
        struct iovec parts[FLUSH_PARTS_MAX];
        size_t count = bufq_peek(tcp->output, parts, FLUSH_PARTS_MAX);
        ssize_t sent = send_vector(tcp->fd, parts, count);

        if (sent < 0 && is_passing(errno))
            return;
        if (sent < 0) {
            int error = errno;

            drop_output(tcp);
            tcp->transport.events->on_broken(&tcp->transport, status_of_errno(error));
            return;
        }
        bufq_consume(tcp->output, (size_t)sent);
        tcp->net->queued_bytes -= (size_t)sent;
    }
    drop_output(tcp); /* before telling the owner, who may write again from inside */
    if (tcp->is_finishing)
        (void)shutdown(tcp->fd, SHUT_WR);
    tcp->transport.events->on_drained(&tcp->transport);
}

static struct bytes gather(struct net *net, const struct bytes *parts, size_t count)
{
    char *at = net->write_buffer;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].at, parts[i].len);
        at += parts[i].len;
    }
    return bytes_from(net->write_buffer, (size_t)(at - net->write_buffer));
}

static enum status tcp_write(struct transport *transport, const struct bytes *parts, size_t count)
{
    struct tcp *tcp = (struct tcp *)transport;
    struct bytes gathered;
    size_t total = 0;
    ssize_t sent;

    CHECK(count <= TRANSPORT_PARTS_MAX);
    if (tcp->is_closing || tcp->is_finishing)
        return STATUS_CLOSED;
    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    if (total == 0)
        return tcp->output == NULL ? STATUS_OK : STATUS_AGAIN;
    if (tcp->output != NULL) {
        queue_rest(tcp, parts, count, 0);
        return STATUS_AGAIN;
    }
    if (count > 1 && total <= GATHER_BYTES_MAX) {
        gathered = gather(tcp->net, parts, count);
        parts = &gathered;
        count = 1;
    }
    sent = send_now(tcp, parts, count);
    if (sent < 0)
        return STATUS_CLOSED;
    if ((size_t)sent == total)
        return STATUS_OK;
    queue_rest(tcp, parts, count, (size_t)sent);
    return STATUS_AGAIN;
}

static void tcp_finish(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_finishing || tcp->is_closing)
        return;
    tcp->is_finishing = true;
    if (tcp->output == NULL)
        (void)shutdown(tcp->fd, SHUT_WR);
}

static size_t tcp_queued_bytes(const struct transport *transport)
{
    const struct tcp *tcp = (const struct tcp *)transport;

    return tcp->output == NULL ? 0 : tcp->output->len;
}

static size_t tcp_unread_bytes(const struct transport *transport)
{
    const struct tcp *tcp = (const struct tcp *)transport;
    int sent = 0;

    (void)ioctl(tcp->fd, SIOCOUTQ, &sent);
    return tcp_queued_bytes(transport) + (size_t)sent;
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct tcp *tcp = handle->data;

    tcp->transport.events->on_closed(&tcp->transport);
}

/* The socket may go as soon as libuv was told to let go of it; the memory only afterwards. */
static void tcp_close(struct transport *transport, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_closing)
        return;
    tcp->is_closing = true;
    drop_output(tcp);
    uv_close((uv_handle_t *)&tcp->poll, on_handle_closed);
    if (reset)
        (void)setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(tcp->fd);
    tcp->fd = -1;
}

/* ---- the beginning ---- */

static void finish_connect(struct tcp *tcp)
{
    tcp_connected_fn *on_connected = tcp->on_connected;
    int error = tcp->connect_error;
    socklen_t length = sizeof(error);

    if (error == 0)
        (void)getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    tcp->on_connected = NULL;
    update_watch(tcp);
    on_connected(tcp, status_of_errno(error));
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct tcp *tcp = poll->data;

    if (status < 0) { /* the socket has an error: libuv has stopped, the calls below say which */
        events = UV_READABLE | UV_WRITABLE;
        tcp->watched = 0;
    }
    if (tcp->on_connected != NULL) {
        finish_connect(tcp);
        return;
    }
    if ((events & UV_READABLE) != 0)
        for (int i = 0; i < READS_PER_TURN_MAX && tcp->is_reading && !tcp->is_closing; i++)
            if (!read_once(tcp))
                break;
    if ((events & UV_WRITABLE) != 0 && tcp->output != NULL && !tcp->is_closing)
        flush_output(tcp);
    if (status < 0)
        update_watch(tcp);
}

static const struct transport_ops tcp_ops = {
    .resume = tcp_resume,
    .pause = tcp_pause,
    .write = tcp_write,
    .finish = tcp_finish,
    .close = tcp_close,
    .queued_bytes = tcp_queued_bytes,
    .unread_bytes = tcp_unread_bytes,
};

void tcp_open(struct tcp *tcp, struct net *net, int fd, const struct transport_events *events)
{
    tcp->transport = (struct transport){.ops = &tcp_ops, .events = events};
    tcp->net = net;
    tcp->output = NULL;
    tcp->on_connected = NULL;
    tcp->fd = fd;
    tcp->connect_error = 0;
    tcp->watched = 0;
    tcp->is_reading = false;
    tcp->is_finishing = false;
    tcp->is_closing = false;
    CHECK(uv_poll_init(net->loop, &tcp->poll, fd) == 0);
    tcp->poll.data = tcp;
}

enum status tcp_connect(struct tcp *tcp, struct net *net, const struct address *address,
                        const struct transport_events *events, tcp_connected_fn *on_connected)
{
    struct sockaddr_storage remote;
    socklen_t length = address_to_sockaddr(address, &remote);
    int fd = socket(remote.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return STATUS_IO;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    tcp_open(tcp, net, fd, events);
    if (connect(fd, (const struct sockaddr *)&remote, length) != 0 && errno != EINPROGRESS)
        tcp->connect_error = errno;
    tcp->on_connected = on_connected;
    update_watch(tcp);
    return STATUS_OK;
}

bool tcp_is_stale(struct tcp *tcp)
{
    char byte;

    return recv(tcp->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || !is_passing(errno);
}
