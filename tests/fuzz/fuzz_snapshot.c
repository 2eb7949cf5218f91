/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_snapshot.c - any bytes as the file of a snapshot.
 *
 * Beyond not crashing: what counts in it are lines of objects with the names under which they are
 * known; what can be read of it, read again, says the same; and each line is an event or is none.
 */
#include "controller/kube/journal_index.h"
#include "controller/object/record.h"
#include "controller/object/served.h"
#include "core/check.h"

#include <unistd.h>

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX (1024u * 1024)

static void check_key(const struct record *record, struct bytes key)
{
    CHECK(key.len == record->ns.len + 1 + record->name.len);
    CHECK(bytes_starts_with(key, record->ns) && bytes_ends_with(key, record->name));
}

static void check_line(const struct journal_list *list, const struct journal_entry *entry,
                       struct bytes line, struct arena *arena)
{
    struct served_event event;
    struct record record;

    CHECK(record_read(line, arena, &record) == STATUS_OK);
    CHECK(record.type == RECORD_CHANGED && bytes_equal(record.list, list->path));
    check_key(&record, entry->key);
    CHECK(served_read_event(line, OBJECT_SERVICE, BYTES("v1"), arena, NULL, &event) == STATUS_OK);
    CHECK(event.type == SERVED_CHANGED);
    if (event.item.object != NULL)
        object_unref(event.item.object);
}

static void check_list(int fd, const struct journal_list *list)
{
    const struct journal_entry *entry;
    struct arena arena;
    struct text line;
    size_t at = 0;

    CHECK(list->is_whole || list->entries.count == 0);
    CHECK(!list->is_absent || list->is_whole);
    arena_init(&arena, 1024);
    text_init(&line);
    while ((entry = map_next(&list->entries, &at)) != NULL) {
        text_clear(&line);
        CHECK(journal_index_line(fd, entry, &line) == STATUS_OK);
        CHECK(line.len > 0 && line.at[line.len - 1] == '\n');
        check_line(list, entry, bytes_slice(text_bytes(&line), 0, line.len - 1), &arena);
    }
    text_fini(&line);
    arena_fini(&arena);
}

static void check_again(int fd, const struct journal_index *first)
{
    struct journal_index again;
    struct text error;

    CHECK(ftruncate(fd, (off_t)first->good_bytes) == 0);
    journal_index_init(&again);
    text_init(&error);
    CHECK(journal_index_read(&again, fd, BYTES_MAX, &error) == STATUS_OK);
    CHECK(!again.is_broken && again.good_bytes == first->good_bytes);
    CHECK(again.objects_count == first->objects_count && again.lists.count == first->lists.count);
    text_fini(&error);
    journal_index_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct journal_list *list;
    struct journal_index index;
    struct text error;
    enum status status;
    int fd = memfd_create("snapshot", MFD_CLOEXEC);
    size_t at = 0;

    CHECK(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    journal_index_init(&index);
    text_init(&error);
    status = journal_index_read(&index, fd, BYTES_MAX, &error);
    CHECK((status == STATUS_OK) == (error.len == 0));
    while ((list = map_next(&index.lists, &at)) != NULL)
        check_list(fd, list);
    if (status == STATUS_OK)
        check_again(fd, &index);
    text_fini(&error);
    journal_index_fini(&index);
    (void)close(fd);
    return 0;
}
