/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_list.h - the fields of a head while it is read, whatever HTTP version it came in.
 */
#ifndef PROXY_HTTP_FIELD_LIST_H
#define PROXY_HTTP_FIELD_LIST_H

#include "core/mem.h"
#include "proxy/http/field.h"

struct field_list {
    struct field *at; /* in the arena */
    uint32_t count;
    uint32_t capacity;
    uint32_t dropped_count; /* names with an underscore, when those are not allowed */
};

/* Whether a field of this name is left out: it has an underscore that is not allowed, or that makes
 * it an alias of a name that means something (hostile-input 22). `id` is the name's. */
bool field_name_is_dropped(struct bytes name, enum field_id id, bool underscores_allowed);

/* For field_list_add() when there is no room. */
void field_list_grow(struct field_list *list, struct arena *arena);

/* Add one well-formed field, whose bytes must live as long as the arena. A fixed hop-by-hop name is
 * marked. */
static inline void field_list_add(struct field_list *list, struct arena *arena, struct bytes name,
                                  enum field_id id, struct bytes value)
{
    if (list->count == list->capacity)
        field_list_grow(list, arena);
    list->at[list->count++] = (struct field){
        .name = name,
        .value = value,
        .id = id,
        .hop_by_hop = (field_flags(id) & FIELD_HOP) != 0,
    };
}

#endif
