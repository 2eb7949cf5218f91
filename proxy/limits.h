/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - how many connections a worker and an address may have, and what happens at the limit.
 *
 * Source: hostile-input 87, 88.
 */
#ifndef PROXY_LIMITS_H
#define PROXY_LIMITS_H

#include "proxy/worker.h"

/* Once draining, a connection that stays idle this long is closed; one that is in use comes back
 * sooner and is told Connection: close. */
#define DRAIN_IDLE_MS 1000

/* One worker's part of a limit for the whole process (docs/decisions/0007). */
uint32_t limits_share(uint32_t limit, uint32_t workers_count);
/* False when the address has its share already. */
bool limits_address_take(struct worker *worker, const struct address *peer);
void limits_address_forget(struct worker *worker, const struct address *peer);
/* True when this worker has room for another client. */
bool limits_has_room(const struct worker *worker);
/* ... for another TLS handshake. */
bool limits_has_room_for_handshake(const struct worker *worker);
/* Lets listeners go on that paused for want of room. */
void limits_conn_closed(struct worker *worker);
/* Close an idle client connection to have a file for something that matters more, or for memory.
 * False when none is idle. */
bool limits_close_idle(struct worker *worker);
/* Look at the memory mark, once a second. */
void limits_check_memory(struct worker *worker);

#endif
