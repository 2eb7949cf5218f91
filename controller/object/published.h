/* SPDX-License-Identifier: Apache-2.0 */
/*
 * published.h - the addresses at which something is reached, in the one form in which they are
 * compared and written: the JSON of status.loadBalancer.ingress, sorted, without repeats.
 *
 *     [{"ip":"192.0.2.7"},{"hostname":"lb.example.com"}]
 */
#ifndef CONTROLLER_OBJECT_PUBLISHED_H
#define CONTROLLER_OBJECT_PUBLISHED_H

#include "core/bytes.h"
#include "core/text.h"

#define PUBLISHED_MAX 256 /* addresses of one object; more are left out */

/* Addresses and host names; the array gets sorted. Nothing is written for none. */
void published_write(struct bytes *list, size_t count, struct text *out);

#endif
