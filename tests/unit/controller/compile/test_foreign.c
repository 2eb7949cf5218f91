/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_foreign.c - the hosts that objects name which are not ours, as the table keeps them.
 */
#include "tests/unit/controller/compile/world.h"

#define OF_CLASS(name, class, host)                                                                \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " name "}\nspec: "          \
    "{ingressClassName: " class ", rules: [" host "]}\n"
#define OUR_CLASS(name)                                                                            \
    "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: " name "}\nspec: "     \
    "{controller: fairlead.dev/ingress-controller}\n"

/* "host object, host object" */
static void assert_foreign(struct world *world, const char *expected)
{
    struct text said;
    char *words;

    (void)world_run(world);
    text_init(&said);
    for (size_t i = 0; i < table_foreign_hosts_count(world->table); i++) {
        const struct foreign_host *foreign = table_foreign_host(world->table, i);

        text_printf(&said, "%s%.*s %.*s", i > 0 ? ", " : "", BYTES_ARG(foreign->host),
                    BYTES_ARG(foreign->object));
    }
    words = mem_string(text_bytes(&said));
    assert_string_equal(words, expected);
    mem_free(words);
    text_fini(&said);
}

TEST(hosts_of_what_is_not_ours_are_kept_sorted_and_follow_each_change)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml", OF_CLASS("web", "nginx", "{host: B.test}, {host: b.test}, {}"));
    world_put(&world, "b.yaml", OF_CLASS("ours", "fairlead", "{host: c.test}"));
    assert_foreign(&world, "* Ingress default/web, b.test Ingress default/web, "
                           "b.test Ingress default/web");
    world_put(&world, "a.yaml", OF_CLASS("web", "nginx", "{host: a.test}, {host: 'no host'}"));
    assert_foreign(&world, "a.test Ingress default/web");
    world_put(&world, "a.yaml", OF_CLASS("web", "fairlead", "{host: a.test}"));
    assert_foreign(&world, "");
    world_put(&world, "b.yaml", OF_CLASS("ours", "nginx", "{host: c.test}"));
    assert_foreign(&world, "c.test Ingress default/ours");
    world_put(&world, "b.yaml", NULL);
    assert_foreign(&world, "");
    world_close(&world);
}

TEST(a_class_that_comes_or_goes_makes_objects_ours_or_foreign)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml", OF_CLASS("web", "mine", "{host: a.test}"));
    assert_foreign(&world, "a.test Ingress default/web");
    world_put(&world, "class.yaml", OUR_CLASS("mine"));
    assert_foreign(&world, "");
    world_put(&world, "class.yaml", NULL);
    assert_foreign(&world, "a.test Ingress default/web");
    world_close(&world);
}

/* Of a cluster in which all is well, nobody pays for this. */
TEST(what_is_ours_changes_and_the_list_of_the_rest_is_shared)
{
    struct world world;
    const struct foreign_host *before;

    world_open(&world);
    world_put(&world, "a.yaml", OF_CLASS("web", "nginx", "{host: a.test}"));
    (void)world_run(&world);
    before = table_foreign_host(world.table, 0);
    world_put(&world, "b.yaml", INGRESS("ours", "c.test", "/", "Prefix", "web", "80"));
    assert_true(world_run(&world));
    assert_ptr_equal(table_foreign_host(world.table, 0), before);
    world_put(&world, "a.yaml", OF_CLASS("web", "nginx", "{host: a.test}") "# more\n");
    assert_false(world_run(&world));
    world_close(&world);
}

static char *many_rules(unsigned from, unsigned count)
{
    struct text text;
    char *string;

    text_init(&text);
    text_add_str(&text, "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: ");
    text_printf(&text, "many-%u}\nspec:\n  ingressClassName: nginx\n  rules:\n", from);
    for (unsigned i = 0; i < count; i++)
        text_printf(&text, "  - host: h%06u.test\n", from + i);
    string = mem_string(text_bytes(&text));
    text_fini(&text);
    return string;
}

static void put_many(struct world *world, const char *path, unsigned from, unsigned count)
{
    char *manifest = many_rules(from, count);

    world_put(world, path, manifest);
    mem_free(manifest);
}

static void assert_first_ones(const struct table *table, uint64_t left_out)
{
    size_t count = table_foreign_hosts_count(table);

    assert_int_equal(count, FOREIGN_HOSTS_MAX);
    assert_int_equal(table_foreign_hosts_left_out(table), left_out);
    assert_bytes(table_foreign_host(table, 0)->host, "h000000.test");
    assert_bytes(table_foreign_host(table, count - 1)->host, "h009999.test");
}

TEST(of_more_hosts_than_are_kept_the_first_by_name_stay_and_the_rest_is_counted)
{
    struct world world;
    struct table *fresh;

    world_open(&world);
    put_many(&world, "c.yaml", 20000, 15000);
    put_many(&world, "b.yaml", 10000, 10000);
    put_many(&world, "a.yaml", 0, 10000);
    assert_true(world_run(&world));
    assert_first_ones(world.table, 25000);
    fresh = compiler_run_fresh(world.compiler);
    assert_first_ones(fresh, 25000);
    table_unref(fresh);
    world_put(&world, "c.yaml", NULL);
    assert_true(world_run(&world));
    assert_first_ones(world.table, 10000);
    world_close(&world);
}

TESTS(UNIT(hosts_of_what_is_not_ours_are_kept_sorted_and_follow_each_change),
      UNIT(a_class_that_comes_or_goes_makes_objects_ours_or_foreign),
      UNIT(what_is_ours_changes_and_the_list_of_the_rest_is_shared),
      UNIT(of_more_hosts_than_are_kept_the_first_by_name_stay_and_the_rest_is_counted))
