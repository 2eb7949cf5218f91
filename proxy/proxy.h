/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy.h - serves by the table it is given: workers, listeners, streams. What main.c sees of it.
 *
 *     main -> proxy_open() -> proxy_publish() on every new table -> proxy_stop() on SIGTERM
 */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "core/address.h"
#include "core/log.h"
#include "proxy/http/h1.h"
#include "route/table.h"

#include <uv.h>

struct listener_config {
    struct listen_address address;
    bool is_admin;
    bool is_metrics; /* of an admin listener: it answers no question about routes */
    bool is_tls;
    bool proxy_protocol; /* every connection begins with a PROXY header */
};

/* Spans after which something is given up; design 5.7. Each has a metric of its own. */
struct proxy_timeouts {
    uint32_t head_ms;          /* the client's whole head, from its first byte: 408 */
    uint32_t keep_alive_ms;    /* an idle client connection */
    uint32_t proxy_header_ms;  /* the PROXY header */
    uint32_t handshake_ms;     /* of TLS */
    uint32_t body_ms;          /* silence of a request body: 408 */
    uint32_t client_write_ms;  /* a client that does not read */
    uint32_t connect_ms;       /* to an endpoint */
    uint32_t pending_ms;       /* waiting for a connection below max-connections */
    uint32_t response_head_ms; /* from the end of the request: 504 */
    uint32_t stream_idle_ms;   /* nothing moves in either direction */
    uint32_t tunnel_idle_ms;
    uint32_t tcp_idle_ms;  /* nothing moves through a connection that is relayed as it comes */
    uint32_t pool_idle_ms; /* a kept connection to an endpoint */
    uint32_t linger_ms;    /* reading on after an answer that ends the connection */
};
#define PROXY_TIMEOUTS_DEFAULT                                                                     \
    ((struct proxy_timeouts){10000, 60000, 3000, 10000, 60000, 60000, 2000, 10000, 60000, 300000,  \
                             7200000, 7200000, 60000, 2000})

struct proxy_config {
    const struct listener_config *listeners; /* borrowed */
    size_t listeners_count;
    uint32_t workers_count;              /* >= 1 */
    const struct address_range *trusted; /* peers whose forwarding fields are believed; borrowed */
    size_t trusted_count;
    struct h1_limits limits;
    struct proxy_timeouts timeouts;
    uint32_t connections_max;             /* of clients, whole process */
    uint32_t handshakes_max;              /* of TLS under way, whole process */
    uint32_t h2_streams_max;              /* open at the same time on one client connection */
    uint32_t connections_per_address_max; /* 0 = no limit */
    uint64_t request_body_bytes_max;      /* 0 = no limit */
    uint64_t memory_bytes_max;            /* resident; 0 = no mark */
    /* Another process may serve the same addresses: until a table is there it gets everything. */
    bool shares_ports;
    uint32_t drain_delay_ms;
    uint32_t drain_timeout_ms;
    uint16_t public_http_port;
    uint16_t public_https_port;
    const char *access_log; /* path, "-" for stdout, NULL for off; borrowed */
    bool access_log_is_json;
    uv_loop_t *loop; /* worker 0's; run by proxy_run() */
    struct log *log; /* borrowed */
};

/* What /readyz, /metrics and POST /drain need of the other half. */
struct proxy_hooks {
    bool (*is_synced)(void *context);
    /* What is_synced waits for, or what is amiss though all is served; nothing when all is well. */
    void (*add_detail)(void *context, struct text *out);
    void (*write_metrics)(void *context, struct text *out);
    /* A table that no worker uses any more; must not block. */
    void (*retire)(void *context, struct table *table);
    /* Everything is closed; the loop may end. */
    void (*on_stopped)(void *context);
    void *context;
};

struct proxy;

/*
 * Bind all listeners and start the workers. On an error one line has been logged for the listener
 * that failed and *proxy is not set. Logs one line a listener when it is bound.
 */
enum status proxy_open(struct proxy **proxy, const struct proxy_config *config,
                       const struct proxy_hooks *hooks);
/* Where the admin port can be reached, as far as it is an IP socket: appended to `addresses`, at
 * most `max`. Returns how many. For whoever must refuse them as endpoints (hostile-input 94). */
size_t proxy_admin_addresses(const struct proxy *proxy, struct address *addresses, size_t max);

/* Loop thread of worker 0. Takes over the caller's reference. Every worker gets the table. */
void proxy_publish(struct proxy *proxy, struct table *table);

/* Fail readiness and close connections gently as they go idle; go on accepting. */
void proxy_drain(struct proxy *proxy);
/* Drain, stop accepting after drain_delay_ms without losing what waits in the queues, let streams
 * finish, cut what is left after drain_timeout_ms; then on_stopped. May be called twice: the second
 * call cuts at once. */
void proxy_stop(struct proxy *proxy);
/* Run worker 0, and with it all that lives on config->loop, until nothing is left. */
void proxy_run(struct proxy *proxy);
/* After on_stopped and proxy_run(). */
void proxy_destroy(struct proxy *proxy);

/* SIGHUP: open the access log's path again. */
void proxy_reopen_log(struct proxy *proxy);

#endif
