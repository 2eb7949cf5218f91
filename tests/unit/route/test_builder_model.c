/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_builder_model.c - random edits over generations against a table from scratch.
 */
#include "route/builder.h"
#include "tests/unit/route/make.h"

#include <stdio.h>

/* A model of a table: for each of some hosts and clusters which variant it has, 0 for none. */
#define MODEL_HOSTS    300
#define MODEL_CLUSTERS 200

struct model {
    uint8_t hosts[MODEL_HOSTS];
    uint8_t clusters[MODEL_CLUSTERS];
    uint8_t fallback;
    uint8_t findings;
};

static void set_host(struct maker *maker, size_t number, uint8_t variant)
{
    char name[40];
    char cluster[40];

    if (number == 0)
        (void)snprintf(name, sizeof(name), "*");
    else
        (void)snprintf(name, sizeof(name), number % 5 == 0 ? "*.h%zu.example" : "h%zu.example",
                       number);
    if (variant == 0) {
        builder_remove_vhost(maker->builder, SCHEME_HTTP, bytes_of(name));
        return;
    }
    /* Slots differ between the two ways to the same table; the dump tells keys. */
    (void)snprintf(cluster, sizeof(cluster), "c%zu", number % MODEL_CLUSTERS);
    maker_host(maker, name);
    maker_route(maker, PATH_EXACT, "/exact", cluster);
    maker_route(maker, PATH_PREFIX, variant % 2 == 0 ? "/even" : "/odd", cluster);
    if (variant == 3)
        maker_default(maker, cluster);
    maker_host(maker, NULL);
}

static void set_cluster(struct maker *maker, size_t number, uint8_t variant)
{
    char key[40];

    (void)snprintf(key, sizeof(key), "c%zu", number);
    if (variant > 0)
        maker_cluster(maker, key, variant, 80);
    else
        builder_release_slot(maker->builder, builder_cluster_slot(maker->builder, bytes_of(key)));
}

static void set_rest(struct maker *maker, const struct model *model)
{
    const struct finding finding = {true, BYTES("a.yaml:1"), BYTES("o"), BYTES("t"), false};

    if (model->fallback > 0)
        maker_default(maker, model->fallback == 1 ? "c0" : "c1");
    else
        builder_set_default(maker->builder, NULL);
    builder_set_findings(maker->builder, &finding, model->findings);
}

static bool is_cluster_used(const struct model *model, size_t cluster)
{
    for (size_t i = cluster; i < MODEL_HOSTS; i += MODEL_CLUSTERS)
        if (model->hosts[i] != 0)
            return true;
    return cluster < 2 && model->fallback == cluster + 1;
}

static void edit_at_random(struct maker *maker, struct model *model, uint64_t *state)
{
    size_t host = random_below(state, MODEL_HOSTS);
    size_t cluster = random_below(state, MODEL_CLUSTERS);
    uint8_t variant = (uint8_t)random_below(state, 4);

    switch (random_below(state, 8)) {
    case 0:
        model->fallback = variant % 3;
        set_rest(maker, model);
        break;
    case 1:
        model->findings = variant % 2;
        set_rest(maker, model);
        break;
    case 2:
    case 3:
        if (variant == 0 && is_cluster_used(model, cluster))
            break;
        model->clusters[cluster] = variant;
        set_cluster(maker, cluster, variant);
        break;
    default:
        model->hosts[host] = variant;
        set_host(maker, host, variant);
    }
}

static struct table *from_scratch(const struct model *model)
{
    struct maker maker = maker_begin(NULL);

    for (size_t i = 0; i < MODEL_CLUSTERS; i++)
        if (model->clusters[i] > 0)
            set_cluster(&maker, i, model->clusters[i]);
    for (size_t i = 0; i < MODEL_HOSTS; i++)
        if (model->hosts[i] > 0)
            set_host(&maker, i, model->hosts[i]);
    set_rest(&maker, model);
    return maker_finish(&maker);
}

static void assert_same_table(const struct table *a, const struct table *b)
{
    char *dump_a = dump_of(a);
    char *dump_b = dump_of(b);

    assert_string_equal(dump_a, dump_b);
    assert_int_equal(table_hosts_count(a), table_hosts_count(b));
    assert_int_equal(table_routes_count(a), table_routes_count(b));
    assert_int_equal(table_clusters_count(a), table_clusters_count(b));
    mem_free(dump_a);
    mem_free(dump_b);
}

TEST(random_edits_over_many_generations_give_the_table_made_from_scratch)
{
    struct model model = {0};
    struct table *table = builder_finish(builder_create(NULL));
    uint64_t state = 7;

    for (int generation = 0; generation < 150; generation++) {
        size_t edits = random_below(&state, generation % 10 == 0 ? 300 : 8);
        struct maker maker = maker_begin(table);
        char *before = dump_of(table);
        char *still;
        struct table *fresh, *next;

        for (size_t i = 0; i < edits; i++)
            edit_at_random(&maker, &model, &state);
        next = maker_finish(&maker);
        fresh = from_scratch(&model);
        assert_same_table(next, fresh);
        still = dump_of(table); /* the old generation did not move */
        assert_string_equal(before, still);
        mem_free(before);
        mem_free(still);
        table_unref(fresh);
        table_unref(table);
        table = next;
    }
    table_unref(table);
    assert_int_equal(table_live_count(), 0);
}

TESTS(UNIT(random_edits_over_many_generations_give_the_table_made_from_scratch))
