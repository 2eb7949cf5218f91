/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.h - after a WebSocket was accepted: bytes in both directions, untouched, with
 * back-pressure and half-close.
 *
 * Each side opens it as its protocol does: with a 101 in HTTP/1, with an extended CONNECT in
 * HTTP/2.
 *
 * Source: RFC 6455 section 4, RFC 8441; hostile-input 49, 50.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "proxy/batch.h"
#include "proxy/stream.h"

/* The endpoint's acceptance (101, or 200 to an extended CONNECT), with the bytes that came after
 * its head. Checks it against the request. */
void tunnel_begin(struct stream *stream, const struct response *response, struct bytes data);
/* Bytes of the client, or its end. */
void tunnel_request(struct stream *stream, const struct batch *batch);
/* Bytes of the endpoint, or its end. False when the client is gone. */
bool tunnel_answer(struct stream *stream, const struct batch *batch);
/* The client sends no more. */
void tunnel_client_ended(struct stream *stream);
/* Both sides have said all, and some of the client's is not out yet: the client is not needed. */
bool tunnel_is_emptying(const struct stream *stream);
/* Either side read what was queued for it. */
void tunnel_drained(struct stream *stream);

/* The Sec-WebSocket-Key for the endpoint when the client's protocol has none; empty if it has, or
 * asks for no WebSocket. In the arena, the same for each attempt. */
struct bytes tunnel_key_to_send(struct stream *stream);

#endif
