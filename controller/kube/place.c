/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c - opened without following, looked at, locked.
 */
#include "controller/kube/place.h"

#include "controller/object/record.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#define OPEN_FLAGS     (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
#define TAKE_TIMES_MAX 10 /* a file that another one renames between open and lock is another's */

enum status place_fail(struct text *error, const char *path, const char *what)
{
    text_printf(error, "%s: %s: %s", path, what, strerror(errno));
    return STATUS_IO;
}

enum status place_refuse(struct text *error, const char *path, const char *why)
{
    text_printf(error, "%s: %s", path, why);
    return STATUS_REFUSED;
}

/* ---- what stands there ---- */

/* An empty file is as good as none. One that was never published may be torn: it has less than the
 * beginning, or what a disk has of a file that lost its power. */
static bool is_ours(int fd, bool may_be_torn)
{
    char begin[sizeof(RECORD_OURS) - 1];
    ssize_t count = pread(fd, begin, sizeof(begin), 0);
    bool is_torn = count > 0 && (count < (ssize_t)sizeof(begin) || begin[0] == '\0');

    if (count < 0 || (is_torn && !may_be_torn))
        return false;
    return count == 0 || begin[0] == '\0' || memcmp(begin, RECORD_OURS, (size_t)count) == 0;
}

static enum status check_found(const char *path, int fd, bool may_be_torn, struct text *error)
{
    struct stat found;

    if (fstat(fd, &found) != 0)
        return place_fail(error, path, "cannot be looked at");
    if (!S_ISREG(found.st_mode))
        return place_refuse(error, path, "is no regular file: give the path of a file");
    if (found.st_uid != geteuid())
        return place_refuse(error, path,
                            "belongs to another user: give another path, or delete it; what "
                            "somebody else may have written is not served");
    if ((found.st_mode & S_IWOTH) != 0)
        return place_refuse(error, path,
                            "may be written by everybody: delete it, or take that away");
    if (found.st_nlink != 1)
        return place_refuse(error, path, "has a second name: give another path, or delete it");
    if (!is_ours(fd, may_be_torn))
        return place_refuse(error, path,
                            "is no snapshot of Fairlead and is not overwritten: give another "
                            "path, or delete it if nobody needs it");
    return STATUS_OK;
}

/* Whether the path is to blame, and not the disk. */
static bool is_mistake(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EISDIR || error == ELOOP ||
           error == EACCES || error == EPERM || error == ENXIO || error == ENAMETOOLONG;
}

static enum status cannot_open(const char *path, struct text *error)
{
    int why = errno;

    if (why == ELOOP)
        return place_refuse(error, path,
                            "is a symbolic link, which is not followed: give the path of "
                            "the file itself");
    (void)place_fail(error, path, "cannot be opened");
    return is_mistake(why) ? STATUS_REFUSED : STATUS_IO;
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? mem_string(BYTES("."))
                         : mem_string(bytes_from(path, (size_t)(slash - path) + 1));
}

static enum status check_directory(const char *path, struct text *error)
{
    char *directory = directory_of(path);
    enum status status = STATUS_OK;
    struct stat found;

    if (stat(directory, &found) != 0) {
        status = is_mistake(errno) ? STATUS_REFUSED : STATUS_IO;
        text_printf(error, "%s: its directory: %s: make or mount it, or give another path", path,
                    strerror(errno));
    }
    mem_free(directory);
    return status;
}

enum status place_look(const char *path, int *fd, struct text *error)
{
    int found = open(path, O_RDONLY | OPEN_FLAGS);
    enum status status;

    if (found < 0 && errno != ENOENT)
        return cannot_open(path, error);
    if (found < 0) {
        status = check_directory(path, error);
    } else {
        status = check_found(path, found, false, error);
        if (status != STATUS_OK)
            (void)close(found);
    }
    if (status == STATUS_OK)
        *fd = found;
    return status;
}

/* ---- beside it ---- */

bool place_has(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && lstat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Empty, locked, and ours alone. What a killed one has left there is taken over. */
enum status place_take(const char *path, int *fd, struct text *error)
{
    for (int i = 0; i < TAKE_TIMES_MAX; i++) {
        int file = open(path, O_RDWR | O_CREAT | OPEN_FLAGS, S_IRUSR | S_IWUSR);
        enum status status = STATUS_OK;

        if (file < 0)
            return cannot_open(path, error);
        if (flock(file, LOCK_EX | LOCK_NB) != 0) {
            status = errno == EWOULDBLOCK ? STATUS_AGAIN : STATUS_IO;
            (void)place_fail(error, path, "another process is writing it");
        } else if (place_has(file, path)) {
            status = check_found(path, file, true, error);
            if (status == STATUS_OK && (ftruncate(file, 0) != 0 || fchmod(file, 0600) != 0))
                status = place_fail(error, path, "cannot be emptied");
            if (status == STATUS_OK) {
                *fd = file;
                return STATUS_OK;
            }
        }
        (void)close(file);
        if (status != STATUS_OK)
            return status;
    }
    text_printf(error, "%s: another process renames it again and again", path);
    return STATUS_AGAIN;
}

char *place_beside(const char *path, const char *ending)
{
    struct text name;

    text_init(&name);
    text_add_str(&name, path);
    text_add_str(&name, ending);
    text_add_byte(&name, '\0');
    return name.at;
}

/* A rename is on the disk when its directory is. Where that cannot be asked for, it is all the
 * same. */
void place_sync(const char *path)
{
    char *directory = directory_of(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    mem_free(directory);
}
