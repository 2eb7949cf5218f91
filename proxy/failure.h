/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.h - what may fail as an answer to a client; see failures.def.
 */
#ifndef PROXY_FAILURE_H
#define PROXY_FAILURE_H

#include "core/bytes.h"
#include "proxy/http/h1.h"

enum failure {
    FAILURE_NONE,
#define FAILURE(name, code, retry, reason, sentence) FAILURE_##name,
#include "proxy/failures.def"
#undef FAILURE
    FAILURE_H1, /* + enum h1_fault: the client's message is not HTTP/1 as we accept it */
#define H1_FAULT(name, code, reason, sentence) FAILURE_H1_##name,
#include "proxy/http/h1_faults.def"
#undef H1_FAULT
    FAILURE_COUNT
};

/* When a failed attempt may be followed by another one that nobody asked for (design 5.11). */
enum failure_retry {
    RETRY_NEVER,
    RETRY_IF_IDEMPOTENT, /* the endpoint may have seen the request */
    RETRY_UNSEEN,        /* the endpoint said that it did not look at it: RFC 9113 section 8.7 */
    RETRY_ALWAYS,        /* nothing of the request reached an endpoint */
};

struct failure_row {
    uint16_t code; /* 0 = close without an answer */
    enum failure_retry retry;
    const char *reason;   /* metric label, body and log */
    const char *sentence; /* for people */
};

const struct failure_row *failure_row(enum failure failure);
enum failure failure_of_h1(enum h1_fault fault);

#endif
