/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - connects, asks and judges the answer's head; then reads to the end of the answer, as
 * far as that is near, for an endpoint that is cut off may take it for an error.
 *
 *     connect -> [handshake] -> ask -> head: report -> rest of the answer -> close
 */
#include "proxy/probe.h"

#include "core/check.h"
#include "core/mem.h"
#include "tls/tls.h"

#define PROBE_MAGIC        0x70726f62u
#define ARENA_CHUNK_BYTES  4096
#define STATUS_FINAL_FIRST 200
#define STATUS_HEALTHY     200
#define STATUS_DECLINED    503

static struct probe *probe_of(struct transport *transport)
{
    struct probe *probe = transport->owner;

    CHECK(probe->magic == PROBE_MAGIC);
    return probe;
}

/* ---- the report and the end ---- */

void probe_close(struct probe *probe)
{
    if (probe->is_closing)
        return;
    probe->is_closing = true;
    probe->target = NULL;
    deadline_cancel(probe->worker->deadlines, &probe->deadline);
    transport_close(probe->transport);
}

void probe_cancel(struct probe *probe)
{
    probe_close(probe);
}

static void report(struct probe *probe, const struct probe_report *report)
{
    void *target = probe->target;

    probe->target = NULL;
    if (target != NULL)
        probe->events->on_report(target, report);
}

static void fail(struct probe *probe, enum probe_result result, const char *why)
{
    const struct probe_report failed = {.result = result, .why = why};

    report(probe, &failed);
    probe_close(probe);
}

void probe_failed(struct probe *probe, enum probe_result result)
{
    fail(probe, result, probe_result_sentence(result));
}

static void report_result(struct probe *probe, enum probe_result result, uint16_t status)
{
    const struct probe_report answered = {result, status, probe_result_sentence(result)};

    report(probe, &answered);
}

void probe_answered(struct probe *probe, uint16_t status)
{
    report_result(probe,
                  status == STATUS_HEALTHY    ? PROBE_PASSED
                  : status == STATUS_DECLINED ? PROBE_UNAVAILABLE
                                              : PROBE_STATUS,
                  status);
}

static void on_closed(struct transport *transport)
{
    struct probe *probe = probe_of(transport);
    struct worker *worker = probe->worker;

    probe->events->on_gone(probe->prober);
    if (probe->session != NULL)
        probe_h2_fini(probe);
    if (probe->tls != NULL)
        tls_destroy(probe->tls);
    text_fini(&probe->head);
    arena_fini(&probe->arena);
    probe_way_unref(probe->way);
    probe->magic = 0;
    mem_free(probe);
    worker->upstreams_count--;
    worker_check_stopped(worker);
}

static void on_deadline(struct deadline *deadline)
{
    struct probe *probe = DEADLINE_OWNER(deadline, struct probe, deadline);

    probe_failed(probe, PROBE_TIMEOUT);
}

/* ---- HTTP/1 ---- */

static void send_request(struct probe *probe)
{
    struct bytes request = text_bytes(&probe->way->request);

    if (transport_write(probe->transport, &request, 1) == STATUS_CLOSED)
        probe_failed(probe, PROBE_CLOSED);
}

/* Of what comes after the head; only its end matters. */
static void read_body(struct probe *probe, struct bytes data)
{
    struct bytes payload;
    enum h1_fault fault;
    enum h1_body_result result;

    do {
        result = h1_body_next(&probe->body, &data, &payload, &fault);
    } while (result == H1_BODY_DATA);
    if (result != H1_BODY_AGAIN)
        probe_close(probe);
}

static void take_response(struct probe *probe, const struct response *response, struct bytes rest)
{
    const struct h1_limits *limits = &probe->worker->config->limits;

    h1_body_init(&probe->body, response->framing, response->content_length, limits, &probe->arena);
    probe_answered(probe, response->status);
    if (!probe->is_closing)
        read_body(probe, rest);
}

/* The next head of what was kept. True when there may be another one after it. */
static bool read_head(struct probe *probe)
{
    const struct h1_limits *limits = &probe->worker->config->limits;
    struct bytes data = bytes_skip(text_bytes(&probe->head), probe->head_at);
    struct response response;
    enum h1_fault fault = H1_FINE;
    size_t len = 0;
    enum status status = h1_scan_response(&probe->scan, data, limits, &len, &fault);

    if (status == STATUS_AGAIN)
        return false;
    if (status == STATUS_OK)
        fault = h1_parse_response(bytes_slice(data, probe->scan.start, len - probe->scan.start),
                                  limits, METHOD_GET, false, &probe->arena, &response);
    if (status != STATUS_OK || fault != H1_FINE) {
        probe_failed(probe, PROBE_BAD_ANSWER);
        return false;
    }
    probe->scan = (struct h1_scan){0};
    probe->head_at += len;
    if (response.status < STATUS_FINAL_FIRST)
        return true;
    take_response(probe, &response, bytes_skip(data, len));
    return false;
}

static void read_h1(struct probe *probe, struct bytes data)
{
    if (probe->target == NULL) {
        read_body(probe, data);
        return;
    }
    text_add(&probe->head, data);
    while (read_head(probe))
        ;
}

/* ---- what the transport tells ---- */

static void on_bytes(struct transport *transport, struct bytes data)
{
    struct probe *probe = probe_of(transport);

    probe->bytes_count += (uint32_t)data.len;
    if (probe->session != NULL)
        probe_h2_read(probe, data);
    else
        read_h1(probe, data);
    if (probe->bytes_count > PROBE_BYTES_MAX)
        probe_failed(probe, PROBE_BAD_ANSWER);
}

static void on_end(struct transport *transport)
{
    probe_failed(probe_of(transport), PROBE_CLOSED);
}

static void on_drained(struct transport *transport)
{
    struct probe *probe = probe_of(transport);

    if (probe->session != NULL)
        probe_h2_drained(probe);
}

static void on_broken(struct transport *transport, enum status why)
{
    struct probe *probe = probe_of(transport);
    enum tls_failure failure = probe->tls == NULL ? TLS_FAILURE_NONE : tls_failure_of(probe->tls);

    (void)why;
    if (failure == TLS_FAILURE_NONE || failure == TLS_FAILURE_CLOSED)
        probe_failed(probe, PROBE_CLOSED);
    else
        fail(probe, PROBE_TLS, tls_failure_sentence(failure));
}

static const struct transport_events transport_events = {
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_broken = on_broken,
    .on_closed = on_closed,
};

/* ---- opening ---- */

static void is_open(struct probe *probe)
{
    transport_resume(probe->transport);
    if (probe_way_speaks_h2(probe->way))
        probe_h2_begin(probe);
    else
        send_request(probe);
}

static void on_tls_ready(struct tls *tls)
{
    is_open(probe_of(tls_transport(tls)));
}

static void begin_tls(struct probe *probe)
{
    probe->tls = tls_connect(probe->worker->tls, &probe->tcp.transport, probe->way->tls,
                             &transport_events, probe, on_tls_ready);
    probe->transport = tls_transport(probe->tls);
    transport_resume(probe->transport);
}

static enum probe_result result_of_connect(enum status status)
{
    return status == STATUS_REFUSED   ? PROBE_REFUSED
           : status == STATUS_TIMEOUT ? PROBE_TIMEOUT
                                      : PROBE_UNREACHABLE;
}

static void on_connected(struct tcp *tcp, enum status status)
{
    struct probe *probe = probe_of(&tcp->transport);

    if (status != STATUS_OK) {
        probe_failed(probe, result_of_connect(status));
    } else if (probe->way->check.kind == HEALTH_CHECK_TCP) {
        report_result(probe, PROBE_PASSED, 0);
        probe_close(probe);
    } else if (probe->way->tls != NULL) {
        begin_tls(probe);
    } else {
        is_open(probe);
    }
}

struct probe *probe_open(struct worker *worker, const struct address *address,
                         struct probe_way *way, const struct probe_events *events, void *target,
                         void *prober)
{
    struct probe *probe = mem_new(struct probe);

    if (tcp_connect(&probe->tcp, &worker->net, address, &transport_events, on_connected) !=
        STATUS_OK) {
        mem_free(probe);
        return NULL;
    }
    probe->tcp.transport.owner = probe;
    probe->transport = &probe->tcp.transport;
    probe->magic = PROBE_MAGIC;
    probe->worker = worker;
    probe->way = probe_way_ref(way);
    probe->events = events;
    probe->target = target;
    probe->prober = prober;
    text_init(&probe->head);
    arena_init(&probe->arena, ARENA_CHUNK_BYTES);
    deadline_init(&probe->deadline, on_deadline);
    deadline_set(worker->deadlines, &probe->deadline,
                 worker_now_ms(worker) + way->check.timeout_ms);
    worker->upstreams_count++;
    return probe;
}
