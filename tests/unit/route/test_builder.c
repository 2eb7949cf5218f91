/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_builder.c - the next table from the last one: sharing, exactness, cost.
 */
#include "route/builder.h"
#include "route/vhost.h"
#include "tests/unit/route/make.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

static void put_host(struct maker *maker, const char *name, const char *path, const char *cluster)
{
    maker_host(maker, name);
    maker_route(maker, PATH_PREFIX, path, cluster);
}

static struct table *two_hosts(void)
{
    struct maker maker = maker_begin(NULL);

    maker_cluster(&maker, "a", 2, 80);
    maker_cluster(&maker, "b", 1, 80);
    put_host(&maker, "one.example", "/", "a");
    put_host(&maker, "two.example", "/", "b");
    return maker_finish(&maker);
}

/* Drops both; what is left behind shows up under the sanitizer and here. */
static void finish_tables(struct table *a, struct table *b)
{
    table_unref(a);
    if (b != NULL)
        table_unref(b);
    assert_int_equal(table_live_count(), 0);
}

TEST(a_table_counts_what_it_holds)
{
    struct table *table = two_hosts();

    assert_int_equal(table_generation(table), 1);
    assert_int_equal(table_hosts_count(table), 2);
    assert_int_equal(table_routes_count(table), 2);
    assert_int_equal(table_clusters_count(table), 2);
    assert_int_equal(table_live_count(), 1);
    finish_tables(table, NULL);
}

TEST(hosts_and_clusters_that_are_not_touched_are_the_same_objects_in_the_next_table)
{
    struct table *first = two_hosts();
    struct maker maker = maker_begin(first);
    struct table *second;

    put_host(&maker, "two.example", "/new", "b");
    maker_host(&maker, NULL);
    assert_true(builder_is_changed(maker.builder));
    second = maker_finish(&maker);
    assert_int_equal(table_generation(second), 2);
    assert_ptr_equal(table_vhost(first, BYTES("one.example")),
                     table_vhost(second, BYTES("one.example")));
    assert_ptr_not_equal(table_vhost(first, BYTES("two.example")),
                         table_vhost(second, BYTES("two.example")));
    assert_ptr_equal(table_cluster(first, 0), table_cluster(second, 0));
    assert_string_equal(goes_to(first, "two.example", "/"), "b");
    assert_string_equal(goes_to(second, "two.example", "/"), "404");
    finish_tables(first, second);
}

TEST(putting_what_is_there_already_is_no_change)
{
    struct table *first = two_hosts();
    struct maker maker = maker_begin(first);

    put_host(&maker, "one.example", "/", "a");
    put_host(&maker, "two.example", "/", "b");
    maker_host(&maker, NULL);
    maker_cluster(&maker, "a", 2, 80);
    builder_set_default(maker.builder, NULL);
    builder_set_findings(maker.builder, NULL, 0);
    builder_remove_vhost(maker.builder, BYTES("none.example"));
    assert_false(builder_is_changed(maker.builder));
    builder_destroy(maker.builder);
    finish_tables(first, NULL);
}

TEST(a_change_that_is_taken_back_is_no_change)
{
    struct table *first = two_hosts();
    struct maker maker = maker_begin(first);

    put_host(&maker, "one.example", "/other", "a");
    put_host(&maker, "three.example", "/", "a");
    maker_host(&maker, NULL);
    builder_remove_vhost(maker.builder, BYTES("two.example"));
    maker_cluster(&maker, "a", 1, 80);
    maker_cluster(&maker, "c", 1, 80);
    builder_release_slot(maker.builder, builder_cluster_slot(maker.builder, BYTES("b")));
    assert_true(builder_is_changed(maker.builder));
    builder_remove_vhost(maker.builder, BYTES("three.example"));
    put_host(&maker, "one.example", "/", "a");
    maker_cluster(&maker, "a", 2, 80);
    maker_cluster(&maker, "b", 1, 80);
    put_host(&maker, "two.example", "/", "b");
    maker_host(&maker, NULL);
    assert_true(builder_is_changed(maker.builder));
    builder_release_slot(maker.builder, builder_cluster_slot(maker.builder, BYTES("c")));
    assert_false(builder_is_changed(maker.builder));
    builder_destroy(maker.builder);
    finish_tables(first, NULL);
}

/* One edit of each kind, each of which must be noticed. */
static void edit(struct maker *maker, int kind)
{
    const struct finding finding = {false, BYTES("a.yaml:1"), BYTES("Ingress a/b"), BYTES("text")};
    struct cluster_spec spec = {.key = BYTES("a"), .limits = {1024, 1024, 1024, 4}};

    switch (kind) {
    case 0:
        put_host(maker, "one.example", "/", "b");
        break;
    case 1:
        maker_host(maker, "one.example");
        maker_route(maker, PATH_EXACT, "/", "a");
        break;
    case 2:
        builder_remove_vhost(maker->builder, BYTES("one.example"));
        break;
    case 3:
        put_host(maker, "*.example", "/", "a");
        break;
    case 4:
        maker_cluster(maker, "a", 2, 81);
        break;
    case 5:
        builder_put_cluster(maker->builder, builder_cluster_slot(maker->builder, spec.key), &spec);
        break;
    case 6:
        maker_default(maker, "a");
        break;
    case 7:
        builder_set_findings(maker->builder, &finding, 1);
        break;
    case 8:
        put_host(maker, "one.example", "/", "a");
        maker_default(maker, "a");
        break;
    default:
        builder_release_slot(maker->builder, builder_cluster_slot(maker->builder, BYTES("a")));
    }
    maker_host(maker, NULL);
}

TEST(every_kind_of_edit_is_a_change)
{
    struct table *first = two_hosts();

    for (int kind = 0; kind < 10; kind++) {
        struct maker maker = maker_begin(first);

        assert_false(builder_is_changed(maker.builder));
        edit(&maker, kind);
        assert_true(builder_is_changed(maker.builder));
        builder_destroy(maker.builder);
    }
    finish_tables(first, NULL);
}

TEST(a_route_compares_by_all_of_its_fields)
{
    struct route_backend backend = {1, 1};
    const struct route base = {.path = BYTES("/"), .backends = &backend, .backends_count = 1};
    const struct route_backend other = {1, 2};
    struct route changed[11];

    for (size_t i = 0; i < 11; i++)
        changed[i] = base;
    assert_true(route_equal(&base, &changed[0]));
    changed[0].path = BYTES("/a");
    changed[1].object = BYTES("o");
    changed[2].field = BYTES("f");
    changed[3].unavailable = BYTES("u");
    changed[4].path_kind = PATH_PREFIX;
    changed[5].action = ROUTE_UNAVAILABLE;
    changed[6].response_timeout_ms = 1;
    changed[7].retry.retries_max = 1;
    changed[8].websocket = true;
    changed[9].backends = &other;
    changed[10].backends_count = 0;
    for (size_t i = 0; i < 11; i++)
        assert_false(route_equal(&base, &changed[i]));
}

TEST(a_slot_stays_with_its_key_and_a_free_one_is_given_out_again)
{
    struct table *first = two_hosts();
    struct maker maker = maker_begin(first);
    uint32_t a = builder_cluster_slot(maker.builder, BYTES("a"));
    struct table *second;

    assert_int_equal(builder_cluster_slot(maker.builder, BYTES("a")), a);
    builder_release_slot(maker.builder, a);
    assert_null(table_cluster(first, UINT32_MAX - 1));
    assert_int_equal(builder_cluster_slot(maker.builder, BYTES("new")), a);
    second = maker_finish(&maker);
    assert_null(table_cluster(second, a)); /* its spec may come later */
    assert_bytes(table_cluster(first, a)->key, "a");
    assert_int_equal(table_clusters_count(second), 1);
    finish_tables(first, second);
}

TEST(endpoints_are_sorted_and_repeats_are_dropped)
{
    struct maker maker = maker_begin(NULL);
    struct endpoint_spec endpoints[3] = {
        {{.port = 80, .ip = {10, 0, 0, 2}}, 1},
        {{.port = 80, .ip = {10, 0, 0, 1}}, 1},
        {{.port = 80, .ip = {10, 0, 0, 2}}, 1},
    };
    struct cluster_spec spec = {.key = BYTES("a"), .endpoints_count = 3, .endpoints = endpoints};
    const struct cluster_spec *frozen;
    struct table *table;

    builder_put_cluster(maker.builder, builder_cluster_slot(maker.builder, spec.key), &spec);
    table = maker_finish(&maker);
    frozen = table_cluster(table, 0);
    assert_int_equal(frozen->endpoints_count, 2);
    assert_int_equal(frozen->endpoints[0].address.ip[3], 1);
    assert_int_equal(frozen->endpoints[1].address.ip[3], 2);
    assert_int_equal(frozen->generation, 1);
    finish_tables(table, NULL);
}

TEST(a_spec_may_be_held_longer_than_its_table)
{
    struct table *table = two_hosts();
    const struct cluster_spec *spec = cluster_spec_ref(table_cluster(table, 0));

    finish_tables(table, NULL);
    assert_bytes(spec->key, "a");
    cluster_spec_unref(spec);
}

TEST(weights_are_summed_without_overflow)
{
    struct maker maker = maker_begin(NULL);
    uint32_t slot = builder_cluster_slot(maker.builder, BYTES("a"));
    struct route_backend backends[2] = {{slot, UINT32_MAX}, {slot, 5}};
    struct route route = {.path = BYTES("/"), .backends = backends, .backends_count = 2};
    const struct vhost *vhost;
    const char *error;
    struct table *table;

    maker_host(&maker, "x");
    assert_int_equal(vhost_builder_add(maker.vhost, &route, &error), STATUS_OK);
    table = maker_finish(&maker);
    vhost = table_vhost(table, BYTES("x"));
    assert_int_equal(vhost->routes[0].weights_sum, UINT32_MAX / 2 + 5);
    finish_tables(table, NULL);
}

TEST(a_bad_path_is_refused_with_a_reason_and_leaves_the_rest)
{
    struct vhost_builder *vhost = vhost_builder_create(BYTES("x"));
    char *long_path = mem_alloc(ROUTE_PATH_MAX + 1);
    struct route route = {.path = BYTES("/("), .path_kind = PATH_REGEX};
    const char *error = "";

    assert_true(vhost_builder_is_empty(vhost));
    assert_int_equal(vhost_builder_add(vhost, &route, &error), STATUS_INVALID);
    assert_non_null(strstr(error, "does not compile"));
    memset(long_path, '/', ROUTE_PATH_MAX + 1);
    route = (struct route){.path = bytes_from(long_path, ROUTE_PATH_MAX + 1)};
    assert_int_equal(vhost_builder_add(vhost, &route, &error), STATUS_INVALID);
    assert_non_null(strstr(error, "longer"));
    assert_true(vhost_builder_is_empty(vhost));
    vhost_builder_destroy(vhost);
    mem_free(long_path);
}

TEST(findings_are_sorted_as_people_read_and_stay_without_a_call)
{
    const struct finding findings[] = {
        {true, BYTES("b.yaml:1"), BYTES("o"), BYTES("t4")},
        {true, BYTES("a.yaml:10"), BYTES("o"), BYTES("t3")},
        {true, BYTES("a.yaml:9"), BYTES("o"), BYTES("t2")},
        {false, BYTES_NONE, BYTES("o"), BYTES("t1")},
    };
    struct maker maker = maker_begin(NULL);
    struct table *first, *second;

    builder_set_findings(maker.builder, findings, 4);
    first = maker_finish(&maker);
    second = builder_finish(builder_create(first));
    assert_int_equal(table_findings_count(second), 4);
    assert_bytes(table_finding(second, 0)->text, "t1");
    assert_bytes(table_finding(second, 1)->text, "t2");
    assert_bytes(table_finding(second, 2)->text, "t3");
    assert_bytes(table_finding(second, 3)->text, "t4");
    assert_ptr_equal(table_finding(first, 0), table_finding(second, 0));
    finish_tables(first, second);
}

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
        builder_remove_vhost(maker->builder, bytes_of(name));
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
    const struct finding finding = {true, BYTES("a.yaml:1"), BYTES("o"), BYTES("t")};

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
    finish_tables(table, NULL);
}

/* Ten thousand Ingresses as people write them. */
static struct table *large_table(size_t hosts_count)
{
    struct maker maker = maker_begin(NULL);

    for (size_t i = 0; i < hosts_count; i++) {
        char name[64], object[64], cluster[64];
        const char *const paths[] = {"/", "/api", "/static"};

        (void)snprintf(name, sizeof(name), "app-%zu.team-%zu.example.com", i, i % 50);
        (void)snprintf(object, sizeof(object), "Ingress team-%zu/app-%zu", i % 50, i);
        (void)snprintf(cluster, sizeof(cluster), "team-%zu/app-%zu/80", i % 50, i);
        maker_host(&maker, name);
        for (size_t j = 0; j < 3; j++) {
            struct route_backend backend;
            struct route route = maker_backend(&maker, PATH_PREFIX, paths[j], cluster, &backend);
            char field[64];
            const char *error;

            (void)snprintf(field, sizeof(field), "spec.rules[0].http.paths[%zu]", j);
            route.object = bytes_of(object);
            route.field = bytes_of(field);
            assert_int_equal(vhost_builder_add(maker.vhost, &route, &error), STATUS_OK);
        }
    }
    return maker_finish(&maker);
}

TEST(ten_thousand_hosts_of_three_routes_fit_into_fifteen_megabytes)
{
    struct mallinfo2 before, after;
    struct table *table;

    if (IS_SANITIZED)
        skip(); /* its allocator does not count for mallinfo2() */
    before = mallinfo2();
    table = large_table(10000);
    after = mallinfo2();
    print_message("10,000 hosts, 30,000 routes, 10,000 cluster names: %zu bytes\n",
                  after.uordblks - before.uordblks);
    assert_true(after.uordblks - before.uordblks < 15000000);
    finish_tables(table, NULL);
}

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Builds a generation with one more host or other endpoints and drops the old one, many times. */
static uint64_t cost_of_a_change(size_t hosts_count, bool is_endpoint)
{
    struct table *table = large_table(hosts_count);
    uint64_t from = now_us();

    for (uint16_t i = 0; i < 200; i++) {
        struct maker maker = maker_begin(table);
        char name[64];

        (void)snprintf(name, sizeof(name), "team-0/app-%u/80", i * 50u % 1000);
        if (is_endpoint) {
            maker_cluster(&maker, name, 2, i);
        } else {
            char host[64];

            (void)snprintf(host, sizeof(host), "new-%u.example", i);
            put_host(&maker, host, "/", name);
        }
        table_unref(table);
        table = maker_finish(&maker);
    }
    from = now_us() - from;
    finish_tables(table, NULL);
    return from;
}

TEST(one_change_costs_a_page_and_not_the_table)
{
    uint64_t hosts = cost_of_a_change(IS_SANITIZED ? 2000 : 30000, false) / 200;
    uint64_t endpoints = cost_of_a_change(IS_SANITIZED ? 2000 : 30000, true) / 200;

    print_message("one host: %llu us, one endpoint: %llu us\n", (unsigned long long)hosts,
                  (unsigned long long)endpoints);
    assert_true(hosts < 1000);
    assert_true(endpoints < 1000);
}

struct reader {
    struct table *table; /* ref */
    int round;
};

static void *read_and_drop(void *context)
{
    struct reader *reader = context;

    for (int i = 0; i < 200; i++)
        (void)goes_to(reader->table, "one.example", "/");
    table_unref(reader->table);
    return NULL;
}

TEST(threads_may_drop_generations_while_the_next_is_built)
{
    struct table *table = two_hosts();

    for (int round = 0; round < 50; round++) {
        struct reader reader = {table_ref(table), round};
        struct maker maker = maker_begin(table);
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, read_and_drop, &reader), 0);
        put_host(&maker, "two.example", round % 2 == 0 ? "/a" : "/b", "b");
        maker_cluster(&maker, "b", 1, (uint16_t)(round + 1));
        table_unref(table);
        table = maker_finish(&maker);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    finish_tables(table, NULL);
}

TESTS(UNIT(a_table_counts_what_it_holds),
      UNIT(hosts_and_clusters_that_are_not_touched_are_the_same_objects_in_the_next_table),
      UNIT(putting_what_is_there_already_is_no_change),
      UNIT(a_change_that_is_taken_back_is_no_change), UNIT(every_kind_of_edit_is_a_change),
      UNIT(a_route_compares_by_all_of_its_fields),
      UNIT(a_slot_stays_with_its_key_and_a_free_one_is_given_out_again),
      UNIT(endpoints_are_sorted_and_repeats_are_dropped),
      UNIT(a_spec_may_be_held_longer_than_its_table), UNIT(weights_are_summed_without_overflow),
      UNIT(a_bad_path_is_refused_with_a_reason_and_leaves_the_rest),
      UNIT(findings_are_sorted_as_people_read_and_stay_without_a_call),
      UNIT(random_edits_over_many_generations_give_the_table_made_from_scratch),
      UNIT(ten_thousand_hosts_of_three_routes_fit_into_fifteen_megabytes),
      UNIT(one_change_costs_a_page_and_not_the_table),
      UNIT(threads_may_drop_generations_while_the_next_is_built))
