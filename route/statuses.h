/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statuses.h - the statuses of a table's objects, in one refcounted block. Internal to route/.
 */
#ifndef ROUTE_STATUSES_H
#define ROUTE_STATUSES_H

#include "route/table.h"

struct statuses {
    _Atomic uint32_t refs;
    size_t count;
    struct object_status list[]; /* sorted; texts behind it in the same block */
};

/* A sorted copy with one reference. */
struct statuses *statuses_create(const struct object_status *list, size_t count);
struct statuses *statuses_ref(struct statuses *statuses); /* may be NULL: none */
void statuses_unref(struct statuses *statuses);           /* may be NULL */
/* NULL equals an empty list. */
bool statuses_equal(const struct statuses *a, const struct statuses *b);
size_t statuses_count(const struct statuses *statuses);

#endif
