/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - the admin port's answers: /healthz /readyz /metrics /table /explain, POST /drain.
 *
 * Requests come through the same conn and stream as all others, with their limits and timeouts.
 * What takes long is written on the thread pool. Source: design 4.3; hostile-input 98.
 */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

struct stream;

/* The stream is in STREAM_ADMIN; it goes on when the answer is there. */
void admin_begin(struct stream *stream);
/* The stream ends before its answer is there. */
void admin_forget(struct stream *stream);

#endif
