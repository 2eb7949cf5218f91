/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reporter.h - tells the API server what became of its objects: statuses and Events, by the one
 * Fairlead of the cluster that leads.
 *
 *     controller -> [reporter: leader, status_writer, event_writer] -> api
 *
 * Nothing is told before the table that serves it has been published.
 */
#ifndef CONTROLLER_REPORTER_H
#define CONTROLLER_REPORTER_H

#include "controller/compile/compile.h"
#include "controller/kube/kube.h"

struct reporter;

/* All borrowed; outlives the reporter. */
struct reporter_config {
    uv_loop_t *loop;
    struct log *log;
    struct api *api;
    const struct kube *kube;
    bool elects;           /* else we lead always: there is no other */
    struct bytes lease_ns; /* empty: api_namespace() */
    struct bytes lease_name;
    struct bytes published_ns; /* of the Service where Ingresses are reached; or empty: */
    struct bytes published_name;
    bool publishes_nodes;          /* where our nodes are, as the kube knows them; else: */
    const struct bytes *addresses; /* these; none: the statuses of Ingresses are left alone */
    size_t addresses_count;        /* at most PUBLISHED_MAX */
};

struct reporter *reporter_open(const struct reporter_config *config);
/* What the compiler took up or gave up. */
void reporter_set_served(struct reporter *reporter, const struct served_ingress *list,
                         size_t count);
/* Of the table that was just published. Takes over a reference and returns the one it had before,
 * or NULL. */
struct table *reporter_publish(struct reporter *reporter, struct table *table);
/* What is published comes from the API server, and from no snapshot. Before that nothing is
 * written; from then on, where there is a table, we stand for election. May be called again. */
void reporter_begin(struct reporter *reporter);
/* Objects came from the API server, and with them perhaps other statuses. */
void reporter_look(struct reporter *reporter);
void reporter_write_metrics(const struct reporter *reporter, struct text *out);

typedef void reporter_closed_fn(void *context);
/* Gives the lease back. */
void reporter_close(struct reporter *reporter, reporter_closed_fn *on_closed, void *context);

#endif
