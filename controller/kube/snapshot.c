/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.c - from lines to the journal, on the loop's side.
 *
 *     GATHER --(all lists are whole, and written)--> KEEP
 *        \--(trouble)--> REST --(a file can be begun: lists are asked for)--> GATHER
 *
 * One write is under way at a time, so a disk that hangs holds one thread of the pool.
 */
#include "controller/kube/snapshot.h"

#include "controller/kube/snapshot_load.h"
#include "controller/kube/snapshot_look.h"
#include "controller/kube/snapshot_metrics.h"
#include "controller/kube/snapshot_write.h"
#include "controller/object/record.h"
#include "core/check.h"

#include <time.h>
#include <unistd.h>

enum snapshot_state {
    SNAPSHOT_GATHER, /* a new file; the one at the path is another */
    SNAPSHOT_KEEP,   /* the file at the path is kept true */
    SNAPSHOT_REST,   /* nothing is written */
    SNAPSHOT_END,
};

enum list_state { LIST_UNSEEN, LIST_READING, LIST_WHOLE };

struct kept_list {
    struct bytes path; /* borrowed */
    enum list_state state;
};

struct snapshot {
    struct snapshot_config config; /* its server is owned */
    enum snapshot_state state;
    struct kept_list *lists;
    size_t lists_count;
    struct snapshot_lines queue;
    struct journal journal;
    struct snapshot_writing writing;
    struct snapshot_loading *loading; /* owned while it is under way */
    int seed_fd;                      /* of the file that was there at the start; -1: none */
    int64_t seed_time_s;
    uv_timer_t timer; /* the next write; in REST the next try */
    uint64_t rest_ms;
    uint64_t kept_at_ms; /* since when it is KEEP */
    bool is_behind;      /* more came than the disk takes: lines were dropped */
    bool has_failed;     /* and that was logged */
    int64_t written_s;
    struct snapshot_counts counts;
    bool is_timer_closed;
    snapshot_closed_fn *on_closed;
    void *closed_context;
};

static void start_write(struct snapshot *snapshot);
static void end_if_closed(struct snapshot *snapshot);

/* ---- the queue ---- */

static bool all_are_whole(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->lists_count; i++) {
        if (snapshot->lists[i].state != LIST_WHOLE)
            return false;
    }
    return true;
}

/* ---- trouble ---- */

static void on_timer(uv_timer_t *timer);

/* As during an update on one node: who came later has the file. */
static bool is_anothers(enum status status)
{
    return status == STATUS_CLOSED || status == STATUS_AGAIN;
}

static void tell_trouble(struct snapshot *snapshot, enum status status, struct bytes why)
{
    if (is_anothers(status))
        log_info(snapshot->config.log, "another process keeps the snapshot: this one stands back",
                 LOG_BYTES("why", why));
    else if (!snapshot->has_failed)
        log_error(snapshot->config.log,
                  "the snapshot cannot be written; it is begun anew later, and what is served does "
                  "not depend on it",
                  LOG_BYTES("why", why));
    snapshot->has_failed = snapshot->has_failed || !is_anothers(status);
}

/* What is at the path stays: it is the last that was good. Trouble after an hour without any is the
 * first again. */
static void rest(struct snapshot *snapshot, uint64_t at_least_ms)
{
    bool was_good = snapshot->state == SNAPSHOT_KEEP &&
                    uv_now(snapshot->config.loop) - snapshot->kept_at_ms > SNAPSHOT_REST_MS_MAX;

    if (was_good || snapshot->rest_ms == 0)
        snapshot->rest_ms = SNAPSHOT_REST_MS;
    else
        snapshot->rest_ms *= 2;
    if (snapshot->rest_ms < at_least_ms)
        snapshot->rest_ms = at_least_ms;
    if (snapshot->rest_ms > SNAPSHOT_REST_MS_MAX)
        snapshot->rest_ms = SNAPSHOT_REST_MS_MAX;
    snapshot->state = SNAPSHOT_REST;
    snapshot_lines_wipe(&snapshot->queue);
    for (size_t i = 0; i < snapshot->lists_count; i++)
        snapshot->lists[i].state = LIST_UNSEEN;
    CHECK(uv_timer_start(&snapshot->timer, on_timer, snapshot->rest_ms, 0) == 0);
}

static void fail(struct snapshot *snapshot, enum status status, struct bytes why)
{
    journal_close(&snapshot->journal);
    snapshot->is_behind = false;
    snapshot->counts.failures += !is_anothers(status);
    snapshot->counts.too_large += status == STATUS_TOO_LARGE;
    tell_trouble(snapshot, status, why);
    rest(snapshot, status == STATUS_CLOSED ? SNAPSHOT_BACK_MS : 0);
}

/* ---- a write ---- */

static void begin_gathering(struct snapshot *snapshot)
{
    snapshot->state = SNAPSHOT_GATHER;
    snapshot->config.relist(snapshot->config.context);
}

static void published(struct snapshot *snapshot)
{
    if (snapshot->has_failed)
        log_info(snapshot->config.log, "the snapshot is written again",
                 LOG_STRING("file", snapshot->config.path));
    snapshot->has_failed = false;
    snapshot->kept_at_ms = uv_now(snapshot->config.loop);
    snapshot->state = SNAPSHOT_KEEP;
}

static void tell_compaction(struct snapshot *snapshot)
{
    const struct snapshot_writing *writing = &snapshot->writing;

    snapshot->counts.compactions += writing->has_compacted && writing->compaction == STATUS_OK;
    if (writing->compaction == STATUS_OK)
        return;
    snapshot->counts.failures++;
    log_warn(snapshot->config.log, "the snapshot cannot be made smaller; it goes on growing",
             LOG_BYTES("why", text_bytes(&writing->error)));
}

static void written(struct snapshot *snapshot)
{
    snapshot->counts.writes++;
    snapshot->counts.bytes = snapshot->journal.bytes;
    tell_compaction(snapshot);
    if (snapshot->state == SNAPSHOT_REST) {
        begin_gathering(snapshot);
        return;
    }
    snapshot->written_s = (int64_t)time(NULL);
    if (snapshot->writing.publishes)
        published(snapshot);
}

static void plan(struct snapshot *snapshot);

static void on_written(void *context)
{
    struct snapshot *snapshot = context;
    struct snapshot_writing *writing = &snapshot->writing;

    if (writing->is_last) {
        end_if_closed(snapshot);
    } else if (snapshot->state == SNAPSHOT_END) {
        start_write(snapshot);
    } else if (writing->status != STATUS_OK) {
        fail(snapshot, writing->status, text_bytes(&writing->error));
    } else if (snapshot->is_behind) {
        fail(snapshot, STATUS_TOO_LARGE, BYTES("the disk takes less than comes"));
    } else {
        written(snapshot);
        plan(snapshot);
    }
}

static void start_write(struct snapshot *snapshot)
{
    struct snapshot_writing *writing = &snapshot->writing;
    struct text error = writing->error;

    text_clear(&error);
    *writing = (struct snapshot_writing){
        .config = &snapshot->config,
        .journal = &snapshot->journal,
        .lines = snapshot->queue,
        .publishes = snapshot->state == SNAPSHOT_GATHER && snapshot->lists_count > 0 &&
                     all_are_whole(snapshot),
        .is_last = snapshot->state == SNAPSHOT_END,
        .on_done = on_written,
        .context = snapshot,
        .error = error,
    };
    snapshot->queue = (struct snapshot_lines){0};
    (void)uv_timer_stop(&snapshot->timer);
    snapshot_writing_start(writing, snapshot->config.loop);
}

static void on_timer(uv_timer_t *timer)
{
    start_write(timer->data);
}

/* When the next write is. */
static void plan(struct snapshot *snapshot)
{
    bool is_due = snapshot->queue.bytes >= SNAPSHOT_WRITE_BYTES ||
                  (snapshot->state == SNAPSHOT_GATHER && all_are_whole(snapshot));

    if (snapshot->writing.is_on || snapshot->queue.count == 0)
        return;
    if (is_due)
        start_write(snapshot);
    else if (!uv_is_active((const uv_handle_t *)&snapshot->timer))
        CHECK(uv_timer_start(&snapshot->timer, on_timer, SNAPSHOT_WRITE_MS, 0) == 0);
}

/* ---- what comes ---- */

size_t snapshot_add_list(struct snapshot *snapshot, struct bytes path)
{
    snapshot->lists =
        mem_resize(snapshot->lists, (snapshot->lists_count + 1) * sizeof(snapshot->lists[0]));
    snapshot->lists[snapshot->lists_count] = (struct kept_list){path, LIST_UNSEEN};
    return snapshot->lists_count++;
}

static bool is_writing(const struct snapshot *snapshot)
{
    return !snapshot->is_behind &&
           (snapshot->state == SNAPSHOT_GATHER || snapshot->state == SNAPSHOT_KEEP);
}

/* Of a list that is not read anew nothing can be left out. */
static void enqueue(struct snapshot *snapshot, struct text *lines)
{
    if (snapshot->queue.count > 0 && snapshot->queue.bytes + lines->len > SNAPSHOT_QUEUED_BYTES) {
        snapshot->is_behind = true; /* and a write is under way */
        snapshot_lines_wipe(&snapshot->queue);
        text_wipe(lines);
        return;
    }
    snapshot_lines_add(&snapshot->queue, lines);
    plan(snapshot);
}

static void enqueue_mark(struct snapshot *snapshot, size_t list, enum record_type type)
{
    struct text line;

    text_init(&line);
    record_mark(&line, snapshot->lists[list].path, type);
    enqueue(snapshot, &line);
}

void snapshot_listing(struct snapshot *snapshot, size_t list)
{
    if (!is_writing(snapshot))
        return;
    snapshot->lists[list].state = LIST_READING;
    enqueue_mark(snapshot, list, RECORD_LISTING);
}

void snapshot_take(struct snapshot *snapshot, size_t list, struct text *lines, bool is_whole)
{
    struct kept_list *kept = &snapshot->lists[list];

    if (!is_writing(snapshot) || kept->state == LIST_UNSEEN || lines->len == 0) {
        text_wipe(lines);
        return;
    }
    if (is_whole)
        kept->state = LIST_WHOLE;
    enqueue(snapshot, lines);
}

void snapshot_absent(struct snapshot *snapshot, size_t list)
{
    if (!is_writing(snapshot))
        return;
    snapshot->lists[list].state = LIST_WHOLE;
    enqueue_mark(snapshot, list, RECORD_ABSENT);
}

/* ---- a start without the API server ---- */

static void on_loaded(void *context, int64_t time_s)
{
    struct snapshot *snapshot = context;

    snapshot->loading = NULL;
    snapshot->seed_time_s = time_s;
    end_if_closed(snapshot);
}

bool snapshot_load(struct snapshot *snapshot, struct snapshot_seed *seeds, size_t count,
                   snapshot_loaded_fn *on_seeds, void *context)
{
    int fd = snapshot->seed_fd;

    snapshot->seed_fd = -1;
    if (fd < 0) {
        mem_free(seeds);
        return false;
    }
    snapshot->loading = snapshot_loading_start(
        &(struct snapshot_loading_config){.loop = snapshot->config.loop,
                                          .log = snapshot->config.log,
                                          .path = snapshot->config.path,
                                          .fd = fd,
                                          .bytes_max = snapshot->config.bytes_max,
                                          .seeds = seeds,
                                          .count = count,
                                          .on_seeds = on_seeds,
                                          .seeds_context = context,
                                          .on_end = on_loaded,
                                          .end_context = snapshot});
    return true;
}

int64_t snapshot_time_s(const struct snapshot *snapshot)
{
    return snapshot->seed_time_s;
}

/* ---- for the owner ---- */

static void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot->seed_fd >= 0)
        (void)close(snapshot->seed_fd);
    journal_close(&snapshot->journal);
    snapshot_lines_wipe(&snapshot->queue);
    text_fini(&snapshot->writing.error);
    mem_free(snapshot->lists);
    mem_bytes_free(snapshot->config.server);
    mem_free(snapshot);
}

enum status snapshot_open(struct snapshot **result, const struct snapshot_config *config)
{
    struct snapshot *snapshot = mem_new(struct snapshot);
    bool is_too_large = false;
    enum status status;

    snapshot->config = *config;
    snapshot->config.server = mem_bytes(config->server);
    snapshot->seed_fd = -1;
    journal_init(&snapshot->journal);
    text_init(&snapshot->writing.error);
    status = snapshot_look(&snapshot->config, &snapshot->seed_fd, &is_too_large);
    snapshot->counts.too_large += is_too_large;
    if (status != STATUS_OK) {
        snapshot_free(snapshot);
        return status;
    }
    CHECK(uv_timer_init(config->loop, &snapshot->timer) == 0);
    snapshot->timer.data = snapshot;
    *result = snapshot;
    return STATUS_OK;
}

static void end_if_closed(struct snapshot *snapshot)
{
    snapshot_closed_fn *on_closed = snapshot->on_closed;
    void *context = snapshot->closed_context;

    if (on_closed == NULL || !snapshot->is_timer_closed || snapshot->loading != NULL ||
        snapshot->writing.is_on || !snapshot->writing.is_last)
        return;
    snapshot_free(snapshot);
    on_closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct snapshot *snapshot = handle->data;

    snapshot->is_timer_closed = true;
    end_if_closed(snapshot);
}

void snapshot_close(struct snapshot *snapshot, snapshot_closed_fn *on_closed, void *context)
{
    snapshot->on_closed = on_closed;
    snapshot->closed_context = context;
    snapshot->state = SNAPSHOT_END;
    if (snapshot->loading != NULL)
        snapshot_loading_forget(snapshot->loading);
    if (!snapshot->writing.is_on)
        start_write(snapshot);
    uv_close((uv_handle_t *)&snapshot->timer, on_timer_closed);
}

void snapshot_write_metrics(const struct snapshot *snapshot, bool is_served, struct text *out)
{
    const struct snapshot_now now = {.is_served = is_served,
                                     .is_kept = snapshot->state == SNAPSHOT_KEEP,
                                     .then_s =
                                         is_served ? snapshot->seed_time_s : snapshot->written_s};

    snapshot_counts_write(&snapshot->counts, &now, out);
}
