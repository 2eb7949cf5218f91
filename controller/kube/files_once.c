/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files_once.c - one reading of files and directory trees, in the calling thread.
 */
#include "controller/kube/job.h"
#include "controller/kube/source.h"

#include <errno.h>

/* What the paths are: directories are scanned, anything else is read whatever its name is. */
struct split {
    char **directories; /* owned */
    size_t directories_count;
    char **files; /* owned */
    size_t files_count;
};

static char *copy_path(const char *path)
{
    struct bytes text = bytes_of(path);

    while (text.len > 1 && text.at[text.len - 1] == '/')
        text.len--;
    return mem_string(text);
}

static bool split_has(const struct split *split, const char *path)
{
    for (size_t i = 0; i < split->files_count; i++)
        if (strcmp(split->files[i], path) == 0)
            return true;
    return false;
}

static enum status split_add(struct split *split, const char *path, struct log *log)
{
    struct stat found;

    if (stat(path, &found) != 0) {
        int error = errno;

        log_error(log, "a path can not be read", LOG_STRING("path", path), LOG_ERRNO(error));
        return error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_REFUSED;
    }
    if (S_ISDIR(found.st_mode))
        split->directories[split->directories_count++] = copy_path(path);
    else if (!split_has(split, path))
        split->files[split->files_count++] = mem_string(bytes_of(path));
    return STATUS_OK;
}

static void split_fini(struct split *split)
{
    for (size_t i = 0; i < split->directories_count; i++)
        mem_free(split->directories[i]);
    for (size_t i = 0; i < split->files_count; i++)
        mem_free(split->files[i]);
    mem_free(split->directories);
    mem_free(split->files);
}

static void add_remark(struct source_batch *batch, struct bytes path)
{
    struct source_file *file = &batch->files[batch->files_count++];
    struct stat found;

    *file = (struct source_file){.path = arena_copy(&batch->arena, path)};
    decoded_remark(&file->decoded, stat(path.at, &found) == 0
                                       ? "there are no manifests here: their names end in .yaml, "
                                         ".yml or .json"
                                       : "a symbolic link that leads nowhere, so it does nothing");
}

static void add_remarks(struct source_batch *batch, const struct scan *scan)
{
    if (scan->bare_count == 0)
        return;
    batch->files =
        mem_resize(batch->files, (batch->files_count + scan->bare_count) * sizeof(batch->files[0]));
    for (size_t i = 0; i < scan->bare_count; i++)
        add_remark(batch, scan->bare[i]);
}

static struct source_batch *read_split(const struct split *split, bool with_remarks,
                                       struct log *log, enum status *status)
{
    struct known known;
    struct source_batch *batch;
    struct job *job;

    known_init(&known);
    job =
        job_create(&known, (const char *const *)split->directories, split->directories_count, log);
    job->is_first = true;
    for (size_t i = 0; i < split->files_count; i++)
        job_add_file(job, bytes_of(split->files[i]));
    job_look(job);
    job->log = NULL; /* what there is to tell about manifests is in the batch */
    job_read(job);
    job_merge(job);
    *status = job->scan.failures_count > 0 ? STATUS_REFUSED : STATUS_OK;
    batch = job->batch;
    job->batch = NULL;
    if (with_remarks)
        add_remarks(batch, &job->scan);
    job_destroy(job);
    known_fini(&known);
    return batch;
}

enum status files_read_once(const char *const *paths, size_t paths_count, bool with_remarks,
                            struct log *log, struct source_batch **batch)
{
    struct split split = {
        .directories = mem_new_array(char *, paths_count),
        .files = mem_new_array(char *, paths_count),
    };
    struct source_batch *read = NULL;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < paths_count && status == STATUS_OK; i++)
        status = split_add(&split, paths[i], log);
    if (status == STATUS_OK)
        read = read_split(&split, with_remarks, log, &status);
    if (status == STATUS_OK)
        *batch = read;
    else
        source_batch_destroy(read);
    split_fini(&split);
    return status;
}
