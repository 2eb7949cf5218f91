/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - what stands between a route and its backend. One concern per file; each looks at the
 * request and says whether it may go on. Pure.
 */
#ifndef PROXY_FILTER_FILTER_H
#define PROXY_FILTER_FILTER_H

#include "proxy/http/message.h"
#include "route/table.h"

struct filter_request {
    const struct request *request;
    const struct route *route;
    uint64_t body_bytes_max; /* 0 = no limit */
};

enum filter_verdict {
    FILTER_CONTINUE,
    FILTER_REDIRECT_HTTPS,
    FILTER_UNAVAILABLE,       /* the route keeps its place and answers 503 */
    FILTER_UPGRADE_FORBIDDEN, /* a WebSocket where the route allows none */
    FILTER_UPGRADE_INVALID,   /* a WebSocket handshake that is none */
    FILTER_BODY_TOO_LARGE,    /* known from the length before a byte is forwarded */
};

/* In the order of chain.c; the first verdict that is not FILTER_CONTINUE counts. */
enum filter_verdict filter_run(const struct filter_request *request);

#endif
