/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_line.h - one line of the access log. Pure but for the clock; see access_log.h for where it
 * goes.
 */
#ifndef PROXY_ACCESS_LINE_H
#define PROXY_ACCESS_LINE_H

#include "proxy/stream.h"

/* A request that has ended. time: as it stands in the line. */
void access_line_add(struct text *out, struct bytes time, const struct stream *stream);
void access_line_add_json(struct text *out, struct bytes time, const struct stream *stream);

#endif
