/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_past.h - streams that the peer can have nothing more to say on: it has ended or reset them, or
 * left their numbers out. nghttp2 forgets these streams, and ignores what comes for them.
 *
 * Only the latest are remembered, and only what the peer itself has done is held against it: frames
 * for a stream that we have reset may be on their way. So nobody is accused wrongly.
 *
 * Source: RFC 9113 sections 5.1 (closed) and 5.1.1.
 */
#ifndef PROXY_HTTP_H2_PAST_H
#define PROXY_HTTP_H2_PAST_H

#include "proxy/http/h2.h"

#define H2_PAST_CLOSED_MAX 32
#define H2_PAST_GAPS_MAX   4

struct h2_past {
    uint32_t closed[H2_PAST_CLOSED_MAX]; /* a ring, as is gaps; 0: free */
    uint32_t closed_max;
    uint32_t opened_max; /* of the client's streams */
    struct {
        uint32_t first;
        uint32_t last;
    } gaps[H2_PAST_GAPS_MAX];
    uint8_t closed_next;
    uint8_t gaps_next;
};

/* The peer has ended or reset this stream. */
void h2_past_close(struct h2_past *past, uint32_t id);
/* HEADERS of a client: for a new stream, or one that it knows. */
enum h2_error h2_past_open(struct h2_past *past, uint32_t id);
/* HEADERS or DATA of any peer. */
enum h2_error h2_past_check(const struct h2_past *past, uint32_t id);

#endif
