/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - why a request goes where it goes, for people: walks listener, host, route, filters,
 * service and endpoints and names the object and field of each.
 */
#ifndef ROUTE_EXPLAIN_H
#define ROUTE_EXPLAIN_H

#include "route/table.h"

struct explain_request {
    struct bytes method;  /* empty = GET */
    struct bytes url;     /* http:// or https://host[:port]/path?query, or /path with `host` */
    bool wants_websocket; /* from the given headers */
    struct bytes host;    /* of a Host header given apart; empty = the URL's */
    int64_t now_s;        /* Unix time; 0: whether it is a certificate's time is not looked at */
};

/* Health of one endpoint as the running proxy sees it, or NULL offline. Appends a few words. False
 * when it gets no requests. */
typedef bool explain_endpoint_fn(void *context, const struct cluster_spec *cluster,
                                 const struct address *address, struct text *out);

/*
 * Appends the walk, one fact a line, the verdict last. Where nothing answers it lists the nearest
 * candidates (hosts that look alike, paths of the host) and what to change. Returns true when a
 * route answers (forwards, with an endpoint that is ready and not unhealthy, or redirects); false
 * for our own error answers.
 */
bool explain(const struct table *table, const struct explain_request *request,
             explain_endpoint_fn *endpoint_words, void *context, struct text *out);

#endif
