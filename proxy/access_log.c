/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_log.c - gathers lines and hands full pieces to the thread pool.
 *
 *     access_line.c -> filling -> [uv_fs_write on the pool] -> file
 */
#include "proxy/access_log.h"

#include "core/check.h"
#include "proxy/access_line.h"
#include "proxy/worker.h"

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

/* Where a line may go; NULL when it is lost. */
static struct text *line_of(struct access_log *access_log)
{
    if (access_log->filling.len <= ACCESS_LOG_WAITING_MAX)
        return &access_log->filling;
    access_log->worker->stats.access_log_dropped++;
    return NULL;
}

static void end_line(struct access_log *access_log)
{
    if (access_log->filling.len >= ACCESS_LOG_PIECE_BYTES)
        write_more(access_log);
}

void access_log_write(struct access_log *access_log, const struct stream *stream)
{
    struct text *out = line_of(access_log);

    if (out == NULL)
        return;
    if (access_log->is_json)
        access_line_add_json(out, time_text(access_log), stream);
    else
        access_line_add(out, time_text(access_log), stream);
    end_line(access_log);
}

void access_log_write_tcp(struct access_log *access_log, const struct tcp_relay *relay)
{
    struct text *out = line_of(access_log);

    if (out == NULL)
        return;
    if (access_log->is_json)
        access_line_add_tcp_json(out, time_text(access_log), relay);
    else
        access_line_add_tcp(out, time_text(access_log), relay);
    end_line(access_log);
}
