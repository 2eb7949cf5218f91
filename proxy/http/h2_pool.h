/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_pool.h - small memory that comes and goes with every request: what nghttp2 allocates for its
 * frames, fields and streams, and our own streams. Freed blocks wait in lists by size.
 *
 * Used by one thread. A worker has one for all its sessions; a session without one makes its own.
 */
#ifndef PROXY_HTTP_H2_POOL_H
#define PROXY_HTTP_H2_POOL_H

#include "core/text.h"
#include "proxy/http/h2.h"

struct h2_folds;

void *h2_pool_alloc(struct h2_pool *pool, size_t size); /* not zeroed, never NULL */
void *h2_pool_resize(struct h2_pool *pool, void *memory, size_t size);
void h2_pool_free(struct h2_pool *pool, void *memory); /* may be NULL */
/* One block for all who ask for it, to write in and to read from within a call. Freed like the
 * others; `size` is the same at each call. */
void *h2_pool_share(struct h2_pool *pool, size_t size);
/* The same for text: empty, and valid until the next call. */
struct text *h2_pool_scratch(struct h2_pool *pool);
/* For all sessions of the pool. */
struct h2_folds *h2_pool_folds(struct h2_pool *pool);

#endif
