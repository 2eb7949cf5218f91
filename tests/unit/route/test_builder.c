/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_builder.c - the next table from the last one: sharing and exactness.
 */
#include "route/builder.h"
#include "route/vhost.h"
#include "tests/unit/route/make.h"

#include <pthread.h>

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
    assert_ptr_equal(table_vhost(first, SCHEME_HTTP, BYTES("one.example")),
                     table_vhost(second, SCHEME_HTTP, BYTES("one.example")));
    assert_ptr_not_equal(table_vhost(first, SCHEME_HTTP, BYTES("two.example")),
                         table_vhost(second, SCHEME_HTTP, BYTES("two.example")));
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
    builder_remove_vhost(maker.builder, SCHEME_HTTP, BYTES("none.example"));
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
    builder_remove_vhost(maker.builder, SCHEME_HTTP, BYTES("two.example"));
    maker_cluster(&maker, "a", 1, 80);
    maker_cluster(&maker, "c", 1, 80);
    builder_release_slot(maker.builder, builder_cluster_slot(maker.builder, BYTES("b")));
    assert_true(builder_is_changed(maker.builder));
    builder_remove_vhost(maker.builder, SCHEME_HTTP, BYTES("three.example"));
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
    const struct finding finding = {false, BYTES("a.yaml:1"), BYTES("Ingress a/b"), BYTES("text"),
                                    false};
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
        builder_remove_vhost(maker->builder, SCHEME_HTTP, BYTES("one.example"));
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
    vhost = table_vhost(table, SCHEME_HTTP, BYTES("x"));
    assert_int_equal(vhost->routes[0].weights_sum, UINT32_MAX / 2 + 5);
    finish_tables(table, NULL);
}

TEST(a_bad_path_is_refused_with_a_reason_and_leaves_the_rest)
{
    struct vhost_builder *vhost = vhost_builder_create(BYTES("x"), SCHEME_HTTP);
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
        {true, BYTES("b.yaml:1"), BYTES("o"), BYTES("t4"), false},
        {true, BYTES("a.yaml:10"), BYTES("o"), BYTES("t3"), false},
        {true, BYTES("a.yaml:9"), BYTES("o"), BYTES("t2"), false},
        {false, BYTES_NONE, BYTES("o"), BYTES("t1"), false},
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
      UNIT(threads_may_drop_generations_while_the_next_is_built))
