/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.h - whether a failed attempt is followed by another one. Pure.
 *
 * Source: design 5.11; hostile-input 58; Envoy's names for retry-on (spec/contour.md 1.6).
 */
#ifndef PROXY_RETRY_H
#define PROXY_RETRY_H

#include "proxy/failure.h"
#include "route/table.h"

/* Attempts at connecting that nobody asked for, the first included (design 5.11). */
#define CONNECT_ATTEMPTS_MAX 3
#define BACKOFF_BASE_MS      25
#define BACKOFF_MAX_MS       250
/* Of the requests to a cluster that are under way, so many may be retries, whatever max-retries
 * says: endpoints that fail under load are not met with twice the load. */
#define RETRY_BUDGET_PERCENT 20
#define RETRY_BUDGET_MIN     3

struct retry_facts {
    enum failure failure; /* of the attempt, or FAILURE_NONE with a status */
    uint16_t status;      /* of the endpoint's answer, 0 = none */
    uint32_t attempts;    /* made so far, at least 1 */
    bool is_idempotent;   /* the method */
    bool is_replayable;   /* the body so far is kept, or there is none */
    bool any_byte_sent;   /* of this attempt, to the endpoint */
    bool any_byte_came;   /* of an answer to this attempt */
    bool was_reused;      /* on a kept connection */
    bool reuse_was_dead;  /* the one free retry after that was used */
    bool was_refused;     /* the one free retry after a refused stream was used */
    bool head_is_out;     /* something went to the client, interim answers included */
};

enum retry_decision {
    RETRY_NO,
    RETRY_NOW,     /* another endpoint, at once */
    RETRY_REUSE,   /* once, on a fresh connection; does not count as an attempt */
    RETRY_BACKOFF, /* asked for by the route: after a pause, and within max-retries */
};

/* Whether a cluster has room for one more retry: how many are under way, of how many requests, and
 * its max-retries. */
bool retry_is_within_budget(uint32_t retries, uint32_t requests, uint32_t retries_max);
enum retry_decision retry_decide(const struct retry_policy *policy,
                                 const struct retry_facts *facts);
/* Random in [0, (2^n - 1) * 25 ms), at most 250 ms; n = attempts made. */
uint32_t retry_backoff_ms(uint32_t attempts, uint64_t random);

#endif
