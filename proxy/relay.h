/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - moves messages between client and endpoint, with back-pressure both ways, whatever HTTP
 * version each side speaks.
 *
 *     client -> relay_request() -> [waiting] -> upstream_send()
 *     client <- client_send() <- relay_answer() <- upstream
 *
 * The client is paused while the upstream is behind, and the upstream while the client is. Each
 * direction holds at most one read more than what was queued when it was paused.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "proxy/batch.h"
#include "proxy/stream.h"

/* From the client: runs of the request's body, and its end. Sent on, or kept until they can be. */
void relay_request(struct stream *stream, const struct batch *batch);
/* Give the upstream the head and what was kept of the body. STATUS_CLOSED: it is dead. */
enum status relay_send(struct stream *stream);

/* From the endpoint. False when the stream takes no more of this answer: stop reading it. */
bool relay_answer(struct stream *stream, const struct batch *batch);
/* An interim answer other than 101. */
bool relay_interim(struct stream *stream, const struct response *response);
/* The answer that makes a tunnel of the stream, with the bytes that came after its head. */
void relay_switch(struct stream *stream, const struct response *response, struct bytes data);
/* The connection ended before an answer began. */
void relay_attempt_died(struct stream *stream);
/* ... or before it was complete. */
void relay_answer_broke(struct stream *stream);

/* For the upstream's protocols: what the request head says besides the request. */
void relay_describe_request(struct stream *stream, struct forward_request *how);
/* These have been sent: keep what may have to be sent again, as long as it is not too much. */
void relay_keep_for_replay(struct stream *stream, const struct batch *batch);

/* The deadline that fits what the stream waits for now. */
void relay_arm(struct stream *stream);
/* The deadline fired: true when there was progress after all and it has been armed again. */
bool relay_has_progress(struct stream *stream);

#endif
