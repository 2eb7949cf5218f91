/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.c - stat, open, read, stat again.
 */
#include "controller/kube/reading.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TRIES_MAX 3 /* for a file that changes while it is read */

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct stamp stamp_of(const struct stat *stat)
{
    return (struct stamp){
        .device = (uint64_t)stat->st_dev,
        .inode = (uint64_t)stat->st_ino,
        .size = (int64_t)stat->st_size,
        .modified_ns = nanoseconds(stat->st_mtim),
        .changed_ns = nanoseconds(stat->st_ctim),
    };
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

int64_t stamp_quiet_ms(const struct stamp *stamp)
{
    struct timespec now;
    int64_t quiet_ns;

    clock_gettime(CLOCK_REALTIME, &now);
    quiet_ns = nanoseconds(now) - stamp->modified_ns;
    return quiet_ns < 0 ? INT64_MAX : quiet_ns / 1000000;
}

/* ENOTDIR: a directory on the way became a file. ELOOP: a symlink that leads to itself. */
static bool is_gone(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static void fail(struct reading *reading, int error)
{
    char sentence[200];
    char reason[100];

    if (is_gone(error)) {
        reading->outcome = READING_GONE;
        return;
    }
    snprintf(sentence, sizeof(sentence), "can not be read: %s",
             strerror_r(error, reason, sizeof(reason)));
    decoded_refuse(&reading->decoded, sentence);
    reading->outcome = READING_FAILED;
    reading->error = error;
}

static void refuse(struct reading *reading, const char *sentence)
{
    decoded_refuse(&reading->decoded, sentence);
    reading->outcome = READING_REFUSED;
}

/* Read what a file of this size holds, and see whether there is more. -1: errno is set. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(fd, buffer + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

/* The path may have become something else since it was looked at; the descriptor is what counts. */
static bool is_settled(int fd, struct stamp *stamp)
{
    struct stat stat;
    struct stamp now;

    if (fstat(fd, &stat) != 0)
        return false;
    now = stamp_of(&stat);
    if (S_ISREG(stat.st_mode) && stamp_equal(stamp, &now))
        return true;
    *stamp = now;
    return false;
}

/* STATUS_AGAIN when the file moved under us; *text is what was read, owned by the caller. */
static enum status read_once(int fd, struct reading *reading, struct text *text)
{
    size_t size = (size_t)reading->stamp.size;
    ssize_t length;

    if (!is_settled(fd, &reading->stamp))
        return STATUS_AGAIN;
    text_reserve(text, size + 1);
    length = read_all(fd, text->at, size + 1);
    if (length < 0)
        return STATUS_IO;
    text->len = (size_t)length;
    return (size_t)length == size && is_settled(fd, &reading->stamp) ? STATUS_OK : STATUS_AGAIN;
}

/* It may hold keys, and the next user of this memory may be anyone. */
static void forget(struct text *text)
{
    if (text->at != NULL)
        explicit_bzero(text->at, text->capacity);
    text_fini(text);
}

static void decode(const char *path, uint64_t known_hash, struct reading *reading,
                   struct bytes text)
{
    reading->hash = bytes_hash(text);
    reading->is_line_ended = bytes_ends_with(text, BYTES("\n"));
    reading->outcome = READING_SAME;
    if (reading->hash == known_hash)
        return;
    decode_manifest(text, bytes_of(path), &reading->decoded);
    reading->outcome = READING_DECODED;
}

/* O_NONBLOCK: should a FIFO take the place of the file just now, the open does not wait. */
static enum status try_once(const char *path, uint64_t known_hash, bool is_last,
                            struct reading *reading)
{
    enum status status;
    struct text text;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        fail(reading, errno);
        return STATUS_OK;
    }
    text_init(&text);
    status = read_once(fd, reading, &text);
    if (status == STATUS_IO)
        fail(reading, errno);
    else if (status == STATUS_OK || is_last)
        decode(path, known_hash, reading, text_bytes(&text));
    forget(&text);
    close(fd);
    return status;
}

void reading_take(const char *path, uint64_t known_hash, struct reading *reading)
{
    *reading = (struct reading){0};
    for (int tries = 1; tries <= TRIES_MAX; tries++) {
        struct stat found;

        if (stat(path, &found) != 0) {
            fail(reading, errno);
            return;
        }
        reading->stamp = stamp_of(&found);
        if (!S_ISREG(found.st_mode)) {
            refuse(reading, "is no regular file, so it is not read");
            return;
        }
        if (found.st_size > (off_t)MANIFEST_BYTES_MAX) {
            refuse(reading, "is larger than a manifest may be (16 MiB): split it");
            return;
        }
        reading->quiet_ms = stamp_quiet_ms(&reading->stamp);
        if (try_once(path, known_hash, tries == TRIES_MAX, reading) != STATUS_AGAIN)
            return;
    }
    reading->quiet_ms = 0;
}

void reading_fini(struct reading *reading)
{
    decoded_fini(&reading->decoded);
}
