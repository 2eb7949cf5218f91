/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_statuses.c - the one status of an IngressRoute follows the objects, and not their order. The
 * texts are shown by the golden cases 2.9.
 */
#include "tests/unit/controller/compile/trees.h"

#define VALID    "valid: valid IngressRoute"
#define ORPHANED "orphaned: this IngressRoute is not part of a delegation chain"

#define assert_status(world, name, words)                                                          \
    assert_has(settled(world), "status IngressRoute default/" name " " words)

TEST(a_child_is_an_orphan_until_a_root_leads_to_it)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_status(&world, "child", ORPHANED);
    put_route(&world, "root", HOST("a.test") ROUTES(DELEGATES("/c", "child")));
    assert_status(&world, "child", VALID);
    drop_route(&world, "root");
    assert_status(&world, "child", ORPHANED);
    world_close(&world);
}

TEST(an_orphan_that_goes_leaves_no_status)
{
    struct world world;

    world_open(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_status(&world, "child", ORPHANED);
    drop_route(&world, "child");
    assert_lacks(settled(&world), "status");
    assert_int_equal(table_statuses_count(world.table), 0);
    world_close(&world);
}

TEST(of_two_roots_that_share_a_host_each_is_valid_once_the_other_has_gone)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "one", HOST("a.test") ROUTES(DELEGATES("/", "child")));
    put_route(&world, "child", ROUTES(SERVES("/", "web")));
    put_route(&world, "two", HOST("A.Test") ROUTES(SERVES("/", "web")));
    assert_status(&world, "one",
                  "invalid: fqdn \"a.test\" is used in multiple IngressRoutes: "
                  "default/one, default/two");
    assert_status(&world, "two", "invalid: fqdn");
    assert_status(&world, "child", ORPHANED);
    assert_lacks(world.dump.at, "-> default/web/80");
    drop_route(&world, "two");
    assert_status(&world, "one", VALID);
    assert_status(&world, "child", VALID);
    world_close(&world);
}

TEST(a_mistake_of_a_child_is_not_its_parents)
{
    struct world world;

    world_open(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(DELEGATES("/c", "child")));
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_status(&world, "root", VALID);
    assert_status(&world, "child", "invalid: Service [web:80] is invalid or missing");
    put_service(&world);
    assert_status(&world, "child", VALID);
    world_close(&world);
}

/* It fits nowhere: what c says is heard only when a is silent. */
TEST(what_fits_under_no_parent_is_invalid_and_the_first_host_by_name_tells)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "child", ROUTES(SERVES("/a", "web") ", " SERVES("/c", "web")));
    put_route(&world, "rc", HOST("c.test") ROUTES(DELEGATES("/c", "child")));
    assert_status(&world, "child",
                  "invalid: the path prefix \"/a\" does not match the parent's path prefix \"/c\" "
                  "(delegated by IngressRoute default/rc for host c.test)\n");
    put_route(&world, "ra", HOST("a.test") ROUTES(DELEGATES("/a", "child")));
    assert_status(&world, "child",
                  "invalid: the path prefix \"/c\" does not match the parent's path prefix \"/a\" "
                  "(delegated by IngressRoute default/ra for host a.test)\n");
    assert_has(world.dump.at,
               "finding error child.yaml:1 IngressRoute default/child: spec.routes[0]: the path "
               "prefix \"/a\" does not match the parent's path prefix \"/c\" (delegated by "
               "IngressRoute default/rc for host c.test)\n");
    world_close(&world);
}

TEST(nobody_makes_anothers_ingress_route_invalid_by_delegating_to_it)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "evil", HOST("a.test") ROUTES(DELEGATES("/x", "child")));
    put_route(&world, "child", ROUTES(SERVES("/c", "web") ", " SERVES("/c/d", "web")));
    assert_status(&world, "child",
                  "invalid: the path prefix \"/c\" does not match the parent's path prefix \"/x\" "
                  "(delegated by IngressRoute default/evil for host a.test)\n");
    put_route(&world, "root", HOST("b.test") ROUTES(DELEGATES("/c", "child")));
    assert_status(&world, "child", VALID);
    assert_status(&world, "evil", VALID);
    assert_has(
        world.dump.at,
        "finding warning evil.yaml:1 IngressRoute default/evil: spec.routes[0].delegate: for "
        "host a.test, IngressRoute default/child does not fit here as it does elsewhere: "
        "spec.routes[0]: the path prefix \"/c\" does not match the parent's path prefix "
        "\"/x\"\n");
    assert_lacks(world.dump.at, "finding error");
    drop_route(&world, "root");
    assert_status(&world, "child", "invalid: the path prefix");
    assert_has(world.dump.at, "finding error child.yaml:1 IngressRoute default/child");
    drop_route(&world, "evil");
    assert_status(&world, "child", ORPHANED);
    assert_lacks(world.dump.at, "finding");
    world_close(&world);
}

#define STREAMS(to)   "  tcpproxy: {" to "}\n"
#define PASSING(fqdn) "  virtualhost: {fqdn: " fqdn ", tls: {passthrough: true}}\n"
#define WITH_TCP      STREAMS("services: [{name: web, port: 80}]")

static void put_stranger(struct world *world)
{
    put_route(world, "stranger", PASSING("b.test") STREAMS("delegate: {name: blog}"));
}

TEST(a_way_to_the_tcpproxy_of_an_ingress_route_is_no_way_to_its_routes)
{
    struct world world;
    const char *wrong =
        "status IngressRoute default/blog invalid: the path prefix \"/blog\" does not match the "
        "parent's path prefix \"/x\" (delegated by IngressRoute default/root for host a.test)";

    world_open(&world);
    put_service(&world);
    put_route(&world, "root",
              HOST("a.test") ROUTES(SERVES("/", "web") ", " DELEGATES("/x", "blog")));
    put_stranger(&world);
    put_route(&world, "blog", ROUTES(SERVES("/blog", "web")));
    assert_line(settled(&world), wrong);
    assert_lacks(world.dump.at, "as it does elsewhere");
    assert_line(world.dump.at, "status IngressRoute default/stranger invalid: tcpproxy: "
                               "default/blog has no tcpproxy");
    put_route(&world, "blog", WITH_TCP ROUTES(SERVES("/blog", "web")));
    assert_line(settled(&world), wrong);
    assert_lacks(world.dump.at, "as it does elsewhere");
    assert_line(world.dump.at, "status IngressRoute default/stranger valid");
    world_close(&world);
}

TEST(a_place_that_was_lost_is_told_also_where_a_tcpproxy_is_served)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "root",
              HOST("a.test") ROUTES(SERVES("/blog", "web") ", " DELEGATES("/blog", "blog")));
    put_route(&world, "blog", WITH_TCP ROUTES(SERVES("/blog", "web")));
    put_stranger(&world);
    assert_line(settled(&world), "status IngressRoute default/blog valid: valid IngressRoute; "
                                 "spec.routes[0]: IngressRoute default/root spec.routes[0] has");
    world_close(&world);
}

TEST(where_only_a_tcpproxy_leads_to_is_no_orphan_if_it_has_one)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_stranger(&world);
    put_route(&world, "blog", ROUTES(SERVES("/blog", "web")));
    assert_line(settled(&world), "status IngressRoute default/blog orphaned");
    put_route(&world, "blog", WITH_TCP);
    assert_line(settled(&world), "status IngressRoute default/blog valid");
    world_close(&world);
}

TEST(what_is_wrong_by_every_way_is_told_also_where_some_way_is_wrong)
{
    struct world world;

    world_open(&world);
    put_route(&world, "evil", HOST("a.test") ROUTES(DELEGATES("/x", "child")));
    put_route(&world, "root", HOST("b.test") ROUTES(DELEGATES("/c", "child")));
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_status(&world, "child", "invalid: Service [web:80] is invalid or missing");
    put_service(&world);
    assert_status(&world, "child", VALID);
    world_close(&world);
}

/* In either order of the root's routes. */
TEST(who_was_given_the_longer_prefix_has_the_place_and_the_other_says_so)
{
    static const char *const roots[] = {
        ROUTE_OBJECT("root", HOST("a.test")
                                 ROUTES(DELEGATES("/a", "wide") ", " DELEGATES("/a/pay", "pay"))),
        ROUTE_OBJECT("root", HOST("a.test")
                                 ROUTES(DELEGATES("/a/pay", "pay") ", " DELEGATES("/a", "wide"))),
    };

    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        struct world world;

        world_open(&world);
        put_service(&world);
        world_put(&world, "root.yaml", roots[i]);
        put_route(&world, "wide",
                  ROUTES(DELEGATES("/a/pay", "own") ", " DELEGATES("/a/pay", "pay") ", " SERVES(
                      "/a/pay", "web")));
        put_route(&world, "own", ROUTES(SERVES("/a/pay", "web")));
        put_route(&world, "pay", ROUTES(SERVES("/a/pay", "web")));
        assert_line(
            settled(&world),
            "string /a/pay -> default/web/80 (1 endpoint) IngressRoute default/pay spec.routes[0]");
        assert_status(&world, "pay", VALID "\n");
        assert_status(
            &world, "wide",
            VALID
            "; spec.routes[2]: IngressRoute default/pay spec.routes[0] has path \"/a/pay\" of "
            "host a.test already, and was delegated a longer prefix\n");
        assert_status(&world, "own", VALID "; spec.routes[0]: IngressRoute default/pay");
        put_route(&world, "pay", ROUTES(SERVES("/a/pay/x", "web")));
        assert_status(&world, "wide", VALID "\n");
        assert_line(settled(&world), "string /a/pay -> default/web/80 (1 endpoint) IngressRoute "
                                     "default/wide spec.routes[2]");
        world_close(&world);
    }
}

TEST(what_lost_a_place_in_one_tree_and_is_served_in_full_in_another_does_not_say_so)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    put_route(&world, "evil",
              HOST("a.test") ROUTES(SERVES("/c", "web") ", " DELEGATES("/c", "child")));
    assert_status(&world, "child",
                  VALID "; spec.routes[0]: IngressRoute default/evil spec.routes[0] has");
    put_route(&world, "root", HOST("b.test") ROUTES(DELEGATES("/c", "child")));
    assert_status(&world, "child", VALID "\n");
    world_close(&world);
}

TEST(statuses_do_not_depend_on_the_order_of_arrival)
{
    static const char *const objects[] = {
        ROUTE_OBJECT("root", HOST("a.test") ROUTES(DELEGATES("/a", "x") ", " DELEGATES("/b", "x"))),
        ROUTE_OBJECT("other", HOST("b.test") ROUTES(DELEGATES("/", "y"))),
        ROUTE_OBJECT("x", ROUTES(SERVES("/a", "web") ", " DELEGATES("/b", "y"))),
        ROUTE_OBJECT("y", ROUTES(SERVES("/b", "web") ", " DELEGATES("/", "x"))),
    };
    static const unsigned orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
    struct text first;

    text_init(&first);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct world world;

        world_open(&world);
        put_service(&world);
        for (size_t j = 0; j < 4; j++) {
            char file[16];

            (void)snprintf(file, sizeof(file), "%u.yaml", orders[i][j]);
            world_put(&world, file, objects[orders[i][j]]);
            (void)world_run(&world);
        }
        if (i == 0)
            text_add_str(&first, settled(&world));
        else
            assert_same_text(settled(&world), text_bytes(&first).at);
        if (i == 0)
            text_add_byte(&first, '\0');
        world_close(&world);
    }
    text_fini(&first);
}

TEST(a_status_has_the_host_of_a_root_and_no_host_of_a_child)
{
    struct world world;

    world_open(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    put_route(&world, "root", HOST("A.Test") ROUTES(DELEGATES("/c", "child")));
    put_route(&world, "wild", HOST("'*.test'") ROUTES(SERVES("/", "web")));
    (void)settled(&world);
    assert_int_equal(table_statuses_count(world.table), 3);
    assert_bytes(table_status(world.table, 0)->object, "IngressRoute default/child");
    assert_bytes(table_status(world.table, 0)->host, "");
    assert_int_equal(table_status(world.table, 0)->state, OBJECT_INVALID);
    assert_bytes(table_status(world.table, 1)->object, "IngressRoute default/root");
    assert_bytes(table_status(world.table, 1)->host, "a.test");
    assert_int_equal(table_status(world.table, 1)->state, OBJECT_VALID);
    assert_bytes(table_status(world.table, 2)->host, "");
    assert_int_equal(table_status(world.table, 2)->state, OBJECT_INVALID);
    world_close(&world);
}

/* A path of 1,500 bytes, which may be as long as a request's. */
static const char *long_path(char *room)
{
    room[0] = '/';
    memset(room + 1, 'x', 1499);
    room[1500] = '\0';
    return room;
}

static void assert_first_status_says(const struct world *world, const char *words)
{
    char *description = mem_string(table_status(world->table, 0)->description);

    if (strstr(description, words) == NULL)
        fail_msg("missing: %s\nin:\n%s", words, description);
    assert_true(strlen(description) < 1024);
    mem_free(description);
}

TEST(however_long_a_path_is_the_status_says_what_is_wrong_with_it)
{
    char path[1501], manifest[4096];
    struct world world;

    world_open(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(DELEGATES("/c", "child")));
    (void)snprintf(manifest, sizeof(manifest), ROUTE_OBJECT("child", ROUTES(SERVES("%s", "web"))),
                   long_path(path));
    world_put(&world, "child.yaml", manifest);
    (void)settled(&world);
    assert_first_status_says(&world, "xxx...\" does not match the parent's path prefix \"/c\"");
    (void)snprintf(manifest, sizeof(manifest),
                   ROUTE_OBJECT("child", HOST("b.test") ROUTES(
                                             "{match: %s, services: [{name: web, port: 0}]}")),
                   long_path(path));
    world_put(&world, "child.yaml", manifest);
    (void)settled(&world);
    assert_first_status_says(&world,
                             "xxx...\": service \"web\": port must be in the range 1-65535");
    world_close(&world);
}

/* explain finds them by it. */
TEST(a_root_that_may_not_be_one_has_the_host_that_it_asks_for)
{
    const struct bytes allowed[] = {BYTES("platform")};
    struct world world;

    world_open(&world);
    put_route(&world, "dotted", HOST("B.Test.") ROUTES(SERVES("/", "web")));
    (void)settled(&world);
    assert_bytes(table_status(world.table, 0)->host, "b.test");
    world_close(&world);
    world_open(&world);
    world.options.root_namespaces = allowed;
    world.options.root_namespaces_count = 1;
    put_route(&world, "root", HOST("A.Test") ROUTES(SERVES("/", "web")));
    assert_line(settled(&world), "status IngressRoute default/root invalid: root IngressRoute "
                                 "cannot be defined in this namespace");
    assert_bytes(table_status(world.table, 0)->host, "a.test");
    world_close(&world);
}

/* Of metrics and of who writes statuses: an endpoint that comes must not cost them a look. */
TEST(what_changes_no_status_keeps_the_list)
{
    struct world world;
    const struct object_status *before;

    world_open(&world);
    put_service(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(SERVES("/", "web")));
    (void)settled(&world);
    before = table_status(world.table, 0);
    world_put(&world, "web.yaml",
              SERVICE("web", "80") NEXT SLICE("web-1", "web", "8080", "10.0.0.1, 10.0.0.2"));
    assert_true(world_run(&world));
    assert_ptr_equal(table_status(world.table, 0), before);
    world_close(&world);
}

TESTS(UNIT(a_child_is_an_orphan_until_a_root_leads_to_it),
      UNIT(an_orphan_that_goes_leaves_no_status),
      UNIT(of_two_roots_that_share_a_host_each_is_valid_once_the_other_has_gone),
      UNIT(a_mistake_of_a_child_is_not_its_parents),
      UNIT(what_fits_under_no_parent_is_invalid_and_the_first_host_by_name_tells),
      UNIT(nobody_makes_anothers_ingress_route_invalid_by_delegating_to_it),
      UNIT(a_way_to_the_tcpproxy_of_an_ingress_route_is_no_way_to_its_routes),
      UNIT(a_place_that_was_lost_is_told_also_where_a_tcpproxy_is_served),
      UNIT(where_only_a_tcpproxy_leads_to_is_no_orphan_if_it_has_one),
      UNIT(what_is_wrong_by_every_way_is_told_also_where_some_way_is_wrong),
      UNIT(who_was_given_the_longer_prefix_has_the_place_and_the_other_says_so),
      UNIT(what_lost_a_place_in_one_tree_and_is_served_in_full_in_another_does_not_say_so),
      UNIT(statuses_do_not_depend_on_the_order_of_arrival),
      UNIT(a_status_has_the_host_of_a_root_and_no_host_of_a_child),
      UNIT(however_long_a_path_is_the_status_says_what_is_wrong_with_it),
      UNIT(a_root_that_may_not_be_one_has_the_host_that_it_asks_for),
      UNIT(what_changes_no_status_keeps_the_list))
