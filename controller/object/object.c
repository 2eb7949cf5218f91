/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.c - what all kinds share: references, order, equality, annotations.
 */
#include "controller/object/object.h"

#include "controller/object/kind.h"
#include "core/check.h"
#include "core/mem.h"

const char *object_kind_name(enum object_kind kind)
{
    return kind_of(kind)->name;
}

const char *object_kind_group(enum object_kind kind)
{
    return kind_of(kind)->shares_name ? kind_of(kind)->version : NULL;
}

struct object *object_ref(struct object *object)
{
    __atomic_fetch_add(&object->refs, 1, __ATOMIC_RELAXED);
    return object;
}

void object_unref(struct object *object)
{
    uint32_t before = __atomic_fetch_sub(&object->refs, 1, __ATOMIC_ACQ_REL);

    CHECK(before > 0);
    if (before > 1)
        return;
    if (kind_of(object->kind)->is_secret)
        secret_wipe((const struct secret *)object);
    mem_free(object);
}

static int compare_names(const struct object *a, const struct object *b)
{
    int order = bytes_compare(a->ns, b->ns);

    return order != 0 ? order : bytes_compare(a->name, b->name);
}

int object_compare(const struct object *a, const struct object *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return compare_names(a, b);
}

int object_compare_age(const struct object *a, const struct object *b)
{
    if (a->created_s != b->created_s)
        return a->created_s < b->created_s ? -1 : 1;
    return compare_names(a, b);
}

bool object_is_same(const struct object *a, const struct object *b)
{
    if (a == b)
        return true;
    return object_compare(a, b) == 0 && layout_is_same(a, b, kind_of(a->kind)->layout);
}

bool object_is_stand_in(const struct object *object)
{
    return object->kind == OBJECT_INGRESS_ROUTE && as_ingress_route(object)->fault.len > 0;
}

struct bytes object_annotation(const struct object *object, struct bytes name)
{
    size_t low = 0;
    size_t high = object->annotations_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(object->annotations[middle].name, name);

        if (order == 0)
            return object->annotations[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return BYTES_NONE;
}
