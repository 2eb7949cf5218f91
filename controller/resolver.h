/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - what the DNS names of ExternalName Services resolve to, looked up again and again.
 *
 * A lookup that fails leaves the last good answer standing. Loop thread only.
 */
#ifndef CONTROLLER_RESOLVER_H
#define CONTROLLER_RESOLVER_H

#include "controller/compile/compile.h"
#include "core/log.h"

#include <uv.h>

/* One block of memory, freed with mem_free(). */
struct answer {
    struct resolved_name resolved; /* name and addresses stand behind the struct */
};

struct resolver;
/* A lookup has ended. The answer is the callee's; NULL when it is the same as before, or failed. */
typedef void resolver_answer_fn(void *context, struct answer *answer);
typedef void resolver_closed_fn(void *context);

struct resolver *resolver_create(uv_loop_t *loop, struct log *log, uint32_t interval_ms,
                                 resolver_answer_fn *on_answer, void *context);
/* These names, sorted, from now on. New ones are looked up at once. */
void resolver_follow(struct resolver *resolver, const struct bytes *names, size_t count);
/* True when every name has been looked up at least once, with or without success. */
bool resolver_has_tried_all(const struct resolver *resolver);
uint64_t resolver_names_count(const struct resolver *resolver);
uint64_t resolver_failures_count(const struct resolver *resolver);
/* on_closed is called when no lookup is under way any more; then the resolver is gone. */
void resolver_close(struct resolver *resolver, resolver_closed_fn *on_closed, void *context);

#endif
