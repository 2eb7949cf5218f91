/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hints.h - what a person may have meant: hosts and paths close to the one that found nothing.
 * Internal to route/.
 */
#ifndef ROUTE_HINTS_H
#define ROUTE_HINTS_H

#include "route/table.h"

#define HINTS_HOSTS_MAX 5
#define HINTS_PATHS_MAX 10

/* One line for each host close to an unclaimed one, with what keeps it from matching. */
void hints_add_hosts(const struct table *table, enum scheme scheme, struct bytes host,
                     struct text *out);
/* One line for each path of the host, the nearest first, with what keeps it from matching. */
void hints_add_paths(const struct vhost *vhost, struct bytes path, struct text *out);

/* Why this route does not take this path, or an empty text when there is nothing to say. */
struct bytes hints_why_not(const struct route *route, struct bytes path);

/* "label    ", the beginning of a fact. */
void hints_add_label(struct text *out, const char *label);

#endif
