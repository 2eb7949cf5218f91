/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prober_target.c - who is probed, and telling all workers what is known of it.
 *
 *     spot (address) -> target (way) -> verdict in each worker's clusters
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/prober_parts.h"
#include "proxy/set.h"

/* ---- telling ---- */

/* One for each worker, which frees it. */
struct news {
    enum endpoint_health health;
    size_t key_len;
    char key[];
};

static void take_news(struct worker *worker, void *context)
{
    struct news *news = context;

    clusters_tell_health(worker->clusters, bytes_from(news->key, news->key_len), news->health);
    mem_free(news);
}

void prober_tell(const struct target *target, enum endpoint_health health)
{
    struct prober *prober = target->prober;
    struct proxy *proxy = prober->worker->proxy;
    struct text key;

    text_init(&key);
    health_add_key(text_bytes(&target->way->key), &target->spot->address, &key);
    for (uint32_t i = 1; i < proxy->config.workers_count; i++) {
        struct news *news = mem_alloc(sizeof(*news) + key.len);

        news->health = health;
        news->key_len = key.len;
        memcpy(news->key, key.at, key.len);
        proxy_tell(proxy, i, take_news, news);
    }
    clusters_tell_health(prober->worker->clusters, text_bytes(&key), health);
    text_fini(&key);
}

/* ---- counting ---- */

void prober_count(struct prober *prober, enum endpoint_health health, int64_t change)
{
    uint64_t *gauges[HEALTH_STATES_COUNT] = {
        [HEALTH_UNHEALTHY] = &prober->worker->stats.health_unhealthy,
        [HEALTH_UNKNOWN] = &prober->worker->stats.health_unknown,
        [HEALTH_HEALTHY] = &prober->worker->stats.health_healthy,
    };

    *gauges[health] += (uint64_t)change;
}

void prober_note_heard(struct target *target)
{
    if (target->is_heard)
        return;
    target->is_heard = true;
    target->prober->unheard_count--;
}

/* ---- spots and targets ---- */

static struct bytes key_of(const struct address *address)
{
    return bytes_from((const char *)address, sizeof(*address));
}

static struct spot *spot_of(struct prober *prober, const struct address *address)
{
    struct spot *spot = map_get(&prober->spots, key_of(address));

    if (spot != NULL)
        return spot;
    spot = mem_new(struct spot);
    spot->address = *address;
    list_init(&spot->targets);
    (void)map_put(&prober->spots, key_of(&spot->address), spot);
    return spot;
}

static void leave_spot(struct target *target)
{
    struct spot *spot = target->spot;

    list_remove(&target->spot_link);
    if (!list_is_empty(&spot->targets))
        return;
    (void)map_remove(&target->prober->spots, key_of(&spot->address));
    mem_free(spot);
}

static bool ask_the_same(const struct target *a, const struct target *b)
{
    return bytes_equal(health_question(text_bytes(&a->way->key)),
                       health_question(text_bytes(&b->way->key)));
}

/* The same question with other numbers, as when an interval was changed: what has been found out
 * goes on, so that such a change sends no request to an endpoint that is known to be unhealthy. */
static void take_over(struct target *target)
{
    LIST_EACH (&target->spot->targets, link) {
        const struct target *other = LIST_ENTRY(link, struct target, spot_link);

        if (other->health.state == HEALTH_UNKNOWN || !ask_the_same(other, target))
            continue;
        target->health.state = other->health.state;
        target->last = other->last;
        target->changed_ms = other->changed_ms;
        target->is_heard = true;
        prober_tell(target, target->health.state);
        return;
    }
}

static struct target *target_create(struct prober *prober, struct probe_way *way, struct spot *spot)
{
    struct target *target = mem_new(struct target);
    struct worker *worker = prober->worker;

    target->prober = prober;
    target->way = probe_way_ref(way);
    target->spot = spot;
    target->health.state = HEALTH_UNKNOWN;
    target->changed_ms = worker_now_ms(worker);
    list_init(&target->link);
    list_init(&target->uses);
    list_init(&target->orphan_link);
    deadline_init(&target->deadline, prober_on_due);
    deadline_set(worker->deadlines, &target->deadline,
                 health_first_ms(worker_now_ms(worker), prober->fresh_count++,
                                 random_next(&worker->random)));
    take_over(target);
    list_push_back(&spot->targets, &target->spot_link);
    prober->unheard_count += target->is_heard ? 0 : 1;
    prober_count(prober, target->health.state, +1);
    return target;
}

struct target *prober_target(struct prober *prober, struct probe_way *way,
                             const struct address *address)
{
    struct spot *spot = spot_of(prober, address);

    LIST_EACH (&spot->targets, link) {
        struct target *target = LIST_ENTRY(link, struct target, spot_link);

        if (target->way == way)
            return target;
    }
    return target_create(prober, way, spot);
}

void prober_target_stop(struct target *target)
{
    list_remove(&target->link);
    deadline_cancel(target->prober->worker->deadlines, &target->deadline);
    if (target->probe != NULL)
        probe_cancel(target->probe);
    target->probe = NULL;
}

void prober_target_end(struct target *target)
{
    struct prober *prober = target->prober;

    prober_target_stop(target);
    prober_note_heard(target);
    prober_count(prober, target->health.state, -1);
    if (target->health.state != HEALTH_UNKNOWN && !prober->is_stopped)
        prober_tell(target, HEALTH_UNKNOWN);
    leave_spot(target);
    probe_way_unref(target->way);
    mem_free(target);
}
