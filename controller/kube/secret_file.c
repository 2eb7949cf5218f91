/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_file.c - opened without waiting, looked at, read.
 */
#include "controller/kube/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/stat.h>

static enum status refuse(const char *path, const char *why, enum status status, struct text *error)
{
    text_printf(error, "%s: %s", path, why);
    return status;
}

/* The file may grow meanwhile: what is read counts, and not what was promised. */
static enum status read_all(int fd, const char *path, size_t bytes_max, struct text *content,
                            struct text *error)
{
    size_t before = content->len;

    for (;;) {
        ssize_t count;

        text_reserve(content, 4096);
        count = read(fd, content->at + content->len, 4096);
        if (count == 0)
            return STATUS_OK;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return refuse(path, strerror(errno), STATUS_IO, error);
        content->len += (size_t)count;
        if (content->len - before > bytes_max)
            return refuse(path, "is too large", STATUS_TOO_LARGE, error);
    }
}

enum status secret_file_read(const char *path, size_t bytes_max, struct text *content,
                             struct text *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum status status;
    struct stat stat;

    if (fd < 0)
        return refuse(path, strerror(errno), errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, error);
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        status = refuse(path, "is no regular file", STATUS_REFUSED, error);
    else
        status = read_all(fd, path, bytes_max, content, error);
    (void)close(fd);
    return status;
}

void secret_text_fini(struct text *text)
{
    if (text->capacity > 0)
        explicit_bzero(text->at, text->capacity);
    text_fini(text);
}
