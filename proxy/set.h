/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.h - struct proxy as the admin port sees it: all workers and what they are asked together.
 */
#ifndef PROXY_SET_H
#define PROXY_SET_H

#include "proxy/worker.h"

struct proxy {
    struct proxy_config config; /* with copies of its listeners, as bound */
    struct proxy_hooks hooks;
    struct listener_config *listeners; /* owned */
    struct tls_tickets *tickets;       /* owned; shared by the workers */
    int *fds;                          /* owned; bound sockets by worker and listener */
    struct worker *workers;            /* owned; config.workers_count of them */
    bool *joined;                      /* owned; by worker: its loop has ended */
    bool is_closed;                    /* no worker is left to tell anything */
    bool is_serving;                   /* data listeners accept */
    bool is_draining;
    bool is_stopping;
    uint32_t stopped_count;
    uv_timer_t timer;          /* start, drain delay, drain timeout */
    uv_async_t stopped_signal; /* some worker's thread has ended */
    uint32_t handles_open;
};

/* Called on worker 0's loop with the sum over all workers. */
typedef void proxy_stats_fn(void *context, const struct stats *stats);
/* On worker 0's loop: gather everybody's numbers by message. */
void proxy_gather_stats(struct proxy *proxy, proxy_stats_fn *on_stats, void *context);

enum proxy_readiness { PROXY_READY, PROXY_DRAINING, PROXY_NOT_SYNCED, PROXY_PROBING };
/* *unheard: with PROXY_PROBING, the endpoints whose first health check has not ended yet. */
enum proxy_readiness proxy_readiness(const struct proxy *proxy, uint32_t *unheard);
/* On worker 0's loop: run it on that worker's. */
void proxy_tell(struct proxy *proxy, uint32_t worker, worker_message_fn *run, void *context);

#endif
