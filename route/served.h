/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served.h - the certificates of a table, in one refcounted block. Internal to route/.
 */
#ifndef ROUTE_SERVED_H
#define ROUTE_SERVED_H

#include "route/table.h"

struct served {
    _Atomic uint32_t refs;
    size_t count;
    struct served_certificate list[]; /* sorted; texts behind it in the same block */
};

/* A sorted copy with one reference. */
struct served *served_create(const struct served_certificate *list, size_t count);
struct served *served_ref(struct served *served); /* may be NULL: none */
void served_unref(struct served *served);         /* may be NULL */
/* NULL equals an empty list. */
bool served_equal(const struct served *a, const struct served *b);
size_t served_count(const struct served *served);

#endif
