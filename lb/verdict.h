/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - what this worker was told about endpoints that are probed, and whom it concerns.
 *
 *     clusters_tell_health() -> verdict (by way and address) -> endpoints of any cluster
 *
 * A verdict outlives the clusters it is about, so that one that is made later knows it from the
 * start. Internal to lb/.
 */
#ifndef LB_VERDICT_H
#define LB_VERDICT_H

#include "lb/cluster.h"

struct verdict;

/* The endpoint, whose cluster has it no more or not yet, is probed this way from now on; with
 * BYTES_NONE not at all, and counts as healthy. Sets its health. */
void verdict_follow(struct endpoint *endpoint, struct bytes way);
/* The endpoint retires: it hears of no verdict any more. */
void verdict_leave(struct endpoint *endpoint);
/* For the end of the worker: no endpoint is left. */
void verdicts_fini(struct clusters *clusters);

#endif
