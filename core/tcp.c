/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.c - reads into the loop's shared buffer, writes at once, queues only what is left.
 */
#include "core/tcp.h"

#include "core/check.h"
#include "core/mem.h"

#include <errno.h>

#include <sys/socket.h>

#define CHUNKS_KEPT_MAX 64
#define FLUSH_PARTS_MAX 8

/* Output that the peer has not taken yet. One uv_write is under way over its front. */
struct tcp_output {
    uv_write_t request;
    struct bufq queue;
    size_t writing; /* bytes of the front that the request covers */
    struct tcp *tcp;
};

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

static enum status status_of_uv(int error)
{
    switch (error) {
    case UV_ECONNREFUSED:
        return STATUS_REFUSED;
    case UV_ETIMEDOUT:
        return STATUS_TIMEOUT;
    case UV_ECANCELED:
        return STATUS_CLOSED;
    case UV_EPIPE:
    case UV_ECONNRESET:
        return STATUS_CLOSED;
    default:
        return error == 0 ? STATUS_OK : STATUS_IO;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct tcp *tcp = handle->data;

    (void)suggested;
    buffer->base = tcp->net->read_buffer;
    buffer->len = READ_BUFFER_BYTES;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct tcp *tcp = stream->data;
    struct transport *transport = &tcp->transport;

    if (count > 0) {
        transport->events->on_bytes(transport, bytes_from(buffer->base, (size_t)count));
        return;
    }
    if (count == 0) /* EAGAIN */
        return;
    tcp->is_reading = false;
    if (count == UV_EOF)
        transport->events->on_end(transport);
    else
        transport->events->on_broken(transport, status_of_uv((int)count));
}

static void tcp_resume(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_reading || tcp->is_closing)
        return;
    tcp->is_reading = true;
    CHECK(uv_read_start(&tcp->uv.stream, on_alloc, on_read) == 0);
}

static void tcp_pause(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (!tcp->is_reading || tcp->is_closing)
        return;
    tcp->is_reading = false;
    (void)uv_read_stop(&tcp->uv.stream);
}

static void output_free(struct tcp_output *output)
{
    output->tcp->net->queued_bytes -= output->queue.len;
    bufq_fini(&output->queue);
    mem_free(output);
}

static void shutdown_now(struct tcp *tcp)
{
    (void)shutdown(tcp->fd, SHUT_WR);
}

static void on_flushed(uv_write_t *request, int error);

static int output_flush(struct tcp_output *output)
{
    struct iovec parts[FLUSH_PARTS_MAX];
    uv_buf_t buffers[FLUSH_PARTS_MAX];
    size_t count = bufq_peek(&output->queue, parts, FLUSH_PARTS_MAX);

    output->writing = 0;
    for (size_t i = 0; i < count; i++) {
        buffers[i] = uv_buf_init(parts[i].iov_base, (unsigned int)parts[i].iov_len);
        output->writing += parts[i].iov_len;
    }
    return uv_write(&output->request, &output->tcp->uv.stream, buffers, (unsigned int)count,
                    on_flushed);
}

/* Takes the output away before telling the owner, which may write again from inside. */
static void output_done(struct tcp_output *output)
{
    struct tcp *tcp = output->tcp;

    tcp->output = NULL;
    output_free(output);
    if (tcp->is_finishing)
        shutdown_now(tcp);
    tcp->transport.events->on_drained(&tcp->transport);
}

static void on_flushed(uv_write_t *request, int error)
{
    struct tcp_output *output = request->data;
    struct tcp *tcp = output->tcp;

    if (tcp->output != output) { /* closed meanwhile: nobody waits for it any more */
        output_free(output);
        return;
    }
    if (error == 0) {
        bufq_consume(&output->queue, output->writing);
        tcp->net->queued_bytes -= output->writing;
        if (bufq_is_empty(&output->queue)) {
            output_done(output);
            return;
        }
        error = output_flush(output);
        if (error == 0)
            return;
    }
    tcp->output = NULL;
    output_free(output);
    tcp->transport.events->on_broken(&tcp->transport, status_of_uv(error));
}

/* Queue all of the parts but the first `sent` bytes. */
static void output_append(struct tcp_output *output, const struct bytes *parts, size_t count,
                          size_t sent)
{
    for (size_t i = 0; i < count; i++) {
        size_t skipped = sent < parts[i].len ? sent : parts[i].len;
        struct bytes rest = bytes_skip(parts[i], skipped);

        sent -= skipped;
        bufq_append(&output->queue, rest);
        output->tcp->net->queued_bytes += rest.len;
    }
}

static enum status output_begin(struct tcp *tcp, const struct bytes *parts, size_t count,
                                size_t sent)
{
    struct tcp_output *output = mem_new(struct tcp_output);

    output->tcp = tcp;
    output->request.data = output;
    bufq_init(&output->queue, &tcp->net->chunks, 0);
    output_append(output, parts, count, sent);
    if (output_flush(output) != 0) {
        output_free(output);
        return STATUS_CLOSED;
    }
    tcp->output = output;
    return STATUS_AGAIN;
}

_Static_assert(sizeof(struct bytes) == sizeof(struct iovec) &&
                   offsetof(struct bytes, at) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct bytes, len) == offsetof(struct iovec, iov_len),
               "bytes and iovec are laid out alike");

/* send(2) and not write(2), which libuv would use: it goes to the socket without the file layer's
 * work, and raises no SIGPIPE. Bytes sent, 0 when the peer takes none now, -1 when it is gone. */
static ssize_t send_now(const struct tcp *tcp, const struct bytes *parts, size_t count)
{
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t sent;

    if (count == 1) {
        sent = send(tcp->fd, parts->at, parts->len, flags);
    } else {
        union {
            const struct bytes *ours;
            struct iovec *theirs; /* sendmsg() only reads through it */
        } vector = {.ours = parts};
        const struct msghdr message = {.msg_iov = vector.theirs, .msg_iovlen = count};

        sent = sendmsg(tcp->fd, &message, flags);
    }
    if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
        return 0;
    return sent;
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
    if (tcp->output != NULL) {
        output_append(tcp->output, parts, count, 0);
        return STATUS_AGAIN;
    }
    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    if (total == 0)
        return STATUS_OK;
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
    return output_begin(tcp, parts, count, (size_t)sent);
}

static void tcp_finish(struct transport *transport)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_finishing || tcp->is_closing)
        return;
    tcp->is_finishing = true;
    if (tcp->output == NULL)
        shutdown_now(tcp);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct tcp *tcp = handle->data;

    tcp->transport.events->on_closed(&tcp->transport);
}

static void tcp_close(struct transport *transport, bool reset)
{
    struct tcp *tcp = (struct tcp *)transport;

    if (tcp->is_closing)
        return;
    tcp->is_closing = true;
    tcp->output = NULL; /* its write is cancelled by the close, which frees it in on_flushed() */
    if (reset && tcp->uv.handle.type == UV_TCP && !tcp->is_finishing &&
        uv_tcp_close_reset(&tcp->uv.tcp, on_handle_closed) == 0)
        return;
    uv_close(&tcp->uv.handle, on_handle_closed);
}

static size_t tcp_queued_bytes(const struct transport *transport)
{
    const struct tcp *tcp = (const struct tcp *)transport;

    if (tcp->output == NULL)
        return 0;
    return tcp->output->queue.len - tcp->output->writing +
           uv_stream_get_write_queue_size(&tcp->uv.stream);
}

static const struct transport_ops tcp_ops = {
    .resume = tcp_resume,
    .pause = tcp_pause,
    .write = tcp_write,
    .finish = tcp_finish,
    .close = tcp_close,
    .queued_bytes = tcp_queued_bytes,
};

static void tcp_init(struct tcp *tcp, struct net *net, const struct transport_events *events)
{
    tcp->transport = (struct transport){.ops = &tcp_ops, .events = events};
    tcp->net = net;
    tcp->fd = -1;
    tcp->output = NULL;
    tcp->is_finishing = false;
    tcp->is_closing = false;
    tcp->is_reading = false;
}

void tcp_open(struct tcp *tcp, struct net *net, int fd, bool is_unix,
              const struct transport_events *events)
{
    tcp_init(tcp, net, events);
    tcp->fd = fd;
    if (is_unix) {
        CHECK(uv_pipe_init(net->loop, &tcp->uv.pipe, 0) == 0);
        tcp->uv.handle.data = tcp;
        CHECK(uv_pipe_open(&tcp->uv.pipe, fd) == 0);
    } else {
        CHECK(uv_tcp_init(net->loop, &tcp->uv.tcp) == 0);
        tcp->uv.handle.data = tcp;
        CHECK(uv_tcp_open(&tcp->uv.tcp, fd) == 0);
    }
}

static void on_connect(uv_connect_t *request, int error)
{
    struct tcp_connect *connect = (struct tcp_connect *)request;
    struct tcp *tcp = request->handle->data;

    connect->on_connected(tcp, status_of_uv(error));
}

enum status tcp_connect(struct tcp *tcp, struct tcp_connect *connect, struct net *net,
                        const struct address *address, const struct transport_events *events,
                        tcp_connected_fn *on_connected)
{
    struct sockaddr_storage remote;
    int error;

    (void)address_to_sockaddr(address, &remote);
    tcp_init(tcp, net, events);
    connect->on_connected = on_connected;
    CHECK(uv_tcp_init(net->loop, &tcp->uv.tcp) == 0);
    tcp->uv.handle.data = tcp;
    error = uv_tcp_connect(&connect->request, &tcp->uv.tcp, (const struct sockaddr *)&remote,
                           on_connect);
    if (error == 0)
        (void)uv_tcp_nodelay(&tcp->uv.tcp, 1);
    (void)uv_fileno(&tcp->uv.handle, &tcp->fd);
    return status_of_uv(error);
}

bool tcp_is_stale(struct tcp *tcp)
{
    char byte;

    return recv(tcp->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

enum status tcp_local_address(const struct tcp *tcp, struct address *address)
{
    struct sockaddr_storage local;
    int length = sizeof(local);

    if (tcp->uv.handle.type != UV_TCP ||
        uv_tcp_getsockname(&tcp->uv.tcp, (struct sockaddr *)&local, &length) != 0)
        return STATUS_NOT_FOUND;
    return address_from_sockaddr((const struct sockaddr *)&local, address);
}
