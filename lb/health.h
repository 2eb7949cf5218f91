/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - what probes say about an endpoint, and when to ask again. Pure.
 *
 *     result of one probe -> health_note() -> state -> balancer_take()
 *
 * Source: spec/contour.md 2.6; docs/decisions/0021-whom-to-trust-before-the-first-probe.md
 */
#ifndef LB_HEALTH_H
#define LB_HEALTH_H

#include "route/table.h"

/* In rising order of preference. */
enum endpoint_health {
    HEALTH_UNHEALTHY, /* never chosen */
    HEALTH_UNKNOWN,   /* chosen while none is healthy */
    HEALTH_HEALTHY,   /* also where the cluster has no health check */
};
#define HEALTH_STATES_COUNT 3
const char *health_word(enum endpoint_health health); /* "unhealthy", "unknown", "healthy" */

/* Probes of one interval are spread by so much to both sides, so that those of many endpoints, and
 * of many proxies, do not stay together. */
#define HEALTH_JITTER_PERCENT 10
/* First probes of endpoints that came together: each adds so much, up to the whole. */
#define HEALTH_FIRST_SPREAD_MS     10
#define HEALTH_FIRST_SPREAD_MAX_MS 1000

enum health_result {
    HEALTH_PASSED,
    HEALTH_FAILED,
    HEALTH_DECLINED, /* the endpoint itself says that it does not serve: unhealthy at once */
};

/* How one endpoint does by one check. */
struct health {
    enum endpoint_health state; /* HEALTH_UNKNOWN at first */
    uint32_t passed;            /* in a row, up to now */
    uint32_t failed;            /* the same */
};

/* Takes one result in. True when the state has changed. */
bool health_note(struct health *health, const struct health_check *check,
                 enum health_result result);

/* When the first probe is due; fresh_count: endpoints that came together. random: any 64 bits. */
uint64_t health_first_ms(uint64_t now_ms, uint32_t fresh_count, uint64_t random);
/* When the next one is due after one that began at started_ms and is over; not before now_ms. */
uint64_t health_next_ms(const struct health_check *check, uint64_t started_ms, uint64_t now_ms,
                        uint64_t random);

/*
 * Appends bytes that are equal for clusters whose endpoints are probed the same way: the check, and
 * for HTTP what is spoken and whom an endpoint must prove to be. spec->health is not NULL.
 */
void health_add_way(const struct cluster_spec *spec, struct text *out);
/* The part of a way that says what is asked, without how often and how many answers count. */
struct bytes health_question(struct bytes way);
/* The same for one endpoint: a way, and the address. What clusters_tell_health() is keyed by. */
void health_add_key(struct bytes way, const struct address *address, struct text *out);

#endif
