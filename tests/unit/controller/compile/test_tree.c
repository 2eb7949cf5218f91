/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree.c - trees of IngressRoutes while they change, and how large they may become. What a
 * tree that stands still gives is shown by the golden cases.
 */
#include "controller/compile/tree.h"
#include "tests/unit/controller/compile/trees.h"

static void open_with_root(struct world *world)
{
    world_open(world);
    put_service(world);
    put_route(world, "root",
              HOST("a.test") ROUTES(SERVES("/", "web") ", " DELEGATES("/c", "child")));
}

TEST(a_child_that_comes_changes_and_goes_is_followed)
{
    struct world world;

    open_with_root(&world);
    assert_line(settled(&world), "string /c -> 503 IngressRoute default/child not found");
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_line(settled(&world),
                "string /c -> default/web/80 (1 endpoint) IngressRoute default/child");
    put_route(&world, "child", ROUTES(SERVES("/c/new", "web")));
    assert_line(settled(&world), "string /c/new -> default/web/80");
    assert_lacks(world.dump.at, "string /c ");
    drop_route(&world, "child");
    assert_line(settled(&world), "string /c -> 503 IngressRoute default/child not found");
    assert_line(world.dump.at, "string / -> default/web/80");
    world_close(&world);
}

TEST(a_change_compiles_the_hosts_that_reach_it_and_no_other)
{
    struct world world;

    open_with_root(&world);
    put_route(&world, "other", HOST("b.test") ROUTES(DELEGATES("/c", "child")));
    put_route(&world, "apart", HOST("c.test") ROUTES(SERVES("/", "web")));
    put_route(&world, "child", ROUTES(DELEGATES("/c", "grandchild")));
    put_route(&world, "grandchild", ROUTES(SERVES("/c", "web")));
    (void)settled(&world);
    put_route(&world, "grandchild", ROUTES(SERVES("/c/x", "web")));
    assert_true(world_run(&world));
    assert_int_equal(hosts_compiled(&world), 2);
    put_route(&world, "apart", HOST("c.test") ROUTES(SERVES("/x", "web")));
    assert_true(world_run(&world));
    assert_int_equal(hosts_compiled(&world), 1);
    (void)settled(&world);
    world_close(&world);
}

TEST(a_child_that_becomes_a_root_is_no_child_any_more)
{
    struct world world;

    open_with_root(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_line(settled(&world), "string /c -> default/web/80");
    put_route(&world, "child", HOST("b.test") ROUTES(SERVES("/c", "web")));
    assert_has(settled(&world), "host b.test");
    assert_line(world.dump.at, "string /c -> 503 the delegation cannot be followed");
    world_close(&world);
}

TEST(a_root_that_is_renamed_takes_its_tree_along)
{
    struct world world;

    open_with_root(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    (void)settled(&world);
    put_route(&world, "root", HOST("b.test") ROUTES(DELEGATES("/c", "child")));
    assert_has(settled(&world), "host b.test");
    assert_lacks(world.dump.at, "host a.test");
    assert_line(world.dump.at, "string /c -> default/web/80");
    world_close(&world);
}

TEST(a_child_of_another_class_is_as_good_as_gone)
{
    struct world world;

    open_with_root(&world);
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_line(settled(&world), "string /c -> default/web/80");
    world_put(
        &world, "child.yaml",
        "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: child, "
        "annotations: {kubernetes.io/ingress.class: nginx}}\nspec:\n" ROUTES(SERVES("/c", "web")));
    assert_line(settled(&world),
                "string /c -> 503 IngressRoute default/child is of class \"nginx\", "
                "and ours is");
    assert_lacks(world.dump.at, "status IngressRoute default/child");
    world_close(&world);
}

TEST(a_child_that_no_class_or_no_watched_namespace_makes_ours_says_so)
{
    const struct bytes watched[] = {BYTES("elsewhere"), BYTES("default")};
    struct world world;

    open_with_root(&world);
    world.options.ingress_class_is_given = true;
    world_put(&world, "root.yaml",
              "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: root, "
              "annotations: {kubernetes.io/ingress.class: "
              "fairlead}}\nspec:\n" HOST("a.test") ROUTES(DELEGATES("/c", "child")));
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_line(settled(&world),
                "string /c -> 503 IngressRoute default/child has no class, and with "
                "--ingress-class only \"fairlead\" is ours");
    world_close(&world);
    world_open(&world);
    world.options.watch_namespaces = watched;
    world.options.watch_namespaces_count = 2;
    put_route(&world, "root",
              HOST("a.test") ROUTES("{match: /c, delegate: {name: child, namespace: far}}"));
    world_put(&world, "child.yaml",
              "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: child, "
              "namespace: far}\nspec:\n" ROUTES(SERVES("/c", "web")));
    assert_line(settled(&world), "string /c -> 503 IngressRoute far/child is in a namespace that "
                                 "--watch-namespaces leaves out");
    world_close(&world);
}

/* "c0" leads to "c1" and so on; the last of `count` serves. */
static void put_chain(struct world *world, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char file[32], text[512];

        (void)snprintf(file, sizeof(file), "c%u.yaml", i);
        if (i + 1 == count)
            (void)snprintf(text, sizeof(text),
                           "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
                           "metadata: {name: c%u}\nspec:\n" ROUTES(SERVES("/", "web")),
                           i);
        else
            (void)snprintf(text, sizeof(text),
                           "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
                           "metadata: {name: c%u}\nspec:\n" ROUTES(DELEGATES("/", "c%u")),
                           i, i + 1);
        world_put(world, file, text);
    }
}

TEST(a_chain_as_deep_as_may_be_is_served_and_one_deeper_is_told)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(DELEGATES("/", "c0")));
    put_chain(&world, DELEGATION_DEPTH_MAX - 1);
    assert_line(settled(&world), "string / -> default/web/80");
    put_chain(&world, DELEGATION_DEPTH_MAX);
    assert_line(settled(&world), "string / -> 503 the delegation cannot be followed");
    assert_has(world.dump.at, "status IngressRoute default/c62 invalid: route: the tree of host "
                              "a.test is deeper than 64 delegations (DELEGATION_DEPTH_MAX)");
    assert_has(world.dump.at, "status IngressRoute default/c63 orphaned");
    world_close(&world);
}

/* Each of these leads to every one of the next layer, so that there are 8^10 ways to the last. */
TEST(a_tree_in_which_all_ways_lead_everywhere_is_walked_once)
{
    enum { LAYERS = 10, WIDTH = 8 };
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(DELEGATES("/", "l0-0")));
    for (unsigned i = 0; i < LAYERS * WIDTH; i++) {
        char file[32];
        struct text text;

        (void)snprintf(file, sizeof(file), "l%u-%u.yaml", i / WIDTH, i % WIDTH);
        text_init(&text);
        text_printf(&text,
                    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
                    "metadata: {name: l%u-%u}\nspec:\n  routes:\n",
                    i / WIDTH, i % WIDTH);
        for (unsigned j = 0; j < WIDTH && i / WIDTH + 1 < LAYERS; j++)
            text_printf(&text, "  - " DELEGATES("/", "l%u-%u") "\n", i / WIDTH + 1, j);
        if (i / WIDTH + 1 == LAYERS)
            text_printf(&text, "  - " SERVES("/%u", "web") "\n", i % WIDTH);
        text_add_byte(&text, '\0');
        world_put(&world, file, text.at);
        text_fini(&text);
    }
    assert_line(settled(&world), "string /0 -> default/web/80");
    assert_line(world.dump.at, "string /7 -> default/web/80");
    assert_lacks(world.dump.at, "finding");
    world_close(&world);
}

static void put_wide_root(struct world *world, unsigned children)
{
    struct text text;

    text_init(&text);
    text_add_str(&text, ROUTE_OBJECT("root", HOST("a.test") "  routes:\n"));
    text_add_str(&text, "  - " SERVES("/first", "web") "\n");
    for (unsigned i = 0; i < children; i++)
        text_printf(&text, "  - " DELEGATES("/%u", "child") "\n", i);
    text_add_str(&text, "  - " SERVES("/last", "web") "\n");
    text_add_byte(&text, '\0');
    world_put(world, "root.yaml", text.at);
    text_fini(&text);
}

TEST(a_tree_as_large_as_may_be_is_served_and_a_larger_one_is_told)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "child", "  routes: []\n");
    put_wide_root(&world, DELEGATION_VISITS_MAX - 1);
    assert_lacks(settled(&world), "finding error");
    put_wide_root(&world, DELEGATION_VISITS_MAX);
    assert_has(settled(&world), "status IngressRoute default/root invalid: route: the tree of host "
                                "a.test is larger than 20000 delegations (DELEGATION_VISITS_MAX)");
    assert_line(world.dump.at, "string /19999 -> 503 the delegation cannot be followed");
    assert_line(world.dump.at, "string /first -> default/web/80");
    assert_line(world.dump.at, "string /last -> default/web/80");
    world_close(&world);
}

static void put_services(struct world *world, unsigned count)
{
    struct text text;

    text_init(&text);
    text_add_str(&text, ROUTE_OBJECT("root", HOST("a.test") "  routes:\n"));
    text_add_str(&text, "  - " SERVES("/other", "web") "\n  - match: /\n    services:\n");
    for (unsigned i = 0; i < count; i++)
        text_add_str(&text, "    - {name: web, port: 80, weight: 1}\n");
    text_add_byte(&text, '\0');
    world_put(world, "root.yaml", text.at);
    text_fini(&text);
}

TEST(a_route_of_as_many_services_as_may_be_is_served_and_one_of_more_is_told)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_services(&world, ROUTE_SERVICES_MAX);
    assert_line(settled(&world), "string / -> default/web/80 weight=1");
    put_services(&world, ROUTE_SERVICES_MAX + 1);
    assert_line(settled(&world), "string / -> 503 the route is not valid");
    assert_line(world.dump.at, "string /other -> default/web/80");
    assert_has(world.dump.at, "more than 256 services (ROUTE_SERVICES_MAX)");
    world_close(&world);
}

TEST(a_service_that_comes_makes_a_route_whole_and_valid)
{
    struct world world;

    world_open(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(SERVES("/", "web")));
    assert_line(settled(&world), "string / -> 503 Service default/web not found");
    assert_has(world.dump.at, "root invalid: Service [web:80] is invalid or missing");
    put_service(&world);
    assert_line(settled(&world), "string / -> default/web/80 (1 endpoint)");
    assert_has(world.dump.at, "root valid: valid IngressRoute");
    world_put(&world, "web.yaml", NULL);
    assert_line(settled(&world), "string / -> 503 Service default/web not found");
    world_close(&world);
}

TESTS(UNIT(a_child_that_comes_changes_and_goes_is_followed),
      UNIT(a_change_compiles_the_hosts_that_reach_it_and_no_other),
      UNIT(a_child_that_becomes_a_root_is_no_child_any_more),
      UNIT(a_root_that_is_renamed_takes_its_tree_along),
      UNIT(a_child_of_another_class_is_as_good_as_gone),
      UNIT(a_child_that_no_class_or_no_watched_namespace_makes_ours_says_so),
      UNIT(a_chain_as_deep_as_may_be_is_served_and_one_deeper_is_told),
      UNIT(a_tree_in_which_all_ways_lead_everywhere_is_walked_once),
      UNIT(a_tree_as_large_as_may_be_is_served_and_a_larger_one_is_told),
      UNIT(a_route_of_as_many_services_as_may_be_is_served_and_one_of_more_is_told),
      UNIT(a_service_that_comes_makes_a_route_whole_and_valid))
