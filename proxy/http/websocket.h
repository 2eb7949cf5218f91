/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket.h - the opening handshake's key and the answer to it. Source: RFC 6455 section 4.
 */
#ifndef PROXY_HTTP_WEBSOCKET_H
#define PROXY_HTTP_WEBSOCKET_H

#include "core/bytes.h"

#define WEBSOCKET_KEY_LENGTH    24
#define WEBSOCKET_ACCEPT_LENGTH 28

/* 16 bytes in base64: section 4.1. */
bool websocket_key_is_valid(struct bytes key);
/* The key of 16 random bytes. */
void websocket_key_make(const char random[16], char out[WEBSOCKET_KEY_LENGTH]);
/* The Sec-WebSocket-Accept for a key: section 4.2.2. */
void websocket_accept(struct bytes key, char out[WEBSOCKET_ACCEPT_LENGTH]);

#endif
