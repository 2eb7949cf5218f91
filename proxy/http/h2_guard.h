/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_guard.h - counts what floods are made of, from the headers of frames alone.
 *
 * It reads the bytes before nghttp2 does, so that a flood costs us nine bytes a frame and no state.
 * What is wrong with a single frame it leaves to nghttp2, but for what nghttp2 lets pass: frames
 * for streams that are past, and priorities, which it does not look at any more.
 *
 * Source: RFC 9113 section 10.5; hostile-input 67-71.
 */
#ifndef PROXY_HTTP_H2_GUARD_H
#define PROXY_HTTP_H2_GUARD_H

#include "proxy/http/h2.h"
#include "proxy/http/h2_past.h"

#define H2_FRAME_HEADER_LENGTH 9

/* So many in a span of time; the count starts anew when the span is over. */
struct h2_budget {
    uint64_t since_ms;
    uint32_t count;
};

enum h2_guard_place {
    H2_GUARD_PREFACE,
    H2_GUARD_HEADER,
    H2_GUARD_PAYLOAD,
    H2_GUARD_LOST, /* no HTTP/2: nghttp2 says so */
};

struct h2_guard {
    enum h2_guard_place place;
    bool is_server;
    bool block_is_open;  /* between HEADERS and the frame with END_HEADERS */
    bool block_is_fresh; /* the first byte of the block is still to come */
    uint8_t header[H2_FRAME_HEADER_LENGTH];
    uint8_t header_len;     /* bytes of the preface, or of `header`, that are here */
    uint8_t block_skip;     /* bytes before the block's first: pad length and priority */
    uint32_t payload_left;  /* of the frame that is passing */
    uint32_t block_max;     /* bytes of a block on the wire */
    uint32_t block_bytes;   /* of the block that is open */
    uint32_t continuations; /* of the block that is open */
    uint32_t blocks;        /* header blocks so far; both stop growing at UINT32_MAX / 2 */
    uint32_t table_changes; /* of them, those that begin with a dynamic table size update */
    uint32_t earned;        /* idle frames that our own DATA frames and new streams account for */
    uint32_t dependency;    /* of the PRIORITY frame that is passing */
    uint8_t dependency_left;
    uint32_t padded_length; /* of the padded DATA frame whose first byte comes next, else 0 */
    enum h2_error error;    /* for the GOAWAY that ends the session */
    struct h2_budget resets;
    struct h2_budget idle;
    struct h2_past past;
};

void h2_guard_init(struct h2_guard *guard, enum h2_side side, uint32_t head_bytes_max);
/* H2_END_NONE, or why the session is to end; guard->error goes with it. */
enum h2_end h2_guard_scan(struct h2_guard *guard, struct bytes data, uint64_t now_ms);
/* A server's RST_STREAM that the client provoked: in one budget with those it sends. */
enum h2_end h2_guard_count_reset(struct h2_guard *guard, uint64_t now_ms);
/* We sent a DATA frame or a request: window updates, pings or a reset come back for it. */
void h2_guard_earn(struct h2_guard *guard);

#endif
