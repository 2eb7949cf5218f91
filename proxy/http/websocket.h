/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket.h - the opening handshake's key; its answer is websocket_accept() in forward.h.
 */
#ifndef PROXY_HTTP_WEBSOCKET_H
#define PROXY_HTTP_WEBSOCKET_H

#include "core/bytes.h"

#define WEBSOCKET_KEY_LENGTH 24

/* 16 bytes in base64: RFC 6455 section 4.1. */
bool websocket_key_is_valid(struct bytes key);

#endif
