/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.h - after a 101: bytes in both directions, untouched, with back-pressure and half-close.
 *
 * Source: RFC 6455 section 4; hostile-input 49, 50.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "proxy/stream.h"

/* The endpoint's 101, with the bytes that came after its head. Checks it against the request. */
void tunnel_begin(struct stream *stream, const struct response *response, struct bytes data);
void tunnel_client_bytes(struct stream *stream, struct bytes data);
void tunnel_upstream_bytes(struct stream *stream, struct bytes data);
void tunnel_client_ended(struct stream *stream);
void tunnel_upstream_ended(struct stream *stream, bool is_reset);
/* Either side read what was queued for it. */
void tunnel_drained(struct stream *stream);

#endif
