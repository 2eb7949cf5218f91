/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuses.c - what each object that has a status is told, sorted by object.
 */
#include "route/statuses.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"

#include <stdlib.h>

static int compare_statuses(const void *a, const void *b)
{
    const struct object_status *left = a;
    const struct object_status *right = b;

    return bytes_compare(left->object, right->object);
}

struct statuses *statuses_create(const struct object_status *list, size_t count)
{
    size_t list_size = count * sizeof(list[0]);
    size_t text_size = 0;
    struct statuses *statuses;
    char *text;

    CHECK(count <= SIZE_MAX / 2 / sizeof(list[0]));
    for (size_t i = 0; i < count; i++)
        text_size += list[i].object.len + list[i].host.len + list[i].description.len;
    statuses = mem_alloc(sizeof(*statuses) + list_size + text_size);
    statuses->refs = 1;
    statuses->count = count;
    text = (char *)statuses + sizeof(*statuses) + list_size;
    for (size_t i = 0; i < count; i++) {
        statuses->list[i].object = bytes_pack(&text, list[i].object);
        statuses->list[i].host = bytes_pack(&text, list[i].host);
        statuses->list[i].description = bytes_pack(&text, list[i].description);
        statuses->list[i].state = list[i].state;
    }
    if (count > 0)
        qsort(statuses->list, count, sizeof(statuses->list[0]), compare_statuses);
    return statuses;
}

struct statuses *statuses_ref(struct statuses *statuses)
{
    if (statuses != NULL)
        refs_take(&statuses->refs);
    return statuses;
}

void statuses_unref(struct statuses *statuses)
{
    if (statuses != NULL && refs_drop(&statuses->refs))
        mem_free(statuses);
}

size_t statuses_count(const struct statuses *statuses)
{
    return statuses == NULL ? 0 : statuses->count;
}

static bool status_equal(const struct object_status *a, const struct object_status *b)
{
    return a->state == b->state && bytes_equal(a->object, b->object) &&
           bytes_equal(a->host, b->host) && bytes_equal(a->description, b->description);
}

bool statuses_equal(const struct statuses *a, const struct statuses *b)
{
    if (statuses_count(a) != statuses_count(b))
        return false;
    for (size_t i = 0; i < statuses_count(a); i++)
        if (!status_equal(&a->list[i], &b->list[i]))
            return false;
    return true;
}
