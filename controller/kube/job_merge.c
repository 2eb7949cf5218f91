/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_merge.c - what was read against what was known: the batch is the difference.
 */
#include "controller/kube/job.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

static struct source_file *add_to_batch(struct job *job, struct bytes path)
{
    struct source_file *file = &job->batch->files[job->batch->files_count++];

    *file = (struct source_file){.path = arena_copy(&job->batch->arena, path)};
    return file;
}

static void merge_gone(struct job *job, struct known_file *known)
{
    add_to_batch(job, known->path)->is_gone = true;
    known_remove(job->known, known);
}

/* A file that is gone together with its root is not believed gone at once. */
static bool is_root_missing(const struct job *job, struct bytes path)
{
    struct stat found;

    for (size_t i = 0; i < job->roots_count; i++)
        if (bytes_starts_with(path, bytes_of(job->roots[i])) && stat(job->roots[i], &found) != 0 &&
            errno == ENOENT)
            return true;
    return false;
}

/* True when the reading must wait: the file is empty but was not, or is being written. */
static bool must_wait(struct job *job, struct known_file *known, const struct reading *reading)
{
    uint64_t waited_ms;

    if (job->is_first)
        return false;
    if (reading->is_moving && ++known->moving_count < JOB_MOVING_MAX) {
        job_add_again(job, known->path, SETTLE_QUIET_MS);
        return true;
    }
    known->moving_count = 0;
    if (reading->stamp.size > 0 || known->objects_count == 0) {
        known->empty_since_ms = 0;
        return false;
    }
    if (known->empty_since_ms == 0)
        known->empty_since_ms = job->now_ms;
    waited_ms = job->now_ms - known->empty_since_ms;
    if (waited_ms >= JOB_EMPTY_MS)
        return false;
    job_add_again(job, known->path, (uint32_t)(JOB_EMPTY_MS - waited_ms));
    return true;
}

/* Takes the content over from the reading. */
static void merge_content(struct job *job, struct known_file *known, struct reading *reading)
{
    struct source_file *file = add_to_batch(job, known->path);

    known_set_broken(job->known, known, reading->decoded.is_broken);
    if (!reading->decoded.is_broken)
        known->objects_count = reading->decoded.objects_count;
    job->known->stats.parse_errors +=
        reading->outcome == READING_DECODED && reading->decoded.is_broken;
    job->known->stats.too_large +=
        reading->outcome == READING_REFUSED && reading->stamp.size > (int64_t)MANIFEST_BYTES_MAX;
    known_tell(job->known, job->log, known->path, &reading->decoded);
    file->decoded = reading->decoded;
    reading->decoded = (struct decoded){0};
}

static void merge_present(struct job *job, struct known_file *known, struct reading *reading)
{
    bool is_news = reading->outcome != READING_SAME;

    if (reading->outcome == READING_DECODED && must_wait(job, known, reading))
        return;
    if (reading->outcome == READING_SAME)
        known->empty_since_ms = 0;
    else if (reading->outcome != READING_DECODED) /* told once for each state of the file */
        is_news = known->error != reading->error || known->hash != 0 ||
                  !stamp_equal(&known->stamp, &reading->stamp);
    known->stamp = reading->stamp;
    known->hash = reading->hash;
    known->error = reading->error;
    if (is_news)
        merge_content(job, known, reading);
}

static void merge_read(struct job *job, struct job_read *read)
{
    struct known_file *known = known_get(job->known, read->path);

    job->known->stats.reads++;
    if (read->reading.outcome != READING_GONE) {
        merge_present(job, known != NULL ? known : known_add(job->known, read->path),
                      &read->reading);
        return;
    }
    if (known == NULL)
        return;
    if (!job->is_missing_allowed && is_root_missing(job, read->path))
        job->has_missing_root = true;
    else
        merge_gone(job, known);
}

static int compare_files(const void *a, const void *b)
{
    const struct source_file *left = a;
    const struct source_file *right = b;

    return bytes_compare(left->path, right->path);
}

/* The trees of the first reading are gone, but the allocator keeps their memory until told. */
static void give_back_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void job_merge(struct job *job)
{
    struct source_batch *batch = mem_new(struct source_batch);

    job->batch = batch;
    batch->is_first = job->is_first;
    batch->files = mem_new_array(struct source_file, job->reads_count + job->gone_count);
    arena_init(&batch->arena, 512);
    for (size_t i = 0; i < job->reads_count; i++)
        merge_read(job, &job->reads[i]);
    for (size_t i = 0; i < job->gone_count; i++)
        merge_gone(job, job->gone[i]);
    if (batch->files_count > 1)
        qsort(batch->files, batch->files_count, sizeof(batch->files[0]), compare_files);
    if (job->is_first)
        give_back_memory();
}
