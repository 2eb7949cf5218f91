/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_index.c - line by line: what it says of a list or of an object.
 *
 * While a list is read anew its objects gather apart, and the end of it makes them the list's.
 */
#include "controller/kube/journal_index.h"

#include "controller/object/record.h"
#include "core/mem.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES 65536

/* ---- lists and entries ---- */

void journal_index_init(struct journal_index *index)
{
    *index = (struct journal_index){0};
    map_init(&index->lists);
    arena_init(&index->arena, 1024);
}

static void forget_entries(struct journal_index *index, struct map *entries)
{
    struct journal_entry *entry;
    size_t at = 0;

    index->objects_count -= entries->count;
    while ((entry = map_next(entries, &at)) != NULL)
        mem_free(entry);
    map_fini(entries);
    map_init(entries);
}

void journal_index_fini(struct journal_index *index)
{
    struct journal_list *list;
    size_t at = 0;

    while ((list = map_next(&index->lists, &at)) != NULL) {
        forget_entries(index, &list->entries);
        forget_entries(index, &list->pending);
        mem_free(list);
    }
    map_fini(&index->lists);
    arena_fini(&index->arena);
}

static struct journal_list *list_of(struct journal_index *index, struct bytes path)
{
    struct journal_list *list = map_get(&index->lists, path);
    char *text;

    if (list != NULL || index->lists.count >= JOURNAL_LISTS_MAX)
        return list;
    list = mem_alloc(sizeof(*list) + path.len);
    text = (char *)(list + 1);
    list->path = bytes_pack(&text, path);
    map_init(&list->entries);
    map_init(&list->pending);
    (void)map_put(&index->lists, list->path, list);
    return list;
}

static struct journal_entry *entry_create(const struct record *record, uint64_t at, size_t len)
{
    struct journal_entry *entry = mem_alloc(sizeof(*entry) + record->ns.len + 1 + record->name.len);
    char *text = (char *)(entry + 1);

    entry->key = bytes_from(text, record->ns.len + 1 + record->name.len);
    (void)bytes_pack(&text, record->ns);
    *text++ = '/';
    (void)bytes_pack(&text, record->name);
    entry->at = at;
    entry->len = (uint32_t)len;
    return entry;
}

/* A change of a list of which nothing is known has no place: the list will bring it. */
static void note_object(struct journal_index *index, struct journal_list *list,
                        const struct record *record, uint64_t at, size_t len)
{
    struct map *entries = list->is_listing ? &list->pending : &list->entries;
    struct journal_entry *entry, *before;

    if (!list->is_listing && !list->is_whole)
        return;
    entry = entry_create(record, at, len);
    if (record->type == RECORD_DELETED) {
        before = map_remove(entries, entry->key);
        mem_free(entry);
        index->objects_count -= before != NULL;
    } else {
        before = map_put(entries, entry->key, entry);
        index->objects_count += before == NULL;
    }
    mem_free(before);
}

static void begin_list(struct journal_index *index, struct journal_list *list)
{
    forget_entries(index, &list->pending);
    list->is_listing = true;
}

/* Without a beginning it is none, but that there is nothing needs none. */
static void end_list(struct journal_index *index, struct journal_list *list, bool is_absent)
{
    if (!list->is_listing && !is_absent)
        return;
    forget_entries(index, &list->entries);
    if (is_absent)
        forget_entries(index, &list->pending);
    list->entries = list->pending;
    map_init(&list->pending);
    list->is_listing = false;
    list->is_whole = true;
    list->is_absent = is_absent;
}

static enum status note(struct journal_index *index, const struct record *record, uint64_t at,
                        size_t len)
{
    struct journal_list *list;

    if (record->type == RECORD_TIME) {
        index->time_s = record->time_s;
        return STATUS_OK;
    }
    list = list_of(index, record->list);
    if (list == NULL)
        return STATUS_TOO_LARGE;
    switch (record->type) {
    case RECORD_LISTING:
        begin_list(index, list);
        break;
    case RECORD_LISTED:
    case RECORD_ABSENT:
        end_list(index, list, record->type == RECORD_ABSENT);
        break;
    case RECORD_CHANGED:
    case RECORD_DELETED:
        note_object(index, list, record, at, len);
        break;
    case RECORD_TIME:
        break;
    }
    return index->objects_count > JOURNAL_OBJECTS_MAX ? STATUS_TOO_LARGE : STATUS_OK;
}

/* ---- the file ---- */

struct reader {
    int fd;
    uint64_t at;        /* of the file, where `bytes` begins */
    uint64_t bytes_max; /* of the file */
    struct text bytes;
    size_t used; /* of them */
    size_t seen; /* behind `used`, without an end of a line */
    bool is_over;
};

static enum status read_more(struct reader *reader, struct text *error)
{
    ssize_t count;

    reader->at += reader->used;
    if (reader->used > 0)
        memmove(reader->bytes.at, reader->bytes.at + reader->used,
                reader->bytes.len - reader->used);
    reader->bytes.len -= reader->used;
    reader->used = 0;
    text_reserve(&reader->bytes, READ_BYTES);
    do {
        count = pread(reader->fd, reader->bytes.at + reader->bytes.len, READ_BYTES,
                      (off_t)(reader->at + reader->bytes.len));
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        text_add_str(error, strerror(errno));
        return STATUS_IO;
    }
    reader->bytes.len += (size_t)count;
    reader->is_over = count == 0;
    if (reader->at + reader->bytes.len > reader->bytes_max) {
        text_printf(error, "is larger than %llu bytes", (unsigned long long)reader->bytes_max);
        return STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

/* With its end. STATUS_END: there is no further one, or none that ends; then is_broken. */
static enum status next_line(struct reader *reader, struct bytes *line, bool *is_broken,
                             struct text *error)
{
    for (;;) {
        struct bytes rest = bytes_skip(text_bytes(&reader->bytes), reader->used);
        size_t end = bytes_find(bytes_skip(rest, reader->seen), '\n');
        enum status status;

        if (end != BYTES_NOT_FOUND) {
            *line = bytes_slice(rest, 0, reader->seen + end + 1);
            reader->seen = 0;
            *is_broken = line->len > JOURNAL_LINE_MAX;
            return *is_broken ? STATUS_END : STATUS_OK;
        }
        reader->seen = rest.len;
        if (reader->is_over || rest.len > JOURNAL_LINE_MAX) {
            *is_broken = rest.len > 0;
            return STATUS_END;
        }
        status = read_more(reader, error);
        if (status != STATUS_OK)
            return status;
    }
}

static enum status read_header(struct journal_index *index, struct reader *reader,
                               struct text *error)
{
    bool is_broken = false;
    struct bytes line;
    enum status status = next_line(reader, &line, &is_broken, error);

    if (status == STATUS_END)
        status = STATUS_INVALID;
    if (status == STATUS_OK)
        status =
            record_read_header(bytes_slice(line, 0, line.len - 1), &index->arena, &index->server);
    if (status == STATUS_INVALID)
        text_add_str(error, "is no snapshot of Fairlead");
    else if (status == STATUS_REFUSED)
        text_printf(error, "is of another version than %d", RECORD_VERSION);
    else if (status == STATUS_OK)
        reader->used = line.len;
    return status;
}

static enum status read_lines(struct journal_index *index, struct reader *reader,
                              struct text *error)
{
    struct arena arena;
    enum status status;
    struct bytes line;

    arena_init(&arena, 1024);
    for (;;) {
        uint64_t at = reader->at + reader->used;
        struct record record;

        index->good_bytes = at;
        status = next_line(reader, &line, &index->is_broken, error);
        if (status != STATUS_OK)
            break;
        arena_reset(&arena);
        index->is_broken =
            record_read(bytes_slice(line, 0, line.len - 1), &arena, &record) != STATUS_OK;
        if (index->is_broken)
            break;
        status = note(index, &record, at, line.len);
        if (status != STATUS_OK) {
            text_printf(error, "has more than %d objects or %d lists", JOURNAL_OBJECTS_MAX,
                        JOURNAL_LISTS_MAX);
            break;
        }
        reader->used += line.len;
    }
    arena_fini(&arena);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status journal_index_read(struct journal_index *index, int fd, uint64_t bytes_max,
                               struct text *error)
{
    struct reader reader = {.fd = fd, .bytes_max = bytes_max};
    enum status status;

    text_init(&reader.bytes);
    status = read_header(index, &reader, error);
    if (status == STATUS_OK)
        status = read_lines(index, &reader, error);
    if (reader.bytes.capacity > 0) /* it held keys */
        explicit_bzero(reader.bytes.at, reader.bytes.capacity);
    text_fini(&reader.bytes);
    return status;
}

const struct journal_list *journal_index_list(const struct journal_index *index, struct bytes path)
{
    return map_get(&index->lists, path);
}

enum status journal_index_line(int fd, const struct journal_entry *entry, struct text *line)
{
    size_t done = 0;

    text_reserve(line, entry->len);
    while (done < entry->len) {
        ssize_t count =
            pread(fd, line->at + line->len + done, entry->len - done, (off_t)(entry->at + done));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return STATUS_IO;
        done += (size_t)count;
    }
    line->len += entry->len;
    return STATUS_OK;
}
