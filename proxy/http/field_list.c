/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_list.c - a list that grows in an arena, and which names do not get into it.
 */
#include "proxy/http/field_list.h"

#define FIELDS_FIRST_CAPACITY 16
#define ALIAS_LENGTH_MAX      64 /* longer than any name that means something to us */

void field_list_grow(struct field_list *list, struct arena *arena)
{
    uint32_t capacity = list->capacity == 0 ? FIELDS_FIRST_CAPACITY : list->capacity * 2;
    struct field *grown = arena_alloc(arena, capacity * sizeof(*grown));

    if (list->count > 0)
        memcpy(grown, list->at, list->count * sizeof(*grown));
    list->at = grown;
    list->capacity = capacity;
}

/* Programs behind us read X_Real_IP and X-Real-IP as one name. So even where underscores are
 * allowed, a name that would mean something to us with dashes in their place is dropped. */
static bool is_alias(struct bytes name)
{
    char dashed[ALIAS_LENGTH_MAX];
    struct bytes start = bytes_slice(name, 0, ALIAS_LENGTH_MAX);

    for (size_t i = 0; i < start.len; i++)
        dashed[i] = start.at[i] == '_' ? '-' : start.at[i];
    return field_flags(field_identify(bytes_from(dashed, start.len))) != 0;
}

bool field_name_is_dropped(struct bytes name, enum field_id id, bool underscores_allowed)
{
    return id == FIELD_OTHER && bytes_find(name, '_') != BYTES_NOT_FOUND &&
           (!underscores_allowed || is_alias(name));
}
