/* SPDX-License-Identifier: Apache-2.0 */
/*
 * greet_conn.c - one connection of the TLS client: handshake, request, answer.
 */
#include "greet.h"

#include <openssl/err.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_SIZE 16384

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

void make_tls(struct load *load)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int group = NID_X25519;

    if (tls == NULL || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") ||
        !SSL_CTX_set1_groups(tls, &group, 1))
        die("TLS");
    const unsigned char *protocol =
        load->options.http2 ? (const unsigned char *)"\2h2" : (const unsigned char *)"\10http/1.1";
    if (SSL_CTX_set_alpn_protos(tls, protocol, 1u + protocol[0]) != 0)
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

void conn_open(struct load *load, struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};

    load->open_count++;
    conn->fd = connect_to(&load->options.to);
    conn->step = STEP_GREET;
    conn->answer = (struct answer){.held = allocate(1, HELD_MAX)};
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

void conn_release_buffers(struct conn *conn)
{
    free(conn->answer.held);
    conn->answer.held = NULL;
}

void conn_close(struct load *load, struct conn *conn)
{
    load->open_count--;
    if (conn->step == STEP_DONE)
        SSL_shutdown(conn->ssl);
    SSL_free(conn->ssl);
    close(conn->fd);
    conn->fd = -1;
    conn_release_buffers(conn);
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
        conn->step = STEP_ANSWER;
    return result;
}

static int step_answer(struct load *load, struct conn *conn)
{
    char bytes[READ_SIZE];
    int count = outcome(conn, SSL_read(conn->ssl, bytes, sizeof(bytes)));

    if (count <= 0)
        return count;
    enum took took = answer_take(&conn->answer, load->options.http2, bytes, (size_t)count);
    if (conn->answer.owes_settings_ack) {
        conn->answer.owes_settings_ack = false;
        if (SSL_write(conn->ssl, SETTINGS_ACK, SETTINGS_ACK_BYTES) != SETTINGS_ACK_BYTES)
            return -1; /* the socket has room for nine bytes, or is broken */
    }
    if (took == TOOK_ALL)
        conn->step = STEP_DONE;
    return took == TOOK_BAD ? -1 : 1;
}

/* The answer is like that of outcome(). */
int conn_step(struct load *load, struct conn *conn)
{
    switch (conn->step) {
    case STEP_GREET:
        return step_greet(load, conn);
    case STEP_ASK:
        return step_ask(load, conn);
    case STEP_ANSWER:
        return step_answer(load, conn);
    case STEP_DONE:
        return 0;
    }
    return 0;
}
