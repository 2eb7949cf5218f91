/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller.h - keeps the table true to the objects, on worker 0's loop.
 *
 *     files, or an API server -> batch -> [thread pool: apply, compile] -> publish
 *
 * One compile runs at a time; batches that come meanwhile wait and go into the next one together.
 * The cache and the compiler belong to one turn, so they need no lock.
 */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include "controller/compile/compile.h"
#include "core/log.h"
#include "core/text.h"
#include "route/table.h"

#include <uv.h>

/* Called on the loop with a reference for the callee. */
typedef void controller_publish_fn(void *context, struct table *table);

/* What is told to an API server; see reporter.h. All borrowed. */
struct controller_reports {
    bool elects;
    struct bytes lease_ns; /* empty: where we run */
    struct bytes lease_name;
    struct bytes published_ns;
    struct bytes published_name;
    struct bytes pod_labels;
    const struct bytes *addresses;
    size_t addresses_count; /* at most PUBLISHED_MAX */
};

struct controller_config {
    uv_loop_t *loop;
    struct log *log;
    const char *const *directories;
    size_t directories_count; /* 0: objects come from an API server, */
    const char *kubeconfig;   /* which this file names; NULL: the one of the cluster we run in */
    const char *snapshot;     /* where what it says is kept for a start without it; or NULL */
    uint64_t snapshot_bytes_max;
    struct controller_reports reports;
    struct compile_options options;
    controller_publish_fn *publish;
    void *context;
    uint32_t resolve_interval_ms; /* how often ExternalNames are looked up again; default 5000 */
};

struct controller;

enum status controller_open(struct controller **controller, const struct controller_config *config);
/* True after the first full sync has been compiled and published. */
bool controller_is_synced(const struct controller *controller);
/* Appends what readiness waits for, or what is amiss though ready; nothing when all is well. */
void controller_add_detail(const struct controller *controller, struct text *out);
/* Appends fairlead_ metrics of the control plane: objects by kind, files, parse errors, compile
 * time (histogram), table generation, last change, hosts compiled, findings, ends of certificates.
 */
void controller_write_metrics(const struct controller *controller, struct text *out);
/* Free a table that no worker needs, on the thread pool; any thread may call table_unref() instead.
 */
void controller_retire(struct controller *controller, struct table *table);
typedef void controller_closed_fn(void *context);
void controller_close(struct controller *controller, controller_closed_fn *on_closed,
                      void *context);

#endif
