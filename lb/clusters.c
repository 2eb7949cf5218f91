/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clusters.c - all live clusters of one worker.
 *
 *     places[slot] -> cluster           what the newest table has in that slot
 *     unplaced     -> cluster, ...      retired and not idle yet; or of streams whose older table
 *                                       has a key that is in no slot, or in a slot that is
 *                                       another's by now
 *
 * The next sweep that finds no request in an unplaced one retires it.
 */
#include "core/check.h"
#include "core/mem.h"
#include "lb/verdict.h"

/* The spec stands beside the cluster, so that a sweep over many reads no cluster that has not
 * changed. */
struct cluster_place {
    struct cluster *cluster;         /* owned; NULL when the slot has not been used */
    const struct cluster_spec *spec; /* borrowed from the cluster */
};

struct clusters *clusters_create(uint32_t workers_count, uint64_t seed,
                                 endpoint_retired_fn *on_retired, void *context)
{
    struct clusters *clusters = mem_new(struct clusters);

    CHECK(workers_count > 0);
    clusters->workers_count = workers_count;
    clusters->random = seed;
    clusters->on_retired = on_retired;
    clusters->context = context;
    map_init(&clusters->verdicts);
    list_init(&clusters->unplaced);
    return clusters;
}

void clusters_tell_of_room(struct clusters *clusters, cluster_room_fn *on_room)
{
    clusters->on_room = on_room;
}

void clusters_destroy(struct clusters *clusters)
{
    if (clusters == NULL)
        return;
    for (uint32_t slot = 0; slot < clusters->places_count; slot++)
        if (clusters->places[slot].cluster != NULL)
            cluster_destroy(clusters->places[slot].cluster);
    LIST_EACH (&clusters->unplaced, link) {
        cluster_destroy(LIST_ENTRY(link, struct cluster, link));
    }
    verdicts_fini(clusters);
    mem_free(clusters->places);
    mem_free(clusters);
}

static struct cluster_place *place_of(struct clusters *clusters, uint32_t slot)
{
    uint32_t count = clusters->places_count;

    if (slot >= count) {
        uint32_t wanted = slot + 1 > count + count / 2 ? slot + 1 : count + count / 2;

        clusters->places = mem_resize(clusters->places, wanted * sizeof(clusters->places[0]));
        memset(clusters->places + count, 0, (wanted - count) * sizeof(clusters->places[0]));
        clusters->places_count = wanted;
    }
    return &clusters->places[slot];
}

/* Puts another cluster, or none, in a slot. The one that stood there is retired once no request
 * needs it, and after the change: its callbacks may ask for clusters. */
static void replace(struct clusters *clusters, uint32_t slot, struct cluster *fresh)
{
    struct cluster *stale = clusters->places[slot].cluster;

    clusters->places[slot] = (struct cluster_place){fresh, fresh != NULL ? fresh->spec : NULL};
    if (stale == NULL)
        return;
    list_push_back(&clusters->unplaced, &stale->link);
    cluster_retire(stale);
}

/* For a stream whose older table has this key in a slot that is another's by now. */
static struct cluster *get_unplaced(struct clusters *clusters, const struct cluster_spec *spec)
{
    struct cluster *cluster;

    LIST_EACH (&clusters->unplaced, link) {
        cluster = LIST_ENTRY(link, struct cluster, link);
        if (!bytes_equal(cluster->key, spec->key))
            continue;
        if (cluster->retired)
            cluster_follow(cluster, spec);
        return cluster;
    }
    cluster = cluster_create(clusters, spec);
    list_push_back(&clusters->unplaced, &cluster->link);
    return cluster;
}

/* The slot is empty, or what stands in it does not follow this very spec. */
static struct cluster *get_changed(struct clusters *clusters, const struct cluster_spec *spec)
{
    struct cluster_place *place = place_of(clusters, spec->slot);
    struct cluster *cluster = place->cluster;

    if (cluster != NULL && bytes_equal(cluster->key, spec->key)) {
        if (spec->generation > place->spec->generation) {
            place->spec = spec;
            cluster_follow(cluster, spec);
        }
        return cluster;
    }
    if (cluster != NULL && spec->generation < place->spec->generation)
        return get_unplaced(clusters, spec);
    cluster = cluster_create(clusters, spec);
    replace(clusters, spec->slot, cluster);
    return cluster;
}

struct cluster *clusters_get(struct clusters *clusters, const struct cluster_spec *spec)
{
    if (spec->slot < clusters->places_count && clusters->places[spec->slot].spec == spec)
        return clusters->places[spec->slot].cluster;
    return get_changed(clusters, spec);
}

/* A callback may free any of the others too: hence one at a time from the front. */
void clusters_retire_unplaced(struct clusters *clusters)
{
    struct list waiting;
    struct list *link;

    list_init(&waiting);
    while ((link = list_first(&clusters->unplaced)) != NULL) {
        list_remove(link);
        list_push_back(&waiting, link);
    }
    while ((link = list_first(&waiting)) != NULL) {
        list_remove(link);
        list_push_back(&clusters->unplaced, link);
        cluster_retire(LIST_ENTRY(link, struct cluster, link));
    }
}

void clusters_sweep(struct clusters *clusters, const struct table *table)
{
    clusters_retire_unplaced(clusters);
    for (uint32_t slot = 0; slot < clusters->places_count; slot++) {
        const struct cluster_spec *held = clusters->places[slot].spec;
        const struct cluster_spec *spec;

        if (held == NULL)
            continue;
        spec = table_cluster(table, slot);
        if (spec == NULL)
            replace(clusters, slot, NULL);
        else if (spec != held)
            clusters_get(clusters, spec);
    }
}

struct cluster *clusters_next(struct clusters *clusters, size_t *at)
{
    size_t further = clusters->places_count;

    while (*at < clusters->places_count) {
        struct cluster *cluster = clusters->places[(*at)++].cluster;

        if (cluster != NULL)
            return cluster;
    }
    LIST_EACH (&clusters->unplaced, link) {
        if (further++ < *at)
            continue;
        (*at)++;
        return LIST_ENTRY(link, struct cluster, link);
    }
    return NULL;
}
