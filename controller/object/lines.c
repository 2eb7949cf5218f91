/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.c - an array of nodes with their lines, sorted when it is first asked.
 */
#include "controller/object/lines.h"

#include "core/mem.h"

#include <stdlib.h>

void lines_init(struct lines *lines)
{
    *lines = (struct lines){0};
}

void lines_fini(struct lines *lines)
{
    mem_free(lines->entries);
    lines_init(lines);
}

void lines_clear(struct lines *lines)
{
    lines->count = 0;
    lines->is_sorted = false;
}

void lines_add(struct lines *lines, const json_t *node, uint32_t line)
{
    if (json_is_boolean(node) || json_is_null(node))
        return;
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity == 0 ? 64 : lines->capacity * 2;
        lines->entries = mem_resize(lines->entries, lines->capacity * sizeof(struct line_entry));
    }
    lines->entries[lines->count++] = (struct line_entry){(uintptr_t)node, line};
    lines->is_sorted = false;
}

static int compare_entries(const void *a, const void *b)
{
    const struct line_entry *left = a;
    const struct line_entry *right = b;

    if (left->node != right->node)
        return left->node < right->node ? -1 : 1;
    return left->line < right->line ? -1 : left->line > right->line;
}

uint32_t lines_find(struct lines *lines, const json_t *node)
{
    size_t low = 0;
    size_t high = lines->count;

    if (!lines->is_sorted && lines->count > 0)
        qsort(lines->entries, lines->count, sizeof(struct line_entry), compare_entries);
    lines->is_sorted = true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (lines->entries[middle].node < (uintptr_t)node)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < lines->count && lines->entries[low].node == (uintptr_t)node)
        return lines->entries[low].line;
    return 0;
}
