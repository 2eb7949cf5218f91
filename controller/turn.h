/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.h - one turn of the compiler on the thread pool: everything that came goes in, a table comes
 * out.
 *
 * The compiler belongs to the turn while it runs. One runs at a time, which the controller sees to.
 */
#ifndef CONTROLLER_TURN_H
#define CONTROLLER_TURN_H

#include "controller/compile/compile.h"
#include "core/log.h"
#include "core/map.h"

#include <uv.h>

struct answer; /* resolver.h */

struct turn;
/* On the loop, when the turn is done; it may be filled and started again from here. */
typedef void turn_done_fn(void *context);

struct turn_result {
    struct table *table; /* ref for the callee; NULL when nothing differs */
    bool is_whole;       /* nothing of it comes from a snapshot (source.h); once so, always */
    uint64_t compile_us;
    struct compile_stats stats;
    const struct bytes *names; /* external names in use, sorted; borrowed until the next start */
    size_t names_count;
    const struct served_ingress *served; /* taken up or given up; borrowed until the next start */
    size_t served_count;
};

/* options and log are borrowed. */
struct turn *turn_create(uv_loop_t *loop, const struct compile_options *options, struct log *log,
                         turn_done_fn *on_done, void *context);
void turn_destroy(struct turn *turn); /* must not be running; drops what waits */

/* Put into the next run; taken over. May be called while one is running. */
void turn_add_batch(struct turn *turn, struct source_batch *batch);
void turn_add_answer(struct turn *turn, struct answer *answer);

bool turn_is_running(const struct turn *turn);
bool turn_has_input(const struct turn *turn);
void turn_start(struct turn *turn); /* must not be running */
/* Of the last run; valid from on_done to the next start. */
struct turn_result *turn_result(struct turn *turn);

#endif
