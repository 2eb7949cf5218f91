/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.c - a directory of manifests as a source: the loop's side.
 *
 *     watch -> settle -> [thread pool: look, read on several threads, merge] -> batch -> owner
 *
 * One job runs at a time; what is heard meanwhile waits for the next one.
 */
#include "controller/kube/job.h"
#include "controller/kube/source.h"
#include "controller/kube/watch.h"
#include "core/check.h"
#include "core/env.h"

#include <dirent.h>
#include <errno.h>

#define RESCAN_MS        10000 /* for what inotify missed */
#define RESCAN_BLIND_MS  1000  /* while some directory can not be watched */
#define PROBE_MS         50    /* looking for a root that is missing */
#define READERS_MAX      4     /* libuv's pool has four threads */
#define READS_PER_READER 16    /* fewer are read on the spot */

struct files {
    uv_loop_t *loop;
    struct log *log;
    source_batch_fn *on_batch;
    void *context;
    char **roots; /* owned */
    size_t roots_count;
    struct known known; /* the job's while one runs */
    struct files_stats stats;
    struct watch watch;
    struct settle settle;
    struct map targets; /* what symlinks lead to, into targets_arena */
    struct arena targets_arena;
    uv_timer_t timer;
    uv_work_t works[READERS_MAX];
    unsigned works_running;
    struct job *job; /* owned; NULL when none runs */
    bool is_first;
    bool is_missing_settled; /* the objects of a missing root are gone already */
    uint64_t missing_since_ms;
    uint64_t probe_at_ms;
    bool is_closing;
    unsigned parts_open; /* the timer, the watch, the job */
    source_closed_fn *on_closed;
    void *closed_context;
};

static void files_run(struct files *files);

static void files_destroy(struct files *files)
{
    for (size_t i = 0; i < files->roots_count; i++)
        mem_free(files->roots[i]);
    mem_free(files->roots);
    known_fini(&files->known);
    settle_fini(&files->settle);
    map_fini(&files->targets);
    arena_fini(&files->targets_arena);
    mem_free(files);
}

/* The timer, the watch and the job that runs end in any order; the last one out frees it all. */
static void part_closed(struct files *files)
{
    source_closed_fn *on_closed = files->on_closed;
    void *context = files->closed_context;

    CHECK(files->parts_open > 0);
    if (--files->parts_open > 0)
        return;
    files_destroy(files);
    on_closed(context);
}

static void on_watch_closed(void *context)
{
    part_closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void files_close(struct files *files, source_closed_fn *on_closed, void *context)
{
    CHECK(!files->is_closing);
    files->is_closing = true;
    files->on_closed = on_closed;
    files->closed_context = context;
    uv_close((uv_handle_t *)&files->timer, on_timer_closed);
    watch_close(&files->watch, on_watch_closed);
}

void files_stats(const struct files *files, struct files_stats *stats)
{
    *stats = files->stats;
}

static void on_timer(uv_timer_t *timer)
{
    files_run(timer->data);
}

/* Wake when something is due. While a job runs its end wakes us. */
static void arm(struct files *files)
{
    uint64_t now_ms = uv_now(files->loop);
    uint64_t next_ms = settle_next_ms(&files->settle);

    if (files->is_closing || files->job != NULL)
        return;
    if (files->probe_at_ms != 0 && files->probe_at_ms < next_ms)
        next_ms = files->probe_at_ms;
    if (next_ms != SETTLE_NEVER)
        uv_timer_start(&files->timer, on_timer, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

/* Events may come by the thousand: a timer that stands already is early enough, or finds out. */
static void arm_for_event(struct files *files)
{
    uint64_t due_in_ms = uv_timer_get_due_in(&files->timer);

    if (files->job == NULL &&
        (!uv_is_active((uv_handle_t *)&files->timer) || due_in_ms > SETTLE_QUIET_MS))
        uv_timer_start(&files->timer, on_timer, SETTLE_QUIET_MS, 0);
}

static struct bytes join(struct text *text, struct bytes dir, struct bytes name)
{
    text_add(text, dir);
    if (!bytes_ends_with(dir, BYTES("/")))
        text_add_byte(text, '/');
    text_add(text, name);
    return text_bytes(text);
}

static void on_event_in(struct files *files, const struct watched *dir, struct bytes name,
                        struct bytes path, enum settle_news news)
{
    uint64_t now_ms = uv_now(files->loop);
    bool is_hidden = name.at[0] == '.';

    if (watch_mark_stale(&files->watch, path) || map_get(&files->targets, path) != NULL)
        settle_scan(&files->settle, now_ms);
    else if (dir->is_target)
        return;
    else if (!is_hidden)
        settle_path(&files->settle, path, news, now_ms);
    else if (dir->has_symlinks) /* ..data and its like */
        settle_scan(&files->settle, now_ms);
}

static void on_event(void *context, struct watched *dir, struct bytes name, bool is_written)
{
    struct files *files = context;
    struct text path;

    if (files->is_closing)
        return;
    text_init(&path);
    if (name.len == 0)
        settle_scan(&files->settle, uv_now(files->loop));
    else
        on_event_in(files, dir, name, join(&path, dir->path, name),
                    is_written ? SETTLE_WRITTEN : SETTLE_NAMED);
    text_fini(&path);
    arm_for_event(files);
}

/* ------------------------------------------------------------------ the job */

static void update_targets(struct files *files, const struct scan *scan)
{
    map_fini(&files->targets);
    arena_reset(&files->targets_arena);
    for (size_t i = 0; i < scan->files_count; i++)
        if (scan->files[i].target.len > 0)
            map_put(&files->targets, arena_copy(&files->targets_arena, scan->files[i].target),
                    files);
}

static void take_scan(struct files *files, const struct job *job)
{
    uint64_t now_ms = uv_now(files->loop);

    update_targets(files, &job->scan);
    if (watch_update(&files->watch, job->scan.dirs, job->scan.dirs_count))
        settle_scan_at(&files->settle, now_ms + SETTLE_TOGETHER_MS);
    settle_scan_at(&files->settle,
                   now_ms + (files->watch.is_incomplete ? RESCAN_BLIND_MS : RESCAN_MS));
}

static void take_missing_roots(struct files *files, const struct job *job)
{
    uint64_t now_ms = uv_now(files->loop);

    if (!job->has_missing_root) {
        if (job->has_scanned) {
            files->missing_since_ms = 0;
            files->probe_at_ms = 0;
        }
        return;
    }
    if (files->missing_since_ms == 0)
        files->missing_since_ms = now_ms == 0 ? 1 : now_ms;
    files->is_missing_settled = job->is_missing_allowed && (job->has_scanned || job->is_probe);
    files->probe_at_ms = now_ms + PROBE_MS;
}

static void take_agains(struct files *files, const struct job *job)
{
    uint64_t now_ms = uv_now(files->loop);

    for (size_t i = 0; i < job->agains_count; i++)
        settle_path_at(&files->settle, job->agains[i].path, job->agains[i].first_ms,
                       now_ms + job->agains[i].after_ms);
}

/* The batch goes out last: the owner may close us from there. */
static void finish_job(struct files *files)
{
    struct job *job = files->job;
    struct source_batch *batch = job->batch;

    files->job = NULL;
    files->stats = files->known.stats;
    files->is_first = false;
    if (files->is_closing) {
        job_destroy(job);
        part_closed(files);
        return;
    }
    files->parts_open--;
    if (job->has_scanned)
        take_scan(files, job);
    take_missing_roots(files, job);
    take_agains(files, job);
    job->batch = NULL;
    job_destroy(job);
    arm(files);
    if (batch->is_first || batch->files_count > 0)
        files->on_batch(files->context, batch);
    else
        source_batch_destroy(batch);
}

static void work_merge(uv_work_t *work)
{
    env_step_back();
    job_merge(((struct files *)work->data)->job);
}

static void work_read(uv_work_t *work)
{
    env_step_back();
    job_read(((struct files *)work->data)->job);
}

/* A job of few files is done in one go; a large one comes back for more threads. */
static void work_look(uv_work_t *work)
{
    struct job *job = ((struct files *)work->data)->job;

    env_step_back();
    job_look(job);
    if (job->reads_count > READS_PER_READER)
        return;
    job_read(job);
    job_merge(job);
}

static void on_worked(uv_work_t *work, int status);

static void queue(struct files *files, unsigned count, uv_work_cb run)
{
    files->works_running = count;
    for (unsigned i = 0; i < count; i++) {
        files->works[i].data = files;
        CHECK(uv_queue_work(files->loop, &files->works[i], run, on_worked) == 0);
    }
}

static void on_worked(uv_work_t *work, int status)
{
    struct files *files = work->data;
    struct job *job = files->job;

    (void)status;
    if (--files->works_running > 0)
        return;
    if (job->batch != NULL)
        finish_job(files);
    else if (job->next_read == 0)
        queue(files, READERS_MAX, work_read);
    else
        queue(files, 1, work_merge);
}

static void copy_waiting(struct files *files, struct job *job)
{
    struct settle_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&files->settle.entries, &at)) != NULL)
        map_put(&job->waiting, arena_copy(&job->arena, entry->path), job);
}

static struct job *make_job(struct files *files, struct settle_due *due, uint64_t now_ms)
{
    struct job *job = job_create(&files->known, (const char *const *)files->roots,
                                 files->roots_count, files->log);

    job->due = *due;
    job->now_ms = now_ms;
    job->is_first = files->is_first;
    job->is_missing_allowed =
        files->missing_since_ms != 0 && now_ms - files->missing_since_ms >= JOB_EMPTY_MS;
    if (files->probe_at_ms != 0 && files->probe_at_ms <= now_ms) {
        job->is_probe = !job->is_missing_allowed || files->is_missing_settled;
        job->due.is_scan = job->due.is_scan || !job->is_probe;
    }
    copy_waiting(files, job);
    return job;
}

static void files_run(struct files *files)
{
    uint64_t now_ms = uv_now(files->loop);
    bool is_probe = files->probe_at_ms != 0 && files->probe_at_ms <= now_ms;
    struct settle_due due;

    if (files->is_closing || files->job != NULL)
        return;
    settle_take(&files->settle, now_ms, &due);
    if (due.count == 0 && !due.is_scan && !is_probe) {
        settle_due_fini(&due);
        arm(files);
        return;
    }
    files->job = make_job(files, &due, now_ms);
    files->parts_open++;
    uv_timer_stop(&files->timer);
    queue(files, 1, work_look);
}

/* ------------------------------------------------------------------ opening */

static enum status check_root(const char *path, struct log *log)
{
    DIR *dir = opendir(path);
    int error = errno;

    if (dir != NULL) {
        closedir(dir);
        return STATUS_OK;
    }
    log_error(log, "a directory of manifests can not be read", LOG_STRING("directory", path),
              LOG_ERRNO(error));
    return error == ENOENT ? STATUS_NOT_FOUND : STATUS_REFUSED;
}

/* "dir/" and "dir" are the same, and what is found below is named in one way. */
static char *copy_root(const char *path)
{
    struct bytes text = bytes_of(path);

    while (text.len > 1 && text.at[text.len - 1] == '/')
        text.len--;
    return mem_string(text);
}

enum status files_open(struct files **out, uv_loop_t *loop, const char *const *directories,
                       size_t directories_count, struct log *log, source_batch_fn *on_batch,
                       void *context)
{
    struct files *files;

    for (size_t i = 0; i < directories_count; i++) {
        enum status status = check_root(directories[i], log);

        if (status != STATUS_OK)
            return status;
    }
    files = mem_new(struct files);
    files->loop = loop;
    files->log = log;
    files->on_batch = on_batch;
    files->context = context;
    files->roots = mem_new_array(char *, directories_count);
    files->roots_count = directories_count;
    for (size_t i = 0; i < directories_count; i++)
        files->roots[i] = copy_root(directories[i]);
    files->is_first = true;
    files->parts_open = 2;
    known_init(&files->known);
    settle_init(&files->settle);
    map_init(&files->targets);
    arena_init(&files->targets_arena, 1024);
    watch_init(&files->watch, loop, log, on_event, files);
    uv_timer_init(loop, &files->timer);
    files->timer.data = files;
    settle_scan_at(&files->settle, uv_now(loop));
    files_run(files);
    *out = files;
    return STATUS_OK;
}
