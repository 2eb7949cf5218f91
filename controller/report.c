/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - the calls that write statuses and Events.
 *
 * A status is written to the status subresource. A CustomResourceDefinition of old, such as
 * Contour's, has none: then 404 comes, and the status is a field like others of the object itself.
 * 404 comes as well when the object has just gone, so the API server is asked what it has:
 *
 *     PATCH .../status -> 404 -> GET of the group -> has the subresource: the object is gone
 *                                                 -> lacks it: PATCH of the object
 */
#include "controller/report.h"

#include "controller/api_path.h"
#include "controller/object/served.h"
#include "core/check.h"
#include "core/metrics.h"

#include <stdio.h>

#define MESSAGE_MAX   4096  /* bytes of an answer that says why not */
#define RESOURCES_MAX 65536 /* bytes of the list of a group's resources; Contour's has two */

static const struct {
    const char *root;
    const char *resource;
    const char *verb; /* for people; and what is written, */
    const char *what; /* as roles name it */
    bool may_lack_subresource;
} kinds[] = {
    [REPORT_INGRESS] = {"/apis/networking.k8s.io/v1", "ingresses", "patch", "ingresses/status",
                        false},
    [REPORT_INGRESS_ROUTE] = {"/apis/contour.heptio.com/v1beta1", "ingressroutes", "patch",
                              "ingressroutes/status", true},
    [REPORT_EVENT] = {"/apis/events.k8s.io/v1", "events", "create or patch", "events.events.k8s.io",
                      false},
};

enum step {
    STEP_WRITE,  /* to where it belongs */
    STEP_ASK,    /* which resources there are */
    STEP_OBJECT, /* the subresource is not there */
};

/* One write; mostly one call. */
struct report {
    struct list link; /* in reports->underway */
    struct reports *reports;
    enum report_kind kind;
    void *write; /* the writer's */
    struct bytes ns;
    struct bytes name;
    struct bytes body;
    bool is_new; /* an Event that is created */
    enum step step;
    struct api_call *call;
    struct text message;
};

static void start(struct report *report);

void reports_init(struct reports *reports, struct log *log, struct api *api,
                  report_answered_fn *on_status, report_answered_fn *on_event, void *context)
{
    *reports = (struct reports){
        .log = log, .api = api, .on_status = on_status, .on_event = on_event, .context = context};
    list_init(&reports->underway);
}

static void report_destroy(struct report *report)
{
    list_remove(&report->link);
    text_fini(&report->message);
    mem_free(report);
}

void reports_cancel_all(struct reports *reports)
{
    LIST_EACH (&reports->underway, link) {
        struct report *report = LIST_ENTRY(link, struct report, link);

        api_cancel(report->call);
        report_destroy(report);
    }
}

/* ---- answers ---- */

/* A namespace that is being deleted takes nothing, whatever the role says: what is in it goes. */
static bool is_going(const struct report *report)
{
    struct served_failure failure = {0};
    struct arena arena;

    arena_init(&arena, 512);
    served_read_failure(text_bytes(&report->message), &arena, &failure);
    arena_fini(&arena);
    return failure.is_going;
}

static enum status_answer answer_of(const struct report *report, const struct api_result *result)
{
    if (result->end != API_ANSWERED || result->status >= 500 || result->status == 429 ||
        result->status == 401)
        return STATUS_UNANSWERED;
    if (result->status >= 200 && result->status < 300)
        return STATUS_WRITTEN;
    if (result->status == 409)
        return STATUS_CONFLICT;
    if (result->status == 404 || (result->status == 403 && is_going(report)))
        return STATUS_GONE;
    return result->status == 403 ? STATUS_NOT_ALLOWED : STATUS_MALFORMED;
}

static void say_not_allowed(struct report *report)
{
    struct reports *reports = report->reports;

    if (reports->has_said[report->kind])
        return;
    reports->has_said[report->kind] = true;
    log_error(reports->log, "may not write to the API server: the role lacks a verb",
              LOG_STRING("verb", kinds[report->kind].verb),
              LOG_STRING("resource", report->step == STEP_OBJECT ? kinds[report->kind].resource
                                                                 : kinds[report->kind].what),
              LOG_BYTES("namespace", report->ns));
}

static void say_malformed(const struct report *report, int status)
{
    struct served_failure failure = {0};
    struct arena arena;

    arena_init(&arena, 512);
    served_read_failure(text_bytes(&report->message), &arena, &failure);
    log_warn(report->reports->log, "the API server does not take what was written",
             LOG_STRING("resource", kinds[report->kind].what), LOG_BYTES("namespace", report->ns),
             LOG_BYTES("name", report->name), LOG_UINT("status", (uint64_t)status),
             LOG_BYTES("message", failure.message));
    arena_fini(&arena);
}

static void finish(struct report *report, const struct api_result *result,
                   enum status_answer answer)
{
    struct reports *reports = report->reports;
    const struct report_end end = {answer, result->retry_after_ms};
    report_answered_fn *on_answered =
        report->kind == REPORT_EVENT ? reports->on_event : reports->on_status;
    void *write = report->write;

    reports->counts[report->kind][answer]++;
    if (answer == STATUS_NOT_ALLOWED)
        say_not_allowed(report);
    else if (answer == STATUS_MALFORMED)
        say_malformed(report, result->status);
    else if (answer == STATUS_WRITTEN)
        reports->has_said[report->kind] = false;
    report_destroy(report);
    on_answered(reports->context, write, &end);
}

static void take_step(struct report *report, enum step step)
{
    report->step = step;
    start(report);
}

/* STATUS_WRITTEN is any success. Who may not ask finds out by trying. */
static void on_resources(struct report *report, const struct api_result *result)
{
    enum status_answer answer = answer_of(report, result);
    bool has_status = false;

    if (answer == STATUS_NOT_ALLOWED) {
        take_step(report, STEP_OBJECT);
        return;
    }
    if (answer == STATUS_WRITTEN) {
        if (served_find_resource(text_bytes(&report->message), bytes_of(kinds[report->kind].what),
                                 &has_status) != STATUS_OK)
            answer = STATUS_UNANSWERED;
        else if (has_status)
            answer = STATUS_GONE;
    }
    if (answer == STATUS_WRITTEN)
        take_step(report, STEP_OBJECT);
    else
        finish(report, result, answer);
}

static void on_end(void *context, const struct api_result *result)
{
    struct report *report = context;
    bool is_absent = result->end == API_ANSWERED && result->status == 404;

    report->call = NULL;
    if (report->step == STEP_ASK)
        on_resources(report, result);
    else if (report->step == STEP_WRITE && is_absent && kinds[report->kind].may_lack_subresource)
        take_step(report, STEP_ASK);
    else
        finish(report, result, answer_of(report, result));
}

static void on_bytes(void *context, int status, struct bytes bytes)
{
    struct report *report = context;
    size_t max = report->step == STEP_ASK ? RESOURCES_MAX : status >= 400 ? MESSAGE_MAX : 0;

    if (report->message.len + bytes.len <= max)
        text_add(&report->message, bytes);
}

/* ---- calls ---- */

static void add_path(const struct report *report, struct text *path)
{
    const char *root = kinds[report->kind].root, *resource = kinds[report->kind].resource;

    if (report->step == STEP_ASK) {
        text_add_str(path, root);
        return;
    }
    if (report->is_new)
        api_path_add_list(path, root, report->ns, resource);
    else
        api_path_add_object(path, root, report->ns, resource, report->name);
    if (report->kind != REPORT_EVENT && report->step == STEP_WRITE)
        text_add_str(path, "/status");
}

static void start(struct report *report)
{
    struct text path;
    struct api_request request = {.method = report->is_new ? "POST" : "PATCH",
                                  .body = report->body,
                                  .content_type = report->is_new ? "application/json"
                                                                 : "application/merge-patch+json",
                                  .timeout_ms = REPORT_MS,
                                  .on_bytes = on_bytes,
                                  .on_end = on_end,
                                  .context = report};

    if (report->step == STEP_ASK) {
        request.method = "GET";
        request.body = BYTES_NONE;
    }
    text_init(&path);
    add_path(report, &path);
    request.path = text_bytes(&path);
    text_clear(&report->message);
    report->call = api_start(report->reports->api, &request);
    text_fini(&path);
}

static struct report *report_create(struct reports *reports, enum report_kind kind, void *write)
{
    struct report *report = mem_new(struct report);

    report->reports = reports;
    report->kind = kind;
    report->write = write;
    text_init(&report->message);
    list_push_back(&reports->underway, &report->link);
    return report;
}

void reports_send_status(struct reports *reports, struct status_write *write)
{
    struct report *report = report_create(
        reports, write->kind == OBJECT_INGRESS ? REPORT_INGRESS : REPORT_INGRESS_ROUTE, write);

    report->ns = write->ns;
    report->name = write->name;
    report->body = write->body;
    start(report);
}

void reports_send_event(struct reports *reports, struct event_write *write)
{
    struct report *report = report_create(reports, REPORT_EVENT, write);

    report->ns = write->ns;
    report->name = write->name;
    report->body = write->body;
    report->is_new = !write->is_more;
    start(report);
}

/* ---- metrics ---- */

static const char *const answers[STATUS_ANSWERS_COUNT] = {
    [STATUS_WRITTEN] = "written",   [STATUS_CONFLICT] = "conflict",
    [STATUS_GONE] = "gone",         [STATUS_NOT_ALLOWED] = "forbidden",
    [STATUS_MALFORMED] = "refused", [STATUS_UNANSWERED] = "failed",
};

static void write_samples(const struct reports *reports, const char *name, enum report_kind kind,
                          const char *more, struct text *out)
{
    for (size_t i = 0; i < STATUS_ANSWERS_COUNT; i++) {
        char labels[96];

        (void)snprintf(labels, sizeof(labels), "%sresult=\"%s\"", more, answers[i]);
        metrics_sample(out, name, labels, reports->counts[kind][i]);
    }
}

void reports_write_metrics(const struct reports *reports, struct text *out)
{
    metrics_family(out, "fairlead_status_writes_total", METRIC_COUNTER,
                   "Statuses written to the API server, by kind and what became of it.");
    write_samples(reports, "fairlead_status_writes_total", REPORT_INGRESS, "kind=\"Ingress\",",
                  out);
    write_samples(reports, "fairlead_status_writes_total", REPORT_INGRESS_ROUTE,
                  "kind=\"IngressRoute\",", out);
    metrics_family(out, "fairlead_events_total", METRIC_COUNTER,
                   "Events written to the API server; conflict: it was told before.");
    write_samples(reports, "fairlead_events_total", REPORT_EVENT, "", out);
}
