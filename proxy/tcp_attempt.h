/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_attempt.h - finds a relay an endpoint: chooses, connects, and goes on to another one when
 * that failed. What attempt.h is to streams.
 *
 * At max-connections nobody waits: a place may stay taken for hours.
 */
#ifndef PROXY_TCP_ATTEMPT_H
#define PROXY_TCP_ATTEMPT_H

#include "proxy/tcp_relay.h"

/* Which of the route's services; FAILURE_NONE, or why there is no point in a handshake. */
enum failure tcp_attempt_choose(struct tcp_relay *relay);
/* Connect to an endpoint of it. It may have failed, and the relay ended, when this returns. */
void tcp_attempt_begin(struct tcp_relay *relay);
/* No connection came of it: another endpoint, or the end. */
void tcp_attempt_failed(struct tcp_relay *relay, enum failure failure);
/* The connection is there, and carries nothing yet: send a PROXY header if the cluster has one.
 * False when it is dead. */
bool tcp_attempt_greet(struct tcp_relay *relay);
/* Close the connection, by a reset or not, and give everything back. */
void tcp_attempt_end(struct tcp_relay *relay, bool reset);

#endif
