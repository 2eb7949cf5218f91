/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_h2.c - a backend that speaks HTTP/2 in clear text (h2c, prior knowledge), fast enough for
 * h2load.
 *
 *     echo_h2 --listen 127.0.0.1:9002
 *
 *     /bytes/N    N bytes of the pattern abc...z, over and over
 *     /count      how many bytes the request's body had, as text
 *     all else    1,024 bytes of the pattern
 *
 * A path may stand behind others: /api/bytes/100 works like /bytes/100. The whole request is taken
 * in before it is answered. One thread, an edge-triggered epoll: what the requests of one read are
 * answered with leaves in one write.
 */
#include "net.h"

#include <nghttp2/nghttp2.h>

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

#define READ_SIZE         (256u * 1024)
#define OUT_SIZE          (256u * 1024)
#define OUT_MARK          (OUT_SIZE - 32u * 1024) /* a frame more may be asked for until here */
#define PATTERN_PERIOD    26
#define FRAME_SIZE_MAX    16384
#define WINDOW_SIZE       ((1u << 30) - 1) /* bodies are thrown away at once, so let all come */
#define STREAMS_MAX       1000
#define BODY_DEFAULT      1024
#define EVENTS_MAX        256
#define LISTENER_DATA     NULL /* epoll data of the listening socket */
#define LITERAL_LENGTH(s) (sizeof(s) - 1)

/* One request and its answer. */
struct stream {
    uint64_t received; /* bytes of the request's body */
    uint64_t left;     /* bytes of the answer's body to be sent */
    uint64_t made;     /* those that were; says where in the pattern we are */
    bool counts;       /* the answer is `text`, not the pattern */
    char text[24];
};

struct conn {
    int fd;
    bool can_read; /* edge-triggered: until a call comes back short */
    bool can_write;
    bool hung_up;
    nghttp2_session *session; /* owned */
    size_t out_start;
    size_t out_end;
    uint8_t out[OUT_SIZE];
};

/* A process is one loop and nothing else, so its state may stand here. */
static uint8_t pattern[FRAME_SIZE_MAX + PATTERN_PERIOD];
static uint8_t scratch[READ_SIZE];
static nghttp2_session_callbacks *callbacks;
static int epoll_fd;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "echo_h2: %s: %s\n", what, strerror(errno));
    exit(1);
}

static ssize_t on_body_wanted(nghttp2_session *session, int32_t id, uint8_t *room, size_t size,
                              uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct stream *stream = source->ptr;
    size_t count = stream->left < size ? (size_t)stream->left : size;

    (void)session;
    (void)id;
    (void)user;
    if (count > FRAME_SIZE_MAX)
        count = FRAME_SIZE_MAX;
    if (stream->counts)
        memcpy(room, stream->text + stream->made, count);
    else
        memcpy(room, pattern + stream->made % PATTERN_PERIOD, count);
    stream->made += count;
    stream->left -= count;
    if (stream->left == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

static nghttp2_nv field_of(const char *name, const char *value)
{
    union {
        const char *borrowed;
        uint8_t *bytes; /* nghttp2 copies it, and does not say const */
    } name_of = {name}, value_of = {value};

    return (nghttp2_nv){name_of.bytes, value_of.bytes, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NONE};
}

static int answer(nghttp2_session *session, int32_t id, struct stream *stream)
{
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = on_body_wanted};
    char length[24];

    if (stream->counts)
        stream->left = (uint64_t)snprintf(stream->text, sizeof(stream->text), "%llu\n",
                                          (unsigned long long)stream->received);
    snprintf(length, sizeof(length), "%llu", (unsigned long long)stream->left);
    nghttp2_nv fields[] = {field_of(":status", "200"), field_of("server", "echo_h2"),
                           field_of("content-type", "text/plain"),
                           field_of("content-length", length)};
    return nghttp2_submit_response(session, id, fields, sizeof(fields) / sizeof(fields[0]), &body);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    (void)user;
    if (stream == NULL)
        die("memory");
    stream->left = BODY_DEFAULT;
    /* Trailers begin as well: the stream has its data then. */
    if (nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) != NULL)
        free(stream);
    else
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *user)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)value_length; /* nghttp2 puts a NUL behind it */
    (void)flags;
    (void)user;
    if (name_length != LITERAL_LENGTH(":path") || memcmp(name, ":path", name_length) != 0)
        return 0;
    const char *bytes = strstr((const char *)value, "/bytes/");
    if (bytes != NULL)
        stream->left = strtoull(bytes + LITERAL_LENGTH("/bytes/"), NULL, 10);
    else
        stream->counts = strstr((const char *)value, "/count") != NULL;
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t count, void *user)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)bytes;
    (void)user;
    if (stream != NULL)
        stream->received += count;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    bool is_message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;

    (void)user;
    if (stream == NULL || !is_message || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    return answer(session, frame->hd.stream_id, stream);
}

static int on_stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    (void)code;
    (void)user;
    free(nghttp2_session_get_stream_user_data(session, id));
    nghttp2_session_set_stream_user_data(session, id, NULL);
    return 0;
}

static void make_callbacks(void)
{
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        die("memory");
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
}

static void conn_destroy(struct conn *conn)
{
    close(conn->fd);
    nghttp2_session_del(conn->session);
    free(conn);
}

static bool conn_read(struct conn *conn)
{
    ssize_t count = read(conn->fd, scratch, READ_SIZE);

    if (count == 0)
        return false;
    if (count < 0) {
        conn->can_read = false;
        return errno == EAGAIN || errno == EINTR;
    }
    conn->can_read = count == READ_SIZE || conn->hung_up;
    return nghttp2_session_mem_recv(conn->session, scratch, (size_t)count) == count;
}

/* Move what nghttp2 has to say into `out`, as far as there is room. */
static bool conn_gather(struct conn *conn)
{
    while (conn->out_end < OUT_MARK) {
        const uint8_t *bytes;
        ssize_t count = nghttp2_session_mem_send(conn->session, &bytes);

        if (count <= 0)
            return count == 0;
        memcpy(conn->out + conn->out_end, bytes, (size_t)count);
        conn->out_end += (size_t)count;
    }
    return true;
}

static bool conn_write(struct conn *conn)
{
    size_t waiting = conn->out_end - conn->out_start;
    ssize_t count = send(conn->fd, conn->out + conn->out_start, waiting, MSG_NOSIGNAL);

    if (count < 0) {
        conn->can_write = false;
        return errno == EAGAIN || errno == EINTR;
    }
    conn->can_write = (size_t)count == waiting;
    conn->out_start += (size_t)count;
    if (conn->out_start == conn->out_end)
        conn->out_start = conn->out_end = 0;
    return true;
}

static bool conn_flush(struct conn *conn)
{
    while (conn->can_write) {
        if (!conn_gather(conn))
            return false;
        if (conn->out_start == conn->out_end)
            return true;
        if (!conn_write(conn))
            return false;
    }
    return true;
}

/* Do all that can be done now. The connection may be gone afterwards. */
static void conn_run(struct conn *conn)
{
    bool is_fine = true;

    do {
        is_fine = (!conn->can_read || conn_read(conn)) && conn_flush(conn);
    } while (is_fine && conn->can_read);
    if (!is_fine)
        conn_destroy(conn);
}

static void conn_open(int fd)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_SIZE},
    };
    int on = 1;

    if (conn == NULL || nghttp2_session_server_new(&conn->session, callbacks, conn) != 0)
        die("memory");
    conn->fd = fd;
    nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings,
                            sizeof(settings) / sizeof(settings[0]));
    nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0, WINDOW_SIZE);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void accept_all(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        conn_open(fd);
}

static void on_event(struct conn *conn, uint32_t events)
{
    conn->can_read |= (events & ~(uint32_t)EPOLLOUT) != 0;
    conn->can_write |= (events & EPOLLOUT) != 0;
    conn->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    conn_run(conn);
}

static _Noreturn void serve(int listener)
{
    struct epoll_event events[EVENTS_MAX];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = LISTENER_DATA};

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll");
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == LISTENER_DATA)
                accept_all(listener);
            else
                on_event(events[i].data.ptr, events[i].events);
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {0};

    if (argc != 3 || strcmp(argv[1], "--listen") != 0 || !net_parse(argv[2], &address)) {
        fprintf(stderr, "usage: echo_h2 --listen IPV4:PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)('a' + i % PATTERN_PERIOD);
    make_callbacks();
    int listener = net_listen(&address);
    if (listener < 0)
        die("listen");
    printf("echo_h2 listens on %s\n", argv[2]);
    fflush(stdout);
    serve(listener);
}
