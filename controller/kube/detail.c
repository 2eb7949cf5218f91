/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detail.c - lines sorted by why, not by what.
 */
#include "controller/kube/detail.h"

#include "core/mem.h"

struct entry {
    struct bytes name;
    struct bytes reason;
    bool is_told;
};

static size_t split(struct bytes lines, struct entry **entries)
{
    struct entry *list = NULL;
    struct bytes line;
    size_t count = 0;

    while (bytes_next_item(&lines, '\n', &line)) {
        size_t colon = bytes_find(line, ':');

        if (line.len == 0)
            continue;
        list = mem_resize(list, (count + 1) * sizeof(*list));
        list[count++] = (struct entry){.name = bytes_slice(line, 0, colon),
                                       .reason = bytes_trim(bytes_skip(line, colon + 1))};
    }
    *entries = list;
    return count;
}

/* Two lists may be of one resource. */
static bool is_named(const struct entry *first, const struct entry *entry)
{
    for (const struct entry *other = first; other < entry; other++) {
        if (bytes_equal(other->reason, entry->reason) && bytes_equal(other->name, entry->name))
            return true;
    }
    return false;
}

static void tell(struct entry *first, const struct entry *end, struct text *out)
{
    size_t names = 0;

    for (struct entry *entry = first; entry < end; entry++) {
        if (!bytes_equal(entry->reason, first->reason))
            continue;
        entry->is_told = true;
        if (is_named(first, entry) || ++names > DETAIL_NAMES_MAX)
            continue;
        if (names > 1)
            text_add_str(out, ", ");
        text_add(out, entry->name);
    }
    if (names > DETAIL_NAMES_MAX)
        text_printf(out, " and %zu more", names - DETAIL_NAMES_MAX);
    text_add_str(out, ": ");
    text_add(out, first->reason);
}

void detail_join(struct bytes lines, struct text *out)
{
    struct entry *entries;
    size_t count = split(lines, &entries), reasons = 0;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].is_told)
            continue;
        if (++reasons > DETAIL_REASONS_MAX)
            break;
        if (reasons > 1)
            text_add_str(out, "; ");
        tell(&entries[i], entries + count, out);
    }
    if (reasons > DETAIL_REASONS_MAX)
        text_add_str(out, "; and more");
    mem_free(entries);
}
