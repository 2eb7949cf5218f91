/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - answers that are ours: errors with a reason, redirects, the admin port's pages.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "proxy/stream.h"

struct answer {
    uint16_t code;
    const char *type;      /* Content-Type; NULL when the body is empty */
    struct bytes body;     /* borrowed */
    struct bytes location; /* for a redirect; empty = none */
    struct bytes allow;    /* for 405 and OPTIONS; empty = none */
    bool retry_after;      /* Retry-After: 1 */
};

/* Write it; sets stream->status, head_is_out and response_is_complete. */
void answer_send(struct stream *stream, const struct answer *answer);
/* "503 no_endpoint: the service has no ready endpoint". No name of an object: who asks may be
 * anybody (hostile-input 44); explain and the access log say more to those who may know. */
void answer_failure(struct stream *stream, enum failure failure);
/* 301 to https with the same host, path and query (design 5.8, 5.19). */
void answer_redirect_https(struct stream *stream);
/* OPTIONS * is answered here (hostile-input 26). */
void answer_options(struct stream *stream);

/* "Not Found" for 404; "Unknown" for what we never send. */
const char *status_code_text(uint16_t code);

#endif
