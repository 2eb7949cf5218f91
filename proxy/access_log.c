/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_log.c - formats lines and hands full pieces to the thread pool.
 *
 *     lines -> filling -> [uv_fs_write on the pool] -> file
 *
 * Values from clients are escaped, so none can forge a line or a field (hostile-input 52).
 */
#include "proxy/access_log.h"

#include "core/check.h"
#include "proxy/worker.h"
#include "tls/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

struct access_log {
    struct worker *worker; /* borrowed */
    const char *path;      /* borrowed */
    bool is_json;
    int fd;
    struct text filling;
    struct text writing; /* borrowed by the write under way */
    size_t written;
    bool is_writing;
    uv_fs_t request;
    uint64_t time_s; /* of time_text */
    char time_text[32];
};

static int open_path(const char *path)
{
    if (strcmp(path, "-") == 0)
        return STDOUT_FILENO;
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool access_log_may_open(const char *path, struct log *log)
{
    int fd = open_path(path);

    if (fd < 0) {
        log_error(log, "cannot open the access log", LOG_STRING("path", path), LOG_ERRNO(errno));
        return false;
    }
    if (fd != STDOUT_FILENO)
        (void)close(fd);
    return true;
}

struct access_log *access_log_open(struct worker *worker, const char *path, bool is_json)
{
    int fd = open_path(path);
    struct access_log *access_log;

    if (fd < 0) {
        log_error(worker->log, "cannot open the access log", LOG_STRING("path", path),
                  LOG_ERRNO(errno));
        return NULL;
    }
    access_log = mem_new(struct access_log);
    access_log->worker = worker;
    access_log->path = path;
    access_log->is_json = is_json;
    access_log->fd = fd;
    text_init(&access_log->filling);
    text_init(&access_log->writing);
    return access_log;
}

static void write_more(struct access_log *access_log);

static void on_written(uv_fs_t *request)
{
    struct access_log *access_log = request->data;
    ssize_t count = request->result;

    uv_fs_req_cleanup(request);
    access_log->is_writing = false;
    if (count < 0) {
        access_log->worker->stats.access_log_dropped++;
        log_error(access_log->worker->log, "cannot write the access log", LOG_ERRNO(count));
        text_clear(&access_log->writing);
        access_log->written = 0;
    } else {
        access_log->written += (size_t)count;
    }
    write_more(access_log);
    worker_check_stopped(access_log->worker);
}

static void write_more(struct access_log *access_log)
{
    struct text *writing = &access_log->writing;
    uv_buf_t buffer;

    if (access_log->is_writing)
        return;
    if (access_log->written == writing->len) {
        struct text empty = *writing;

        if (access_log->filling.len == 0)
            return;
        text_clear(&empty);
        *writing = access_log->filling;
        access_log->filling = empty;
        access_log->written = 0;
    }
    buffer = uv_buf_init(writing->at + access_log->written,
                         (unsigned int)(writing->len - access_log->written));
    access_log->request.data = access_log;
    access_log->is_writing = true;
    CHECK(uv_fs_write(access_log->worker->loop, &access_log->request, access_log->fd, &buffer, 1,
                      -1, on_written) == 0);
}

void access_log_flush(struct access_log *access_log)
{
    write_more(access_log);
}

bool access_log_is_busy(const struct access_log *access_log)
{
    return access_log->is_writing || access_log->filling.len > 0;
}

void access_log_reopen(struct access_log *access_log)
{
    int fd = open_path(access_log->path);

    if (fd < 0) {
        log_error(access_log->worker->log, "cannot open the access log again, keeping the old one",
                  LOG_STRING("path", access_log->path), LOG_ERRNO(errno));
        return;
    }
    if (fd == STDOUT_FILENO)
        return;
    /* The write under way holds the number of the old file: the new one takes over its number. */
    CHECK(dup3(fd, access_log->fd, O_CLOEXEC) >= 0);
    (void)close(fd);
}

void access_log_close(struct access_log *access_log)
{
    CHECK(!access_log->is_writing);
    if (access_log->fd != STDOUT_FILENO)
        (void)close(access_log->fd);
    text_fini(&access_log->filling);
    text_fini(&access_log->writing);
    mem_free(access_log);
}

/* ---- lines ---- */

static struct bytes time_text(struct access_log *access_log)
{
    struct timespec now;
    struct tm calendar;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if ((uint64_t)now.tv_sec != access_log->time_s) {
        access_log->time_s = (uint64_t)now.tv_sec;
        (void)gmtime_r(&now.tv_sec, &calendar);
        (void)strftime(access_log->time_text, sizeof(access_log->time_text),
                       "%Y-%m-%dT%H:%M:%S.000Z", &calendar);
    }
    access_log->time_text[20] = (char)('0' + now.tv_nsec / 100000000);
    access_log->time_text[21] = (char)('0' + now.tv_nsec / 10000000 % 10);
    access_log->time_text[22] = (char)('0' + now.tv_nsec / 1000000 % 10);
    return bytes_from(access_log->time_text, 24);
}

static const char *reason_of(const struct stream *stream)
{
    if (stream->is_redirect)
        return "redirect_https";
    return stream->failure == FAILURE_NONE ? "-" : failure_row(stream->failure)->reason;
}

static struct bytes or_dash(struct bytes value)
{
    return value.len == 0 ? BYTES("-") : value;
}

static void add_endpoint(const struct stream *stream, struct text *out)
{
    if (stream->endpoint_address.port == 0)
        text_add_byte(out, '-');
    else
        address_add(&stream->endpoint_address, out);
}

static uint64_t duration_us(const struct stream *stream)
{
    return worker_now_us(stream->worker) - stream->started_us;
}

static struct bytes protocol_of(const struct stream *stream)
{
    if (stream->request.version_major == 2)
        return BYTES("HTTP/2");
    return stream->request.version_minor == 0 ? BYTES("HTTP/1.0") : BYTES("HTTP/1.1");
}

/* What the handshake came to; empty texts on plain connections. */
struct tls_words {
    struct bytes version;
    struct bytes cipher;
    struct bytes server_name;
};

static struct tls_words tls_words_of(const struct stream *stream)
{
    const struct tls *tls = stream->conn->tls;

    if (tls == NULL)
        return (struct tls_words){BYTES_NONE, BYTES_NONE, BYTES_NONE};
    return (struct tls_words){bytes_of(tls_version_of(tls)), bytes_of(tls_cipher_of(tls)),
                              tls_server_name(tls)};
}

/* protocol tls-version cipher sni */
static void add_protocols(const struct stream *stream, struct text *out)
{
    struct tls_words words = tls_words_of(stream);

    text_add(out, protocol_of(stream));
    text_add_byte(out, ' ');
    text_add(out, or_dash(words.version));
    text_add_byte(out, ' ');
    text_add(out, or_dash(words.cipher));
    text_add_byte(out, ' ');
    text_add_escaped(out, or_dash(words.server_name));
}

/* time client "METHOD host path query" status reason bytes_in bytes_out duration upstream attempts
 * "route object" request-id protocol tls-version cipher sni */
static void add_text_line(struct access_log *access_log, const struct stream *stream,
                          struct text *out)
{
    text_add(out, time_text(access_log));
    text_add_byte(out, ' ');
    text_add(out, conn_client_ip(stream->conn));
    text_add(out, BYTES(" \""));
    text_add_escaped(out, or_dash(stream->request.method));
    text_add_byte(out, ' ');
    text_add_escaped(out, or_dash(stream->request.authority));
    text_add_byte(out, ' ');
    text_add_escaped(out, or_dash(stream->request.path));
    text_add_escaped(out, stream->request.query);
    text_add(out, BYTES("\" "));
    text_add_uint(out, stream->status);
    text_add_byte(out, ' ');
    text_add_str(out, reason_of(stream));
    text_add_byte(out, ' ');
    text_add_uint(out, stream->request_bytes);
    text_add_byte(out, ' ');
    text_add_uint(out, stream->response_bytes);
    text_printf(out, " %.3fms ", (double)duration_us(stream) / 1000.0);
    add_endpoint(stream, out);
    text_add_byte(out, ' ');
    text_add_uint(out, stream->attempts);
    text_add(out, BYTES(" \""));
    text_add_escaped(out, stream->route == NULL ? BYTES("-") : stream->route->object);
    text_add(out, BYTES("\" "));
    text_add_escaped(out, or_dash(stream->request_id));
    text_add_byte(out, ' ');
    add_protocols(stream, out);
    text_add_byte(out, '\n');
}

static void add_json_pair(struct text *out, const char *name, struct bytes value)
{
    text_add_byte(out, '"');
    text_add_str(out, name);
    text_add(out, BYTES("\":"));
    text_add_json_string(out, value);
    text_add_byte(out, ',');
}

static void add_json_number(struct text *out, const char *name, uint64_t value)
{
    text_add_byte(out, '"');
    text_add_str(out, name);
    text_add(out, BYTES("\":"));
    text_add_uint(out, value);
    text_add_byte(out, ',');
}

static void add_json_line(struct access_log *access_log, const struct stream *stream,
                          struct text *out)
{
    struct tls_words words = tls_words_of(stream);

    text_add_byte(out, '{');
    add_json_pair(out, "time", time_text(access_log));
    add_json_pair(out, "client", conn_client_ip(stream->conn));
    add_json_pair(out, "method", stream->request.method);
    add_json_pair(out, "host", stream->request.authority);
    add_json_pair(out, "path", stream->request.path);
    add_json_pair(out, "query", stream->request.query);
    add_json_pair(out, "protocol", protocol_of(stream));
    add_json_pair(out, "tls_version", words.version);
    add_json_pair(out, "tls_cipher", words.cipher);
    add_json_pair(out, "sni", words.server_name);
    add_json_number(out, "status", stream->status);
    add_json_pair(out, "reason", bytes_of(reason_of(stream)));
    add_json_number(out, "bytes_in", stream->request_bytes);
    add_json_number(out, "bytes_out", stream->response_bytes);
    add_json_number(out, "duration_us", duration_us(stream));
    text_add(out, BYTES("\"upstream\":\""));
    add_endpoint(stream, out);
    text_add(out, BYTES("\","));
    add_json_number(out, "attempts", stream->attempts);
    add_json_pair(out, "route", stream->route == NULL ? BYTES("-") : stream->route->object);
    text_add(out, BYTES("\"request_id\":"));
    text_add_json_string(out, stream->request_id);
    text_add(out, BYTES("}\n"));
}

void access_log_write(struct access_log *access_log, const struct stream *stream)
{
    struct text *out = &access_log->filling;

    if (out->len > ACCESS_LOG_WAITING_MAX) {
        access_log->worker->stats.access_log_dropped++;
        return;
    }
    if (access_log->is_json)
        add_json_line(access_log, stream, out);
    else
        add_text_line(access_log, stream, out);
    if (out->len >= ACCESS_LOG_PIECE_BYTES)
        write_more(access_log);
}
