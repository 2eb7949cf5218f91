/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_record.h - a Lease of coordination.k8s.io/v1 as text, both ways.
 */
#ifndef CONTROLLER_OBJECT_LEASE_RECORD_H
#define CONTROLLER_OBJECT_LEASE_RECORD_H

#include "core/bytes.h"
#include "core/mem.h"
#include "core/status.h"
#include "core/text.h"

/* Times are opaque: they tell one record from another and are never compared with a clock. */
struct lease_record {
    struct bytes version; /* metadata.resourceVersion */
    struct bytes holder;  /* empty: released */
    struct bytes acquired;
    struct bytes renewed;
    uint32_t duration_s;
    uint32_t transitions;
};

/* Texts are copied to the arena. STATUS_INVALID when it is no Lease in JSON. */
enum status lease_record_read(struct bytes text, struct arena *arena, struct lease_record *record);
/*
 * The whole Lease, to create it; or with a version the merge patch of it, which the API server
 * refuses where the Lease has another version by then. Labels of others stay.
 */
void lease_record_write(const struct lease_record *record, struct bytes ns, struct bytes name,
                        struct text *out);

#endif
