/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_map.h - a flat YAML mapping, as a config file is one: keys with a scalar or a list of
 * scalars.
 */
#ifndef CONTROLLER_OBJECT_YAML_MAP_H
#define CONTROLLER_OBJECT_YAML_MAP_H

#include "core/mem.h"
#include "core/status.h"
#include "core/text.h"

#define YAML_MAP_ENTRIES_MAX 10000

/* One scalar. A list gives one entry an item, in order, all with the same key. */
struct yaml_map_entry {
    struct bytes key;
    struct bytes value; /* followed by a NUL that is not counted; "" for null */
    uint32_t line;      /* 1-based, of the value */
    bool is_item;       /* of a list */
};

struct yaml_map {
    struct yaml_map_entry *entries; /* in the arena */
    size_t count;
    struct arena arena;
};

/*
 * An empty text is an empty mapping. On STATUS_INVALID a sentence that begins with the line ("line
 * 3:
 * ...") has been appended to *error: text that does not parse, several documents, anything nested
 * deeper, a key twice. *map is to be ended in every case.
 */
enum status yaml_map_read(struct bytes text, struct yaml_map *map, struct text *error);
void yaml_map_fini(struct yaml_map *map);

#endif
