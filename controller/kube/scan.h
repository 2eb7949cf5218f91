/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - what manifests and directories there are below some roots: names and stamps, nothing is
 * opened but directories. Blocking; for the thread pool.
 */
#ifndef CONTROLLER_KUBE_SCAN_H
#define CONTROLLER_KUBE_SCAN_H

#include "controller/kube/reading.h"
#include "core/map.h"
#include "core/mem.h"

#define SCAN_DEPTH_MAX 32     /* directories below a root */
#define SCAN_FILES_MAX 200000 /* manifests of all roots */
#define SCAN_DIRS_MAX  20000  /* directories of all roots */

struct scan_file {
    struct bytes path; /* followed by a NUL */
    struct stamp stamp;
    struct bytes target; /* where a symlink leads in the end, else empty */
};

struct scan_dir {
    struct bytes path; /* followed by a NUL */
    uint64_t device;
    uint64_t inode;
    bool has_symlinks; /* so a change of a hidden name may mean a change of what is behind them */
    bool is_target;    /* only watched, because symlinks lead into it */
};

/* A directory that could not be listed: nothing is known of what is below. */
struct scan_failure {
    struct bytes path;
    int error;
    bool is_root;
};

struct scan {
    struct arena arena; /* all texts */
    struct scan_file *files;
    size_t files_count, files_capacity;
    struct scan_dir *dirs;
    size_t dirs_count, dirs_capacity;
    struct scan_failure *failures;
    size_t failures_count, failures_capacity;
    struct bytes *bare; /* roots without any manifest, and names of manifests that lead nowhere */
    size_t bare_count, bare_capacity;
    struct map visited; /* device and inode: each directory is listed once, under its first name */
    bool is_cut;        /* one of the limits was reached */
};

void scan_init(struct scan *scan);
void scan_fini(struct scan *scan);
/* Once for each scan. Hidden names are passed over; names are taken in order, so the same trees
 * give the same list. */
void scan_roots(struct scan *scan, const char *const *roots, size_t count);
/* Ends in .yaml, .yml or .json and is not hidden. */
bool scan_is_manifest(struct bytes name);

#endif
