/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_builder_cost.c - what ten thousand hosts weigh, and what one change costs.
 */
#include "route/builder.h"
#include "tests/unit/route/make.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>

static void put_host(struct maker *maker, const char *name, const char *path, const char *cluster)
{
    maker_host(maker, name);
    maker_route(maker, PATH_PREFIX, path, cluster);
}

static void finish_table(struct table *table)
{
    table_unref(table);
    assert_int_equal(table_live_count(), 0);
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
    finish_table(table);
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
    finish_table(table);
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

TESTS(UNIT(ten_thousand_hosts_of_three_routes_fit_into_fifteen_megabytes),
      UNIT(one_change_costs_a_page_and_not_the_table))
