/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one loop with all it needs to serve: nothing in here is shared with another worker.
 *
 * Worker 0 runs on the caller's loop; the others have a thread each. They speak to each other only
 * by messages, never on the request path.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "core/deadline.h"
#include "core/map.h"
#include "core/tcp.h"
#include "lb/lb.h"
#include "proxy/proxy.h"
#include "proxy/stats.h"
#include "route/current.h"

#include <stdatomic.h>

enum worker_state {
    WORKER_SERVING,
    WORKER_DRAINING, /* connections close as they go idle; still accepting */
    WORKER_STOPPING, /* not accepting; streams finish */
    WORKER_CUTTING,  /* closing whatever is left */
    WORKER_STOPPED,  /* everything is closed */
};

struct access_log;
struct listener;
struct prober;
struct tls_engine;
struct worker;

/* Runs on the worker's loop. */
typedef void worker_message_fn(struct worker *worker, void *context);
/* The worker has closed everything; on its own loop, as the last thing there. */
typedef void worker_stopped_fn(struct worker *worker);

struct worker {
    struct proxy *proxy;               /* borrowed */
    const struct proxy_config *config; /* borrowed */
    const struct proxy_hooks *hooks;   /* borrowed */
    struct log *log;                   /* borrowed */
    uint32_t index;
    enum worker_state state;
    worker_stopped_fn *on_stopped;
    atomic_bool has_stopped; /* read by worker 0 */

    uv_loop_t *loop; /* own_loop, or the caller's for worker 0 */
    uv_loop_t own_loop;
    uv_thread_t thread;      /* not for worker 0 */
    uv_timer_t wheel_timer;  /* wakes for the next deadline */
    uv_timer_t second_timer; /* memory mark, date, sweeps, log flush */
    uv_async_t inbox_signal;
    uv_mutex_t inbox_mutex;
    struct list inbox; /* struct message; guarded by inbox_mutex */
    uint32_t handles_open;

    struct net net;
    struct tls_engine *tls;      /* owned; TLS of clients and endpoints */
    uint32_t handshakes_now;     /* of clients, under way */
    uint32_t handshakes_max;     /* this worker's share */
    struct h2_pool *h2_memory;   /* owned; for the sessions of clients and endpoints */
    struct list flushes;         /* struct flush: sessions with something to send */
    char *flush_buffer;          /* owned; FLUSH_BUFFER_BYTES */
    struct deadlines *deadlines; /* owned */
    uint64_t wheel_due_ms;       /* what wheel_timer is set to */

    struct current current;
    struct clusters *clusters; /* owned */
    struct prober *prober;     /* owned; worker 0's alone, else NULL */
    bool sweep_is_due;         /* a table was published since the last sweep */

    struct listener **listeners; /* owned, config->listeners_count of them */
    struct list conns;           /* struct conn, all */
    uint32_t conns_count;
    uint32_t clients_count; /* of them, those not on the admin port */
    uint32_t clients_max;   /* this worker's share of connections_max */
    struct map addresses;   /* struct address_count by address; only with a limit per address */
    uint32_t upstreams_count;

    struct list free_streams; /* struct stream, ready for use */
    uint32_t free_streams_count;
    struct list free_client_streams; /* struct client_h2_stream, the same */
    uint32_t free_client_streams_count;
    struct text scratch; /* for one head, used within a call */
    struct stats stats;
    struct access_log *access_log; /* owned, or NULL */
    uint64_t random;
    bool is_over_memory;
    char date[32]; /* IMF-fixdate of date_s, 29 bytes */
    uint64_t date_s;
    uint64_t date_us; /* when the clock was looked at for it */
};

/* Milliseconds of the loop's clock, and microseconds read once a turn: both monotonic. */
static inline uint64_t worker_now_ms(const struct worker *worker)
{
    return uv_now(worker->loop);
}

static inline uint64_t worker_now_us(const struct worker *worker)
{
    return worker->net.woke_us;
}

/* In the caller's memory, without listeners yet. config and hooks must outlive the worker. */
void worker_init(struct worker *worker, struct proxy *proxy, const struct proxy_config *config,
                 const struct proxy_hooks *hooks, uint32_t index, worker_stopped_fn *on_stopped);
/* Run the worker's loop, and all else that lives on it, until nothing is left. */
void worker_run(struct worker *worker);
/* Run the loop of worker 1 and up on a thread of its own until it is stopped. */
void worker_start(struct worker *worker);
void worker_join(struct worker *worker);
void worker_fini(struct worker *worker);

/* From any thread: run `run` on the worker's loop, in order. */
void worker_post(struct worker *worker, worker_message_fn *run, void *context);

/* Run what was posted. For the worker's own loop, and for whoever has joined its thread. */
void worker_run_inbox(struct worker *worker);

/* On the worker's own loop. */
void worker_set_state(struct worker *worker, enum worker_state state);
/* Called by whatever has just closed: ends a stopping worker when it was the last. */
void worker_check_stopped(struct worker *worker);

/* The value for Date, 29 bytes, borrowed. */
struct bytes worker_date(struct worker *worker);

#endif
