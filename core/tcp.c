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

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define FLUSH_PARTS_MAX 16
/* Reads of one connection in one turn of the loop, so that a fast peer leaves room for others. */
#define READS_PER_TURN_MAX 8

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
    return error == EAGAIN || error == EINTR;
}

/* The C library's wrappers are cancellation points, which costs two calls around each in a program
 * with threads; nothing here is ever cancelled. */
static ssize_t receive(int fd, char *buffer, size_t size, int flags)
{
    return syscall(SYS_recvfrom, fd, buffer, size, flags | MSG_DONTWAIT, NULL, NULL);
}

static ssize_t transmit(int fd, struct bytes data)
{
    return syscall(SYS_sendto, fd, data.at, data.len, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

/* ---- reading ---- */

/* See to it in the next turn of the loop. */
static void be_due(struct tcp *tcp)
{
    if (list_is_empty(&tcp->due))
        list_push_back(&tcp->net->due, &tcp->due);
}

static void tcp_resume(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_reading || tcp->is_closing)
        return;
    tcp->is_reading = true;
    if (tcp->is_readable)
        be_due(tcp); /* its edge has passed */
}

static void tcp_pause(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    tcp->is_reading = false;
}

/* One read. A read that does not fill the buffer has emptied the socket: the next byte comes with
 * an edge of its own, but an end that was told of already does not. */
static void read_once(struct tcp *tcp)
{
    const struct transport_events *events = tcp->transport.events;
    ssize_t count = receive(tcp->fd, tcp->net->read_buffer, READ_BUFFER_BYTES, 0);

    if (count > 0) {
        tcp->is_readable = count == READ_BUFFER_BYTES || tcp->has_ended;
        events->on_bytes(&tcp->transport, bytes_from(tcp->net->read_buffer, (size_t)count));
        return;
    }
    tcp->is_readable = false;
    if (count < 0 && is_passing(errno))
        return;
    tcp->is_reading = false;
    if (count == 0)
        events->on_end(&tcp->transport);
    else
        events->on_broken(&tcp->transport, status_of_errno(errno));
}

static bool may_read(const struct tcp *tcp)
{
    return tcp->is_readable && tcp->is_reading && !tcp->is_closing;
}

static void read_some(struct tcp *tcp)
{
    for (int i = 0; i < READS_PER_TURN_MAX && may_read(tcp); i++)
        read_once(tcp);
    if (may_read(tcp))
        be_due(tcp);
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
    ssize_t sent =
        count == 1 ? transmit(tcp->fd, *parts) : send_vector(tcp->fd, vector.theirs, count);

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
}

static void drop_output(struct tcp *tcp)
{
    if (tcp->output == NULL)
        return;
    tcp->net->queued_bytes -= tcp->output->len;
    bufq_fini(tcp->output);
    mem_free(tcp->output);
    tcp->output = NULL;
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

static bool tcp_is_stale(struct transport *transport)
{
    const struct tcp *tcp = (const struct tcp *)transport;
    char byte;

    return receive(tcp->fd, &byte, 1, MSG_PEEK) >= 0 || !is_passing(errno);
}

/* ---- the end ---- */

/* The socket goes at once; the memory stays until the next turn, for events of this turn may still
 * name it. */
static void tcp_close(struct transport *transport, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_closing)
        return;
    tcp->is_closing = true;
    drop_output(tcp);
    if (reset)
        (void)setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(tcp->fd);
    tcp->fd = -1;
    be_due(tcp);
}

static void end_closing(struct tcp *tcp)
{
    tcp->net->open_count--;
    tcp->transport.events->on_closed(&tcp->transport);
}

void tcp_on_due(struct tcp *tcp)
{
    if (tcp->is_closing)
        end_closing(tcp);
    else
        read_some(tcp);
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
    on_connected(tcp, status_of_errno(error));
}

void tcp_on_edges(struct tcp *tcp, uint32_t edges)
{
    if (tcp->is_closing)
        return;
    if (tcp->on_connected != NULL) {
        finish_connect(tcp);
        if (tcp->is_closing)
            return;
    }
    if ((edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        tcp->has_ended = true;
    if ((edges & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        tcp->is_readable = true;
        read_some(tcp);
    }
    if ((edges & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && tcp->output != NULL && !tcp->is_closing)
        flush_output(tcp);
}

static const struct transport_ops tcp_ops = {
    .resume = tcp_resume,
    .pause = tcp_pause,
    .write = tcp_write,
    .finish = tcp_finish,
    .close = tcp_close,
    .queued_bytes = tcp_queued_bytes,
    .unread_bytes = tcp_unread_bytes,
    .is_stale = tcp_is_stale,
};

void tcp_open(struct tcp *tcp, struct net *net, int fd, const struct transport_events *events)
{
    struct epoll_event all = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = tcp};

    *tcp = (struct tcp){
        .transport = {.ops = &tcp_ops, .events = events},
        .net = net,
        .fd = fd,
    };
    list_init(&tcp->due);
    CHECK(epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, fd, &all) == 0);
    net->open_count++;
}

enum status tcp_connect(struct tcp *tcp, struct net *net, const struct address *address,
                        const struct transport_events *events, tcp_connected_fn *on_connected)
{
    struct sockaddr_storage remote;
    socklen_t length = address_to_sockaddr(address, &remote);
    int fd = socket(remote.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    int on = 1;

    if (fd < 0)
        return STATUS_IO;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&remote, length) != 0 && errno != EINPROGRESS)
        error = errno;
    tcp_open(tcp, net, fd, events); /* only now: a socket that is not connecting looks hung up */
    tcp->connect_error = error;
    tcp->on_connected = on_connected;
    return STATUS_OK;
}
