/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standing.h - of several objects with one kind, namespace and name, who counts and who waits.
 *
 * The one whose file sorts first counts; of two from one file the one added first. An object from
 * an API server has no file, so it counts before all others. What only stands for an object that
 * cannot be read counts after those that can.
 */
#ifndef CONTROLLER_OBJECT_STANDING_H
#define CONTROLLER_OBJECT_STANDING_H

#include "controller/object/object.h"
#include "core/map.h"

struct waiter {
    struct object *object; /* ref */
    size_t slot;           /* its place among all waiters */
};

struct standing {
    struct map winners[OBJECT_KINDS_COUNT]; /* "namespace/name" -> object, ref */
    struct map queues[OBJECT_KINDS_COUNT];  /* "namespace/name" -> queue of waiters, owned */
    struct waiter **waiters;                /* owned; all of them, in no order */
    size_t waiters_count;
    size_t waiters_capacity;
};

void standing_init(struct standing *standing);
void standing_fini(struct standing *standing);
void standing_add(struct standing *standing, struct object *object); /* refs it */
/* The very object that was added; unrefs it. */
void standing_remove(struct standing *standing, struct object *object);
/* Who counts under "namespace/name", borrowed, or NULL. */
struct object *standing_get(const struct standing *standing, enum object_kind kind,
                            struct bytes key);

/* "namespace/name", which the block of an object holds in one piece. Valid as long as the object.
 */
struct bytes standing_key(const struct object *object);

#endif
