/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.h - the numbers of the control plane for /metrics.
 */
#ifndef CONTROLLER_OBSERVE_H
#define CONTROLLER_OBSERVE_H

#include "controller/turn.h"
#include "core/metrics.h"
#include "route/table.h"

struct observed {
    struct histogram compile; /* how long the compiler ran */
    uint64_t compile_us;      /* the last time */
    uint64_t compiles;
    uint64_t hosts_compiled; /* in all */
    uint64_t clusters_compiled;
    struct compile_stats stats; /* after the last run */
    uint64_t publications;
    uint64_t generation; /* of the published table */
    uint64_t hosts;
    uint64_t routes;
    uint64_t clusters;
    uint64_t foreign_hosts_left_out;
    uint64_t published_at_s; /* Unix time; 0 = never */
    const void *statuses;    /* whose list `by_state` was counted from; only compared */
    uint64_t by_state[OBJECT_ORPHANED + 1]; /* IngressRoutes, by enum object_state */
    const void *certificates; /* whose list `expiries` was written from; only compared */
    struct text expiries;     /* their metrics, as they are written */
};

void observed_init(struct observed *observed);
void observed_fini(struct observed *observed);
void observed_compile(struct observed *observed, const struct turn_result *result);
void observed_publish(struct observed *observed, const struct table *table);
void observed_write(const struct observed *observed, struct text *out);
void observed_write_names(uint64_t names, uint64_t failures, struct text *out);

#endif
