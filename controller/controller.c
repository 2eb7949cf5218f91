/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller.c - from batches to publications, on worker 0's loop.
 *
 *     files, kube -> batch --\
 *                             turn (thread pool) -> table -> publish
 *     DNS -> answer ---------/                 \-> names -> resolver
 *
 * Nothing is published before all objects were read once, and the first table waits for the first
 * answers of DNS, but not longer than FIRST_ANSWERS_MS: else the first requests to an ExternalName
 * would meet no endpoints.
 */
#include "controller/controller.h"

#include "controller/kube/kube.h"
#include "controller/observe.h"
#include "controller/reporter.h"
#include "controller/resolver.h"
#include "controller/turn.h"
#include "core/check.h"
#include "core/env.h"

#define RESOLVE_INTERVAL_MS 5000
#define FIRST_ANSWERS_MS    2000

enum controller_state {
    CONTROLLER_READING,   /* waiting for the first batch, or compiling it */
    CONTROLLER_RESOLVING, /* the first table waits for DNS */
    CONTROLLER_SYNCED,    /* every table is published as it comes */
    CONTROLLER_CLOSING,
};

struct controller {
    struct controller_config config;
    enum controller_state state;
    struct api *api; /* owned; NULL with files */
    struct source source;
    struct reporter *reporter; /* owned; NULL with files */
    size_t api_users;          /* source, reporter: the api goes after them */
    struct resolver *resolver;
    struct turn *turn;
    uv_timer_t first_answers; /* bounds CONTROLLER_RESOLVING */
    struct table *held;       /* ref; newest table not published yet, or NULL */
    struct observed observed;
    uint32_t open_count; /* source, api, reporter, resolver, timer, turn, retiring tables */
    controller_closed_fn *on_closed;
    void *closed_context;
};

static void controller_destroy(struct controller *controller)
{
    controller_closed_fn *on_closed = controller->on_closed;
    void *context = controller->closed_context;

    if (controller->held != NULL)
        table_unref(controller->held);
    turn_destroy(controller->turn);
    observed_fini(&controller->observed);
    mem_free(controller);
    on_closed(context);
}

static void one_closed(struct controller *controller)
{
    CHECK(controller->open_count > 0);
    if (--controller->open_count == 0)
        controller_destroy(controller);
}

static void start_turn(struct controller *controller)
{
    if (controller->state == CONTROLLER_CLOSING || turn_is_running(controller->turn) ||
        !turn_has_input(controller->turn))
        return;
    controller->open_count++;
    turn_start(controller->turn);
}

static void publish(struct controller *controller)
{
    struct table *table = controller->held, *reported = NULL;

    controller->held = NULL;
    if (controller->reporter != NULL)
        (void)table_ref(table);
    observed_publish(&controller->observed, table);
    log_info(
        controller->config.log, "table published", LOG_UINT("generation", table_generation(table)),
        LOG_UINT("hosts", table_hosts_count(table)), LOG_UINT("routes", table_routes_count(table)),
        LOG_UINT("ms", controller->observed.compile_us / 1000));
    controller->config.publish(controller->config.context, table);
    if (controller->reporter != NULL)
        reported = reporter_publish(controller->reporter, table);
    if (reported != NULL)
        controller_retire(controller, reported);
}

static void enter_synced(struct controller *controller)
{
    controller->state = CONTROLLER_SYNCED;
    (void)uv_timer_stop(&controller->first_answers);
    if (controller->held != NULL)
        publish(controller);
}

/* All names were looked up and what they resolve to has been compiled. */
static bool has_first_answers(const struct controller *controller)
{
    return resolver_has_tried_all(controller->resolver) && !turn_has_input(controller->turn) &&
           !turn_is_running(controller->turn);
}

static void on_first_answers_late(uv_timer_t *timer)
{
    struct controller *controller = timer->data;

    log_warn(controller->config.log, "external names take long to resolve; serving without them");
    enter_synced(controller);
}

static void on_answer(void *context, struct answer *answer)
{
    struct controller *controller = context;

    if (answer != NULL && controller->state == CONTROLLER_CLOSING)
        mem_free(answer);
    else if (answer != NULL)
        turn_add_answer(controller->turn, answer);
    start_turn(controller);
    if (controller->state == CONTROLLER_RESOLVING && has_first_answers(controller))
        enter_synced(controller);
}

/* Decide what the table that was just compiled is for. */
static void advance(struct controller *controller)
{
    switch (controller->state) {
    case CONTROLLER_READING:
        controller->state = CONTROLLER_RESOLVING;
        if (!resolver_has_tried_all(controller->resolver))
            (void)uv_timer_start(&controller->first_answers, on_first_answers_late,
                                 FIRST_ANSWERS_MS, 0);
        if (has_first_answers(controller))
            enter_synced(controller);
        break;
    case CONTROLLER_RESOLVING:
        if (has_first_answers(controller))
            enter_synced(controller);
        break;
    case CONTROLLER_SYNCED:
        if (controller->held != NULL)
            publish(controller);
        break;
    case CONTROLLER_CLOSING:
        break;
    }
}

/* A turn whose objects changed nothing that is served may have brought statuses. Of a snapshot
 * nothing is reported: what it says of objects may be long over. */
static void report(struct controller *controller, const struct turn_result *result)
{
    if (controller->reporter == NULL)
        return;
    if (result->is_whole)
        reporter_begin(controller->reporter);
    reporter_set_served(controller->reporter, result->served, result->served_count);
    reporter_look(controller->reporter);
}

static void on_turn_done(void *context)
{
    struct controller *controller = context;
    struct turn_result *result = turn_result(controller->turn);

    observed_compile(&controller->observed, result);
    if (result->table != NULL) {
        if (controller->held != NULL)
            table_unref(controller->held);
        controller->held = result->table;
        result->table = NULL;
    }
    if (controller->state != CONTROLLER_CLOSING) {
        resolver_follow(controller->resolver, result->names, result->names_count);
        report(controller, result);
    }
    advance(controller);
    start_turn(controller);
    one_closed(controller);
}

static void on_batch(void *context, struct source_batch *batch)
{
    struct controller *controller = context;

    if (controller->state == CONTROLLER_CLOSING) {
        source_batch_destroy(batch);
        return;
    }
    turn_add_batch(controller->turn, batch);
    start_turn(controller);
}

static enum status open_files(struct controller *controller)
{
    const struct controller_config *config = &controller->config;
    struct files *files;
    enum status status = files_open(&files, config->loop, config->directories,
                                    config->directories_count, config->log, on_batch, controller);

    if (status == STATUS_OK)
        controller->source = files_source(files);
    return status;
}

static void on_node_addresses(void *context)
{
    struct controller *controller = context;

    if (controller->reporter != NULL)
        reporter_look(controller->reporter);
}

static void open_reporter(struct controller *controller, const struct kube *kube)
{
    const struct controller_config *config = &controller->config;
    const struct controller_reports *reports = &config->reports;
    const struct reporter_config reporter_config = {.loop = config->loop,
                                                    .log = config->log,
                                                    .api = controller->api,
                                                    .kube = kube,
                                                    .elects = reports->elects,
                                                    .lease_ns = reports->lease_ns,
                                                    .lease_name = reports->lease_name,
                                                    .published_ns = reports->published_ns,
                                                    .published_name = reports->published_name,
                                                    .publishes_nodes = reports->pod_labels.len > 0,
                                                    .addresses = reports->addresses,
                                                    .addresses_count = reports->addresses_count};

    controller->reporter = reporter_open(&reporter_config);
}

static enum status open_kube(struct controller *controller)
{
    const struct controller_config *config = &controller->config;
    const struct api_config api_config = {
        .loop = config->loop, .log = config->log, .kubeconfig = config->kubeconfig};
    struct kube_config kube_config = {.loop = config->loop,
                                      .log = config->log,
                                      .watch_namespaces = config->options.watch_namespaces,
                                      .watch_namespaces_count =
                                          config->options.watch_namespaces_count,
                                      .published_ns = config->reports.published_ns,
                                      .published_name = config->reports.published_name,
                                      .pod_labels = config->reports.pod_labels,
                                      .snapshot = config->snapshot,
                                      .snapshot_bytes_max = config->snapshot_bytes_max,
                                      .on_batch = on_batch,
                                      .on_node_addresses = on_node_addresses,
                                      .context = controller};
    enum status status = api_open(&controller->api, &api_config);
    struct kube *kube;

    if (status != STATUS_OK)
        return status;
    kube_config.api = controller->api;
    status = kube_open(&kube, &kube_config);
    if (status != STATUS_OK)
        return status;
    controller->source = kube_source(kube);
    open_reporter(controller, kube);
    controller->open_count += 2;
    return STATUS_OK;
}

enum status controller_open(struct controller **result, const struct controller_config *config)
{
    struct controller *controller = mem_new(struct controller);
    uint32_t interval_ms = config->resolve_interval_ms;
    enum status status;

    controller->config = *config;
    observed_init(&controller->observed);
    controller->turn = turn_create(config->loop, &controller->config.options, config->log,
                                   on_turn_done, controller);
    controller->open_count = 3;
    status = config->directories_count > 0 ? open_files(controller) : open_kube(controller);
    if (status != STATUS_OK) {
        turn_destroy(controller->turn);
        observed_fini(&controller->observed);
        mem_free(controller);
        return status;
    }
    controller->resolver = resolver_create(config->loop, config->log,
                                           interval_ms != 0 ? interval_ms : RESOLVE_INTERVAL_MS,
                                           on_answer, controller);
    CHECK(uv_timer_init(config->loop, &controller->first_answers) == 0);
    controller->first_answers.data = controller;
    *result = controller;
    return STATUS_OK;
}

bool controller_is_synced(const struct controller *controller)
{
    return controller->state == CONTROLLER_SYNCED;
}

void controller_add_detail(const struct controller *controller, struct text *out)
{
    controller->source.ops->add_detail(controller->source.self, out);
}

void controller_write_metrics(const struct controller *controller, struct text *out)
{
    controller->source.ops->write_metrics(controller->source.self, out);
    if (controller->reporter != NULL)
        reporter_write_metrics(controller->reporter, out);
    observed_write(&controller->observed, out);
    observed_write_names(resolver_names_count(controller->resolver),
                         resolver_failures_count(controller->resolver), out);
}

/* A table on its way out. */
struct retiring {
    uv_work_t work;
    struct controller *controller;
    struct table *table;
};

static void on_retire(uv_work_t *work)
{
    struct retiring *retiring = work->data;

    env_step_back();
    table_unref(retiring->table);
}

static void on_retired(uv_work_t *work, int status)
{
    struct retiring *retiring = work->data;
    struct controller *controller = retiring->controller;

    (void)status;
    mem_free(retiring);
    one_closed(controller);
}

void controller_retire(struct controller *controller, struct table *table)
{
    struct retiring *retiring = mem_new(struct retiring);

    retiring->work.data = retiring;
    retiring->controller = controller;
    retiring->table = table;
    controller->open_count++;
    CHECK(uv_queue_work(controller->config.loop, &retiring->work, on_retire, on_retired) == 0);
}

static void on_part_closed(void *context)
{
    one_closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

/* Calls to the API server are of the source and of the reporter, so they go first. */
static void on_api_user_closed(void *context)
{
    struct controller *controller = context;

    if (--controller->api_users == 0 && controller->api != NULL)
        api_close(controller->api, on_part_closed, controller);
    one_closed(controller);
}

/* What is known belongs to the source, and the reporter asks for it: the source goes after it. */
static void on_reporter_closed(void *context)
{
    struct controller *controller = context;

    controller->reporter = NULL;
    controller->source.ops->close(controller->source.self, on_api_user_closed, controller);
    on_api_user_closed(controller);
}

void controller_close(struct controller *controller, controller_closed_fn *on_closed, void *context)
{
    CHECK(controller->state != CONTROLLER_CLOSING);
    controller->state = CONTROLLER_CLOSING;
    controller->on_closed = on_closed;
    controller->closed_context = context;
    controller->api_users = controller->reporter != NULL ? 2 : 1;
    if (controller->reporter != NULL)
        reporter_close(controller->reporter, on_reporter_closed, controller);
    else
        controller->source.ops->close(controller->source.self, on_api_user_closed, controller);
    resolver_close(controller->resolver, on_part_closed, controller);
    uv_close((uv_handle_t *)&controller->first_answers, on_timer_closed);
}
