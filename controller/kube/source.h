/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where objects come from: a directory of manifests (files.c), or an API server
 * (kube.h).
 *
 * Everything arrives as batches; what changed together arrives together. Reading and decoding
 * happen on the thread pool, callbacks on the loop.
 */
#ifndef CONTROLLER_KUBE_SOURCE_H
#define CONTROLLER_KUBE_SOURCE_H

#include "controller/object/decode.h"
#include "core/log.h"
#include "core/text.h"

#include <uv.h>

/* The new content of one manifest file. */
struct source_file {
    struct bytes path;      /* in the arena of the batch */
    bool is_gone;           /* deleted: its objects go */
    struct decoded decoded; /* is_broken: its objects stay, the notes are new */
};

/* What an API server said of one object. */
struct source_change {
    enum object_kind kind;
    struct object *object; /* ref; it may stand for one with a fault; NULL: it went, or cannot be
                            * read */
    struct bytes ns;       /* these in the arena of the batch */
    struct bytes name;
    struct bytes
        fault; /* why it cannot be read, for people: "spec.rules: must be a list"; or empty */
};

struct source_batch {
    struct source_file *files; /* mem_resize()d, as are the changes */
    size_t files_count;
    struct source_change *changes; /* in the order in which they happened */
    size_t changes_count;
    bool is_first;      /* completes the first listing; nothing is served before it */
    bool is_whole;      /* from here on nothing that is known comes from a snapshot */
    struct arena arena; /* the paths, names and faults */
};

void source_batch_destroy(struct source_batch *batch);

/* The batch is handed over to the callee. */
typedef void source_batch_fn(void *context, struct source_batch *batch);

/* Either source, as its owner needs it. */
typedef void source_closed_fn(void *context);
struct source_ops {
    void (*write_metrics)(const void *self, struct text *out);
    /* What readiness waits for, or what is amiss though ready, in lines; nothing when all is well.
     */
    void (*add_detail)(const void *self, struct text *out);
    void (*close)(void *self, source_closed_fn *on_closed, void *context);
};
struct source {
    const struct source_ops *ops;
    void *self; /* owned */
};

struct files;

/* Counters for /metrics. */
struct files_stats {
    uint64_t files;        /* manifests now known */
    uint64_t files_broken; /* of them, the last reading failed or did not parse */
    uint64_t files_kept;   /* of these, objects of an earlier reading are served */
    uint64_t reads;
    uint64_t parse_errors;
    uint64_t too_large; /* refused by MANIFEST_BYTES_MAX */
    uint64_t rescans;
};

/*
 * Watch directory trees. STATUS_NOT_FOUND or STATUS_REFUSED, with one line in the log, when a
 * directory cannot be read at the start. The first batch comes when all of them have been read.
 *
 * .yaml, .yml and .json at any depth; hidden names (a leading dot) are skipped, but symlinks
 * through
 * ..data are followed as the names that point there. Nested directories, also new ones, are
 * watched.
 */
enum status files_open(struct files **files, uv_loop_t *loop, const char *const *directories,
                       size_t directories_count, struct log *log, source_batch_fn *on_batch,
                       void *context);
void files_stats(const struct files *files, struct files_stats *stats);
void files_close(struct files *files, source_closed_fn *on_closed, void *context);
struct source files_source(struct files *files);

/*
 * One reading of files and directory trees, without watching: for check, explain and table.
 *
 *   with_remarks   directories without manifests, and symlinks that lead nowhere, are files without
 *                  objects and with a warning
 */
enum status files_read_once(const char *const *paths, size_t paths_count, bool with_remarks,
                            struct log *log, struct source_batch **batch);

#endif
