/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_absent.c - what it means that such objects are not installed on the server.
 *
 *     404, borne out by the witness -> [weigh] -> there are none -> what was known goes
 *
 * Where nothing is known once is enough, so that a cluster without our definitions is served at
 * once. What is known goes when it has been said ABSENT_TIMES_MIN times in a row, for whoever
 * upgrades a definition may take it away for a moment. Endpoints never go by it: a server without
 * EndpointSlices is older than all that is supported, and one that has just lost them is broken.
 */
#include "controller/kube/follow_parts.h"

static bool knows_any(const struct follow *follow)
{
    return follow->known.map.count > 0;
}

static void believe(struct follow *follow)
{
    reflector_absent(&follow->reflector);
    if (knows_any(follow) && !follow->config.what->outlives_api) {
        follow_drop_listing(follow);
        follow_forget_all(follow);
        return;
    }
    follow->is_synced = true;
    follow->is_seeded = false;
    if (!knows_any(follow))
        follow_record_absent(follow);
}

void follow_weigh_absence(struct follow *follow)
{
    uint32_t needed = knows_any(follow) ? ABSENT_TIMES_MIN : 1;
    bool awaits_seed = follow->awaits_seed && !follow->is_synced;

    if (!follow->config.what->may_be_absent)
        return;
    if (follow->reflector.is_absent && !knows_any(follow))
        follow_record_absent(follow); /* asking for a list began one */
    else if (!follow->reflector.is_absent && !awaits_seed &&
             follow->reflector.absent_times >= needed)
        believe(follow);
}

bool follow_is_absent(const struct follow *follow)
{
    return follow->reflector.is_absent;
}

bool follow_is_answered(const struct follow *follow)
{
    return follow->is_synced || follow->reflector.absent_times > 0;
}

/* Between two calls nothing that is still coming says otherwise. */
void follow_no_seed(struct follow *follow)
{
    bool is_waiting = follow->call == NULL && !follow->has_ended && !follow_is_busy(follow);

    follow->awaits_seed = false;
    if (follow->is_closing || follow->is_synced || !is_waiting)
        return;
    follow_weigh_absence(follow);
    if (follow->is_synced)
        follow->config.on_told(follow->config.context, follow);
}
