/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile_parts.h - what compile.c and changes.c share. Internal to controller/compile.
 */
#ifndef CONTROLLER_COMPILE_COMPILE_PARTS_H
#define CONTROLLER_COMPILE_COMPILE_PARTS_H

#include "controller/compile/certificates.h"
#include "controller/compile/class.h"
#include "controller/compile/compile.h"
#include "controller/compile/served_list.h"

struct compiler {
    const struct compile_options *options; /* borrowed */
    struct cache *cache;                   /* owned, unless is_guest */
    struct emit *files;                    /* owned, unless is_guest: findings about files */
    bool is_guest;                         /* of compiler_run_fresh(): looks at another's objects */
    struct class_rules classes;
    bool classes_changed;
    bool foreign_changed; /* something that is not ours, or was not: foreign_write() is due */
    bool is_touched;      /* something was applied since the last run: places may have moved */
    struct dag dag;
    struct emit emit;
    struct arena scratch;
    struct use_list uses;
    struct secret_list secrets;
    struct visit_list visits;
    struct served_list served;
    int64_t now_s;       /* of the last run */
    struct table *table; /* ref; the last one, NULL before the first run */
    struct bytes *names; /* owned; for compiler_external_names() */
    size_t names_count;
    uint64_t hosts_compiled;
    uint64_t clusters_compiled;
};

/* ---- changes.c ---- */

void change_take(struct compiler *compiler, const struct cache_change *change);
/* NULL before: there was none; NULL after: there is none any more. The scratch arena is used. */
void change_ingress(struct compiler *compiler, const struct ingress *before,
                    const struct ingress *after);
void change_ingress_route(struct compiler *compiler, const struct ingress_route *before,
                          const struct ingress_route *after);
void change_delegation(struct compiler *compiler, const struct tls_delegation *before,
                       const struct tls_delegation *after);
void change_service(struct compiler *compiler, const struct service *before,
                    const struct service *after);
void change_endpoints(struct compiler *compiler, const struct endpoints *before,
                      const struct endpoints *after);

#endif
