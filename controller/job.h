/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - one turn of the compiler on the thread pool: everything that came goes in, a table comes
 * out.
 *
 * The compiler belongs to the job while it runs. One runs at a time, which the controller sees to.
 */
#ifndef CONTROLLER_JOB_H
#define CONTROLLER_JOB_H

#include "controller/compile/compile.h"
#include "core/log.h"
#include "core/map.h"

#include <uv.h>

struct answer; /* resolver.h */

struct job;
/* On the loop, when the job is done; it may be filled and started again from here. */
typedef void job_done_fn(void *context);

struct job_result {
    struct table *table; /* ref for the callee; NULL when nothing differs */
    uint64_t compile_us;
    struct compile_stats stats;
    const struct bytes *names; /* external names in use, sorted; borrowed until the next start */
    size_t names_count;
};

/* options and log are borrowed. */
struct job *job_create(uv_loop_t *loop, const struct compile_options *options, struct log *log,
                       job_done_fn *on_done, void *context);
void job_destroy(struct job *job); /* must not be running; drops what waits */

/* Put into the next run; taken over. May be called while one is running. */
void job_add_batch(struct job *job, struct source_batch *batch);
void job_add_answer(struct job *job, struct answer *answer);

bool job_is_running(const struct job *job);
bool job_has_input(const struct job *job);
void job_start(struct job *job); /* must not be running */
/* Of the last run; valid from on_done to the next start. */
struct job_result *job_result(struct job *job);

#endif
