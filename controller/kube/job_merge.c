/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_merge.c - what was read against what was known: the batch is the difference.
 */
#include "controller/kube/job.h"

#include <errno.h>
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

/* Somebody moved a file to this name, and has not written to it since. */
static bool is_moved_in(const struct known_file *known, const struct reading *reading)
{
    bool is_other = known->stamp.inode != 0 && (known->stamp.device != reading->stamp.device ||
                                                known->stamp.inode != reading->stamp.inode);

    return known->news == SETTLE_NAMED || (known->news == SETTLE_LOOK && is_other);
}

/* Less than there was, as the first half of a file would be. */
static bool is_loss(const struct known_file *known, const struct reading *reading)
{
    return reading->decoded.is_broken || reading->decoded.objects_count < known->objects_count ||
           (known->is_line_ended && !reading->is_line_ended);
}

/* The file is left to whoever may still be writing it, if it looks like that. */
static bool must_wait_for_half(struct job *job, const struct known_file *known,
                               const struct reading *reading)
{
    uint64_t waited_ms = job->now_ms - known->waiting_since_ms;

    if (is_moved_in(known, reading))
        return false;
    if (is_loss(known, reading) && reading->quiet_ms < JOB_LOSS_QUIET_MS &&
        waited_ms < JOB_LOSS_MS_MAX) {
        job_add_again(job, known->path, job->now_ms,
                      (uint32_t)(JOB_LOSS_QUIET_MS - reading->quiet_ms));
        return true;
    }
    if (reading->quiet_ms < JOB_FRESH_MS && waited_ms < SETTLE_WAIT_MS_MAX) {
        job_add_again(job, known->path, known->waiting_since_ms,
                      (uint32_t)(SETTLE_QUIET_MS - reading->quiet_ms));
        return true;
    }
    return false;
}

/* The same for a file that is empty but was not. */
static bool must_wait_for_empty(struct job *job, struct known_file *known,
                                const struct reading *reading)
{
    uint64_t waited_ms;

    if (reading->stamp.size > 0 || known->objects_count == 0) {
        known->empty_since_ms = 0;
        return false;
    }
    if (known->empty_since_ms == 0)
        known->empty_since_ms = job->now_ms;
    waited_ms = job->now_ms - known->empty_since_ms;
    if (waited_ms >= JOB_EMPTY_MS)
        return false;
    job_add_again(job, known->path, job->now_ms, (uint32_t)(JOB_EMPTY_MS - waited_ms));
    return true;
}

static bool must_wait(struct job *job, struct known_file *known, const struct reading *reading)
{
    return !job->is_first &&
           (must_wait_for_empty(job, known, reading) || must_wait_for_half(job, known, reading));
}

/* Takes the content over from the reading. */
static void merge_content(struct job *job, struct known_file *known, struct reading *reading)
{
    struct source_file *file = add_to_batch(job, known->path);

    known_set_broken(job->known, known, reading->decoded.is_broken);
    if (!reading->decoded.is_broken) {
        known->objects_count = reading->decoded.objects_count;
        known->is_line_ended = reading->is_line_ended;
    }
    job->known->stats.parse_errors +=
        reading->outcome == READING_DECODED && reading->decoded.is_broken;
    job->known->stats.too_large +=
        reading->outcome == READING_REFUSED && reading->stamp.size > (int64_t)MANIFEST_BYTES_MAX;
    known_tell(job->known, job->log, known, &reading->decoded);
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
    known->waiting_since_ms = 0;
    known->news = SETTLE_LOOK;
    known->stamp = reading->stamp;
    known->hash = reading->hash;
    known->error = reading->error;
    if (is_news)
        merge_content(job, known, reading);
}

/* A file that is waiting keeps what was heard, until more is. */
static void note_news(const struct job *job, struct known_file *known, const struct job_read *read)
{
    if (read->news != SETTLE_LOOK)
        known->news = read->news;
    if (known->waiting_since_ms == 0)
        known->waiting_since_ms = read->heard_ms != 0 ? read->heard_ms : job->now_ms;
}

static void merge_read(struct job *job, struct job_read *read)
{
    struct known_file *known = known_get(job->known, read->path);

    job->known->stats.reads++;
    if (read->reading.outcome != READING_GONE) {
        if (known == NULL)
            known = known_add(job->known, read->path);
        note_news(job, known, read);
        merge_present(job, known, &read->reading);
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
        mem_trim(); /* the trees of the first reading are gone */
}
