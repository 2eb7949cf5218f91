/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - which requests belong together, for clusters that choose endpoints by hash.
 *
 *     has_affinity_cookie: the cookie's value    else: the client's address
 */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include "proxy/stream.h"

/* The same for all attempts of a request, so that they go the same way along the ring. */
uint64_t session_find_key(struct stream *stream);

/* What balancer_take() is to hash. The stream has its cluster; nothing is looked at unless that
 * asks for it. */
static inline uint64_t session_key(struct stream *stream)
{
    return balancer_hashes(stream->cluster) ? session_find_key(stream) : 0;
}

/* A request without a session has begun one, and an endpoint was chosen by it: the answer, whoever
 * gives it, sets the cookie. */
static inline bool session_is_new(const struct stream *stream)
{
    return stream->set_cookie.len > 0 && stream->endpoint_address.port != 0;
}

/* The field that sets it. */
struct field session_field(const struct stream *stream);

#endif
