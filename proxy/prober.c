/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prober.c - who is probed when, and telling everybody what came of it.
 *
 *     target: WAITING (deadline) -> DUE (in line) -> ASKED (probe) -> WAITING ...
 */
#include "core/check.h"
#include "core/env.h"
#include "core/mem.h"
#include "proxy/prober_parts.h"

/* ---- what came of a probe ---- */

static struct bytes cluster_key_of(const struct prober *prober, struct target *target)
{
    struct list *first = list_first(&target->uses);

    if (first == NULL)
        return BYTES_NONE; /* it is about to end */
    return prober->places[LIST_ENTRY(first, struct use, link)->slot].spec->key;
}

static void log_change(const struct prober *prober, struct target *target)
{
    struct log *log = prober->worker->log;
    const struct probe_report *last = &target->last;

    log_info(log,
             target->health.state == HEALTH_HEALTHY ? "endpoint is healthy"
                                                    : "endpoint is unhealthy",
             LOG_ADDRESS("endpoint", &target->spot->address),
             LOG_BYTES("cluster", cluster_key_of(prober, target)), LOG_STRING("why", last->why),
             LOG_UINT("status", last->status));
}

static void change_state(struct prober *prober, struct target *target, enum endpoint_health before)
{
    enum endpoint_health health = target->health.state;

    target->changed_ms = worker_now_ms(prober->worker);
    prober_count(prober, before, -1);
    prober_count(prober, health, +1);
    if (health == HEALTH_HEALTHY)
        prober->worker->stats.health_to_healthy++;
    else
        prober->worker->stats.health_to_unhealthy++;
    log_change(prober, target);
    prober_tell(target, health);
}

static void wait_for_next(struct target *target)
{
    struct prober *prober = target->prober;
    struct worker *worker = prober->worker;

    deadline_set(worker->deadlines, &target->deadline,
                 health_next_ms(&target->way->check, target->started_ms, worker_now_ms(worker),
                                random_next(&worker->random)));
}

static void on_report(void *context, const struct probe_report *report)
{
    struct target *target = context;
    struct prober *prober = target->prober;
    enum endpoint_health before = target->health.state;

    target->probe = NULL;
    target->last = *report;
    prober->worker->stats.probes[report->result]++;
    prober_note_heard(target);
    wait_for_next(target);
    if (health_note(&target->health, &target->way->check, probe_result_health(report->result)))
        change_state(prober, target, before);
}

/* ---- asking ---- */

static void on_gone(void *context)
{
    struct prober *prober = context;

    prober->open_count--;
    if (!list_is_empty(&prober->line))
        prober_run_line(prober);
}

static const struct probe_events probe_events = {
    .on_report = on_report,
    .on_gone = on_gone,
};

/* Where the system has no socket to give, the question waits for the next interval: that is no
 * verdict about the endpoint. */
static void ask(struct prober *prober, struct target *target)
{
    struct worker *worker = prober->worker;

    list_remove(&target->link);
    target->started_ms = worker_now_ms(worker);
    target->probe =
        probe_open(worker, &target->spot->address, target->way, &probe_events, target, prober);
    if (target->probe == NULL) {
        prober_note_heard(target);
        wait_for_next(target);
        return;
    }
    prober->open_count++;
}

static bool may_ask(struct prober *prober)
{
    uint64_t now_ms = worker_now_ms(prober->worker);

    if (prober->tick_ms != now_ms) {
        prober->tick_ms = now_ms;
        prober->asked_count = 0;
    }
    return prober->open_count < prober->open_max && prober->asked_count++ < PROBES_PER_TICK_MAX;
}

void prober_run_line(struct prober *prober)
{
    struct list *first;

    if (prober->is_stopped)
        return;
    while ((first = list_first(&prober->line)) != NULL && may_ask(prober))
        ask(prober, LIST_ENTRY(first, struct target, link));
    /* At the limit of open ones it goes on when one of them has ended. */
    if (first != NULL && prober->open_count < prober->open_max)
        deadline_set(prober->worker->deadlines, &prober->line_deadline,
                     prober->tick_ms + DEADLINE_TICK_MS);
}

static void on_line_deadline(struct deadline *deadline)
{
    prober_run_line(DEADLINE_OWNER(deadline, struct prober, line_deadline));
}

void prober_on_due(struct deadline *deadline)
{
    struct target *target = DEADLINE_OWNER(deadline, struct target, deadline);
    struct prober *prober = target->prober;

    list_push_back(&prober->line, &target->link);
    prober_run_line(prober);
    if (!list_is_empty(&target->link) && prober->open_count >= prober->open_max)
        prober->worker->stats.limit_probes++;
}

/* ---- for others ---- */

bool prober_is_settled(struct prober *prober, uint32_t *unheard)
{
    uint64_t now_ms = worker_now_ms(prober->worker);

    *unheard = prober->unheard_count;
    if (!prober->is_settled)
        prober->is_settled = prober->settle_by_ms != 0 &&
                             ((prober->unheard_count == 0 && !prober_is_following(prober)) ||
                              now_ms >= prober->settle_by_ms);
    return prober->is_settled;
}

static const struct target *find(const struct prober *prober, const struct cluster_spec *spec,
                                 const struct address *address)
{
    const struct place *place;

    if (spec->slot >= prober->places_count || spec->health == NULL)
        return NULL;
    place = &prober->places[spec->slot];
    for (uint32_t i = 0; place->spec == spec && i < spec->endpoints_count; i++)
        if (address_equal(&spec->endpoints[i].address, address))
            return place->uses[i].target;
    return NULL;
}

void prober_add_words(const struct prober *prober, const struct cluster_spec *spec,
                      const struct address *address, struct text *out)
{
    const struct target *target = find(prober, spec, address);
    uint64_t age_s;

    if (target == NULL)
        return;
    age_s = (worker_now_ms(prober->worker) - target->changed_ms) / 1000;
    if (!target->is_heard)
        text_add_str(out, "not probed yet, ");
    else
        text_printf(out, "%s for %llu s: %s, ", health_word(target->health.state),
                    (unsigned long long)age_s,
                    target->last.why != NULL ? target->last.why : "no socket to ask with");
}

static uint32_t open_max(void)
{
    uint64_t share = env_open_files_max() / PROBES_FILES_SHARE;

    return share < 1 ? 1 : share < PROBES_MAX ? (uint32_t)share : PROBES_MAX;
}

struct prober *prober_create(struct worker *worker)
{
    struct prober *prober = mem_new(struct prober);

    prober->worker = worker;
    prober->open_max = open_max();
    map_init(&prober->ways);
    map_init(&prober->spots);
    list_init(&prober->line);
    deadline_init(&prober->line_deadline, on_line_deadline);
    prober_follow_init(prober);
    return prober;
}

void prober_stop(struct prober *prober)
{
    struct spot *spot;
    size_t at = 0;

    if (prober->is_stopped)
        return;
    prober->is_stopped = true;
    deadline_cancel(prober->worker->deadlines, &prober->line_deadline);
    prober_follow_stop(prober);
    while ((spot = map_next(&prober->spots, &at)) != NULL)
        LIST_EACH (&spot->targets, link)
            prober_target_stop(LIST_ENTRY(link, struct target, spot_link));
}

void prober_destroy(struct prober *prober)
{
    if (prober == NULL)
        return;
    CHECK(prober->is_stopped && prober->open_count == 0);
    prober_follow_fini(prober);
    CHECK(prober->spots.count == 0 && prober->ways.count == 0);
    map_fini(&prober->spots);
    map_fini(&prober->ways);
    mem_free(prober);
}
