/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.h - what gRPC and gRPC-Web say in HTTP's words. Pure.
 *
 * gRPC-Web is gRPC for clients that see no trailers, such as browsers: the trailers come as a last
 * piece of the body, and all of the body in base64 when it is called -text.
 *
 * Source: gRPC over HTTP2, gRPC Web (protocol documents of gRPC); hostile-input 76.
 */
#ifndef PROXY_HTTP_GRPC_H
#define PROXY_HTTP_GRPC_H

#include "core/status.h"
#include "core/text.h"
#include "proxy/http/message.h"

enum grpc_kind {
    GRPC_NONE,
    GRPC_PLAIN,    /* application/grpc, application/grpc+proto ... */
    GRPC_WEB,      /* application/grpc-web ... */
    GRPC_WEB_TEXT, /* application/grpc-web-text ... */
};

enum grpc_status {
    GRPC_UNKNOWN = 2,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};

/* By the value of Content-Type. */
enum grpc_kind grpc_kind_of(struct bytes content_type);
/* The same of a request's. */
enum grpc_kind grpc_kind_of_request(const struct request *request);
/* What a client makes of an HTTP status where it misses a grpc-status. */
enum grpc_status grpc_status_of_http(uint16_t code);

/* The span of a grpc-timeout field in microseconds: at most 8 digits and a unit. STATUS_INVALID
 * when it is none; UINT64_MAX never. */
enum status grpc_timeout_parse(struct bytes value, uint64_t *us);

/* The Content-Type for the other side: "application/grpc-web-text+proto" to
 * "application/grpc+proto" and, with the kind of the client, the way back. Appended to `out`. */
void grpc_type_to_plain(struct bytes content_type, struct text *out);
void grpc_type_to_web(struct bytes content_type, enum grpc_kind kind, struct text *out);

/* The last piece of a gRPC-Web body, before base64: flag, length, and lines "name: value" CR LF. */
void grpc_web_trailers(const struct field *trailers, uint32_t count, struct text *out);

/* Base64 in both directions, by pieces of any length. Start with all fields 0. */
struct grpc_web_text {
    unsigned char held[4]; /* of a group that is not complete */
    uint8_t held_count;
};
/* Append the bytes that `data` stands for. Padding may come within (several messages, each encoded
 * on its own). STATUS_INVALID: it is no base64. */
enum status grpc_web_text_decode(struct grpc_web_text *state, struct bytes data, struct text *out);
/* Append the base64 of `data`; with is_end what was held, padded. */
void grpc_web_text_encode(struct grpc_web_text *state, struct bytes data, bool is_end,
                          struct text *out);

#endif
