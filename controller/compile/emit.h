/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - what people are told about objects: kept by owner, given to the table as one sorted
 * list.
 *
 *     findings (one compile of one host, findings.h) -> finding_set (what that host says now)
 *                                             \--> told (each once) -> struct finding
 *
 * A host, a Service or an object replaces its own set and nobody else's; so the list follows a
 * change without compiling anything else again.
 */
#ifndef CONTROLLER_COMPILE_EMIT_H
#define CONTROLLER_COMPILE_EMIT_H

#include "controller/compile/findings.h"
#include "controller/object/cache.h"
#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/text.h"
#include "route/builder.h"

/* What one owner says. */
struct finding_set {
    struct list link; /* in emit->sets */
    struct bytes key; /* in emit->by_key, or empty */
    size_t count;
    size_t left_out;     /* what it did not say */
    struct told *told[]; /* refs */
};

struct emit {
    struct list sets;    /* struct finding_set */
    struct map by_key;   /* of those that have no better owner: objects and files */
    struct map told;     /* all that the sets say; struct told */
    size_t left_out_now; /* by all sets */
    bool is_changed;     /* since the last emit_write() */
    uint64_t errors;     /* by the last emit_write() */
    uint64_t warnings;
    uint64_t left_out;
};

void emit_init(struct emit *emit);
void emit_fini(struct emit *emit); /* frees all sets */

/* Let `*place` say this from now on; it may say nothing. Texts are copied. */
void emit_replace(struct emit *emit, struct finding_set **place, struct findings *findings);
/* The same for what has no place for its set: by a key such as "file examples/a.yaml". */
void emit_replace_keyed(struct emit *emit, struct bytes key, struct findings *findings);

/*
 * Give the builder all of them, with the places of the objects as the cache knows them now, and
 * those about objects that another manifest defines as well. `files` has the findings about files.
 */
void emit_write(struct emit *emit, const struct emit *files, const struct cache *cache,
                struct builder *builder, struct arena *scratch);

/* True when this is a finding of `files`, by the file that its location names. */
bool emit_is_about_file(const struct emit *files, const struct finding *finding);

/* Append text from an object: control bytes as \xHH, so that it stays on its line and forges none.
 */
void text_add_plain(struct text *out, struct bytes value);
/* In double quotes, with Go's escapes (%q), as the texts of statuses have it. */
void text_add_quoted(struct text *out, struct bytes value);
/* "Ingress default/web" or "IngressClass web", in the arena. */
struct bytes object_title(const struct object *object, struct arena *arena);
/* printf into an arena, with control bytes as text_add_plain() writes them. */
/* A copy in the arena, plain. */
struct bytes plain_copy(struct arena *arena, struct bytes value);
struct bytes plain_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct bytes plain_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
