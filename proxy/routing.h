/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routing.h - which route a request takes.
 *
 *     request -> [routing_normalise] -> host, path -> [routing_find] -> generation, route
 */
#ifndef PROXY_ROUTING_H
#define PROXY_ROUTING_H

#include "proxy/stream.h"

/*
 * Set stream->host and stream->path: the one form that is matched and forwarded. FAILURE_NONE, or
 * what is wrong with them.
 *
 * Source: hostile-input R3
 */
enum failure routing_normalise(struct stream *stream);
/* Take the current generation and set stream->route. FAILURE_NONE, or why there is none. The
 * generation is to be given back in either case, unless it is NULL. */
enum failure routing_find(struct stream *stream);

#endif
