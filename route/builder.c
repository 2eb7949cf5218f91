/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builder.c - edits a copy of the previous table that shares everything not edited.
 *
 * What is put is compared with what the previous table has under that name. If it is the same, the
 * old one is kept: so the next generation shares it, and builder_is_changed() is a comparison of
 * pointers, kept as a running count of the places that differ.
 */
#include "route/builder.h"

#include "core/check.h"
#include "core/mem.h"
#include "route/cluster_spec.h"
#include "route/table_parts.h"
#include "route/vhost.h"

struct builder {
    struct table *previous;   /* ref; NULL for an empty start */
    struct table *next;       /* owned until finished */
    size_t differences_count; /* hosts, slots and specs that differ from the previous table's */
};

struct builder *builder_create(struct table *previous)
{
    struct builder *builder = mem_new(struct builder);

    builder->previous = previous == NULL ? NULL : table_ref(previous);
    builder->next = table_create(previous);
    return builder;
}

static void builder_free(struct builder *builder)
{
    if (builder->previous != NULL)
        table_unref(builder->previous);
    mem_free(builder);
}

void builder_destroy(struct builder *builder)
{
    table_unref(builder->next);
    builder_free(builder);
}

/* One place held `before`, which the previous table may have too, and now holds `after`. */
static void count_difference(struct builder *builder, const void *previous, const void *before,
                             const void *after)
{
    if (before != previous)
        builder->differences_count--;
    if (after != previous)
        builder->differences_count++;
}

static struct vhost *previous_vhost(const struct builder *builder, enum scheme scheme,
                                    struct bytes name)
{
    return builder->previous == NULL ? NULL : table_find_vhost(builder->previous, scheme, name);
}

/* Keep the table's totals when `before` makes way for `after`; either may be NULL. */
static void count_vhosts(struct table *table, const struct vhost *before, const struct vhost *after)
{
    if (before != NULL) {
        table->routes_count -= before->routes_count;
        table->wildcards_count[before->scheme] -= vhost_is_wildcard(before->name);
    }
    if (after != NULL) {
        table->routes_count += after->routes_count;
        table->wildcards_count[after->scheme] += vhost_is_wildcard(after->name);
    }
}

/* The same content is kept as the one object that has it already. */
static struct vhost *prefer_known(struct vhost *fresh, struct vhost *known)
{
    if (known == NULL || known == fresh || !vhost_equal(fresh, known))
        return fresh;
    vhost_unref(fresh);
    return vhost_ref(known);
}

void builder_put_vhost(struct builder *builder, struct vhost_builder *parts)
{
    struct vhost *vhost = vhost_builder_freeze(parts);
    struct vhost *before = table_find_vhost(builder->next, vhost->scheme, vhost->name);
    struct vhost *previous = previous_vhost(builder, vhost->scheme, vhost->name);
    bool is_hostless = bytes_equal(vhost->name, BYTES("*"));

    CHECK(vhost->name.len > 0 && vhost->name.at[0] != '.');
    CHECK(vhost->scheme == SCHEME_HTTP || !is_hostless);
    vhost = prefer_known(vhost, before);
    vhost = prefer_known(vhost, previous);
    if (vhost == before) {
        vhost_unref(vhost);
        return;
    }
    count_difference(builder, previous, before, vhost);
    count_vhosts(builder->next, before, vhost);
    if (is_hostless)
        builder->next->hostless = vhost;
    name_index_put(&builder->next->hosts[vhost->scheme], vhost);
}

void builder_remove_vhost(struct builder *builder, enum scheme scheme, struct bytes name)
{
    struct vhost *before = table_find_vhost(builder->next, scheme, name);

    if (before == NULL)
        return;
    count_difference(builder, previous_vhost(builder, scheme, name), before, NULL);
    count_vhosts(builder->next, before, NULL);
    if (before == builder->next->hostless)
        builder->next->hostless = NULL;
    name_index_remove(&builder->next->hosts[scheme], vhost_key(name));
}

/* Let *place, which has no name, hold `fresh` (or nothing) from now on. */
static void put_nameless(struct builder *builder, struct vhost **place, struct vhost *previous,
                         struct vhost *fresh)
{
    struct vhost *before = *place;

    if (fresh != NULL)
        fresh = prefer_known(fresh, previous);
    count_difference(builder, previous, before, fresh);
    *place = fresh;
    if (before != NULL)
        vhost_unref(before);
}

void builder_set_default(struct builder *builder, const struct route *route)
{
    struct vhost *previous = builder->previous == NULL ? NULL : builder->previous->fallback;
    struct vhost *fresh = NULL;

    if (route != NULL) {
        struct vhost_builder *parts = vhost_builder_create(BYTES_NONE, SCHEME_HTTP);

        vhost_builder_set_default(parts, route);
        fresh = vhost_builder_freeze(parts);
    }
    put_nameless(builder, &builder->next->fallback, previous, fresh);
}

void builder_set_default_tls(struct builder *builder, struct tls_host *host, struct bytes secret)
{
    struct vhost *previous = builder->previous == NULL ? NULL : builder->previous->default_tls;
    struct vhost *fresh = NULL;

    if (host != NULL) {
        struct vhost_builder *parts = vhost_builder_create(BYTES_NONE, SCHEME_HTTPS);

        vhost_builder_set_tls(parts, host, secret);
        fresh = vhost_builder_freeze(parts);
    }
    put_nameless(builder, &builder->next->default_tls, previous, fresh);
}

static const struct slot_name *previous_name(const struct builder *builder, uint32_t slot)
{
    return builder->previous == NULL ? NULL : slots_name(&builder->previous->slots, slot);
}

/* Whether a slot's name differs from the previous table's is told by the key: names are remade. */
static bool name_differs(const struct builder *builder, uint32_t slot)
{
    const struct slot_name *previous = previous_name(builder, slot);
    const struct slot_name *now = slots_name(&builder->next->slots, slot);

    if (previous == NULL || now == NULL)
        return previous != now;
    return !bytes_equal(previous->key, now->key);
}

uint32_t builder_cluster_slot(struct builder *builder, struct bytes key)
{
    struct slots *slots = &builder->next->slots;
    uint32_t slot = slots_find(slots, key);
    uint32_t wanted = CLUSTER_SLOT_NONE;

    if (slot != CLUSTER_SLOT_NONE)
        return slot;
    if (builder->previous != NULL)
        wanted = slots_find(&builder->previous->slots, key);
    slot = slots_take(slots, key, wanted);
    /* The slot was free: that differed if the previous table used it. */
    builder->differences_count -= previous_name(builder, slot) != NULL;
    builder->differences_count += name_differs(builder, slot);
    return slot;
}

static const struct cluster_spec *previous_spec(const struct builder *builder, uint32_t slot)
{
    return builder->previous == NULL ? NULL : table_cluster(builder->previous, slot);
}

/* Takes over a reference to `after`, which may be NULL. */
static void change_spec(struct builder *builder, uint32_t slot, const struct cluster_spec *after)
{
    const struct cluster_spec *before = table_cluster(builder->next, slot);

    count_difference(builder, previous_spec(builder, slot), before, after);
    builder->next->clusters_count -= before != NULL;
    builder->next->clusters_count += after != NULL;
    slots_put_spec(&builder->next->slots, slot, after);
}

void builder_put_cluster(struct builder *builder, uint32_t slot, const struct cluster_spec *spec)
{
    const struct cluster_spec *before = table_cluster(builder->next, slot);
    const struct cluster_spec *previous = previous_spec(builder, slot);
    const struct cluster_spec *fresh = cluster_spec_freeze(spec, slot, builder->next->generation);

    CHECK(bytes_equal(table_slot_key(builder->next, slot), spec->key));
    if (previous != NULL && cluster_spec_equal(fresh, previous)) {
        cluster_spec_unref(fresh);
        fresh = cluster_spec_ref(previous);
    }
    if (before != NULL && cluster_spec_equal(fresh, before))
        cluster_spec_unref(fresh);
    else
        change_spec(builder, slot, fresh);
}

void builder_release_slot(struct builder *builder, uint32_t slot)
{
    CHECK(slots_name(&builder->next->slots, slot) != NULL);
    change_spec(builder, slot, NULL);
    builder->differences_count -= name_differs(builder, slot);
    slots_release(&builder->next->slots, slot);
    builder->differences_count += name_differs(builder, slot);
}

void builder_set_findings(struct builder *builder, const struct finding *findings, size_t count)
{
    struct findings *fresh = findings_create(findings, count);
    struct findings *known = builder->previous == NULL ? NULL : builder->previous->findings;

    if (findings_equal(fresh, known)) {
        findings_unref(fresh);
        fresh = findings_ref(known);
    }
    findings_unref(builder->next->findings);
    builder->next->findings = fresh;
}

void builder_set_certificates(struct builder *builder, const struct served_certificate *list,
                              size_t count)
{
    struct served *fresh = served_create(list, count);
    struct served *known = builder->previous == NULL ? NULL : builder->previous->served;

    if (served_equal(fresh, known)) {
        served_unref(fresh);
        fresh = served_ref(known);
    }
    served_unref(builder->next->served);
    builder->next->served = fresh;
}

void builder_set_statuses(struct builder *builder, const struct object_status *list, size_t count)
{
    struct statuses *fresh = statuses_create(list, count);
    struct statuses *known = builder->previous == NULL ? NULL : builder->previous->statuses;

    if (statuses_equal(fresh, known)) {
        statuses_unref(fresh);
        fresh = statuses_ref(known);
    }
    statuses_unref(builder->next->statuses);
    builder->next->statuses = fresh;
}

void builder_set_foreign_hosts(struct builder *builder, const struct foreign_host *list,
                               size_t count, uint64_t left_out)
{
    struct foreign *fresh = foreign_create(list, count, left_out);
    struct foreign *known = builder->previous == NULL ? NULL : builder->previous->foreign;

    if (foreign_equal(fresh, known)) {
        foreign_unref(fresh);
        fresh = foreign_ref(known);
    }
    foreign_unref(builder->next->foreign);
    builder->next->foreign = fresh;
}

bool builder_is_changed(const struct builder *builder)
{
    const struct table *previous = builder->previous;
    const struct table *next = builder->next;

    if (builder->differences_count > 0)
        return true;
    if (previous == NULL)
        return next->findings != NULL || next->served != NULL || next->statuses != NULL ||
               next->foreign != NULL;
    return next->findings != previous->findings || next->served != previous->served ||
           next->statuses != previous->statuses || next->foreign != previous->foreign;
}

struct table *builder_finish(struct builder *builder)
{
    struct table *table = builder->next;

    builder_free(builder);
    return table;
}
