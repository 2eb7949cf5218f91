/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy.c - all workers as one: binds, publishes, gathers, stops.
 *
 *     bind all -> init all -> start threads -> first table: accept -> ... -> drain -> stop -> join
 */
#include "proxy/proxy.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/access_log.h"
#include "proxy/conn.h"
#include "proxy/prober.h"
#include "proxy/set.h"
#include "tls/tls.h"

#include <stdatomic.h>
#include <unistd.h>

/* Without a table by then, clients get 503 instead of waiting in the queue. */
#define START_PATIENCE_MS 5000
/* After cutting; then the process ends whatever is still open. */
#define GIVE_UP_MS 500

/* One that has stopped would never hear of it, so its part is done here: its thread is gone, and
 * what it knows is worker 0's to use. */
void proxy_tell(struct proxy *proxy, uint32_t worker, worker_message_fn *run, void *context)
{
    if (proxy->joined[worker])
        run(&proxy->workers[worker], context);
    else
        worker_post(&proxy->workers[worker], run, context);
}

static void tell_all(struct proxy *proxy, worker_message_fn *run, void *context)
{
    for (uint32_t i = 0; i < proxy->config.workers_count && !proxy->is_closed; i++)
        proxy_tell(proxy, i, run, context);
}

/* ---- opening ---- */

static int *fd_of(struct proxy *proxy, uint32_t worker, size_t listener)
{
    return &proxy->fds[worker * proxy->config.listeners_count + listener];
}

/* The admin port is worker 0's alone. */
static bool is_bound_by(const struct proxy *proxy, uint32_t worker, size_t listener)
{
    const struct listener_config *config = &proxy->listeners[listener];

    return worker == 0 || (!config->is_admin && !config->address.is_unix);
}

static void say_listening(struct proxy *proxy, const struct listener_config *listener)
{
    struct text address;

    text_init(&address);
    listen_address_add(&listener->address, &address);
    log_info(proxy->config.log,
             listener->is_metrics ? "metrics listens"
             : listener->is_admin ? "admin listens"
             : listener->is_tls   ? "https listens"
                                  : "http listens",
             LOG_BYTES("address", text_bytes(&address)));
    text_fini(&address);
}

/* A listener that shares its port waits: the kernel would give it a part of the connections at
 * once, while a process that has a table stands beside it. */
static struct listener_binding binding_of(const struct proxy *proxy, uint32_t worker,
                                          const struct listener_config *listener)
{
    bool is_shared = proxy->config.shares_ports;

    return (struct listener_binding){
        .reuse_port = is_shared || (proxy->config.workers_count > 1 && !listener->is_admin),
        .is_exclusive = worker == 0 && !is_shared,
        .waits = is_shared && !listener->is_admin,
    };
}

static enum status bind_all(struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->config.listeners_count; i++) {
        struct listener_config *listener = &proxy->listeners[i];

        for (uint32_t w = 0; w < proxy->config.workers_count; w++) {
            if (!is_bound_by(proxy, w, i))
                continue;
            *fd_of(proxy, w, i) = listener_bind(&listener->address, binding_of(proxy, w, listener),
                                                proxy->config.log);
            if (*fd_of(proxy, w, i) < 0)
                return STATUS_REFUSED;
        }
        say_listening(proxy, listener);
    }
    return STATUS_OK;
}

static void close_fds(struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->config.listeners_count * proxy->config.workers_count; i++)
        if (proxy->fds[i] >= 0)
            (void)close(proxy->fds[i]);
}

static void open_listeners(struct worker *worker, bool is_admin)
{
    struct proxy *proxy = worker->proxy;

    for (size_t i = 0; i < proxy->config.listeners_count; i++) {
        int *fd = fd_of(proxy, worker->index, i);

        if (*fd < 0 || proxy->listeners[i].is_admin != is_admin)
            continue;
        worker->listeners[i] = listener_open(worker, &proxy->listeners[i], *fd);
        *fd = -1;
    }
}

static void serve(struct worker *worker, void *context)
{
    (void)context;
    if (worker->state < WORKER_STOPPING)
        open_listeners(worker, false);
}

static void serve_all(struct proxy *proxy)
{
    if (proxy->is_serving)
        return;
    proxy->is_serving = true;
    tell_all(proxy, serve, NULL);
}

static void on_patience_ended(uv_timer_t *timer)
{
    serve_all(timer->data);
}

static void on_worker_stopped(struct worker *worker);
static void on_stopped_signal(uv_async_t *async);

static void open_handles(struct proxy *proxy)
{
    CHECK(uv_timer_init(proxy->config.loop, &proxy->timer) == 0);
    CHECK(uv_async_init(proxy->config.loop, &proxy->stopped_signal, on_stopped_signal) == 0);
    proxy->timer.data = proxy;
    proxy->stopped_signal.data = proxy;
    proxy->handles_open = 2;
    if (!proxy->config.shares_ports) /* else somebody may be there who can answer */
        CHECK(uv_timer_start(&proxy->timer, on_patience_ended, START_PATIENCE_MS, 0) == 0);
}

static void start_workers(struct proxy *proxy)
{
    proxy->tickets = tls_tickets_create(TLS_TICKETS_ROTATE_S);
    proxy->workers = mem_new_array(struct worker, proxy->config.workers_count);
    proxy->joined = mem_new_array(bool, proxy->config.workers_count);
    for (uint32_t i = 0; i < proxy->config.workers_count; i++)
        worker_init(&proxy->workers[i], proxy, &proxy->config, &proxy->hooks, i, on_worker_stopped);
    open_listeners(&proxy->workers[0], true);
    for (uint32_t i = 1; i < proxy->config.workers_count; i++)
        worker_start(&proxy->workers[i]);
}

enum status proxy_open(struct proxy **proxy, const struct proxy_config *config,
                       const struct proxy_hooks *hooks)
{
    struct proxy *made = mem_new(struct proxy);
    size_t fds_count = config->listeners_count * config->workers_count;

    CHECK(config->workers_count >= 1);
    made->config = *config;
    made->hooks = *hooks;
    made->listeners = mem_new_array(struct listener_config, config->listeners_count);
    memcpy(made->listeners, config->listeners, config->listeners_count * sizeof(*made->listeners));
    made->config.listeners = made->listeners;
    made->fds = mem_new_array(int, fds_count);
    for (size_t i = 0; i < fds_count; i++)
        made->fds[i] = -1;
    if ((config->access_log != NULL && !access_log_may_open(config->access_log, config->log)) ||
        bind_all(made) != STATUS_OK) {
        close_fds(made);
        mem_free(made->fds);
        mem_free(made->listeners);
        mem_free(made);
        return STATUS_REFUSED;
    }
    open_handles(made);
    start_workers(made);
    *proxy = made;
    return STATUS_OK;
}

/* A listener on all addresses is reached by each of this machine's. */
static size_t add_interfaces(uint16_t port, struct address *addresses, size_t max)
{
    uv_interface_address_t *interfaces = NULL;
    int interfaces_count = 0;
    size_t count = 0;

    if (uv_interface_addresses(&interfaces, &interfaces_count) != 0)
        return 0;
    for (int i = 0; i < interfaces_count && count < max; i++) {
        const struct sockaddr *sockaddr = (const struct sockaddr *)&interfaces[i].address;

        if (address_from_sockaddr(sockaddr, &addresses[count]) != STATUS_OK)
            continue;
        addresses[count++].port = port;
    }
    uv_free_interface_addresses(interfaces, interfaces_count);
    return count;
}

size_t proxy_admin_addresses(const struct proxy *proxy, struct address *addresses, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < proxy->config.listeners_count && count < max; i++) {
        const struct listen_address *listener = &proxy->listeners[i].address;

        if (!proxy->listeners[i].is_admin || listener->is_unix)
            continue;
        if (address_is_unspecified(&listener->address))
            count += add_interfaces(listener->address.port, addresses + count, max - count);
        else
            addresses[count++] = listener->address;
    }
    return count;
}

/* ---- publishing ---- */

static void publish(struct worker *worker, void *context)
{
    current_publish(&worker->current, context);
    worker->sweep_is_due = true;
    if (worker->prober != NULL)
        prober_follow(worker->prober);
}

void proxy_publish(struct proxy *proxy, struct table *table)
{
    for (uint32_t i = 1; i < proxy->config.workers_count; i++)
        proxy_tell(proxy, i, publish, table_ref(table));
    publish(&proxy->workers[0], table);
    serve_all(proxy);
}

/* ---- gathering ---- */

struct gathering {
    struct proxy *proxy;
    struct stats sum;
    struct stats *copies; /* owned; by worker */
    uint32_t missing;
    proxy_stats_fn *on_stats;
    void *context;
};

static void gathered(struct worker *worker, void *context)
{
    struct gathering *gathering = context;

    (void)worker;
    if (--gathering->missing > 0)
        return;
    for (uint32_t i = 0; i < gathering->proxy->config.workers_count; i++)
        stats_merge(&gathering->sum, &gathering->copies[i]);
    gathering->on_stats(gathering->context, &gathering->sum);
    mem_free(gathering->copies);
    mem_free(gathering);
}

static void copy_stats(struct worker *worker, void *context)
{
    struct gathering *gathering = context;

    gathering->copies[worker->index] = worker->stats;
    worker_post(&gathering->proxy->workers[0], gathered, gathering);
}

void proxy_gather_stats(struct proxy *proxy, proxy_stats_fn *on_stats, void *context)
{
    struct gathering *gathering = mem_new(struct gathering);

    gathering->proxy = proxy;
    gathering->copies = mem_new_array(struct stats, proxy->config.workers_count);
    gathering->on_stats = on_stats;
    gathering->context = context;
    gathering->missing = proxy->config.workers_count;
    tell_all(proxy, copy_stats, gathering);
}

enum proxy_readiness proxy_readiness(const struct proxy *proxy, uint32_t *unheard)
{
    if (proxy->is_draining)
        return PROXY_DRAINING;
    if (!proxy->hooks.is_synced(proxy->hooks.context))
        return PROXY_NOT_SYNCED;
    return prober_is_settled(proxy->workers[0].prober, unheard) ? PROXY_READY : PROXY_PROBING;
}

/* ---- stopping ---- */

static void set_state(struct worker *worker, void *context)
{
    worker_set_state(worker, (enum worker_state)(uintptr_t)context);
}

static void set_all(struct proxy *proxy, enum worker_state state)
{
    tell_all(proxy, set_state, (void *)(uintptr_t)state);
}

void proxy_drain(struct proxy *proxy)
{
    if (proxy->is_draining)
        return;
    proxy->is_draining = true;
    log_info(proxy->config.log, "draining: not ready, connections close as they go idle");
    set_all(proxy, WORKER_DRAINING);
}

/* What is cut is closed within a turn or two. Only a write to an access log that nobody reads can
 * take for ever, and it must not hold the process (design 4.2: exit at the latest after the drain
 * timeout). */
static void on_given_up(uv_timer_t *timer)
{
    const struct proxy *proxy = timer->data;

    log_warn(proxy->config.log, "the access log takes nothing: ending without its last lines");
    _exit(0);
}

static void cut(struct proxy *proxy)
{
    set_all(proxy, WORKER_CUTTING);
    CHECK(uv_timer_start(&proxy->timer, on_given_up, GIVE_UP_MS, 0) == 0);
}

static void on_drain_timeout(uv_timer_t *timer)
{
    struct proxy *proxy = timer->data;

    log_warn(proxy->config.log, "the drain timeout ended, cutting what is left");
    cut(proxy);
}

static void on_drain_delay(uv_timer_t *timer)
{
    struct proxy *proxy = timer->data;

    log_info(proxy->config.log, "no longer accepting, waiting for requests to finish");
    set_all(proxy, WORKER_STOPPING);
    CHECK(uv_timer_start(timer, on_drain_timeout, proxy->config.drain_timeout_ms, 0) == 0);
}

void proxy_stop(struct proxy *proxy)
{
    if (proxy->is_stopping) {
        if (!uv_is_closing((uv_handle_t *)&proxy->timer))
            cut(proxy);
        return;
    }
    proxy->is_stopping = true;
    proxy_drain(proxy);
    CHECK(uv_timer_start(&proxy->timer, on_drain_delay, proxy->config.drain_delay_ms, 0) == 0);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct proxy *proxy = handle->data;

    CHECK(proxy->handles_open > 0);
    if (--proxy->handles_open > 0)
        return;
    worker_run_inbox(&proxy->workers[0]); /* what the others had left to say */
    proxy->is_closed = true;
    proxy->hooks.on_stopped(proxy->hooks.context);
}

/* On the loop of the worker that stopped; its thread ends next. */
static void on_worker_stopped(struct worker *worker)
{
    (void)uv_async_send(&worker->proxy->stopped_signal);
}

/* Signals may come together, so all are looked at. A worker's handles are gone when its loop ended,
 * which joining its thread makes sure of. */
static void on_stopped_signal(uv_async_t *async)
{
    struct proxy *proxy = async->data;

    for (uint32_t i = 0; i < proxy->config.workers_count; i++) {
        struct worker *worker = &proxy->workers[i];

        if (proxy->joined[i] || !atomic_load(&worker->has_stopped))
            continue;
        if (i != 0)
            worker_join(worker);
        proxy->joined[i] = true;
        proxy->stopped_count++;
        worker_run_inbox(worker); /* what came too late */
    }
    if (proxy->stopped_count < proxy->config.workers_count || uv_is_closing((uv_handle_t *)async))
        return;
    uv_close((uv_handle_t *)&proxy->timer, on_handle_closed);
    uv_close((uv_handle_t *)&proxy->stopped_signal, on_handle_closed);
}

void proxy_run(struct proxy *proxy)
{
    worker_run(&proxy->workers[0]);
}

void proxy_destroy(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->config.workers_count; i++)
        worker_fini(&proxy->workers[i]);
    tls_tickets_destroy(proxy->tickets);
    close_fds(proxy);
    mem_free(proxy->workers);
    mem_free(proxy->joined);
    mem_free(proxy->fds);
    mem_free(proxy->listeners);
    mem_free(proxy);
}

static void reopen_log(struct worker *worker, void *context)
{
    (void)context;
    if (worker->access_log != NULL)
        access_log_reopen(worker->access_log);
}

void proxy_reopen_log(struct proxy *proxy)
{
    tell_all(proxy, reopen_log, NULL);
}
