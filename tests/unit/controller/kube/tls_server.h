/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_server.h - an API server of a test: TLS, and a script for each connection, which runs in a
 * thread of its own and may block.
 *
 *     static void serve(struct served *served)
 *     {
 *         served_read_head(served);
 *         served_write(served, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
 *     }
 */
#ifndef TESTS_UNIT_CONTROLLER_KUBE_TLS_SERVER_H
#define TESTS_UNIT_CONTROLLER_KUBE_TLS_SERVER_H

#include "core/address.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <openssl/ssl.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/socket.h>

#define SERVED_MAX 64

struct tls_server;

/* One connection. */
struct served {
    struct tls_server *server;
    SSL *ssl; /* NULL: the script speaks no TLS */
    int fd;
    unsigned number; /* 0: the first one */
    unsigned requests;
    char head[16384];
    pthread_t thread;
};

typedef void serve_fn(struct served *served);

struct tls_server {
    int fd;
    struct address address;
    SSL_CTX *ssl;
    serve_fn *serve;
    bool is_plain;
    bool has_h2;
    pthread_t thread;
    struct served served[SERVED_MAX];
    _Atomic unsigned connections;
    _Atomic unsigned requests;
    _Atomic int signal; /* from the test to the script */
};

static inline bool served_write_bytes(struct served *served, struct bytes bytes)
{
    if (served->ssl == NULL)
        return send(served->fd, bytes.at, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len;
    return SSL_write(served->ssl, bytes.at, (int)bytes.len) == (int)bytes.len;
}

static inline bool served_write(struct served *served, const char *text)
{
    return served_write_bytes(served, bytes_of(text));
}

/* Up to the empty line; false at the end of the connection. Bodies are not waited for. */
static inline bool served_read_head(struct served *served)
{
    size_t len = 0;

    while (len < sizeof(served->head) - 1) {
        int count =
            SSL_read(served->ssl, served->head + len, (int)(sizeof(served->head) - 1 - len));

        if (count <= 0)
            return false;
        len += (size_t)count;
        served->head[len] = '\0';
        if (strstr(served->head, "\r\n\r\n") != NULL) {
            served->requests++;
            served->server->requests++;
            return true;
        }
    }
    return false;
}

static inline void served_wait_for_end(struct served *served)
{
    char byte;

    while (SSL_read(served->ssl, &byte, 1) > 0)
        ;
}

static inline void served_wait_for_signal(struct served *served, int signal)
{
    while (served->server->signal < signal)
        usleep(500);
}

static inline void *served_run(void *context)
{
    struct served *served = context;
    struct tls_server *server = served->server;

    if (!server->is_plain) {
        served->ssl = SSL_new(server->ssl);
        SSL_set_fd(served->ssl, served->fd);
    }
    if (server->is_plain || SSL_accept(served->ssl) == 1)
        server->serve(served);
    SSL_free(served->ssl);
    shutdown(served->fd, SHUT_RDWR);
    return NULL;
}

static inline void *tls_server_accept(void *context)
{
    struct tls_server *server = context;
    int fd;

    while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0 &&
           server->connections < SERVED_MAX) {
        struct served *served = &server->served[server->connections];

        served->server = server;
        served->fd = fd;
        served->number = server->connections;
        pthread_create(&served->thread, NULL, served_run, served);
        server->connections++;
    }
    return NULL;
}

static inline int tls_server_choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                                    const unsigned char *in, unsigned in_len, void *context)
{
    const struct tls_server *server = context;
    const char *wanted = server->has_h2 ? "\x02h2" : "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, (const unsigned char *)wanted,
                              (unsigned)strlen(wanted), in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static inline int tls_server_listen(const char *ip, uint16_t port, struct address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(address_parse_ip(bytes_of(ip), port, address), STATUS_OK);
    len = address_to_sockaddr(address, &storage);
    assert_int_equal(bind(fd, (struct sockaddr *)&storage, len), 0);
    len = sizeof(storage);
    getsockname(fd, (struct sockaddr *)&storage, &len);
    address_from_sockaddr((struct sockaddr *)&storage, address);
    return fd;
}

/* `port` 0: any. The certificate is that of tests/certificates/app. */
static inline void tls_server_start(struct tls_server *server, uint16_t port, serve_fn *serve)
{
    server->serve = serve;
    server->ssl = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_chain_file(server->ssl, "tests/certificates/app.crt"),
                     1);
    assert_int_equal(
        SSL_CTX_use_PrivateKey_file(server->ssl, "tests/certificates/app.key", SSL_FILETYPE_PEM),
        1);
    SSL_CTX_set_alpn_select_cb(server->ssl, tls_server_choose, server);
    server->fd = tls_server_listen("127.0.0.1", port, &server->address);
    assert_int_equal(listen(server->fd, 64), 0);
    pthread_create(&server->thread, NULL, tls_server_accept, server);
}

static inline void tls_server_stop(struct tls_server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (unsigned i = 0; i < server->connections; i++) {
        shutdown(server->served[i].fd, SHUT_RDWR);
        pthread_join(server->served[i].thread, NULL);
        close(server->served[i].fd);
    }
    SSL_CTX_free(server->ssl);
}

#endif
