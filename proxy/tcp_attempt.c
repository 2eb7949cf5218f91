/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_attempt.c - from a tcp route to a connection to an endpoint.
 */
#include "proxy/tcp_attempt.h"

#include "core/check.h"
#include "lb/affinity.h"
#include "proxy/http/proxy_header.h"
#include "proxy/pool.h"
#include "proxy/upstream.h"

#include <sys/socket.h>

static struct worker *worker_of(const struct tcp_relay *relay)
{
    return relay->conn->worker;
}

/* ---- choosing ---- */

static const struct cluster_spec *spec_of(const struct tcp_relay *relay)
{
    return table_cluster(relay->generation->table, relay->cluster_slot);
}

/* The same that balancer_take() would say, while it can still be told by an alert. */
static bool has_endpoint(const struct tcp_relay *relay)
{
    const struct cluster_spec *spec = spec_of(relay);
    const struct cluster *cluster =
        spec == NULL ? NULL : clusters_get(worker_of(relay)->clusters, spec);

    return cluster != NULL && cluster->endpoints_count > cluster->health_counts[HEALTH_UNHEALTHY];
}

enum failure tcp_attempt_choose(struct tcp_relay *relay)
{
    struct worker *worker = worker_of(relay);
    const struct route *route = relay->route;
    uint32_t index = 0;

    if (worker->is_over_memory)
        return FAILURE_OVER_MEMORY;
    if (route->action != ROUTE_FORWARD)
        return FAILURE_ROUTE_UNAVAILABLE;
    if (route->backends_count > 1)
        index = backend_choose(route, random_next(&worker->random));
    relay->cluster_slot = route->backends[index].cluster_slot;
    return has_endpoint(relay) ? FAILURE_NONE : FAILURE_NO_ENDPOINT;
}

static enum failure take_cluster(struct tcp_relay *relay)
{
    struct worker *worker = worker_of(relay);
    struct cluster *cluster = clusters_get(worker->clusters, spec_of(relay));

    if (cluster->requests >= cluster->limits.requests_max) {
        worker->stats.limit_cluster_requests++;
        return FAILURE_OVERFLOW_REQUESTS;
    }
    cluster->requests++;
    relay->cluster = cluster;
    return FAILURE_NONE;
}

static void give_back_endpoint(struct tcp_relay *relay, enum balancer_outcome outcome)
{
    struct endpoint *endpoint = relay->endpoint;

    if (endpoint == NULL)
        return;
    relay->endpoint = NULL;
    balancer_give_back(endpoint, outcome, worker_now_ms(worker_of(relay)));
}

/* ---- connecting ---- */

static void remember_endpoint(struct tcp_relay *relay)
{
    CHECK(relay->attempts < CONNECT_ATTEMPTS_MAX);
    relay->endpoint_address = relay->endpoint->address;
    relay->tried[relay->attempts++] = relay->endpoint->address;
}

/* There is no session but the client's address. */
static uint64_t key_of(const struct tcp_relay *relay)
{
    return balancer_hashes(relay->cluster) ? affinity_key_of_client(&relay->conn->client) : 0;
}

static enum failure open_connection(struct tcp_relay *relay)
{
    struct worker *worker = worker_of(relay);

    relay->endpoint = balancer_take(relay->cluster, key_of(relay), relay->tried, relay->attempts,
                                    worker_now_ms(worker));
    if (relay->endpoint == NULL)
        return FAILURE_NO_ENDPOINT;
    if (!pool_has_place(worker, relay->cluster)) {
        give_back_endpoint(relay, BALANCER_DONE);
        return FAILURE_OVERFLOW_CONNECTIONS;
    }
    remember_endpoint(relay);
    relay->upstream = upstream_open_tcp(worker, relay->cluster, relay->endpoint, relay);
    if (relay->upstream == NULL) {
        give_back_endpoint(relay, BALANCER_DONE); /* the lack is ours, not the endpoint's */
        return FAILURE_CONNECT_FAILED;
    }
    conn_arm(relay->conn, worker->config->timeouts.connect_ms);
    return FAILURE_NONE;
}

/* The rule is that of requests of which nothing was sent; nobody can ask for more. */
static bool may_try_again(const struct tcp_relay *relay, enum failure failure)
{
    static const struct retry_policy nothing_asked_for;
    const struct retry_facts facts = {
        .failure = failure, .attempts = relay->attempts, .is_replayable = true};

    return relay->attempts > 0 && retry_decide(&nothing_asked_for, &facts) == RETRY_NOW;
}

static void connect_or_end(struct tcp_relay *relay, enum failure failure)
{
    while (may_try_again(relay, failure)) {
        worker_of(relay)->stats.retries++;
        failure = open_connection(relay);
    }
    if (failure != FAILURE_NONE)
        tcp_relay_end(relay, failure);
}

void tcp_attempt_begin(struct tcp_relay *relay)
{
    enum failure failure = take_cluster(relay);

    if (failure == FAILURE_NONE)
        failure = open_connection(relay);
    connect_or_end(relay, failure);
}

static void drop_connection(struct tcp_relay *relay, bool reset)
{
    struct upstream *upstream = relay->upstream;

    relay->upstream = NULL;
    if (upstream != NULL && reset)
        upstream_abort(upstream);
    else if (upstream != NULL)
        upstream_close(upstream);
}

void tcp_attempt_failed(struct tcp_relay *relay, enum failure failure)
{
    bool no_connection = failure_row(failure)->retry == RETRY_ALWAYS;

    drop_connection(relay, true);
    if (no_connection)
        worker_of(relay)->stats.upstream_connect_failures++;
    give_back_endpoint(relay, no_connection ? BALANCER_CONNECT_FAILED : BALANCER_DONE);
    connect_or_end(relay, failure);
}

/* ---- the PROXY header ---- */

/* Where the client's connection came in: what a PROXY header said of it, else our own end. */
static struct address destination_of(const struct conn *conn)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof(local);
    struct address address = conn->destination;

    if (address.port == 0 && getsockname(conn->tcp.fd, (struct sockaddr *)&local, &length) == 0)
        (void)address_from_sockaddr((const struct sockaddr *)&local, &address);
    return address;
}

/* Unix sockets have no addresses. */
static struct proxy_header describe_client(const struct conn *conn)
{
    struct proxy_header header = {.source = conn->client, .destination = destination_of(conn)};

    header.has_address = header.source.port != 0 && header.destination.port != 0;
    return header;
}

static bool send_proxy_header(struct tcp_relay *relay)
{
    const struct proxy_header header = describe_client(relay->conn);
    struct text *out = &worker_of(relay)->scratch;
    struct bytes bytes;

    text_clear(out);
    proxy_header_write(&header, out);
    bytes = text_bytes(out);
    return transport_write(&relay->upstream->tcp.transport, &bytes, 1) != STATUS_CLOSED;
}

bool tcp_attempt_greet(struct tcp_relay *relay)
{
    return !relay->cluster->spec->sends_proxy_header || send_proxy_header(relay);
}

void tcp_attempt_end(struct tcp_relay *relay, bool reset)
{
    struct worker *worker = worker_of(relay);

    drop_connection(relay, reset);
    give_back_endpoint(relay, BALANCER_DONE);
    if (relay->cluster != NULL)
        relay->cluster->requests--;
    relay->cluster = NULL;
    if (relay->generation != NULL)
        current_give_back(&worker->current, relay->generation);
    relay->generation = NULL;
    relay->route = NULL;
}
