/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.c - thresholds, instants and identity of health checks.
 *
 *     UNKNOWN --one success--> HEALTHY --failures in a row, or 503--> UNHEALTHY
 *        \--failures in a row, or 503--> UNHEALTHY --successes in a row--> HEALTHY
 */
#include "lb/health.h"

#include "core/check.h"
#include "lb/strategy.h"

const char *health_word(enum endpoint_health health)
{
    switch (health) {
    case HEALTH_UNHEALTHY:
        return "unhealthy";
    case HEALTH_UNKNOWN:
        return "unknown";
    case HEALTH_HEALTHY:
        return "healthy";
    }
    return "?";
}

static void count(uint32_t *in_a_row, uint32_t *other)
{
    *other = 0;
    if (*in_a_row < UINT32_MAX)
        ++*in_a_row;
}

static enum endpoint_health judge(const struct health *health, const struct health_check *check,
                                  enum health_result result)
{
    switch (result) {
    case HEALTH_PASSED:
        if (health->state == HEALTH_UNKNOWN || health->passed >= check->healthy_threshold)
            return HEALTH_HEALTHY;
        break;
    case HEALTH_FAILED:
        if (health->failed >= check->unhealthy_threshold)
            return HEALTH_UNHEALTHY;
        break;
    case HEALTH_DECLINED:
        return HEALTH_UNHEALTHY;
    }
    return health->state;
}

bool health_note(struct health *health, const struct health_check *check, enum health_result result)
{
    enum endpoint_health before = health->state;

    if (result == HEALTH_PASSED)
        count(&health->passed, &health->failed);
    else
        count(&health->failed, &health->passed);
    health->state = judge(health, check, result);
    return health->state != before;
}

uint64_t health_first_ms(uint64_t now_ms, uint32_t fresh_count, uint64_t random)
{
    uint64_t span_ms = (uint64_t)fresh_count * HEALTH_FIRST_SPREAD_MS;

    if (span_ms > HEALTH_FIRST_SPREAD_MAX_MS)
        span_ms = HEALTH_FIRST_SPREAD_MAX_MS;
    return now_ms + random_part(random, span_ms + 1);
}

uint64_t health_next_ms(const struct health_check *check, uint64_t started_ms, uint64_t now_ms,
                        uint64_t random)
{
    uint64_t jitter_ms = (uint64_t)check->interval_ms * HEALTH_JITTER_PERCENT / 100;
    uint64_t due_ms =
        started_ms + check->interval_ms - jitter_ms + random_part(random, 2 * jitter_ms + 1);

    return due_ms > now_ms ? due_ms : now_ms;
}

/* ---- identity ---- */

#define NUMBERS_BYTES 16 /* at the end of a way */

static void add_number(struct text *out, uint64_t number)
{
    text_add(out, bytes_from((const char *)&number, sizeof(number)));
}

/* Lengths go first, so that no text can pass for the beginning of the next. */
static void add_bytes(struct text *out, struct bytes bytes)
{
    add_number(out, bytes.len);
    text_add(out, bytes);
}

static void add_tls(struct text *out, const struct tls_upstream *tls)
{
    const struct tls_upstream_config *config = tls_upstream_config(tls);

    add_number(out, config->is_h2);
    add_bytes(out, config->server_name);
    add_bytes(out, config->subject_name);
    add_bytes(out, config->trust == NULL ? BYTES_NONE : trust_id(config->trust));
}

void health_add_way(const struct cluster_spec *spec, struct text *out)
{
    const struct health_check *check = spec->health;

    CHECK(check != NULL);
    add_number(out, check->kind);
    if (check->kind == HEALTH_CHECK_HTTP) {
        add_bytes(out, check->path);
        add_bytes(out, check->host);
        add_number(out, spec->protocol);
        if (spec->tls != NULL)
            add_tls(out, spec->tls);
    }
    add_number(out, (uint64_t)check->interval_ms << 32 | check->timeout_ms);
    add_number(out, (uint64_t)check->unhealthy_threshold << 32 | check->healthy_threshold);
}

struct bytes health_question(struct bytes way)
{
    CHECK(way.len > NUMBERS_BYTES);
    return bytes_slice(way, 0, way.len - NUMBERS_BYTES);
}

void health_add_key(struct bytes way, const struct address *address, struct text *out)
{
    text_add(out, way);
    text_add(out, bytes_from((const char *)address, sizeof(*address)));
}
