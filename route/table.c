/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - a table as a whole: counted, shared, asked.
 */
#include "route/table.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"
#include "route/table_parts.h"
#include "route/vhost.h"

static struct bytes key_of_item(const void *item)
{
    const struct vhost *vhost = item;

    return vhost_key(vhost->name);
}

static void ref_item(void *item)
{
    (void)vhost_ref(item);
}

static void unref_item(void *item)
{
    vhost_unref(item);
}

static const struct name_index_type hosts_type = {key_of_item, ref_item, unref_item};

/* How many tables this process holds is a fact about the process, so it is kept in one place. */
static _Atomic size_t *live_count(void)
{
    static _Atomic size_t count;

    return &count;
}

size_t table_live_count(void)
{
    return atomic_load_explicit(live_count(), memory_order_relaxed);
}

bool vhost_is_wildcard(struct bytes name)
{
    return bytes_starts_with(name, BYTES("*."));
}

struct bytes vhost_key(struct bytes name)
{
    return vhost_is_wildcard(name) ? bytes_skip(name, 1) : name;
}

static void table_share(struct table *table, const struct table *from)
{
    for (int scheme = 0; scheme < SCHEMES_COUNT; scheme++) {
        name_index_share(&table->hosts[scheme], &from->hosts[scheme]);
        table->wildcards_count[scheme] = from->wildcards_count[scheme];
    }
    slots_share(&table->slots, &from->slots);
    table->hostless = from->hostless;
    table->fallback = from->fallback == NULL ? NULL : vhost_ref(from->fallback);
    table->default_tls = from->default_tls == NULL ? NULL : vhost_ref(from->default_tls);
    table->findings = findings_ref(from->findings);
    table->served = served_ref(from->served);
    table->statuses = statuses_ref(from->statuses);
    table->foreign = foreign_ref(from->foreign);
    table->routes_count = from->routes_count;
    table->clusters_count = from->clusters_count;
}

struct table *table_create(const struct table *previous)
{
    struct table *table = mem_new(struct table);

    table->refs = 1;
    (void)atomic_fetch_add_explicit(live_count(), 1, memory_order_relaxed);
    if (previous == NULL) {
        table->generation = 1;
        for (int scheme = 0; scheme < SCHEMES_COUNT; scheme++)
            name_index_init(&table->hosts[scheme], &hosts_type);
        slots_init(&table->slots);
        return table;
    }
    table->generation = previous->generation + 1;
    table_share(table, previous);
    return table;
}

struct table *table_ref(struct table *table)
{
    refs_take(&table->refs);
    return table;
}

void table_unref(struct table *table)
{
    if (!refs_drop(&table->refs))
        return;
    for (int scheme = 0; scheme < SCHEMES_COUNT; scheme++)
        name_index_fini(&table->hosts[scheme]);
    slots_fini(&table->slots);
    if (table->fallback != NULL)
        vhost_unref(table->fallback);
    if (table->default_tls != NULL)
        vhost_unref(table->default_tls);
    findings_unref(table->findings);
    served_unref(table->served);
    statuses_unref(table->statuses);
    foreign_unref(table->foreign);
    mem_free(table);
    (void)atomic_fetch_sub_explicit(live_count(), 1, memory_order_relaxed);
}

uint64_t table_generation(const struct table *table)
{
    return table->generation;
}

size_t table_hosts_count(const struct table *table)
{
    return name_index_count(&table->hosts[SCHEME_HTTP]) +
           name_index_count(&table->hosts[SCHEME_HTTPS]);
}

size_t table_routes_count(const struct table *table)
{
    return table->routes_count;
}

size_t table_clusters_count(const struct table *table)
{
    return table->clusters_count;
}

const struct cluster_spec *table_cluster(const struct table *table, uint32_t slot)
{
    return slots_spec(&table->slots, slot);
}

uint32_t table_slots_end(const struct table *table)
{
    return slots_end(&table->slots);
}

struct bytes table_slot_key(const struct table *table, uint32_t slot)
{
    const struct slot_name *name = slots_name(&table->slots, slot);

    return name == NULL ? BYTES_NONE : name->key;
}

struct vhost *table_find_vhost(const struct table *table, enum scheme scheme, struct bytes name)
{
    struct vhost *vhost = name_index_get(&table->hosts[scheme], vhost_key(name));

    return vhost != NULL && bytes_equal(vhost->name, name) ? vhost : NULL;
}

size_t table_findings_count(const struct table *table)
{
    return findings_count(table->findings);
}

const struct finding *table_finding(const struct table *table, size_t index)
{
    CHECK(index < findings_count(table->findings));
    return &table->findings->list[index];
}

size_t table_statuses_count(const struct table *table)
{
    return statuses_count(table->statuses);
}

const struct object_status *table_status(const struct table *table, size_t index)
{
    CHECK(index < statuses_count(table->statuses));
    return &table->statuses->list[index];
}

size_t table_foreign_hosts_count(const struct table *table)
{
    return foreign_count(table->foreign);
}

const struct foreign_host *table_foreign_host(const struct table *table, size_t index)
{
    CHECK(index < foreign_count(table->foreign));
    return &table->foreign->list[index];
}

uint64_t table_foreign_hosts_left_out(const struct table *table)
{
    return table->foreign == NULL ? 0 : table->foreign->left_out;
}

size_t table_certificates_count(const struct table *table)
{
    return served_count(table->served);
}

const struct served_certificate *table_certificate(const struct table *table, size_t index)
{
    CHECK(index < served_count(table->served));
    return &table->served->list[index];
}
