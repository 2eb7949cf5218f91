/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt.h - one try at an endpoint: chooses it, gets a connection, sends the request, and decides
 * what a failure leads to. Each call sets the stream's next step.
 */
#ifndef PROXY_ATTEMPT_H
#define PROXY_ATTEMPT_H

#include "proxy/stream.h"

/* STREAM_PICK: cluster, breakers, endpoint, connection. */
void attempt_begin(struct stream *stream);
/* STREAM_SEND: the connection is there. */
void attempt_send(struct stream *stream);
/* The time of per-try-timeout runs from here, if the request has come to its end and it does not
 * run yet: a client that sends slowly is not the endpoint's fault. */
void attempt_start_clock(struct stream *stream);
/* This attempt came to nothing: another one, or the failure. */
void attempt_failed(struct stream *stream, enum failure failure);
/* This attempt never began: its connection has no room after all. Another one, which costs the
 * request none of its retries. takes_none: the endpoint allows no stream at all; the failure after
 * SENT_AWAY_MAX of these. */
void attempt_elsewhere(struct stream *stream, bool takes_none);
/* The endpoint answered with a status that the route wants to be retried: true when it will be. */
bool attempt_retries_status(struct stream *stream, uint16_t status);
/* The answer goes to the client, so no other attempt follows: this one is no longer a retry that
 * counts. */
void attempt_answers(struct stream *stream);
/* The answer is complete: connection and lease go back while the stream goes on. */
void attempt_done(struct stream *stream);
/* Whatever is still held of attempts, when the stream ends. */
void attempt_end(struct stream *stream);
/* Out of the queue for a connection. */
void attempt_leave_pending(struct stream *stream);

#endif
