/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing.c - indexes are ordered by hash, which differs between processes; people get names.
 */
#include "route/listing.h"

#include "core/mem.h"
#include "route/table_parts.h"

#include <stdlib.h>

static int rank_of(const struct vhost *vhost)
{
    if (bytes_equal(vhost->name, BYTES("*")))
        return 2;
    return vhost_is_wildcard(vhost->name) ? 1 : 0;
}

static int compare_vhosts(const void *a, const void *b)
{
    const struct vhost *left = *(const struct vhost *const *)a;
    const struct vhost *right = *(const struct vhost *const *)b;
    int rank = rank_of(left) - rank_of(right);

    if (rank == 0)
        rank = bytes_compare(left->name, right->name);
    return rank != 0 ? rank : (int)left->scheme - (int)right->scheme;
}

const struct vhost **listing_hosts(const struct table *table)
{
    size_t capacity = table_hosts_count(table);
    const struct vhost **list = mem_new_array(const struct vhost *, capacity + 1);
    size_t count = 0;

    for (int scheme = 0; scheme < SCHEMES_COUNT; scheme++) {
        struct name_index_cursor cursor = {0};
        const struct vhost *vhost;

        while ((vhost = name_index_next(&table->hosts[scheme], &cursor)) != NULL)
            list[count++] = vhost;
    }
    qsort(list, count, sizeof(list[0]), compare_vhosts);
    return list;
}

static int compare_clusters(const void *a, const void *b)
{
    const struct cluster_spec *left = *(const struct cluster_spec *const *)a;
    const struct cluster_spec *right = *(const struct cluster_spec *const *)b;

    return bytes_compare(left->key, right->key);
}

const struct cluster_spec **listing_clusters(const struct table *table)
{
    const struct cluster_spec **list =
        mem_new_array(const struct cluster_spec *, table->clusters_count + 1);
    size_t count = 0;

    for (uint32_t slot = 0; slot < slots_end(&table->slots); slot++)
        if (table_cluster(table, slot) != NULL)
            list[count++] = table_cluster(table, slot);
    qsort(list, count, sizeof(list[0]), compare_clusters);
    return list;
}
