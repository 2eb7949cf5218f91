/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - connect, send, read to the end, take the answer apart with the proxy's own parser.
 */
#include "cli/ask.h"

#include "cli/commands.h"
#include "proxy/http/h1.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static enum status fail(const struct listen_address *admin, const char *what, const char *why)
{
    struct text line;

    text_init(&line);
    text_add_str(&line, "--admin ");
    listen_address_add(admin, &line);
    text_printf(&line, ": %s: %s", what, why);
    print_error(text_bytes(&line));
    text_fini(&line);
    return STATUS_IO;
}

static socklen_t to_sockaddr(const struct listen_address *admin, struct sockaddr_storage *storage)
{
    struct sockaddr_un *local = (struct sockaddr_un *)(void *)storage;

    if (!admin->is_unix)
        return address_to_sockaddr(&admin->address, storage);
    memset(storage, 0, sizeof(*storage));
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, admin->path, strlen(admin->path) + 1);
    return (socklen_t)sizeof(*local);
}

static int dial(const struct listen_address *admin)
{
    const struct timeval timeout = {.tv_sec = ASK_TIMEOUT_S};
    struct sockaddr_storage storage;
    socklen_t len = to_sockaddr(admin, &storage);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (const struct sockaddr *)&storage, len) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static enum status send_all(int fd, struct bytes data)
{
    while (data.len > 0) {
        ssize_t sent = send(fd, data.at, data.len, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            return STATUS_IO;
        if (sent > 0)
            data = bytes_skip(data, (size_t)sent);
    }
    return STATUS_OK;
}

static enum status read_all(int fd, struct text *answer)
{
    for (;;) {
        ssize_t got;

        if (answer->len > ASK_BYTES_MAX)
            return STATUS_TOO_LARGE;
        text_reserve(answer, 65536);
        got = recv(fd, answer->at + answer->len, 65536, 0);
        if (got == 0)
            return STATUS_OK;
        if (got < 0 && errno != EINTR)
            return STATUS_IO;
        if (got > 0)
            answer->len += (size_t)got;
    }
}

static enum status take_body(struct arena *arena, const struct response *response,
                             struct bytes rest, struct text *body)
{
    const struct h1_limits limits = H1_LIMITS_DEFAULT;
    struct h1_body decoder;
    struct bytes payload;
    enum h1_fault fault;
    enum h1_body_result result;

    h1_body_init(&decoder, response->framing, response->content_length, &limits, arena);
    while ((result = h1_body_next(&decoder, &rest, &payload, &fault)) == H1_BODY_DATA)
        text_add(body, payload);
    if (result == H1_BODY_END)
        return STATUS_OK;
    return result == H1_BODY_AGAIN ? h1_body_finish(&decoder) : STATUS_INVALID;
}

static enum status take_apart(struct bytes answer, uint16_t *code, struct text *body)
{
    const struct h1_limits limits = H1_LIMITS_DEFAULT;
    struct h1_scan scan = {0};
    struct response response;
    struct arena arena;
    enum h1_fault fault;
    enum status status;
    size_t head_len;

    if (h1_scan_response(&scan, answer, &limits, &head_len, &fault) != STATUS_OK)
        return STATUS_INVALID;
    arena_init(&arena, 4096);
    status = STATUS_INVALID;
    if (h1_parse_response(bytes_slice(answer, 0, head_len), &limits, METHOD_GET, false, &arena,
                          &response) == H1_FINE) {
        *code = response.status;
        status = take_body(&arena, &response, bytes_skip(answer, head_len), body);
    }
    arena_fini(&arena);
    return status;
}

static enum status converse(int fd, const struct listen_address *admin, struct bytes target,
                            uint16_t *code, struct text *body)
{
    struct text request, answer;
    enum status status;

    text_init(&request);
    text_init(&answer);
    text_printf(&request, "GET %.*s HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n",
                BYTES_ARG(target));
    status = send_all(fd, text_bytes(&request));
    if (status == STATUS_OK)
        status = read_all(fd, &answer);
    if (status != STATUS_OK) {
        status = fail(admin, "no whole answer",
                      status == STATUS_TOO_LARGE ? "it is too large" : strerror(errno));
    } else if (take_apart(text_bytes(&answer), code, body) != STATUS_OK) {
        status = fail(admin, "no whole answer", "this is not HTTP; is it Fairlead's admin port?");
    }
    text_fini(&request);
    text_fini(&answer);
    return status;
}

enum status ask_admin(const struct listen_address *admin, struct bytes target, uint16_t *code,
                      struct text *body)
{
    int fd = dial(admin);
    enum status status;

    if (fd < 0)
        return fail(admin, "cannot connect", strerror(errno));
    status = converse(fd, admin, target, code, body);
    (void)close(fd);
    return status;
}
