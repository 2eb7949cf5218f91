/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - one question to one endpoint: are you well?
 *
 *     prober -> [probe] -> [tls] -> tcp -> endpoint
 *
 * HTTP/1: GET, and the head of the answer; HTTP/2: the same on a session of its own; TCP: a
 * connect. What an endpoint can make us read is PROBE_BYTES_MAX, and the time for all of it is the
 * check's.
 */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H

#include "proxy/probe_result.h"
#include "proxy/probe_way.h"
#include "proxy/worker.h"

/* Of one answer: its heads, and as much of its body as politeness reads. */
#define PROBE_BYTES_MAX (128 * 1024)

struct probe;

struct probe_report {
    enum probe_result result;
    uint16_t status; /* of the answer; 0 when there was none */
    const char *why; /* a constant sentence without full stop */
};

struct probe_events {
    /* Once, unless it was cancelled; never from inside probe_open(). */
    void (*on_report)(void *target, const struct probe_report *report);
    /* The connection is closed; the last that is heard of it. */
    void (*on_gone)(void *prober);
};

/*
 * Ask. NULL when the system has no socket to give: that says nothing about the endpoint, and no
 * event comes. events: borrowed, constant. target: for on_report; prober: for on_gone.
 */
struct probe *probe_open(struct worker *worker, const struct address *address,
                         struct probe_way *way, const struct probe_events *events, void *target,
                         void *prober);
/* No report will come. Not after on_report. */
void probe_cancel(struct probe *probe);

/* ---- between probe.c and probe_h2.c ---- */

struct probe {
    uint32_t magic;
    struct worker *worker;             /* borrowed */
    struct probe_way *way;             /* a use */
    const struct probe_events *events; /* borrowed, constant */
    void *target;                      /* borrowed; NULL once it has its report */
    void *prober;                      /* borrowed */
    struct transport *transport;       /* borrowed: of tls if there is one, else of tcp */
    struct tls *tls;                   /* owned, or NULL */
    struct h2 *session;                /* owned; NULL unless HTTP/2 is spoken */
    bool is_closing;
    bool has_response; /* HTTP/2: status is the answer's */
    bool is_over;      /* HTTP/2: the stream has ended */
    uint16_t status;
    struct deadline deadline;
    uint32_t bytes_count; /* that came */
    struct text head;     /* HTTP/1: what came, until the answer's head is whole */
    size_t head_at;       /* in it, after interim heads */
    struct h1_scan scan;
    struct h1_body body;
    struct arena arena; /* of the answer's head */
    struct tcp tcp;
};

/* It is open. */
void probe_h2_begin(struct probe *probe);
void probe_h2_read(struct probe *probe, struct bytes data);
void probe_h2_drained(struct probe *probe);
void probe_h2_fini(struct probe *probe);

/* The endpoint has answered, with a head; or it has not, and why. Once; the first one counts. */
void probe_answered(struct probe *probe, uint16_t status);
void probe_failed(struct probe *probe, enum probe_result result);
void probe_close(struct probe *probe);

#endif
