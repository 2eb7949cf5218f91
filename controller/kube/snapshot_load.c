/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_load.c - all lists that are asked for, or none.
 *
 * What a table is made of must not lack a kind: without delegations, say, a route would be refused
 * that was served. So each list must have been whole when the file was last written.
 */
#include "controller/kube/snapshot_load.h"

#include "controller/kube/journal_index.h"
#include "core/check.h"

#include <unistd.h>

struct snapshot_loading {
    struct snapshot_loading_config config;
    uv_work_t work;
    bool is_forgotten;
    /* results: */
    int64_t time_s;
    uint64_t good_bytes;
    bool is_broken;
    struct text error; /* empty: it can be used */
};

/* One object that cannot be read any more is a fault of that object, as in a watch. */
static bool read_list(const struct snapshot_loading *loading, const struct journal_list *list,
                      struct snapshot_seed *seed)
{
    const struct journal_entry *entry;
    struct text line;
    bool is_good = true;
    size_t at = 0;

    text_init(&line);
    seed->job = decode_job_create_seed(seed->what);
    seed->is_absent = list->is_absent;
    while (is_good && (entry = map_next(&list->entries, &at)) != NULL) {
        text_clear(&line);
        is_good = journal_index_line(loading->config.fd, entry, &line) == STATUS_OK &&
                  decode_job_add_line(seed->job, bytes_slice(text_bytes(&line), 0, line.len - 1));
    }
    text_wipe(&line);
    return is_good;
}

static void read_lists(struct snapshot_loading *loading, const struct journal_index *index)
{
    for (size_t i = 0; i < loading->config.count && loading->error.len == 0; i++) {
        struct snapshot_seed *seed = &loading->config.seeds[i];
        const struct journal_list *list = journal_index_list(index, seed->path);

        if (list == NULL || !list->is_whole)
            text_printf(&loading->error, "it lacks the list %.*s", BYTES_ARG(seed->path));
        else if (!read_list(loading, list, seed))
            text_printf(&loading->error, "its list %.*s cannot be read", BYTES_ARG(seed->path));
    }
}

static void on_load(uv_work_t *work)
{
    struct snapshot_loading *loading = work->data;
    struct journal_index index;
    struct text error;

    text_init(&error);
    journal_index_init(&index);
    if (journal_index_read(&index, loading->config.fd, loading->config.bytes_max, &error) ==
        STATUS_OK)
        read_lists(loading, &index);
    else
        text_printf(&loading->error, "it %.*s", BYTES_ARG(text_bytes(&error)));
    loading->time_s = index.time_s;
    loading->good_bytes = index.good_bytes;
    loading->is_broken = index.is_broken;
    journal_index_fini(&index);
    text_fini(&error);
    (void)close(loading->config.fd);
}

static void drop_seeds(const struct snapshot_loading_config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        if (config->seeds[i].job != NULL)
            decode_job_destroy(config->seeds[i].job);
    }
    mem_free(config->seeds);
}

static void on_load_done(uv_work_t *work, int status)
{
    struct snapshot_loading *loading = work->data;
    const struct snapshot_loading_config config = loading->config;
    bool is_usable = loading->error.len == 0;

    CHECK(status == 0); /* nobody cancels it */
    if (loading->is_broken && !loading->is_forgotten)
        log_warn(config.log, "the end of the snapshot is broken, and left out",
                 LOG_STRING("file", config.path), LOG_UINT("good_bytes", loading->good_bytes));
    config.on_end(config.end_context, loading->time_s);
    if (!is_usable || loading->is_forgotten)
        drop_seeds(&config);
    if (!loading->is_forgotten)
        config.on_seeds(config.seeds_context, is_usable ? config.seeds : NULL,
                        is_usable ? config.count : 0, text_bytes(&loading->error));
    text_fini(&loading->error);
    mem_free(loading);
}

struct snapshot_loading *snapshot_loading_start(const struct snapshot_loading_config *config)
{
    struct snapshot_loading *loading = mem_new(struct snapshot_loading);

    loading->config = *config;
    text_init(&loading->error);
    loading->work.data = loading;
    CHECK(uv_queue_work(config->loop, &loading->work, on_load, on_load_done) == 0);
    return loading;
}

void snapshot_loading_forget(struct snapshot_loading *loading)
{
    loading->is_forgotten = true;
}
