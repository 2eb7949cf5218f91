/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - sets a loop up, keeps its clock and its deadlines, and brings it to an end.
 *
 *     SERVING -> DRAINING -> STOPPING -> CUTTING -> STOPPED
 */
#include "proxy/worker.h"

#include "core/check.h"
#include "core/mem.h"
#include "proxy/access_log.h"
#include "proxy/client_h2.h"
#include "proxy/conn.h"
#include "proxy/limits.h"
#include "proxy/pool.h"
#include "proxy/prober.h"
#include "proxy/set.h"
#include "proxy/stream.h"
#include "proxy/tcp_relay.h"
#include "route/match.h"
#include "tls/tls.h"

#include <time.h>

#include <sys/random.h>

#define SECOND_MS 1000

struct message {
    struct list link;
    worker_message_fn *run;
    void *context;
};

static void on_wheel_timer(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    worker->wheel_due_ms = DEADLINE_NEVER;
    deadlines_run(worker->deadlines, worker_now_ms(worker));
}

/* Who to be for a ClientHello, by the table of now. */
static struct tls_choice choose_host(void *context, void *owner, struct bytes server_name)
{
    const struct worker *worker = context;
    const struct generation *latest = worker->current.latest;
    const struct vhost *vhost = latest == NULL ? NULL : table_tls_vhost(latest->table, server_name);

    if (vhost == NULL || (vhost->tls == NULL && vhost->tcp == NULL))
        return (struct tls_choice){TLS_UNKNOWN_NAME, NULL};
    if (vhost->tcp != NULL)
        return tcp_relay_choose(owner, vhost, server_name);
    return (struct tls_choice){TLS_SERVE, vhost->tls};
}

/* Before the loop sleeps: send what sessions have gathered, go on with handshakes that were left
 * over, note how long this turn took, and set the one timer for all deadlines. */
static void before_wait(void *context)
{
    struct worker *worker = context;
    uint64_t due_ms, now_ms;

    flush_all(worker);
    worker->net.has_more = tls_engine_turn(worker->tls) || !list_is_empty(&worker->flushes);
    due_ms = deadlines_next_ms(worker->deadlines);
    now_ms = worker_now_ms(worker);
    histogram_observe(&worker->stats.busy, uv_hrtime() / 1000 - worker_now_us(worker));
    if (due_ms == worker->wheel_due_ms || worker->state == WORKER_STOPPED)
        return;
    worker->wheel_due_ms = due_ms;
    if (due_ms == DEADLINE_NEVER)
        (void)uv_timer_stop(&worker->wheel_timer);
    else
        CHECK(uv_timer_start(&worker->wheel_timer, on_wheel_timer,
                             due_ms > now_ms ? due_ms - now_ms : 0, 0) == 0);
}

static void on_second(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    limits_check_memory(worker);
    if (worker->access_log != NULL)
        access_log_flush(worker->access_log);
    clusters_retire_unplaced(worker->clusters);
    if (worker->sweep_is_due && worker->current.latest != NULL) {
        worker->sweep_is_due = false;
        clusters_sweep(worker->clusters, worker->current.latest->table);
    }
}

void worker_run_inbox(struct worker *worker)
{
    struct list taken;
    struct list *first;

    list_init(&taken);
    uv_mutex_lock(&worker->inbox_mutex);
    while ((first = list_first(&worker->inbox)) != NULL) {
        list_remove(first);
        list_push_back(&taken, first);
    }
    uv_mutex_unlock(&worker->inbox_mutex);
    while ((first = list_first(&taken)) != NULL) {
        struct message *message = LIST_ENTRY(first, struct message, link);

        list_remove(first);
        message->run(worker, message->context);
        mem_free(message);
    }
}

static void on_inbox(uv_async_t *async)
{
    worker_run_inbox(async->data);
}

void worker_post(struct worker *worker, worker_message_fn *run, void *context)
{
    struct message *message = mem_new(struct message);

    message->run = run;
    message->context = context;
    uv_mutex_lock(&worker->inbox_mutex);
    list_push_back(&worker->inbox, &message->link);
    uv_mutex_unlock(&worker->inbox_mutex);
    (void)uv_async_send(&worker->inbox_signal);
}

static void retire(struct worker *worker, void *context)
{
    worker->hooks->retire(worker->hooks->context, context);
}

/* Freeing a large table takes long: worker 0 hands it to the thread pool. While the process ends
 * there is nobody left to be held up. */
static void on_table_unused(void *context, struct table *table)
{
    struct worker *worker = context;

    if (worker->state >= WORKER_STOPPING)
        table_unref(table);
    else if (worker->index == 0)
        retire(worker, table);
    else
        worker_post(&worker->proxy->workers[0], retire, table);
}

static void open_handles(struct worker *worker)
{
    CHECK(uv_timer_init(worker->loop, &worker->wheel_timer) == 0);
    CHECK(uv_timer_init(worker->loop, &worker->second_timer) == 0);
    CHECK(uv_async_init(worker->loop, &worker->inbox_signal, on_inbox) == 0);
    worker->wheel_timer.data = worker;
    worker->second_timer.data = worker;
    worker->inbox_signal.data = worker;
    worker->handles_open = 3;
    CHECK(uv_timer_start(&worker->second_timer, on_second, SECOND_MS, SECOND_MS) == 0);
}

void worker_init(struct worker *worker, struct proxy *proxy, const struct proxy_config *config,
                 const struct proxy_hooks *hooks, uint32_t index, worker_stopped_fn *on_stopped)
{
    *worker = (struct worker){
        .proxy = proxy,
        .config = config,
        .hooks = hooks,
        .log = config->log,
        .index = index,
        .on_stopped = on_stopped,
        .loop = index == 0 ? config->loop : &worker->own_loop,
        .wheel_due_ms = DEADLINE_NEVER,
        .clients_max = limits_share(config->connections_max, config->workers_count),
        .handshakes_max = limits_share(config->handshakes_max, config->workers_count),
    };
    if (index != 0)
        CHECK(uv_loop_init(&worker->own_loop) == 0);
    if (getrandom(&worker->random, sizeof(worker->random), GRND_NONBLOCK) < 0)
        worker->random = uv_hrtime() + index; /* early in a boot; ids need not be secret */
    worker->random |= 1;
    CHECK(uv_mutex_init(&worker->inbox_mutex) == 0);
    list_init(&worker->inbox);
    list_init(&worker->conns);
    list_init(&worker->free_streams);
    list_init(&worker->free_client_streams);
    list_init(&worker->flushes);
    worker->h2_memory = h2_pool_create();
    worker->flush_buffer = mem_resize(NULL, FLUSH_BUFFER_BYTES);
    worker->tls = tls_engine_create(proxy->tickets, choose_host, worker);
    map_init(&worker->addresses);
    text_init(&worker->scratch);
    net_init(&worker->net, worker->loop);
    uv_update_time(worker->loop);
    worker->deadlines = deadlines_create(worker_now_ms(worker));
    current_init(&worker->current, on_table_unused, worker);
    worker->clusters =
        clusters_create(config->workers_count, worker->random, pool_on_endpoint_retired, worker);
    clusters_tell_of_room(worker->clusters, pool_wake);
    if (index == 0)
        worker->prober = prober_create(worker);
    worker->listeners = mem_new_array(struct listener *, config->listeners_count);
    if (config->access_log != NULL)
        worker->access_log =
            access_log_open(worker, config->access_log, config->access_log_is_json);
    open_handles(worker);
}

void worker_run(struct worker *worker)
{
    net_run(&worker->net, before_wait, worker);
}

static void run_thread(void *context)
{
    struct worker *worker = context;

    worker_run(worker);
}

void worker_start(struct worker *worker)
{
    CHECK(worker->index != 0);
    CHECK(uv_thread_create(&worker->thread, run_thread, worker) == 0);
}

void worker_join(struct worker *worker)
{
    CHECK(uv_thread_join(&worker->thread) == 0);
}

void worker_fini(struct worker *worker)
{
    CHECK(list_is_empty(&worker->conns) && worker->upstreams_count == 0);
    for (size_t i = 0; i < worker->config->listeners_count; i++)
        if (worker->listeners[i] != NULL)
            listener_destroy(worker->listeners[i]);
    mem_free(worker->listeners);
    if (worker->access_log != NULL)
        access_log_close(worker->access_log);
    streams_free_all(worker);
    client_h2_streams_free(worker);
    tls_engine_destroy(worker->tls);
    mem_free(worker->flush_buffer);
    h2_pool_destroy(worker->h2_memory);
    prober_destroy(worker->prober);
    clusters_destroy(worker->clusters);
    current_fini(&worker->current);
    deadlines_destroy(worker->deadlines);
    net_fini(&worker->net);
    text_fini(&worker->scratch);
    map_fini(&worker->addresses);
    uv_mutex_destroy(&worker->inbox_mutex);
    if (worker->index != 0)
        CHECK(uv_loop_close(&worker->own_loop) == 0);
}

/* ---- the end ---- */

static void close_listeners(struct worker *worker)
{
    for (size_t i = 0; i < worker->config->listeners_count; i++)
        if (worker->listeners[i] != NULL)
            listener_close(worker->listeners[i]);
}

static void cut(struct worker *worker)
{
    LIST_EACH (&worker->conns, link)
        conn_cut(LIST_ENTRY(link, struct conn, link));
}

static void drain(struct worker *worker)
{
    LIST_EACH (&worker->conns, link)
        conn_drain(LIST_ENTRY(link, struct conn, link));
}

/* What is under way goes by what is known so far. */
static void stop_probing(struct worker *worker)
{
    if (worker->prober != NULL)
        prober_stop(worker->prober);
}

void worker_set_state(struct worker *worker, enum worker_state state)
{
    if (state <= worker->state)
        return;
    worker->state = state;
    switch (state) {
    case WORKER_SERVING:
        break;
    case WORKER_DRAINING:
        drain(worker);
        break;
    case WORKER_STOPPING:
        drain(worker);
        close_listeners(worker);
        stop_probing(worker);
        pools_close_idle(worker);
        break;
    case WORKER_CUTTING:
        close_listeners(worker);
        stop_probing(worker);
        cut(worker);
        pools_close_idle(worker);
        break;
    case WORKER_STOPPED:
        break;
    }
    worker_check_stopped(worker);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;

    CHECK(worker->handles_open > 0);
    if (--worker->handles_open > 0)
        return;
    atomic_store(&worker->has_stopped, true);
    worker->on_stopped(worker);
}

static bool has_open_listener(const struct worker *worker)
{
    for (size_t i = 0; i < worker->config->listeners_count; i++)
        if (worker->listeners[i] != NULL && !listener_is_closed(worker->listeners[i]))
            return true;
    return false;
}

void worker_check_stopped(struct worker *worker)
{
    if (worker->state != WORKER_STOPPING && worker->state != WORKER_CUTTING)
        return;
    if (has_open_listener(worker) || worker->conns_count > 0)
        return;
    if (worker->access_log != NULL && access_log_is_busy(worker->access_log)) {
        access_log_flush(worker->access_log);
        return;
    }
    pools_close_idle(worker);
    if (worker->upstreams_count > 0)
        return;
    worker->state = WORKER_STOPPED;
    uv_close((uv_handle_t *)&worker->wheel_timer, on_handle_closed);
    uv_close((uv_handle_t *)&worker->second_timer, on_handle_closed);
    uv_close((uv_handle_t *)&worker->inbox_signal, on_handle_closed);
}

#define DATE_LAG_US_MAX 100000

struct bytes worker_date(struct worker *worker)
{
    uint64_t now_us = worker_now_us(worker);
    struct timespec now;
    struct tm calendar;

    if (worker->date_s != 0 && now_us - worker->date_us < DATE_LAG_US_MAX)
        return bytes_from(worker->date, 29);
    worker->date_us = now_us;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if ((uint64_t)now.tv_sec != worker->date_s) {
        worker->date_s = (uint64_t)now.tv_sec;
        (void)gmtime_r(&now.tv_sec, &calendar);
        (void)strftime(worker->date, sizeof(worker->date), "%a, %d %b %Y %H:%M:%S GMT", &calendar);
    }
    return bytes_from(worker->date, 29);
}
