/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.c - written beside, then renamed.
 *
 * The file that is being written is locked. So during an update, when two pods have one directory
 * of their node, a half-written one is nobody else's: who comes second waits. The one that has been
 * renamed is recognized by its inode: who finds another one at its path writes no more.
 */
#include "controller/kube/journal.h"

#include "controller/kube/journal_index.h"
#include "controller/kube/place.h"
#include "controller/object/record.h"
#include "core/mem.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define COPY_BYTES (256u * 1024)

void journal_init(struct journal *journal)
{
    *journal = (struct journal){.fd = -1};
}

void journal_close(struct journal *journal)
{
    if (journal->fd >= 0) {
        if (strcmp(journal->named, journal->path) != 0 && place_has(journal->fd, journal->named))
            (void)unlink(journal->named);
        (void)close(journal->fd);
    }
    mem_free(journal->path);
    mem_free(journal->named);
    journal_init(journal);
}

enum status journal_begin(struct journal *journal, const char *path, uint64_t bytes_max,
                          struct bytes server, struct text *error)
{
    struct text header;
    enum status status;

    journal_close(journal);
    journal->path = mem_string(bytes_of(path));
    journal->named = place_beside(path, ".new");
    journal->bytes_max = bytes_max;
    status = place_take(journal->named, &journal->fd, error);
    if (status != STATUS_OK)
        return status;
    text_init(&header);
    record_header(&header, server);
    status = journal_append(journal, text_bytes(&header), error);
    text_fini(&header);
    return status;
}

/* ---- lines ---- */

enum status journal_append(struct journal *journal, struct bytes lines, struct text *error)
{
    size_t done = 0;

    if (journal->bytes + lines.len > journal->bytes_max) {
        text_printf(error, "%s: would be larger than %llu bytes", journal->path,
                    (unsigned long long)journal->bytes_max);
        return STATUS_TOO_LARGE;
    }
    while (done < lines.len) {
        ssize_t count =
            pwrite(journal->fd, lines.at + done, lines.len - done, (off_t)(journal->bytes + done));

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            (void)place_fail(error, journal->named, "cannot be written");
            if (ftruncate(journal->fd, (off_t)journal->bytes) != 0)
                text_printf(error, ", nor cut off: %s", strerror(errno));
            return STATUS_IO;
        }
        done += (size_t)count;
    }
    journal->bytes += lines.len;
    return STATUS_OK;
}

static enum status rename_synced(const struct journal *journal, const char *name,
                                 struct text *error)
{
    if (fsync(journal->fd) != 0)
        return place_fail(error, journal->named, "cannot be brought to the disk");
    if (rename(journal->named, name) != 0)
        return place_fail(error, name, "cannot be replaced");
    place_sync(name);
    return STATUS_OK;
}

enum status journal_publish(struct journal *journal, struct text *error)
{
    enum status status = rename_synced(journal, journal->path, error);

    if (status != STATUS_OK)
        return status;
    mem_free(journal->named);
    journal->named = mem_string(bytes_of(journal->path));
    journal->live = journal->bytes;
    return STATUS_OK;
}

enum status journal_check(const struct journal *journal, struct text *error)
{
    if (place_has(journal->fd, journal->named))
        return STATUS_OK;
    if (access(journal->named, F_OK) == 0) {
        text_printf(error, "%s: another process has written it anew", journal->named);
        return STATUS_CLOSED;
    }
    (void)place_fail(error, journal->named, "is there no more");
    return STATUS_NOT_FOUND;
}

/* ---- compaction ---- */

bool journal_is_published(const struct journal *journal)
{
    return journal->fd >= 0 && strcmp(journal->named, journal->path) == 0;
}

/* Before it is published nobody knows what of it counts. */
bool journal_wants_compaction(const struct journal *journal)
{
    uint64_t spare = journal_is_published(journal) ? JOURNAL_COMPACT_BYTES : JOURNAL_GATHER_BYTES;

    return journal->bytes > 2 * journal->live + spare;
}

struct copying {
    const struct journal *from;
    struct journal *to;
    struct text lines;
    struct text *error;
};

static enum status flush(struct copying *copying)
{
    enum status status = journal_append(copying->to, text_bytes(&copying->lines), copying->error);

    text_clear(&copying->lines);
    return status;
}

static enum status copy_entries(struct copying *copying, const struct map *entries)
{
    const struct journal_entry *entry;
    enum status status = STATUS_OK;
    size_t at = 0;

    while (status == STATUS_OK && (entry = map_next(entries, &at)) != NULL) {
        status = journal_index_line(copying->from->fd, entry, &copying->lines);
        if (status != STATUS_OK)
            (void)place_fail(copying->error, copying->from->named, "cannot be read");
        else if (copying->lines.len > COPY_BYTES)
            status = flush(copying);
    }
    return status;
}

static enum status copy_list(struct copying *copying, const struct journal_list *list)
{
    enum status status = STATUS_OK;

    if (list->is_whole) {
        record_mark(&copying->lines, list->path, RECORD_LISTING);
        status = copy_entries(copying, &list->entries);
        record_mark(&copying->lines, list->path, list->is_absent ? RECORD_ABSENT : RECORD_LISTED);
    }
    if (status == STATUS_OK && list->is_listing) {
        record_mark(&copying->lines, list->path, RECORD_LISTING);
        status = copy_entries(copying, &list->pending);
    }
    return status;
}

static enum status copy_all(struct journal *journal, struct journal *to, struct text *error)
{
    struct copying copying = {.from = journal, .to = to, .error = error};
    const struct journal_list *list;
    struct journal_index index;
    enum status status;
    size_t at = 0;

    text_init(&copying.lines);
    journal_index_init(&index);
    status = journal_index_read(&index, journal->fd, journal->bytes_max, error);
    if (status == STATUS_OK && index.good_bytes != journal->bytes) {
        text_printf(error, "%s: was changed by somebody else", journal->named);
        status = STATUS_INVALID;
    }
    while (status == STATUS_OK && (list = map_next(&index.lists, &at)) != NULL)
        status = copy_list(&copying, list);
    if (status == STATUS_OK && index.time_s > 0)
        record_time(&copying.lines, index.time_s);
    if (status == STATUS_OK)
        status = flush(&copying);
    if (copying.lines.capacity > 0) /* it held keys */
        explicit_bzero(copying.lines.at, copying.lines.capacity);
    text_fini(&copying.lines);
    journal_index_fini(&index);
    return status;
}

/* The first line. */
static enum status copy_header(const struct journal *journal, struct text *header,
                               struct text *error)
{
    size_t end;

    text_reserve(header, RECORD_HEADER_MAX);
    for (ssize_t count = -1; count < 0;) {
        count = pread(journal->fd, header->at, RECORD_HEADER_MAX, 0);
        if (count < 0 && errno != EINTR)
            return place_fail(error, journal->named, "cannot be read");
        if (count >= 0)
            header->len = (size_t)count;
    }
    end = bytes_find(text_bytes(header), '\n');
    if (end == BYTES_NOT_FOUND)
        return place_refuse(error, journal->named, "was changed by somebody else");
    header->len = end + 1;
    return STATUS_OK;
}

enum status journal_compact(struct journal *journal, struct text *error)
{
    struct journal fresh;
    struct text header;
    enum status status;

    journal_init(&fresh);
    text_init(&header);
    fresh.path = mem_string(bytes_of(journal->named));
    fresh.named = place_beside(journal->path, ".compact");
    fresh.bytes_max = journal->bytes_max;
    status = place_take(fresh.named, &fresh.fd, error);
    if (status == STATUS_OK)
        status = copy_header(journal, &header, error);
    if (status == STATUS_OK)
        status = journal_append(&fresh, text_bytes(&header), error);
    if (status == STATUS_OK)
        status = copy_all(journal, &fresh, error);
    if (status == STATUS_OK)
        status = journal_check(journal, error);
    if (status == STATUS_OK)
        status = rename_synced(&fresh, journal->named, error);
    if (status == STATUS_OK) {
        (void)close(journal->fd);
        journal->fd = fresh.fd;
        journal->bytes = journal->live = fresh.bytes;
        fresh.fd = -1;
    } else {
        journal->live = journal->bytes; /* tried again when it has doubled */
    }
    journal_close(&fresh);
    text_fini(&header);
    return status;
}
