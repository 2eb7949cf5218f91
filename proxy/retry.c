/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.c - the rules of design 5.11 in the order in which they exclude.
 */
#include "proxy/retry.h"

static bool is_connect_failure(enum failure failure)
{
    return failure == FAILURE_CONNECT_REFUSED || failure == FAILURE_CONNECT_TIMEOUT ||
           failure == FAILURE_CONNECT_FAILED;
}

/* Whether the route's retry-on names what happened. */
static bool is_asked_for(const struct retry_policy *policy, const struct retry_facts *facts)
{
    bool is_reset = facts->failure == FAILURE_UPSTREAM_RESET ||
                    facts->failure == FAILURE_REUSE_DEAD ||
                    facts->failure == FAILURE_PER_TRY_TIMEOUT;

    if (is_connect_failure(facts->failure))
        return (policy->on & (RETRY_ON_CONNECT_FAILURE | RETRY_ON_GATEWAY_ERROR | RETRY_ON_5XX)) !=
               0;
    if (is_reset)
        return (policy->on & (RETRY_ON_RESET | RETRY_ON_GATEWAY_ERROR | RETRY_ON_5XX)) != 0;
    if (facts->failure != FAILURE_NONE)
        return false;
    if ((policy->on & RETRY_ON_5XX) != 0 && facts->status >= 500)
        return true;
    if ((policy->on & RETRY_ON_GATEWAY_ERROR) != 0 && facts->status >= 502 && facts->status <= 504)
        return true;
    return (policy->on & RETRY_ON_RETRIABLE_4XX) != 0 && facts->status == 409;
}

enum retry_decision retry_decide(const struct retry_policy *policy, const struct retry_facts *facts)
{
    bool is_unseen = !facts->any_byte_sent || is_connect_failure(facts->failure);
    bool is_dead_reuse =
        facts->was_reused && !facts->reuse_was_dead &&
        (facts->failure == FAILURE_UPSTREAM_RESET || facts->failure == FAILURE_REUSE_DEAD);

    if (facts->head_is_out || !facts->is_replayable)
        return RETRY_NO;
    if (!is_unseen && !facts->is_idempotent)
        return RETRY_NO;
    if (is_dead_reuse)
        return RETRY_REUSE;
    if (is_asked_for(policy, facts) && facts->attempts <= policy->retries_max)
        return RETRY_BACKOFF;
    if (is_connect_failure(facts->failure) && facts->attempts < CONNECT_ATTEMPTS_MAX)
        return RETRY_NOW;
    return RETRY_NO;
}

uint32_t retry_backoff_ms(uint32_t attempts, uint64_t random)
{
    uint32_t doubled = attempts >= 5 ? BACKOFF_MAX_MS : ((1u << attempts) - 1) * BACKOFF_BASE_MS;
    uint32_t span = doubled > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : doubled;

    return (uint32_t)(random % span);
}
