/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.h - one manifest file: what it is now, and what is in it. Blocking; for the thread pool.
 */
#ifndef CONTROLLER_KUBE_READING_H
#define CONTROLLER_KUBE_READING_H

#include "controller/object/decode.h"

#include <sys/stat.h>

/* What tells one state of a file from another. All zero: nothing is known of it. */
struct stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t modified_ns;
    int64_t changed_ns;
};

struct stamp stamp_of(const struct stat *stat);
bool stamp_equal(const struct stamp *a, const struct stamp *b);
/* Milliseconds since the file was written to; INT64_MAX when its time is in the future, which says
 * nothing. */
int64_t stamp_quiet_ms(const struct stamp *stamp);

enum outcome {
    READING_DECODED, /* `decoded` is filled, is_broken or not */
    READING_SAME,    /* the bytes are those of the hash that was given */
    READING_GONE,    /* there is no such file */
    READING_REFUSED, /* no regular file, or too large; never opened; `decoded` says so */
    READING_FAILED,  /* `error` is the errno; `decoded` says so */
};

struct reading {
    enum outcome outcome;
    bool is_line_ended; /* the last byte is a newline */
    int error;
    struct stamp stamp;
    int64_t quiet_ms; /* since it was last written to; 0: it was written while we read */
    uint64_t hash;    /* of the bytes; 0 when there are none */
    struct decoded decoded;
};

/*
 * Read and decode. A file that changes meanwhile is read again, a few times; what was read in the
 * end may be half of it. Never opens what is no regular file, so that no FIFO can hold a thread.
 *
 *   known_hash   of the bytes read last time, or 0: equal bytes are not decoded again
 */
void reading_take(const char *path, uint64_t known_hash, struct reading *reading);
void reading_fini(struct reading *reading);

#endif
