/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standing.c - nearly every name is used once, so who counts stands in a map of its own, and queues
 * exist only for names that are used more often.
 */
#include "controller/object/standing.h"

#include "core/check.h"
#include "core/mem.h"

/* Sorted: the first one counts next. */
struct queue {
    struct waiter **waiters; /* owned */
    size_t count;
    size_t capacity;
};

struct bytes standing_key(const struct object *object)
{
    CHECK(object->name.at == object->ns.at + object->ns.len + 1);
    return bytes_from(object->ns.at, object->ns.len + 1 + object->name.len);
}

void standing_init(struct standing *standing)
{
    *standing = (struct standing){0};
}

static void queue_destroy(struct queue *queue)
{
    mem_free(queue->waiters);
    mem_free(queue);
}

static void unref_all(struct map *winners)
{
    struct object *object;
    size_t at = 0;

    while ((object = map_next(winners, &at)) != NULL)
        object_unref(object);
    map_fini(winners);
}

static void destroy_all(struct map *queues)
{
    struct queue *queue;
    size_t at = 0;

    while ((queue = map_next(queues, &at)) != NULL)
        queue_destroy(queue);
    map_fini(queues);
}

void standing_fini(struct standing *standing)
{
    for (size_t i = 0; i < standing->waiters_count; i++) {
        object_unref(standing->waiters[i]->object);
        mem_free(standing->waiters[i]);
    }
    mem_free(standing->waiters);
    for (size_t kind = 0; kind < OBJECT_KINDS_COUNT; kind++) {
        destroy_all(&standing->queues[kind]);
        unref_all(&standing->winners[kind]);
    }
}

struct object *standing_get(const struct standing *standing, enum object_kind kind,
                            struct bytes key)
{
    return map_get(&standing->winners[kind], key);
}

/* Less than 0: `a` counts before `b`. What cannot be read takes the place of nothing that can; from
 * an API server there is one, whatever it is. */
static int compare_places(const struct object *a, const struct object *b)
{
    bool is_late_a = a->file.len > 0 && object_is_stand_in(a);
    bool is_late_b = b->file.len > 0 && object_is_stand_in(b);

    if (is_late_a != is_late_b)
        return is_late_a ? 1 : -1;
    return bytes_compare(a->file, b->file);
}

/* How many waiters stand before this one, were it to come now. */
static size_t queue_place(const struct queue *queue, const struct object *object)
{
    size_t low = 0;
    size_t high = queue->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_places(queue->waiters[middle]->object, object) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct waiter *waiter_create(struct standing *standing, struct object *object)
{
    struct waiter *waiter = mem_new(struct waiter);

    if (standing->waiters_count == standing->waiters_capacity) {
        standing->waiters_capacity = standing->waiters_capacity * 2 + 8;
        standing->waiters =
            mem_resize(standing->waiters, standing->waiters_capacity * sizeof(struct waiter *));
    }
    *waiter = (struct waiter){object, standing->waiters_count};
    standing->waiters[standing->waiters_count++] = waiter;
    return waiter;
}

/* Returns the object with its reference. */
static struct object *waiter_destroy(struct standing *standing, struct waiter *waiter)
{
    struct object *object = waiter->object;
    struct waiter *last = standing->waiters[--standing->waiters_count];

    last->slot = waiter->slot;
    standing->waiters[waiter->slot] = last;
    mem_free(waiter);
    return object;
}

static void queue_insert(struct queue *queue, struct waiter *waiter, size_t place)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity * 2 + 1;
        queue->waiters = mem_resize(queue->waiters, queue->capacity * sizeof(struct waiter *));
    }
    memmove(&queue->waiters[place + 1], &queue->waiters[place],
            (queue->count - place) * sizeof(struct waiter *));
    queue->waiters[place] = waiter;
    queue->count++;
}

/* The queue is keyed by its first waiter, as that one's memory lasts longest. */
static void add_waiter(struct standing *standing, struct object *object, bool is_next)
{
    struct map *queues = &standing->queues[object->kind];
    struct queue *queue = map_get(queues, standing_key(object));

    if (queue == NULL)
        queue = mem_new(struct queue);
    queue_insert(queue, waiter_create(standing, object), is_next ? 0 : queue_place(queue, object));
    map_put(queues, standing_key(queue->waiters[0]->object), queue);
}

void standing_add(struct standing *standing, struct object *object)
{
    struct map *winners = &standing->winners[object->kind];
    struct object *winner = map_get(winners, standing_key(object));

    object_ref(object);
    if (winner != NULL && compare_places(winner, object) <= 0) {
        add_waiter(standing, object, false);
        return;
    }
    map_put(winners, standing_key(object), object);
    if (winner != NULL) /* it stood before all that wait */
        add_waiter(standing, winner, true);
}

/* Searched from behind within its file, which is the order cache.c removes in. */
static size_t queue_find(const struct queue *queue, const struct object *object)
{
    size_t place = queue_place(queue, object);

    while (place > 0 && queue->waiters[place - 1]->object != object)
        place--;
    CHECK(place > 0);
    return place - 1;
}

static struct object *queue_take(struct standing *standing, struct map *queues, struct queue *queue,
                                 size_t place)
{
    struct waiter *waiter = queue->waiters[place];

    memmove(&queue->waiters[place], &queue->waiters[place + 1],
            (queue->count - place - 1) * sizeof(struct waiter *));
    queue->count--;
    if (queue->count == 0) {
        map_remove(queues, standing_key(waiter->object));
        queue_destroy(queue);
    } else if (place == 0) {
        map_put(queues, standing_key(queue->waiters[0]->object), queue);
    }
    return waiter_destroy(standing, waiter);
}

void standing_remove(struct standing *standing, struct object *object)
{
    struct map *winners = &standing->winners[object->kind];
    struct map *queues = &standing->queues[object->kind];
    struct bytes key = standing_key(object);
    struct queue *queue = map_get(queues, key);

    if (map_get(winners, key) != object) {
        CHECK(queue != NULL);
        queue_take(standing, queues, queue, queue_find(queue, object));
    } else if (queue != NULL) {
        struct object *next = queue_take(standing, queues, queue, 0);

        map_put(winners, standing_key(next), next);
    } else {
        map_remove(winners, key);
    }
    object_unref(object);
}
