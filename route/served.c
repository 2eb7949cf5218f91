/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served.c - which certificates a table serves, sorted by the Secret they come from.
 */
#include "route/served.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"

#include <stdlib.h>

static int compare_certificates(const void *a, const void *b)
{
    const struct served_certificate *left = a;
    const struct served_certificate *right = b;
    int order = bytes_compare(left->secret, right->secret);

    if (order == 0)
        order = bytes_compare(left->subject, right->subject);
    if (order != 0)
        return order;
    return (left->not_after_s > right->not_after_s) - (left->not_after_s < right->not_after_s);
}

struct served *served_create(const struct served_certificate *list, size_t count)
{
    size_t list_size = count * sizeof(list[0]);
    size_t text_size = 0;
    struct served *served;
    char *text;

    CHECK(count <= SIZE_MAX / 2 / sizeof(list[0]));
    for (size_t i = 0; i < count; i++)
        text_size += list[i].secret.len + list[i].subject.len;
    served = mem_alloc(sizeof(*served) + list_size + text_size);
    served->refs = 1;
    served->count = count;
    text = (char *)served + sizeof(*served) + list_size;
    for (size_t i = 0; i < count; i++) {
        served->list[i].secret = bytes_pack(&text, list[i].secret);
        served->list[i].subject = bytes_pack(&text, list[i].subject);
        served->list[i].not_after_s = list[i].not_after_s;
    }
    if (count > 0)
        qsort(served->list, count, sizeof(served->list[0]), compare_certificates);
    return served;
}

struct served *served_ref(struct served *served)
{
    if (served != NULL)
        refs_take(&served->refs);
    return served;
}

void served_unref(struct served *served)
{
    if (served != NULL && refs_drop(&served->refs))
        mem_free(served);
}

size_t served_count(const struct served *served)
{
    return served == NULL ? 0 : served->count;
}

bool served_equal(const struct served *a, const struct served *b)
{
    if (served_count(a) != served_count(b))
        return false;
    for (size_t i = 0; i < served_count(a); i++)
        if (compare_certificates(&a->list[i], &b->list[i]) != 0)
            return false;
    return true;
}
