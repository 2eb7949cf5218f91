/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign.c - what objects that are not ours name, sorted by host, so that one is found by halving.
 */
#include "route/foreign.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"

#include <stdlib.h>

int foreign_host_compare(const void *a, const void *b)
{
    const struct foreign_host *left = a;
    const struct foreign_host *right = b;
    int order = bytes_compare(left->host, right->host);

    if (order == 0)
        order = bytes_compare(left->object, right->object);
    if (order == 0)
        order = bytes_compare(left->why, right->why);
    return order != 0 ? order : left->is_unwatched - right->is_unwatched;
}

struct foreign *foreign_create(const struct foreign_host *list, size_t count, uint64_t left_out)
{
    size_t list_size = count * sizeof(list[0]);
    size_t text_size = 0;
    struct foreign *foreign;
    char *text;

    CHECK(count <= FOREIGN_HOSTS_MAX);
    for (size_t i = 0; i < count; i++)
        text_size += list[i].host.len + list[i].object.len + list[i].why.len;
    foreign = mem_alloc(sizeof(*foreign) + list_size + text_size);
    foreign->refs = 1;
    foreign->count = count;
    foreign->left_out = left_out;
    text = (char *)foreign + sizeof(*foreign) + list_size;
    for (size_t i = 0; i < count; i++) {
        foreign->list[i].host = bytes_pack(&text, list[i].host);
        foreign->list[i].object = bytes_pack(&text, list[i].object);
        foreign->list[i].why = bytes_pack(&text, list[i].why);
        foreign->list[i].is_unwatched = list[i].is_unwatched;
    }
    if (count > 0)
        qsort(foreign->list, count, sizeof(foreign->list[0]), foreign_host_compare);
    return foreign;
}

struct foreign *foreign_ref(struct foreign *foreign)
{
    if (foreign != NULL)
        refs_take(&foreign->refs);
    return foreign;
}

void foreign_unref(struct foreign *foreign)
{
    if (foreign != NULL && refs_drop(&foreign->refs))
        mem_free(foreign);
}

size_t foreign_count(const struct foreign *foreign)
{
    return foreign == NULL ? 0 : foreign->count;
}

static uint64_t left_out_of(const struct foreign *foreign)
{
    return foreign == NULL ? 0 : foreign->left_out;
}

bool foreign_equal(const struct foreign *a, const struct foreign *b)
{
    if (foreign_count(a) != foreign_count(b) || left_out_of(a) != left_out_of(b))
        return false;
    for (size_t i = 0; i < foreign_count(a); i++)
        if (foreign_host_compare(&a->list[i], &b->list[i]) != 0)
            return false;
    return true;
}
