/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prober.h - the health checks of the newest table, for all workers.
 *
 *     table -> places (by slot) -> uses -> targets (by address and way) -> probes
 *                                              \-> verdicts, told to every worker's clusters
 *
 * Lives on worker 0. Each pair of an address and a way of probing is asked once an interval,
 * however many clusters, routes and workers use it. A swap of tables costs a walk along the slots
 * and what changed; targets stay as they are as long as any cluster has them.
 *
 * Source: spec/contour.md 2.6; docs/decisions/0021-whom-to-trust-before-the-first-probe.md
 */
#ifndef PROXY_PROBER_H
#define PROXY_PROBER_H

#include "core/text.h"
#include "route/table.h"

/* Under way at the same time, or a part of the open files if that is less: what clients wait for
 * comes first. More wait in line. Metric: limit="health_probes". */
#define PROBES_MAX         500
#define PROBES_FILES_SHARE 16
/* Begun in one tick of the wheel, so that they do not hold the loop; more wait for the next. */
#define PROBES_PER_TICK_MAX 32
/* /readyz waits at most so long for first results, counted from the first table. */
#define PROBER_PATIENCE_MS 5000

struct prober;
struct prober_view;
struct worker;

struct prober *prober_create(struct worker *worker);
/* Ask nobody any more; nothing else is told. May be called twice. */
void prober_stop(struct prober *prober);
/* After prober_stop(), when all probes are closed. */
void prober_destroy(struct prober *prober);

/* The worker has a new table: go over to it, in pieces if much has changed. */
void prober_follow(struct prober *prober);

/* False while endpoints of the first table have not answered their first probe, nor run into its
 * timeout. True for ever after. *unheard: how many. */
bool prober_is_settled(struct prober *prober, uint32_t *unheard);

/* What is known of all endpoints at this moment, for another thread to read. */
struct prober_view *prober_view_create(const struct prober *prober);
void prober_view_destroy(struct prober_view *view); /* may be NULL */
/* A dump_health_fn with a view as its context. The specs asked about are of a table that has been
 * held since the view was made. */
const char *prober_view_word(void *view, const struct cluster_spec *spec, uint32_t endpoint);

/* Appends what is known of an endpoint, as "unhealthy for 12 s: it answered 503, " or nothing when
 * it is not probed. */
void prober_add_words(const struct prober *prober, const struct cluster_spec *spec,
                      const struct address *address, struct text *out);

#endif
