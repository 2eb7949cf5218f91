/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_head.h - one header block on its way to a message: h2_head.c collects the fields as HPACK
 * gives them, h2_request.c and h2_response.c judge them when all are there.
 *
 * nghttp2 has looked at each field before: names are lower-case tokens, values have no control
 * bytes and no blanks around them, pseudo fields are the right ones, once and in front, and fields
 * of a connection are refused.
 */
#ifndef PROXY_HTTP_H2_HEAD_H
#define PROXY_HTTP_H2_HEAD_H

#include "proxy/http/field_list.h"
#include "proxy/http/h2.h"

struct h2_head {
    struct arena *arena; /* borrowed from the stream's owner */
    struct field_list fields;
    struct bytes method; /* these: empty when they did not come; in the arena */
    struct bytes path;
    struct bytes authority;
    struct bytes scheme;
    struct bytes protocol;
    uint16_t status;
    size_t bytes;        /* as RFC 7541 section 4.1 counts */
    uint32_t lines;      /* fields that are no pseudo fields, each crumb of a cookie one */
    uint32_t cookies;    /* of them */
    enum h1_fault fault; /* the first limit that was reached: nothing was stored from there on */
};

enum h2_verdict {
    H2_HEAD_FINE,
    H2_HEAD_ANSWER, /* requests: head->fault says with what */
    H2_HEAD_RESET,  /* PROTOCOL_ERROR */
};

void h2_head_begin(struct h2_head *head, struct arena *arena);
/* One field; its bytes are copied. */
void h2_head_add(struct h2_head *head, const struct h1_limits *limits, bool underscores_allowed,
                 struct bytes name, struct bytes value);

/* config: limits, scheme, websockets. */
enum h2_verdict h2_head_request(struct h2_head *head, const struct h2_config *config, bool is_end,
                                struct request *request);
/* What it answers: the method, and whether it was an extended CONNECT. */
enum h2_verdict h2_head_response(struct h2_head *head, enum method_id method, bool wants_websocket,
                                 bool is_end, struct response *response);
/* Take out what may not be a trailer: hostile-input 11, RFC 9110 section 6.5.1. */
void h2_head_trailers(struct h2_head *head);

#endif
