/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle.c - a map of paths with two instants each.
 */
#include "controller/kube/settle.h"

#include "core/mem.h"

void settle_init(struct settle *settle)
{
    map_init(&settle->entries);
    settle->scan_first_ms = 0;
    settle->scan_due_ms = SETTLE_NEVER;
}

static void forget_paths(struct settle *settle)
{
    struct settle_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&settle->entries, &at)) != NULL)
        mem_free(entry);
    map_fini(&settle->entries);
}

void settle_fini(struct settle *settle)
{
    forget_paths(settle);
}

static uint64_t due_after(uint64_t first_ms, uint64_t now_ms, uint64_t wait_ms_max)
{
    uint64_t quiet_ms = now_ms + SETTLE_QUIET_MS;
    uint64_t last_ms = first_ms + wait_ms_max;

    return quiet_ms < last_ms ? quiet_ms : last_ms;
}

void settle_scan_at(struct settle *settle, uint64_t due_ms)
{
    if (settle->scan_due_ms <= due_ms)
        return;
    settle->scan_first_ms = due_ms;
    settle->scan_due_ms = due_ms;
}

void settle_scan(struct settle *settle, uint64_t now_ms)
{
    if (settle->scan_due_ms == SETTLE_NEVER || settle->scan_first_ms > now_ms)
        settle->scan_first_ms = now_ms;
    settle->scan_due_ms = due_after(settle->scan_first_ms, now_ms, SETTLE_SCAN_WAIT_MS_MAX);
}

/* NULL when there are too many: then everything gets scanned instead. */
static struct settle_entry *find_or_add(struct settle *settle, struct bytes path, uint64_t first_ms)
{
    struct settle_entry *entry = map_get(&settle->entries, path);

    if (entry != NULL)
        return entry;
    if (settle->entries.count == SETTLE_PATHS_MAX) {
        forget_paths(settle);
        return NULL;
    }
    entry = mem_alloc(sizeof(struct settle_entry) + path.len + 1);
    if (path.len > 0)
        memcpy(entry->text, path.at, path.len);
    entry->path = bytes_from(entry->text, path.len);
    entry->first_ms = first_ms;
    entry->due_ms = SETTLE_NEVER;
    entry->news = SETTLE_LOOK;
    map_put(&settle->entries, entry->path, entry);
    return entry;
}

void settle_path(struct settle *settle, struct bytes path, enum settle_news news, uint64_t now_ms)
{
    struct settle_entry *entry = find_or_add(settle, path, now_ms);

    if (entry == NULL) {
        settle_scan(settle, now_ms);
        return;
    }
    if (entry->first_ms > now_ms)
        entry->first_ms = now_ms;
    entry->news = news;
    entry->due_ms = due_after(entry->first_ms, now_ms, SETTLE_WAIT_MS_MAX);
}

void settle_path_at(struct settle *settle, struct bytes path, uint64_t first_ms, uint64_t due_ms)
{
    struct settle_entry *entry = find_or_add(settle, path, first_ms);

    if (entry == NULL) {
        settle_scan_at(settle, due_ms);
        return;
    }
    if (entry->first_ms > first_ms)
        entry->first_ms = first_ms;
    if (entry->news == SETTLE_LOOK && entry->due_ms > due_ms)
        entry->due_ms = due_ms;
}

/* Its writer goes on and on. */
static bool is_busy(uint64_t first_ms, uint64_t due_ms)
{
    return due_ms > first_ms + 2 * SETTLE_QUIET_MS;
}

static uint64_t later_until(uint64_t next_ms, uint64_t due_ms, uint64_t until_ms)
{
    return due_ms > next_ms && due_ms <= until_ms ? due_ms : next_ms;
}

static uint64_t earliest(const struct settle *settle)
{
    uint64_t earliest_ms = settle->scan_due_ms;
    const struct settle_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&settle->entries, &at)) != NULL)
        if (entry->due_ms < earliest_ms)
            earliest_ms = entry->due_ms;
    return earliest_ms;
}

uint64_t settle_next_ms(const struct settle *settle)
{
    uint64_t next_ms = earliest(settle);
    uint64_t until_ms = next_ms + SETTLE_TOGETHER_MS;
    const struct settle_entry *entry;
    size_t at = 0;

    if (next_ms == SETTLE_NEVER)
        return SETTLE_NEVER;
    while ((entry = map_next(&settle->entries, &at)) != NULL)
        if (!is_busy(entry->first_ms, entry->due_ms))
            next_ms = later_until(next_ms, entry->due_ms, until_ms);
    if (!is_busy(settle->scan_first_ms, settle->scan_due_ms))
        next_ms = later_until(next_ms, settle->scan_due_ms, until_ms);
    return next_ms;
}

void settle_take(struct settle *settle, uint64_t now_ms, struct settle_due *due)
{
    struct settle_entry *entry;
    size_t at = 0;

    *due = (struct settle_due){0};
    if (settle_next_ms(settle) > now_ms)
        return;
    due->entries = mem_new_array(struct settle_entry *, settle->entries.count);
    while ((entry = map_next(&settle->entries, &at)) != NULL) {
        if (entry->due_ms > now_ms)
            continue;
        map_remove(&settle->entries, entry->path);
        due->entries[due->count++] = entry;
    }
    due->is_scan = settle->scan_due_ms <= now_ms;
    if (due->is_scan)
        settle->scan_due_ms = SETTLE_NEVER;
}

void settle_due_fini(struct settle_due *due)
{
    for (size_t i = 0; i < due->count; i++)
        mem_free(due->entries[i]);
    mem_free(due->entries);
    *due = (struct settle_due){0};
}

bool settle_is_waiting(const struct settle *settle, struct bytes path)
{
    return map_get(&settle->entries, path) != NULL;
}
