/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h - on which line of the manifest each node of a tree began. jansson keeps no such thing.
 */
#ifndef CONTROLLER_OBJECT_LINES_H
#define CONTROLLER_OBJECT_LINES_H

#include "core/bytes.h"

#include <jansson.h>

struct line_entry {
    uintptr_t node;
    uint32_t line;
};

struct lines {
    struct line_entry *entries; /* owned */
    size_t count;
    size_t capacity;
    bool is_sorted; /* sorting waits for the first question: most trees are never asked about */
};

void lines_init(struct lines *lines);
void lines_fini(struct lines *lines);
void lines_clear(struct lines *lines);
/* The first line told of a node counts: an alias does not move what it stands for. */
void lines_add(struct lines *lines, const json_t *node, uint32_t line);
/* 0 when unknown: true, false and null are one node each for the whole process. */
uint32_t lines_find(struct lines *lines, const json_t *node);

#endif
