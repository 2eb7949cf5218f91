/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - the calls that write statuses and Events, and what was answered.
 */
#ifndef CONTROLLER_REPORT_H
#define CONTROLLER_REPORT_H

#include "controller/event_writer.h"
#include "controller/kube/api.h"
#include "core/list.h"

/* So much less than the lease's duration is than its deadline that no answer is awaited any more
 * when another may lead. */
#define REPORT_MS 4000

struct report_end {
    enum status_answer answer;
    uint32_t retry_after_ms;
};
/* The write is the caller's and is done. */
typedef void report_answered_fn(void *context, void *write, const struct report_end *end);

enum report_kind { REPORT_INGRESS, REPORT_INGRESS_ROUTE, REPORT_EVENT, REPORT_KINDS_COUNT };

struct reports {
    struct log *log;      /* borrowed */
    struct api *api;      /* borrowed */
    struct list underway; /* struct report */
    report_answered_fn *on_status;
    report_answered_fn *on_event;
    void *context;
    bool has_said[REPORT_KINDS_COUNT]; /* that it is not allowed; said once until it goes well */
    uint64_t counts[REPORT_KINDS_COUNT][STATUS_ANSWERS_COUNT];
};

void reports_init(struct reports *reports, struct log *log, struct api *api,
                  report_answered_fn *on_status, report_answered_fn *on_event, void *context);
void reports_send_status(struct reports *reports, struct status_write *write);
void reports_send_event(struct reports *reports, struct event_write *write);
/* None is answered any more. */
void reports_cancel_all(struct reports *reports);
void reports_write_metrics(const struct reports *reports, struct text *out);

#endif
