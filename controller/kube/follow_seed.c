/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_seed.c - a follow and the snapshot: what is written down of its list, and what is told of
 * a snapshot in the place of one.
 *
 * A seed makes names known, no more. So the list that comes later says by the same rules what has
 * gone, as every list does.
 */
#include "controller/kube/follow_parts.h"
#include "controller/kube/snapshot.h"
#include "controller/object/record.h"
#include "core/check.h"

/* ---- what is written down ---- */

void follow_record_listing(struct follow *follow)
{
    if (follow->config.snapshot != NULL && follow->reflector.is_listing)
        snapshot_listing(follow->config.snapshot, follow->list_number);
}

/* In the order in which it is told: the next is decoded when this has been. */
void follow_record_job(struct follow *follow, struct decode_job *job)
{
    if (follow->config.snapshot != NULL)
        snapshot_take(follow->config.snapshot, follow->list_number, &job->record, job->records_end);
}

/* Of a list that came in pages; of one that was streamed a job brings its end. */
void follow_record_end(struct follow *follow)
{
    struct text end;

    if (follow->config.snapshot == NULL)
        return;
    text_init(&end);
    record_mark(&end, text_bytes(&follow->list), RECORD_LISTED);
    snapshot_take(follow->config.snapshot, follow->list_number, &end, true);
}

void follow_record_absent(struct follow *follow)
{
    if (follow->config.snapshot != NULL)
        snapshot_absent(follow->config.snapshot, follow->list_number);
}

/* ---- what is told ---- */

void follow_drop_seed(struct follow *follow)
{
    if (follow->seed != NULL)
        leavings_drop(&(struct leavings){.jobs = follow->seed}, follow->config.loop);
    follow->seed = NULL;
}

/* follow_taken() goes on. */
void follow_take_seed(struct follow *follow)
{
    struct decode_job *seed = follow->seed;

    follow->seed = NULL;
    if (follow->is_synced) {
        leavings_drop(&(struct leavings){.jobs = seed}, follow->config.loop);
        follow_go_on(follow);
    } else {
        follow_take(follow, seed);
    }
}

bool follow_is_known(const struct follow *follow)
{
    return follow->is_synced || follow->is_seeded;
}

struct bytes follow_list(const struct follow *follow)
{
    return text_bytes(&follow->list);
}

void follow_seed(struct follow *follow, struct decode_job *seed)
{
    CHECK(follow->seed == NULL && !follow->is_seeded);
    if (seed->events_count == 0 && follow->reflector.absent_times > 0) {
        decode_job_destroy(seed);
        follow_no_seed(follow); /* both have nothing */
        return;
    }
    follow->awaits_seed = false;
    follow->seed = seed;
    if (follow->is_closing || follow->is_synced)
        follow_drop_seed(follow);
    else if (!follow_is_busy(follow))
        follow_take_seed(follow);
}
