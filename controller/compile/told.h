/* SPDX-License-Identifier: Apache-2.0 */
/*
 * told.h - one thing to tell, kept once however many owners say it: a mistake in an IngressRoute
 * that ten thousand hosts reach is found ten thousand times, and is one.
 */
#ifndef CONTROLLER_COMPILE_TOLD_H
#define CONTROLLER_COMPILE_TOLD_H

#include "controller/object/object.h"
#include "core/map.h"

/* The object is named, not pointed at: where it was read may change. */
struct draft {
    bool is_error;
    bool has_location; /* a finding about a file, or about a document in it */
    enum object_kind kind;
    struct bytes ns;
    struct bytes name;
    struct bytes location; /* only with has_location */
    struct bytes object;   /* only with has_location */
    struct bytes text;
};

struct told {
    size_t refs;
    struct draft draft; /* its texts are behind the struct */
    struct bytes key;   /* all of the draft; behind the struct too */
};

/* `all` maps keys to struct told. A reference to the one that says this, made where it is missing.
 */
struct told *told_ref(struct map *all, const struct draft *draft);
/* The last one out frees it. */
void told_unref(struct map *all, struct told *told);

#endif
