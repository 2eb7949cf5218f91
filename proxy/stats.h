/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h - what one worker counts: plain numbers, gathered by message when somebody asks.
 */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include "core/metrics.h"
#include "proxy/failure.h"
#include "proxy/http/h2.h"
#include "proxy/probe_result.h"
#include "tls/tls.h"

struct stats {
#define STAT(field, type, family, labels, help) uint64_t field;
#include "proxy/stats.def"
#undef STAT
    uint64_t requests_by_class[6]; /* answers of endpoints: [2] = 2xx */
    uint64_t redirects;            /* our own 301 */
    uint64_t admin_requests;
    uint64_t failures[FAILURE_COUNT];         /* requests that ended with one */
    uint64_t tcp_ended[FAILURE_COUNT];        /* relayed connections, by failure or FAILURE_NONE */
    uint64_t tls_failures[TLS_FAILURE_COUNT]; /* handshakes with clients */
    uint64_t h2_ended[H2_ENDS_COUNT];         /* sessions of clients that we ended */
    uint64_t probes[PROBE_RESULT_COUNT];      /* of endpoints, by how they ended */
    struct histogram duration;                /* whole requests */
    struct histogram upstream_duration;       /* from the request's end to the response head */
    struct histogram busy;                    /* how long a turn of the loop held it */
};

void stats_merge(struct stats *into, const struct stats *from);
void stats_write(const struct stats *stats, struct text *out);

#endif
