/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.c - the rules of design 5.11 in the order in which they exclude.
 */
#include "proxy/retry.h"

#include "core/check.h"

/* Nothing of the request reached an endpoint. */
static bool is_connect_failure(const struct retry_facts *facts)
{
    return failure_row(facts->failure)->retry == RETRY_ALWAYS;
}

/* The connection was there, and went before anything was sent on it. */
static bool is_unbegun(const struct retry_facts *facts)
{
    return facts->failure == FAILURE_UPSTREAM_RESET && !facts->any_byte_sent;
}

/* The endpoint may have seen the request, but did not answer it. */
static bool is_reset(const struct retry_facts *facts)
{
    return failure_row(facts->failure)->retry == RETRY_IF_IDEMPOTENT && !facts->any_byte_came;
}

static bool is_asked_for_status(uint32_t on, uint16_t status)
{
    if ((on & RETRY_ON_5XX) != 0 && status >= 500)
        return true;
    if ((on & RETRY_ON_GATEWAY_ERROR) != 0 && status >= 502 && status <= 504)
        return true;
    return (on & RETRY_ON_RETRIABLE_4XX) != 0 && status == 409;
}

/* Whether the route's retry-on names what happened. */
static bool is_asked_for(const struct retry_policy *policy, const struct retry_facts *facts)
{
    const uint32_t any_failure = RETRY_ON_5XX | RETRY_ON_GATEWAY_ERROR;

    if (facts->attempts > policy->retries_max)
        return false;
    if (is_connect_failure(facts))
        return (policy->on & (RETRY_ON_CONNECT_FAILURE | any_failure)) != 0;
    if (is_reset(facts))
        return (policy->on & (RETRY_ON_RESET | any_failure)) != 0;
    return facts->failure == FAILURE_NONE && is_asked_for_status(policy->on, facts->status);
}

static bool is_dead_reuse(const struct retry_facts *facts)
{
    return facts->was_reused && !facts->reuse_was_dead && !facts->any_byte_came &&
           (facts->failure == FAILURE_UPSTREAM_RESET || facts->failure == FAILURE_REUSE_DEAD);
}

/* Once for any method, on another connection (hostile-input 58). */
static bool is_refused(const struct retry_facts *facts)
{
    return failure_row(facts->failure)->retry == RETRY_UNSEEN && !facts->was_refused;
}

enum retry_decision retry_decide(const struct retry_policy *policy, const struct retry_facts *facts)
{
    bool is_unseen = !facts->any_byte_sent || is_connect_failure(facts) ||
                     failure_row(facts->failure)->retry == RETRY_UNSEEN;

    if (facts->head_is_out || !facts->is_replayable)
        return RETRY_NO;
    if (!is_unseen && !facts->is_idempotent)
        return RETRY_NO;
    if (is_dead_reuse(facts))
        return RETRY_REUSE;
    if (is_refused(facts))
        return RETRY_NOW;
    /* Before what was asked for: that has a budget, and whoever asks for more must not get less. */
    if ((is_connect_failure(facts) || is_unbegun(facts)) && facts->attempts < CONNECT_ATTEMPTS_MAX)
        return RETRY_NOW;
    return is_asked_for(policy, facts) ? RETRY_BACKOFF : RETRY_NO;
}

bool retry_is_within_budget(uint32_t retries, uint32_t requests, uint32_t retries_max)
{
    uint32_t budget = (uint32_t)((uint64_t)requests * RETRY_BUDGET_PERCENT / 100);

    if (budget < RETRY_BUDGET_MIN)
        budget = RETRY_BUDGET_MIN;
    return retries < (budget < retries_max ? budget : retries_max);
}

uint32_t retry_backoff_ms(uint32_t attempts, uint64_t random)
{
    uint32_t doubled = attempts >= 5 ? BACKOFF_MAX_MS : ((1u << attempts) - 1) * BACKOFF_BASE_MS;
    uint32_t span = doubled > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : doubled;

    CHECK(attempts > 0);

    return (uint32_t)(random % span);
}
