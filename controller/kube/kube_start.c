/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_start.c - when what is known is given to the owner: with the API server, and without.
 *
 *     NOTHING --(all lists are whole)---------------------------------------------> WHOLE
 *        \--(too late: the snapshot has what lacks)--> SNAPSHOT --> CHANGING --> WHOLE
 *                                                                       \--> MIXED --/
 *
 * Where lists take the place of a snapshot, they do so together: an Ingress of today beside the
 * Services of yesterday would lead nowhere. But one list that never comes must not hold up what
 * the others say.
 */
#include "controller/kube/kube_parts.h"
#include "core/check.h"

#include <time.h>

typedef bool follow_is_fn(const struct follow *follow);

static bool all_are(const struct kube *kube, follow_is_fn *is)
{
    for (size_t i = 0; i < kube->follows_count; i++) {
        if (!follow_is_aside(kube->follows[i]) && !is(kube->follows[i]))
            return false;
    }
    return true;
}

bool kube_serves_snapshot(const struct kube *kube)
{
    return kube->state != KUBE_NOTHING && kube->state != KUBE_WHOLE;
}

static void stamp(int64_t time_s, char *out, size_t size)
{
    time_t seconds = (time_t)time_s;
    struct tm utc;

    if (time_s <= 0 || gmtime_r(&seconds, &utc) == NULL ||
        strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)memcpy(out, "unknown", sizeof("unknown"));
}

void kube_add_snapshot_detail(const struct kube *kube, struct text *out)
{
    struct kube_progress progress;
    char time_text[32];

    if (!kube_serves_snapshot(kube))
        return;
    kube_progress(kube, &progress);
    stamp(snapshot_time_s(kube->snapshot), time_text, sizeof(time_text));
    text_printf(
        out, "the snapshot of %s is served: %zu of %zu lists have not come from the API server\n",
        time_text, progress.lists - progress.read, progress.lists);
}

/* ---- giving ---- */

static void give(struct kube *kube)
{
    struct source_batch *batch = kube->batch;

    kube->batch = NULL;
    if (batch != NULL)
        kube->config.on_batch(kube->config.context, batch);
}

static void on_changing_late(uv_timer_t *timer)
{
    struct kube *kube = timer->data;

    log_warn(kube->config.log,
             "some lists do not come from the API server; the others take the snapshot's place");
    kube->state = KUBE_MIXED;
    give(kube);
}

static void give_whole(struct kube *kube)
{
    struct source_batch *batch = kube_batch(kube);

    batch->is_first = kube->state == KUBE_NOTHING;
    batch->is_whole = true;
    if (!batch->is_first)
        log_info(kube->config.log, "the API server's lists have taken the place of the snapshot");
    (void)uv_timer_stop(&kube->wait);
    kube->state = KUBE_WHOLE;
    give(kube);
}

static void give_snapshot(struct kube *kube)
{
    struct kube_progress progress;
    char time_text[32];

    kube_progress(kube, &progress);
    stamp(snapshot_time_s(kube->snapshot), time_text, sizeof(time_text));
    log_warn(kube->config.log, "the API server's lists do not come: a snapshot is served",
             LOG_STRING("file", kube->config.snapshot), LOG_STRING("of", time_text),
             LOG_UINT("lists_missing", progress.lists - progress.read));
    kube_batch(kube)->is_first = true;
    kube->synced_count = progress.read;
    kube->state = KUBE_SNAPSHOT;
    give(kube);
}

/* The first list that comes gives the others their time. They are asked for at once: each waits by
 * itself since it was refused last, up to half a minute. */
static void look_for_lists(struct kube *kube)
{
    struct kube_progress progress;

    kube_progress(kube, &progress);
    if (progress.read == kube->synced_count) {
        give(kube);
        return;
    }
    for (size_t i = 0; i < kube->follows_count; i++)
        follow_hurry(kube->follows[i]);
    kube->state = KUBE_CHANGING;
    CHECK(uv_timer_start(&kube->wait, on_changing_late, KUBE_SNAPSHOT_WAIT_MS, 0) == 0);
}

static bool ask_snapshot(struct kube *kube);

/* Where all lists but such as are not installed have come, the snapshot is asked about those. */
void kube_give_batch(struct kube *kube)
{
    if (kube->state != KUBE_WHOLE && all_are(kube, follow_is_synced)) {
        give_whole(kube);
        return;
    }
    switch (kube->state) {
    case KUBE_NOTHING:
        if (kube->is_seeding && all_are(kube, follow_is_known))
            give_snapshot(kube);
        else if (kube->snapshot != NULL && !kube->is_snapshot_asked &&
                 all_are(kube, follow_is_answered))
            (void)ask_snapshot(kube);
        break;
    case KUBE_SNAPSHOT:
        look_for_lists(kube);
        break;
    case KUBE_CHANGING:
        break;
    case KUBE_MIXED:
    case KUBE_WHOLE:
        give(kube);
        break;
    }
}

/* ---- the snapshot at the start ---- */

/* Where there were no slices, endpoints were followed in their place, and are not yet. */
static bool lacks_endpoints(const struct kube *kube, const struct snapshot_seed *seed)
{
    return seed->what->kind == OBJECT_ENDPOINT_SLICE && seed->is_absent &&
           !kube_follows_kind(kube, OBJECT_ENDPOINTS);
}

/* Nothing of it is served: what the server says of what is not installed is all there is. */
static void forgo_snapshot(struct kube *kube)
{
    for (size_t i = 0; i < kube->follows_count && !kube_is_closing(kube); i++) {
        if (!follow_is_aside(kube->follows[i]))
            follow_no_seed(kube->follows[i]);
    }
}

static void on_seeds(void *context, struct snapshot_seed *seeds, size_t seeds_count,
                     struct bytes error)
{
    struct kube *kube = context;

    for (size_t i = 0; error.len == 0 && i < seeds_count; i++) {
        if (lacks_endpoints(kube, &seeds[i]))
            error = BYTES("it is of an API server without EndpointSlices");
    }
    kube->is_seeding = error.len == 0 && !kube_is_closing(kube);
    if (error.len > 0 && !all_are(kube, follow_is_answered))
        log_warn(kube->config.log, "the snapshot cannot be served; the API server is waited for",
                 LOG_STRING("file", kube->config.snapshot), LOG_BYTES("why", error));
    for (size_t i = 0; i < seeds_count; i++) {
        if (kube->is_seeding)
            follow_seed(seeds[i].follow, seeds[i].job);
        else
            decode_job_destroy(seeds[i].job);
    }
    mem_free(seeds);
    if (kube->is_seeding)
        kube_give_batch(kube);
    else
        forgo_snapshot(kube);
}

/* False: there is none. */
static bool ask_snapshot(struct kube *kube)
{
    struct snapshot_seed *seeds = mem_new_array(struct snapshot_seed, kube->follows_count);
    size_t seeds_count = 0;

    for (size_t i = 0; i < kube->follows_count; i++) {
        struct follow *follow = kube->follows[i];

        if (!follow_is_aside(follow) && !follow_is_synced(follow))
            seeds[seeds_count++] = (struct snapshot_seed){
                .follow = follow, .what = follow_what(follow), .path = follow_list(follow)};
    }
    kube->is_snapshot_asked = true;
    (void)uv_timer_stop(&kube->wait);
    if (snapshot_load(kube->snapshot, seeds, seeds_count, on_seeds, kube))
        return true;
    forgo_snapshot(kube);
    return false;
}

static void on_lists_late(uv_timer_t *timer)
{
    struct kube *kube = timer->data;

    if (!ask_snapshot(kube))
        log_warn(kube->config.log, "the API server's lists do not come, and there is no snapshot",
                 LOG_STRING("file", kube->config.snapshot));
}

void kube_start_waiting(struct kube *kube)
{
    CHECK(uv_timer_init(kube->config.loop, &kube->wait) == 0);
    kube->wait.data = kube;
    kube->open_count++;
    if (kube->snapshot != NULL)
        CHECK(uv_timer_start(&kube->wait, on_lists_late, KUBE_SNAPSHOT_WAIT_MS, 0) == 0);
}
