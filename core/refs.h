/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refs.h - counting who holds a frozen thing.
 *
 * Tables are dropped by worker threads and built by another, so the counters are atomic. They are
 * touched once per worker and generation and while building, never per request.
 */
#ifndef CORE_REFS_H
#define CORE_REFS_H

#include "core/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Frozen things are passed about as const; their owner gets them back here to free them. The copy
 * says to -Wcast-qual that this is meant. */
static inline void *refs_thaw(const void *frozen)
{
    void *thawed;

    memcpy(&thawed, &frozen, sizeof(thawed));
    return thawed;
}

/* The count is no part of what is frozen. */
static inline _Atomic uint32_t *refs_counter(const _Atomic uint32_t *refs)
{
    _Atomic uint32_t *counter;

    memcpy(&counter, &refs, sizeof(counter));
    return counter;
}

/* The caller holds a reference already, so the order of other accesses does not matter. */
static inline void refs_take(const _Atomic uint32_t *refs)
{
    uint32_t before = atomic_fetch_add_explicit(refs_counter(refs), 1, memory_order_relaxed);

    CHECK(before > 0 && before < UINT32_MAX);
}

/* True when that was the last reference: everything others did with the thing has happened. */
static inline bool refs_drop(const _Atomic uint32_t *refs)
{
    uint32_t before = atomic_fetch_sub_explicit(refs_counter(refs), 1, memory_order_acq_rel);

    CHECK(before > 0);
    return before == 1;
}

/* True when nobody but the caller holds it, who may then change it in place. */
static inline bool refs_is_only(const _Atomic uint32_t *refs)
{
    return atomic_load_explicit(refs, memory_order_acquire) == 1;
}

#endif
