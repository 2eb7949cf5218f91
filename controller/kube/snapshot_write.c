/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_write.c - begin if need be, append, publish when all is there, compact when it is time.
 */
#include "controller/kube/snapshot_write.h"

#include "controller/object/record.h"
#include "core/check.h"
#include "core/mem.h"

#include <time.h>

void snapshot_lines_wipe(struct snapshot_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        text_wipe(&lines->texts[i]);
    mem_free(lines->texts);
    *lines = (struct snapshot_lines){0};
}

void snapshot_lines_add(struct snapshot_lines *lines, struct text *text)
{
    if ((lines->count & (lines->count - 1)) == 0)
        lines->texts = mem_resize(lines->texts, (lines->count * 2 + 1) * sizeof(lines->texts[0]));
    lines->texts[lines->count++] = *text;
    lines->bytes += text->len;
    text_init(text);
}

static enum status append(struct snapshot_writing *writing, struct bytes lines)
{
    enum status status = journal_append(writing->journal, lines, &writing->error);

    if (status != STATUS_TOO_LARGE)
        return status;
    writing->has_compacted = true;
    if (journal_compact(writing->journal, &writing->error) != STATUS_OK)
        return status;
    text_clear(&writing->error);
    return journal_append(writing->journal, lines, &writing->error);
}

static enum status append_all(struct snapshot_writing *writing)
{
    const struct snapshot_lines *lines = &writing->lines;
    enum status status = STATUS_OK;
    struct text time_line;

    for (size_t i = 0; status == STATUS_OK && i < lines->count; i++)
        status = append(writing, text_bytes(&lines->texts[i]));
    if (status != STATUS_OK || lines->count == 0)
        return status;
    text_init(&time_line);
    record_time(&time_line, (int64_t)time(NULL));
    status = append(writing, text_bytes(&time_line));
    text_fini(&time_line);
    return status;
}

static enum status write_all(struct snapshot_writing *writing)
{
    const struct snapshot_config *config = writing->config;
    struct journal *journal = writing->journal;
    enum status status = STATUS_OK;

    if (journal->fd < 0)
        status = journal_begin(journal, config->path, config->bytes_max, config->server,
                               &writing->error);
    else
        status = journal_check(journal, &writing->error);
    if (status == STATUS_OK)
        status = append_all(writing);
    if (status == STATUS_OK && writing->publishes)
        status = journal_publish(journal, &writing->error);
    if (status == STATUS_OK && journal_wants_compaction(journal)) {
        writing->has_compacted = true;
        writing->compaction = journal_compact(journal, &writing->error);
    }
    return status;
}

static void on_write(uv_work_t *work)
{
    struct snapshot_writing *writing = work->data;

    if (!writing->is_last || journal_is_published(writing->journal))
        writing->status = write_all(writing);
    if (writing->is_last || writing->status != STATUS_OK)
        journal_close(writing->journal);
    snapshot_lines_wipe(&writing->lines);
}

static void on_written(uv_work_t *work, int status)
{
    struct snapshot_writing *writing = work->data;

    CHECK(status == 0); /* nobody cancels it */
    writing->is_on = false;
    writing->on_done(writing->context);
}

void snapshot_writing_start(struct snapshot_writing *writing, uv_loop_t *loop)
{
    CHECK(!writing->is_on);
    writing->is_on = true;
    writing->work.data = writing;
    CHECK(uv_queue_work(loop, &writing->work, on_write, on_written) == 0);
}
