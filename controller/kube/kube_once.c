/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_once.c - a loop that ends with the first whole batch, or without it.
 *
 *     api_open, kube_open -> batch, refusal or timeout -> kube_close -> api_close -> the loop ends
 */
#include "controller/kube/kube_once.h"

#include "controller/kube/detail.h"
#include "core/check.h"

#define LOOK_MS     50 /* between two looks at what has come */
#define PROGRESS_MS 1000

struct once {
    const struct kube_once_config *config; /* borrowed */
    uv_loop_t loop;
    uv_timer_t look;
    struct api *api;
    struct kube *kube;
    struct source_batch *batch; /* owned; the first one */
    enum status status;
    struct text *why; /* borrowed */
    uint64_t started_ms;
    uint64_t told_ms; /* progress, the last time */
};

/* ---- the end ---- */

static void on_api_closed(void *context)
{
    struct once *once = context;

    once->api = NULL;
}

static void on_kube_closed(void *context)
{
    struct once *once = context;

    once->kube = NULL;
    api_close(once->api, on_api_closed, once);
}

static void end(struct once *once, enum status status)
{
    once->status = status;
    uv_close((uv_handle_t *)&once->look, NULL);
    kube_close(once->kube, on_kube_closed, once);
}

static void fail(struct once *once, enum status status)
{
    const struct source source = kube_source(once->kube);
    struct text lines;

    text_init(&lines);
    if (status == STATUS_IO)
        text_printf(once->why, "not everything came from the API server within %g s: ",
                    once->config->timeout_ms / 1000.0);
    else
        text_add_str(once->why, "the API server does not let everything be read: ");
    source.ops->add_detail(source.self, &lines);
    detail_join(text_bytes(&lines), once->why);
    text_fini(&lines);
    end(once, status);
}

/* Nobody can ask, so it is not waited for. */
static void give_up(struct once *once, struct bytes why)
{
    text_add(once->why, why);
    end(once, STATUS_REFUSED);
}

/* ---- what comes ---- */

static void on_look(uv_timer_t *timer);

/* The kube stands below us, so it is closed in a later turn. */
static void on_batch(void *context, struct source_batch *batch)
{
    struct once *once = context;

    if (batch->is_first) {
        once->batch = batch;
        CHECK(uv_timer_start(&once->look, on_look, 0, LOOK_MS) == 0);
    } else {
        source_batch_destroy(batch);
    }
}

static void tell_progress(struct once *once, const struct kube_progress *progress,
                          uint64_t elapsed_ms)
{
    if (once->config->on_progress == NULL || elapsed_ms - once->told_ms < PROGRESS_MS)
        return;
    once->told_ms = elapsed_ms;
    once->config->on_progress(once->config->context, progress, elapsed_ms);
}

static void on_look(uv_timer_t *timer)
{
    struct once *once = timer->data;
    uint64_t elapsed_ms = uv_now(&once->loop) - once->started_ms;
    struct kube_progress progress;

    kube_progress(once->kube, &progress);
    if (once->batch != NULL)
        end(once, STATUS_OK);
    else if (api_obstacle(once->api).len > 0)
        give_up(once, api_obstacle(once->api));
    else if (progress.refused > 0 && progress.read + progress.refused == progress.lists)
        fail(once, STATUS_REFUSED);
    else if (elapsed_ms >= once->config->timeout_ms)
        fail(once, STATUS_IO);
    else
        tell_progress(once, &progress, elapsed_ms);
}

static enum status open_all(struct once *once)
{
    const struct kube_once_config *config = once->config;
    const struct api_config api_config = {
        .loop = &once->loop, .log = config->log, .kubeconfig = config->kubeconfig};
    struct kube_config kube_config = {.loop = &once->loop,
                                      .log = config->log,
                                      .watch_namespaces = config->watch_namespaces,
                                      .watch_namespaces_count = config->watch_namespaces_count,
                                      .on_batch = on_batch,
                                      .context = once};
    enum status status = api_open(&once->api, &api_config);

    if (status != STATUS_OK)
        return status;
    kube_config.api = once->api;
    CHECK(kube_open(&once->kube, &kube_config) == STATUS_OK); /* only a snapshot is refused */
    once->started_ms = uv_now(&once->loop);
    CHECK(uv_timer_init(&once->loop, &once->look) == 0);
    once->look.data = once;
    CHECK(uv_timer_start(&once->look, on_look, LOOK_MS, LOOK_MS) == 0);
    return STATUS_OK;
}

enum status kube_read_once(const struct kube_once_config *config, struct source_batch **batch,
                           struct text *why)
{
    struct once once = {.config = config, .why = why};

    CHECK(uv_loop_init(&once.loop) == 0);
    once.status = open_all(&once);
    if (once.status == STATUS_OK)
        CHECK(uv_run(&once.loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&once.loop) == 0);
    if (once.status == STATUS_OK)
        *batch = once.batch;
    else
        source_batch_destroy(once.batch);
    return once.status;
}
