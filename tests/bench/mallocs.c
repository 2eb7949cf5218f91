/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mallocs.c - counts heap allocations of a program it is preloaded into (LD_PRELOAD).
 *
 * The count lives in the file named by MALLOCS_FILE, mapped shared, as one 64-bit number of this
 * machine: whoever measures reads the file before and after, and the program is not disturbed.
 * free() is not counted; what is allocated is what matters.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))

/* glibc's own names for what we stand in front of. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static uint64_t before_start; /* until the file is mapped */
static uint64_t *counter = &before_start;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("MALLOCS_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    if (ftruncate(fd, sizeof(uint64_t)) == 0) {
        void *mapped = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (mapped != MAP_FAILED)
            counter = mapped;
    }
    close(fd);
}

static void count_one(void)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

EXPORT void *malloc(size_t size)
{
    count_one();
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    count_one();
    return __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    count_one();
    return __libc_realloc(old, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    count_one();
    return __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    count_one();
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? 12 /* ENOMEM */ : 0;
}
