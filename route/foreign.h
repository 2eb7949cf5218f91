/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign.h - the hosts that objects name which are not ours, in one refcounted block. Internal to
 * route/.
 */
#ifndef ROUTE_FOREIGN_H
#define ROUTE_FOREIGN_H

#include "route/table.h"

struct foreign {
    _Atomic uint32_t refs;
    size_t count;
    uint64_t left_out;
    struct foreign_host list[]; /* sorted; texts behind it in the same block */
};

/* A sorted copy with one reference. */
struct foreign *foreign_create(const struct foreign_host *list, size_t count, uint64_t left_out);
struct foreign *foreign_ref(struct foreign *foreign); /* may be NULL: none */
void foreign_unref(struct foreign *foreign);          /* may be NULL */
/* NULL equals an empty list. */
bool foreign_equal(const struct foreign *a, const struct foreign *b);
size_t foreign_count(const struct foreign *foreign);

#endif
