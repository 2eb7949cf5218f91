/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - clusters by number: which slot a key has and which spec stands in a slot. Persistent
 * like name_index.h. Internal to route/.
 *
 *     slots -> directory (refs) -> pages of 64 (refs) -> name, spec (refs)
 *          \-> name_index: key -> slot_name
 */
#ifndef ROUTE_SLOTS_H
#define ROUTE_SLOTS_H

#include "route/name_index.h"
#include "route/table.h"

/* A key and its slot; frozen. */
struct slot_name {
    _Atomic uint32_t refs;
    uint32_t slot;
    struct bytes key; /* in the same block */
};

struct slots_directory;

struct slots {
    struct slots_directory *directory; /* ref */
    struct name_index names;
};

void slots_init(struct slots *slots);
void slots_fini(struct slots *slots);
void slots_share(struct slots *slots, const struct slots *from);

/* CLUSTER_SLOT_NONE when the key has none. */
uint32_t slots_find(const struct slots *slots, struct bytes key);
/* Give the key, which has none, the slot `wanted` if that is free, else the lowest free one. */
uint32_t slots_take(struct slots *slots, struct bytes key, uint32_t wanted);
/* The slot becomes free and loses its spec. */
void slots_release(struct slots *slots, uint32_t slot);

/* NULL when the slot is free. */
const struct slot_name *slots_name(const struct slots *slots, uint32_t slot);
/* NULL when the slot is free or its spec has not come yet. */
const struct cluster_spec *slots_spec(const struct slots *slots, uint32_t slot);
/* Takes over a reference, or NULL to take the spec away. The slot is in use. */
void slots_put_spec(struct slots *slots, uint32_t slot, const struct cluster_spec *spec);

/* Slots from 0 up to here may be in use. */
uint32_t slots_end(const struct slots *slots);

#endif
