/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - looking at the tree: what must be read, and what is gone.
 */
#include "controller/kube/job.h"

#include <errno.h>

struct job *job_create(struct known *known, const char *const *roots, size_t roots_count,
                       struct log *log)
{
    struct job *job = mem_new(struct job);

    job->known = known;
    job->roots = roots;
    job->roots_count = roots_count;
    job->log = log;
    arena_init(&job->arena, 1024);
    map_init(&job->waiting);
    scan_init(&job->scan);
    return job;
}

void job_destroy(struct job *job)
{
    for (size_t i = 0; i < job->reads_count; i++)
        reading_fini(&job->reads[i].reading);
    settle_due_fini(&job->due);
    map_fini(&job->waiting);
    mem_free(job->reads);
    mem_free(job->gone);
    mem_free(job->agains);
    source_batch_destroy(job->batch);
    scan_fini(&job->scan);
    arena_fini(&job->arena);
    mem_free(job);
}

static struct job_read *add_read(struct job *job, struct bytes path, const struct known_file *known)
{
    if (job->reads_count == job->reads_capacity) {
        job->reads_capacity = job->reads_capacity * 2 + 8;
        job->reads = mem_resize(job->reads, job->reads_capacity * sizeof(job->reads[0]));
    }
    job->reads[job->reads_count] = (struct job_read){
        .path = arena_copy(&job->arena, path),
        .known_hash = known == NULL ? 0 : known->hash,
    };
    return &job->reads[job->reads_count++];
}

static struct job_read *add_path(struct job *job, struct bytes path)
{
    struct job_read *read = add_read(job, path, known_get(job->known, path));

    /* A scan need not read it once more. */
    map_put(&job->waiting, read->path, job);
    return read;
}

void job_add_file(struct job *job, struct bytes path)
{
    add_path(job, path);
}

static void add_gone(struct job *job, struct known_file *file)
{
    if (job->gone_count == job->gone_capacity) {
        job->gone_capacity = job->gone_capacity * 2 + 8;
        job->gone = mem_resize(job->gone, job->gone_capacity * sizeof(job->gone[0]));
    }
    job->gone[job->gone_count++] = file;
}

static bool is_below(struct bytes path, struct bytes dir)
{
    return path.len > dir.len && bytes_starts_with(path, dir) &&
           (path.at[dir.len] == '/' || bytes_ends_with(dir, BYTES("/")));
}

/* The listing failed, so nobody knows what is below; what was good stays. A root that is gone is
 * believed after a while, as files are deleted with their directory too. */
static bool may_be_there(const struct job *job, struct bytes path)
{
    if (job->scan.is_cut)
        return true;
    for (size_t i = 0; i < job->scan.failures_count; i++) {
        const struct scan_failure *failure = &job->scan.failures[i];

        if (is_below(path, failure->path) &&
            !(failure->is_root && failure->error == ENOENT && job->is_missing_allowed))
            return true;
    }
    return false;
}

void job_add_again(struct job *job, struct bytes path, uint64_t first_ms, uint32_t after_ms)
{
    if (job->agains_count == job->agains_capacity) {
        job->agains_capacity = job->agains_capacity * 2 + 8;
        job->agains = mem_resize(job->agains, job->agains_capacity * sizeof(job->agains[0]));
    }
    job->agains[job->agains_count++] =
        (struct job_again){arena_copy(&job->arena, path), first_ms, after_ms};
}

/* A file that took the place of another one is whole: what is written under its own name is heard
 * of, and then it is waiting. This way ..data and all that is behind it change as one. */
static bool may_be_half(const struct known_file *known, const struct scan_file *file)
{
    bool is_other = known != NULL && (known->stamp.device != file->stamp.device ||
                                      known->stamp.inode != file->stamp.inode);

    return !is_other && stamp_quiet_ms(&file->stamp) < JOB_FRESH_MS;
}

static void look_at_file(struct job *job, const struct scan_file *file)
{
    struct known_file *known = known_get(job->known, file->path);

    if (known != NULL)
        known->scan_number = job->known->scan_number;
    if (map_get(&job->waiting, file->path) != NULL)
        return;
    if (known != NULL && known->error == 0 && stamp_equal(&known->stamp, &file->stamp))
        return;
    if (!job->is_first && may_be_half(known, file))
        job_add_again(job, file->path, job->now_ms, SETTLE_QUIET_MS);
    else
        add_read(job, file->path, known);
}

static void tell_failures(const struct job *job)
{
    for (size_t i = 0; i < job->scan.failures_count; i++)
        log_error(job->log, "a directory of manifests can not be listed",
                  LOG_BYTES("directory", job->scan.failures[i].path),
                  LOG_ERRNO(job->scan.failures[i].error));
    if (job->scan.is_cut)
        log_error(job->log, "there are more manifests or directories than are read",
                  LOG_UINT("files_max", SCAN_FILES_MAX), LOG_UINT("directories_max", SCAN_DIRS_MAX),
                  LOG_UINT("depth_max", SCAN_DEPTH_MAX));
}

/* Failures are told when their number changes, not at every scan. */
static void note_failures(struct job *job)
{
    size_t troubles = job->scan.failures_count + job->scan.is_cut;

    if (troubles != job->known->troubles_count && troubles > 0)
        tell_failures(job);
    else if (troubles != job->known->troubles_count)
        log_info(job->log, "all directories of manifests can be listed again");
    job->known->troubles_count = troubles;
    for (size_t i = 0; i < job->scan.failures_count; i++)
        if (job->scan.failures[i].is_root && job->scan.failures[i].error == ENOENT)
            job->has_missing_root = true;
}

static void look_everywhere(struct job *job)
{
    struct known_file *known;
    size_t at = 0;

    job->known->scan_number++;
    job->known->stats.rescans += !job->is_first;
    scan_roots(&job->scan, job->roots, job->roots_count);
    job->has_scanned = true;
    note_failures(job);
    for (size_t i = 0; i < job->scan.files_count; i++)
        look_at_file(job, &job->scan.files[i]);
    while ((known = map_next(&job->known->files, &at)) != NULL)
        if (known->scan_number != job->known->scan_number &&
            map_get(&job->waiting, known->path) == NULL && !may_be_there(job, known->path))
            add_gone(job, known);
}

static bool is_directory(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool is_symlink(const char *path)
{
    struct stat found;

    return lstat(path, &found) == 0 && S_ISLNK(found.st_mode);
}

static struct bytes last_name(struct bytes path)
{
    size_t slash = bytes_find_last(path, '/');

    return slash == BYTES_NOT_FOUND ? path : bytes_skip(path, slash + 1);
}

static bool is_any_root_missing(const struct job *job)
{
    struct stat found;

    for (size_t i = 0; i < job->roots_count; i++)
        if (stat(job->roots[i], &found) != 0 && errno == ENOENT)
            return true;
    return false;
}

static void look_at_entry(struct job *job, const struct settle_entry *entry)
{
    struct job_read *read;

    if (!scan_is_manifest(last_name(entry->path)) || is_directory(entry->path.at))
        return;
    read = add_path(job, entry->path);
    read->heard_ms = entry->first_ms;
    read->news = entry->news;
}

/* A directory that came is listed with everything else: that is rare, and this way it is the same
 * as at the start. The same for a symlink: what is behind it must be watched from now on. */
void job_look(struct job *job)
{
    bool is_scan = job->due.is_scan || job->is_first;

    for (size_t i = 0; i < job->due.count; i++)
        is_scan = is_scan || is_directory(job->due.entries[i]->path.at) ||
                  is_symlink(job->due.entries[i]->path.at);
    if (!is_scan && job->is_probe) {
        job->has_missing_root = is_any_root_missing(job);
        is_scan = !job->has_missing_root;
    }
    for (size_t i = 0; i < job->due.count; i++)
        look_at_entry(job, job->due.entries[i]);
    if (is_scan)
        look_everywhere(job);
}

void job_read(struct job *job)
{
    for (;;) {
        size_t i = __atomic_fetch_add(&job->next_read, 1, __ATOMIC_RELAXED);

        if (i >= job->reads_count)
            return;
        reading_take(job->reads[i].path.at, job->reads[i].known_hash, &job->reads[i].reading);
    }
}
