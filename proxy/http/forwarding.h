/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarding.h - which forwarding fields a request gets, in which order; one list for all protocols
 * that can be spoken to endpoints.
 *
 *     forward.c, h2_write.c -> forwarding_each() -> put(pen, which), for each that is to be written
 *
 * It becomes a part of each writer: `put` is a constant, so the switch in it is gone when it has
 * been compiled, and sharing the list costs a head no instruction.
 *
 * Source: design 5.10; docs/decisions/0005-forwarding-headers.md.
 */
#ifndef PROXY_HTTP_FORWARDING_H
#define PROXY_HTTP_FORWARDING_H

#include "proxy/http/forward.h"

#define FORWARDING_INLINE static inline __attribute__((always_inline))

enum forwarding {
    FORWARDING_FOR,
    FORWARDING_REAL_IP,
    FORWARDING_PROTO,
    FORWARDING_HOST,
    FORWARDING_PORT,
    FORWARDING_REQUEST_ID,
    FORWARDING_CLIENT_CERT,
    FORWARDING_ORIGINAL_PATH,
};

typedef void forwarding_put_fn(void *pen, enum forwarding which);

/* `present`: which fields the client sent. What a trusted one said is not said again. */
FORWARDING_INLINE void forwarding_each(const struct request *request,
                                       const struct forward_request *how,
                                       const bool present[FIELD_COUNT], forwarding_put_fn *put,
                                       void *pen)
{
    bool trusted = how->client_is_trusted;

    if (how->client_ip.len > 0) {
        put(pen, FORWARDING_FOR);
        if (!trusted || !present[FIELD_X_REAL_IP])
            put(pen, FORWARDING_REAL_IP);
    }
    if (!trusted || !present[FIELD_X_FORWARDED_PROTO])
        put(pen, FORWARDING_PROTO);
    if (request->authority.len > 0 && (!trusted || !present[FIELD_X_FORWARDED_HOST]))
        put(pen, FORWARDING_HOST);
    if (how->port.len > 0 && (!trusted || !present[FIELD_X_FORWARDED_PORT]))
        put(pen, FORWARDING_PORT);
    if (how->request_id.len > 0)
        put(pen, FORWARDING_REQUEST_ID);
    if (how->client_cert.len > 0)
        put(pen, FORWARDING_CLIENT_CERT);
    if (how->original_path.len > 0 && (!trusted || !present[FIELD_X_ENVOY_ORIGINAL_PATH]))
        put(pen, FORWARDING_ORIGINAL_PATH);
}

#endif
