/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.h - the findings of a table, in one refcounted block. Internal to route/.
 */
#ifndef ROUTE_FINDINGS_H
#define ROUTE_FINDINGS_H

#include "route/table.h"

struct findings {
    _Atomic uint32_t refs;
    size_t count;
    struct finding list[]; /* sorted; texts behind it in the same block */
};

/* A sorted copy with one reference. */
struct findings *findings_create(const struct finding *list, size_t count);
struct findings *findings_ref(struct findings *findings); /* may be NULL: none */
void findings_unref(struct findings *findings);           /* may be NULL */
/* NULL equals an empty list. */
bool findings_equal(const struct findings *a, const struct findings *b);
size_t findings_count(const struct findings *findings);

#endif
