/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_line.h - one line of the access log. Pure but for the clock; see access_log.h for where it
 * goes.
 */
#ifndef PROXY_ACCESS_LINE_H
#define PROXY_ACCESS_LINE_H

#include "proxy/stream.h"
#include "proxy/tcp_relay.h"

/* A request that has ended. time: as it stands in the line. */
void access_line_add(struct text *out, struct bytes time, const struct stream *stream);
void access_line_add_json(struct text *out, struct bytes time, const struct stream *stream);
/* A connection of a tcp route that is about to end. The text has a dash in the place of all that is
 * HTTP, the JSON has no such keys. */
void access_line_add_tcp(struct text *out, struct bytes time, const struct tcp_relay *relay);
void access_line_add_tcp_json(struct text *out, struct bytes time, const struct tcp_relay *relay);

#endif
