/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.h - the head that goes on, written anew from the one that was parsed.
 *
 * Source: RFC 9110 section 7.6; design 5.10; hostile-input.md R1, 22, 25, 45-47, 51.
 */
#ifndef PROXY_HTTP_FORWARD_H
#define PROXY_HTTP_FORWARD_H

#include "core/text.h"
#include "proxy/http/message.h"

/* What a request head needs besides the request. All borrowed for the call. */
struct forward_request {
    struct bytes path;       /* normalised: what was matched, or what the route makes of it */
    struct bytes host;       /* the Host to send: as the client wrote it */
    struct bytes client_ip;  /* text of the peer's address, or of the PROXY header's */
    struct bytes scheme;     /* "http" or "https" */
    struct bytes port;       /* X-Forwarded-Port, as text */
    struct bytes request_id; /* kept or made */
    bool client_is_trusted;  /* forwarding fields of the client are kept and appended to */
    bool upgrade;            /* pass Connection: upgrade and Upgrade on */
    bool expects_continue; /* pass Expect: 100-continue on; else we answer it (hostile-input 14) */
    enum body_framing framing; /* towards the endpoint: BODY_NONE, _LENGTH or _CHUNKED */
    uint64_t content_length;
    struct bytes websocket_key; /* Sec-WebSocket-Key for a WebSocket whose client sent none */
    struct bytes client_cert;   /* X-Forwarded-Client-Cert; empty for none */
    struct bytes original_path; /* X-Envoy-Original-Path without the query: what was matched, where
                                 * that is not `path`; else empty */
};

/* Append an HTTP/1.1 request head with its empty line. */
void forward_request_head(struct text *out, const struct request *request,
                          const struct forward_request *how);

struct forward_response {
    uint8_t client_version_minor;     /* 0: an HTTP/1.0 client */
    bool keep_alive;                  /* towards the client: else Connection: close is sent */
    bool client_wants_keep_alive_1_0; /* an HTTP/1.0 client that asked for it: say keep-alive */
    bool upgrade;                     /* a 101 that opens a tunnel */
    enum body_framing framing;        /* towards the client */
    struct bytes date;                /* IMF-fixdate text, added when the endpoint sent no Date */
    const struct field *added;        /* ours, in place of the endpoint's of the same name; but a
                                       * Set-Cookie beside them (RFC 6265 section 3) */
    uint32_t added_count;
};

/* Append an HTTP/1.1 response head with its empty line. */
void forward_response_head(struct text *out, const struct response *response,
                           const struct forward_response *how);

/* Whether one of how->added stands in this field's place. */
bool forward_replaces(const struct forward_response *how, const struct field *field);

#define REQUEST_ID_LENGTH_MAX 128
/* 1-128 of A-Za-z0-9._:/+=- (design 5.10). */
bool request_id_is_valid(struct bytes id);

#endif
