/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.h - what one compile of a host, a Service or an object has to tell, while it is
 * gathered.
 *
 *     findings_add() ... -> drafts -> emit_replace() (emit.h)
 *
 * Of each object there are FINDINGS_MAX at most, and errors go before warnings: what one team's
 * object says pushes out nothing about another's, and no error gives way to a warning.
 */
#ifndef CONTROLLER_COMPILE_FINDINGS_H
#define CONTROLLER_COMPILE_FINDINGS_H

#include "controller/compile/told.h"
#include "core/mem.h"

/* About one object, of one compile; of those that know their place themselves: of the file. More
 * are counted, and that is told. */
#define FINDINGS_MAX 1000

struct spoken;

/* Drafts while they are gathered; texts are in the arena. */
struct findings {
    struct arena *arena; /* borrowed */
    struct draft *drafts;
    size_t count;
    size_t capacity;
    struct spoken **by_object; /* in the arena; how much was said about each object */
    struct spoken *over;       /* those of which something was left out */
    size_t left_out;           /* about all of them */
};

void findings_init(struct findings *findings, struct arena *arena);
void findings_add(struct findings *findings, bool is_error, const struct object *object,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* For a warning that costs much to put in words: true when it would not be told. It is counted. */
bool findings_skip(struct findings *findings, const struct object *object);
/* So many more about the object are not told. */
void findings_leave_out(struct findings *findings, const struct object *object, size_t count);
/* A finding that knows its place itself. */
void findings_add_located(struct findings *findings, bool is_error, struct bytes location,
                          struct bytes object, struct bytes text);
/* Once, when all are gathered: adds to the drafts how many were left out about whom. */
void findings_finish(struct findings *findings);

#endif
