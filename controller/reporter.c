/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reporter.c - tells the API server what became of its objects.
 *
 *     what changed -> timer -> run: status_writer, event_writer -> reports -> answers -> run
 *
 * A report is one call. Where we lead no more, all of them are cancelled, and what was on its way
 * all the same is refused, for it names a version of its object.
 */
#include "controller/reporter.h"

#include "controller/event_writer.h"
#include "controller/leader.h"
#include "controller/object/published.h"
#include "controller/report.h"
#include "controller/title.h"
#include "core/check.h"
#include "core/metrics.h"

#include <stdio.h>
#include <time.h>

struct reporter {
    struct reporter_config config;
    struct leader *leader; /* owned; NULL before the first table, and without election */
    struct status_writer *statuses;
    struct event_writer *events;
    struct text instance;
    struct table *table; /* ref; NULL before the first */
    uv_timer_t timer;
    struct reports reports;
    struct text fixed_addresses; /* as published.h writes them */
    bool has_begun;
    bool is_closing;
    size_t open_count; /* leader, timer */
    reporter_closed_fn *on_closed;
    void *closed_context;
};

static bool is_leading(const struct reporter *reporter)
{
    if (reporter->table == NULL || !reporter->has_begun || reporter->is_closing)
        return false;
    return reporter->leader == NULL ? !reporter->config.elects
                                    : leader_is_leading(reporter->leader);
}

/* ---- runs ---- */

static void on_timer(uv_timer_t *timer);

static void follow_addresses(struct reporter *reporter)
{
    const struct reporter_config *config = &reporter->config;
    struct bytes addresses = text_bytes(&reporter->fixed_addresses);
    struct kube_status published;
    size_t left_out;

    if (config->published_ns.len > 0) {
        bool is_there = kube_status(config->kube, OBJECT_SERVICE, config->published_ns,
                                    config->published_name, &published);

        addresses = is_there ? published.current_status : BYTES_NONE;
    }
    if (config->publishes_nodes)
        addresses = kube_node_addresses(config->kube, &left_out);
    status_writer_set_addresses(reporter->statuses, addresses);
}

static int64_t wall_us(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void run(struct reporter *reporter)
{
    uint64_t now_ms = uv_now(reporter->config.loop), statuses_ms, events_ms, next_ms;

    if (!is_leading(reporter)) {
        if (!reporter->is_closing)
            (void)uv_timer_stop(&reporter->timer);
        return;
    }
    follow_addresses(reporter);
    statuses_ms = status_writer_run(reporter->statuses, now_ms);
    events_ms = event_writer_run(reporter->events, now_ms, wall_us());
    next_ms = statuses_ms < events_ms ? statuses_ms : events_ms;
    if (next_ms == UINT64_MAX)
        (void)uv_timer_stop(&reporter->timer);
    else
        (void)uv_timer_start(&reporter->timer, on_timer, next_ms > now_ms ? next_ms - now_ms : 1,
                             0);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

/* In the next turn of the loop, so that what comes together is looked at once. */
static void run_soon(struct reporter *reporter)
{
    if (is_leading(reporter))
        (void)uv_timer_start(&reporter->timer, on_timer, 0, 0);
}

/* ---- between the writers and the calls ---- */

static bool find(void *context, enum object_kind kind, struct bytes ns, struct bytes name,
                 struct kube_status *status)
{
    const struct reporter *reporter = context;

    return kube_status(reporter->config.kube, kind, ns, name, status);
}

static void send_status(void *context, struct status_write *write)
{
    struct reporter *reporter = context;

    reports_send_status(&reporter->reports, write);
}

static void on_contested(void *context, const struct status_write *write)
{
    const struct reporter *reporter = context;
    const struct title title = {write->kind, write->ns, write->name};
    struct text object;

    text_init(&object);
    title_add(&title, &object);
    log_warn(reporter->config.log,
             "a status is changed by somebody else each time it is written, so it is written ever "
             "less often: look for another controller of the same class, or another Fairlead that "
             "publishes other addresses",
             LOG_BYTES("object", text_bytes(&object)));
    text_fini(&object);
}

static void send_event(void *context, struct event_write *write)
{
    struct reporter *reporter = context;

    reports_send_event(&reporter->reports, write);
}

static void on_status_answered(void *context, void *write, const struct report_end *end)
{
    struct reporter *reporter = context;

    status_writer_answered(reporter->statuses, write, end->answer, end->retry_after_ms,
                           uv_now(reporter->config.loop));
    run(reporter);
}

static void on_event_answered(void *context, void *write, const struct report_end *end)
{
    struct reporter *reporter = context;

    event_writer_answered(reporter->events, write, end->answer, end->retry_after_ms,
                          uv_now(reporter->config.loop));
    run(reporter);
}

static void stop_writing(struct reporter *reporter)
{
    (void)uv_timer_stop(&reporter->timer);
    reports_cancel_all(&reporter->reports);
    status_writer_stop(reporter->statuses);
    event_writer_stop(reporter->events);
}

static void on_leader_changed(void *context)
{
    struct reporter *reporter = context;

    if (!leader_is_leading(reporter->leader))
        stop_writing(reporter);
    reporter_look(reporter);
}

/* ---- for the owner ---- */

struct reporter *reporter_open(const struct reporter_config *config)
{
    struct reporter *reporter = mem_new(struct reporter);
    struct bytes addresses[PUBLISHED_MAX];
    uint64_t now_ms = uv_now(config->loop);

    reporter->config = *config;
    if (config->lease_ns.len == 0)
        reporter->config.lease_ns = api_namespace(config->api);
    CHECK(config->addresses_count <= PUBLISHED_MAX);
    for (size_t i = 0; i < config->addresses_count; i++)
        addresses[i] = config->addresses[i];
    text_init(&reporter->fixed_addresses);
    published_write(addresses, config->addresses_count, &reporter->fixed_addresses);
    leader_make_identity(&reporter->instance);
    reports_init(&reporter->reports, config->log, config->api, on_status_answered,
                 on_event_answered, reporter);
    reporter->statuses = status_writer_create(find, send_status, on_contested, reporter, now_ms);
    reporter->events =
        event_writer_create(find, send_event, reporter, text_bytes(&reporter->instance), now_ms);
    CHECK(uv_timer_init(config->loop, &reporter->timer) == 0);
    reporter->timer.data = reporter;
    reporter->open_count = 1;
    return reporter;
}

void reporter_set_served(struct reporter *reporter, const struct served_ingress *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        status_writer_set_served(reporter->statuses, list[i].ns, list[i].name, list[i].is_served);
}

/* Once there is a table, and it may be told of. */
static void stand_for_election(struct reporter *reporter)
{
    const struct leader_config config = {.loop = reporter->config.loop,
                                         .log = reporter->config.log,
                                         .api = reporter->config.api,
                                         .ns = reporter->config.lease_ns,
                                         .name = reporter->config.lease_name,
                                         .identity = text_bytes(&reporter->instance),
                                         .on_changed = on_leader_changed,
                                         .context = reporter};

    if (!reporter->config.elects || !reporter->has_begun || reporter->table == NULL ||
        reporter->leader != NULL)
        return;
    reporter->leader = leader_open(&config);
    reporter->open_count++;
}

struct table *reporter_publish(struct reporter *reporter, struct table *table)
{
    struct table *before = reporter->table;

    reporter->table = table;
    status_writer_set_table(reporter->statuses, table);
    event_writer_set_table(reporter->events, table);
    stand_for_election(reporter);
    run_soon(reporter);
    return before;
}

void reporter_begin(struct reporter *reporter)
{
    if (reporter->has_begun)
        return;
    reporter->has_begun = true;
    stand_for_election(reporter);
    run_soon(reporter);
}

void reporter_look(struct reporter *reporter)
{
    status_writer_look(reporter->statuses);
    run_soon(reporter);
}

static void write_one(struct text *out, const char *name, const char *help, uint64_t value)
{
    metrics_family(out, name, METRIC_GAUGE, help);
    metrics_sample(out, name, NULL, value);
}

void reporter_write_metrics(const struct reporter *reporter, struct text *out)
{
    size_t left_out;

    if (reporter->leader != NULL)
        leader_write_metrics(reporter->leader, out);
    reports_write_metrics(&reporter->reports, out);
    write_one(out, "fairlead_status_waiting",
              "Objects whose status is to be written; counted by the leader.",
              status_writer_waiting(reporter->statuses));
    write_one(out, "fairlead_status_contested",
              "Objects whose status somebody else changes each time; counted by the leader.",
              status_writer_contested(reporter->statuses));
    if (reporter->config.publishes_nodes) {
        (void)kube_node_addresses(reporter->config.kube, &left_out);
        write_one(out, "fairlead_published_left_out",
                  "Addresses of nodes that Ingresses do not get, because they are too many.",
                  left_out);
    }
    write_one(out, "fairlead_events_left_out",
              "Objects that are wrong without an Event, because too many are.",
              event_writer_left_out(reporter->events));
}

/* ---- the end ---- */

static void part_closed(void *context)
{
    struct reporter *reporter = context;
    reporter_closed_fn *on_closed = reporter->on_closed;
    void *closed_context = reporter->closed_context;

    if (--reporter->open_count > 0)
        return;
    status_writer_destroy(reporter->statuses);
    event_writer_destroy(reporter->events);
    if (reporter->table != NULL)
        table_unref(reporter->table);
    text_fini(&reporter->instance);
    text_fini(&reporter->fixed_addresses);
    mem_free(reporter);
    on_closed(closed_context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void reporter_close(struct reporter *reporter, reporter_closed_fn *on_closed, void *context)
{
    stop_writing(reporter);
    reporter->is_closing = true;
    reporter->on_closed = on_closed;
    reporter->closed_context = context;
    uv_close((uv_handle_t *)&reporter->timer, on_timer_closed);
    if (reporter->leader != NULL)
        leader_close(reporter->leader, part_closed, reporter);
}
