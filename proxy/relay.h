/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - moves bodies between client and endpoint, with back-pressure both ways.
 *
 *     client -> request_body (decode) -> framer -> upstream     paused while the upstream is behind
 *     client <- framer <- response_body (decode) <- upstream    paused while the client is behind
 *
 * Each direction holds at most one read more than what the transport had queued when it was paused.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "proxy/stream.h"

/* Take the request's body bytes off *data and send them on, or keep them until they can be. */
void relay_request(struct stream *stream, struct bytes *data);
/* Write the head and what was kept of the body to the upstream. STATUS_CLOSED: it is dead. */
enum status relay_send(struct stream *stream);
/* Bytes of the endpoint's answer: heads, then the body. */
void relay_response(struct stream *stream, struct bytes data);
/* The endpoint closed its side. */
void relay_response_end(struct stream *stream, bool is_reset);
/* The deadline that fits what the stream waits for now. */
void relay_arm(struct stream *stream);
/* The deadline fired: true when there was progress after all and it has been armed again. */
bool relay_has_progress(struct stream *stream);

#endif
