/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.h - objects in, table out. Pure: no I/O, no loop, no clock; the same objects give the
 * same table, whether compiled at once or change by change.
 *
 *     source_batch -> cache -> which hosts and clusters depend on it -> builder -> table
 *
 * Source: spec/contour.md 1.2-1.8, 2; design 5.
 */
#ifndef CONTROLLER_COMPILE_COMPILE_H
#define CONTROLLER_COMPILE_COMPILE_H

#include "controller/kube/source.h"
#include "controller/object/cache.h"
#include "route/table.h"

/* The flags that shape the table. All borrowed; must outlive the compiler. */
struct compile_options {
    struct bytes ingress_class;  /* "fairlead" */
    bool ingress_class_is_given; /* the flag was used: objects without a class are not ours */
    const struct bytes *watch_namespaces; /* none = all */
    size_t watch_namespaces_count;
    const struct bytes *root_namespaces; /* where roots may be; none = anywhere */
    size_t root_namespaces_count;
    bool external_names;              /* ExternalName Services are resolved */
    bool external_names_loopback;     /* ... to loopback addresses too: directory mode */
    struct bytes default_certificate; /* "ns/name" of a Secret; empty: none */
    const struct address *own;        /* where our admin port can be reached: never an endpoint */
    size_t own_count;
};

#define RESOLVED_ADDRESSES_MAX 256 /* of one name; what DNS says beyond is left out */

/* A name to be resolved by DNS, and what it resolved to. The compiler only asks and is told. */
struct resolved_name {
    struct bytes name;
    const struct address *addresses; /* port 0 */
    size_t addresses_count;
};

struct compiler;

struct compiler *compiler_create(const struct compile_options *options);
void compiler_destroy(struct compiler *compiler);

/* Take a batch in; the batch is left empty, to be destroyed by the caller. Cheap per object. */
void compiler_apply(struct compiler *compiler, struct source_batch *batch);
/* Tell what an ExternalName resolves to now. An empty answer means it resolves to nothing. */
void compiler_resolved(struct compiler *compiler, const struct resolved_name *name);

/*
 * The table of all that was applied: only hosts that depend on what changed are compiled, the rest
 * is shared with the table before. Returns a reference, or NULL when nothing differs from the last
 * one (never NULL at the first call).
 *
 *   now_s   Unix time, for findings about certificates that are not valid; 0: they are not looked
 * at
 */
struct table *compiler_run(struct compiler *compiler, int64_t now_s);

/* The same from scratch, at the moment of the last run, sharing nothing: what compiler_run() must
 * equal in table_dump_text(). */
struct table *compiler_run_fresh(const struct compiler *compiler);

/* ExternalNames in use, sorted; borrowed until the next call. */
const struct bytes *compiler_external_names(struct compiler *compiler, size_t *count);

/*
 * Ingresses that the last run took up, or gave up: for who writes their statuses. In the order in
 * which it happened, so of two about one Ingress the later counts. Borrowed until the next run.
 */
struct served_ingress {
    struct bytes ns;
    struct bytes name;
    bool is_served;
};
const struct served_ingress *compiler_served_ingresses(const struct compiler *compiler,
                                                       size_t *count);

/* True when a finding of the last table was already a note of the decoder. */
bool compiler_is_note(const struct compiler *compiler, const struct finding *finding);

struct compile_stats {
    uint64_t hosts_compiled;    /* by the last run */
    uint64_t clusters_compiled; /* by the last run */
    uint64_t objects[OBJECT_KINDS_COUNT];
    uint64_t errors; /* findings now */
    uint64_t warnings;
    uint64_t findings_left_out;
};
void compiler_stats(const struct compiler *compiler, struct compile_stats *stats);

#endif
