/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unreadable.c - an IngressRoute that cannot be read serves nothing and has a status all the
 * same. The texts are shown by the golden case 2.1-types-refused.
 */
#include "tests/unit/controller/compile/trees.h"

#define UNREADABLE                                                                                 \
    "invalid: spec.routes: the number 7 is not a list: write each item on a line that begins "     \
    "with a dash"
#define BAD_ROUTES "  routes: 7\n"

#define assert_status(world, name, words)                                                          \
    assert_has(settled(world), "status IngressRoute default/" name " " words)

TEST(an_ingress_route_that_cannot_be_read_is_invalid_and_says_why)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(SERVES("/", "web")));
    assert_status(&world, "root", "valid");
    put_route(&world, "root", HOST("a.test") BAD_ROUTES);
    assert_status(&world, "root", UNREADABLE);
    assert_lacks(world.dump.at, "host a.test");
    assert_bytes(table_status(world.table, 0)->host, "a.test"); /* explain finds it by that */
    put_route(&world, "root", HOST("a.test") ROUTES(SERVES("/", "web")));
    assert_status(&world, "root", "valid");
    drop_route(&world, "root");
    assert_lacks(settled(&world), "status");
    world_close(&world);
}

TEST(one_whose_class_is_anothers_has_no_status_and_one_whose_class_cannot_be_read_has)
{
    struct world world;

    world_open(&world);
    world.options.ingress_class_is_given = true;
    world_put(
        &world, "a.yaml",
        "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
        "metadata: {name: theirs, annotations: {kubernetes.io/ingress.class: nginx}}\n"
        "spec:\n" BAD_ROUTES NEXT "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
        "metadata: {name: ours, annotations: {kubernetes.io/ingress.class: fairlead}}\n"
        "spec:\n" BAD_ROUTES NEXT "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
        "metadata: {name: hidden, annotations: {kubernetes.io/ingress.class: 5}}\n");
    assert_lacks(settled(&world), "status IngressRoute default/theirs");
    assert_status(&world, "ours", UNREADABLE);
    assert_status(&world, "hidden", "invalid: metadata.annotations");
    world_close(&world);
}

TEST(a_child_that_cannot_be_read_is_as_good_as_none_to_its_parent)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    put_route(&world, "root", HOST("a.test") ROUTES(DELEGATES("/c", "child")));
    put_route(&world, "child", BAD_ROUTES);
    assert_status(&world, "root", "valid");
    assert_status(&world, "child", UNREADABLE);
    assert_has(world.dump.at, "IngressRoute default/child cannot be read");
    put_route(&world, "child", ROUTES(SERVES("/c", "web")));
    assert_status(&world, "child", "valid");
    assert_line(world.dump.at, "string /c -> default/web/80");
    put_route(&world, "child", HOST("b.test") BAD_ROUTES); /* not even a root */
    assert_status(&world, "root", "valid");
    world_close(&world);
}

TEST(a_definition_that_cannot_be_read_takes_no_place_from_one_that_can)
{
    struct world world;

    world_open(&world);
    put_service(&world);
    world_put(&world, "a.yaml", ROUTE_OBJECT("root", BAD_ROUTES));
    assert_status(&world, "root", UNREADABLE);
    world_put(&world, "b.yaml", ROUTE_OBJECT("root", HOST("a.test") ROUTES(SERVES("/", "web"))));
    assert_status(&world, "root", "valid");
    world_put(&world, "a.yaml", ROUTE_OBJECT("root", HOST("b.test") ROUTES(SERVES("/", "web"))));
    assert_has(settled(&world), "host b.test");
    world_put(&world, "a.yaml", ROUTE_OBJECT("root", BAD_ROUTES));
    assert_has(settled(&world), "host a.test");
    world_put(&world, "b.yaml", NULL);
    assert_status(&world, "root", UNREADABLE);
    world_put(&world, "a.yaml", NULL);
    assert_lacks(settled(&world), "status");
    world_close(&world);
}

/* What an API server sends comes as a change, with the fault beside it. */
TEST(a_change_that_cannot_be_read_leaves_a_status_and_no_route)
{
    struct world world;
    struct decoded decoded;
    struct source_change change = {
        .kind = OBJECT_INGRESS_ROUTE, .ns = BYTES("default"), .name = BYTES("root")};
    struct source_batch batch = {.changes = &change, .changes_count = 1};

    world_open(&world);
    decode_manifest(BYTES(ROUTE_OBJECT("root", HOST("a.test") BAD_ROUTES)), BYTES_NONE, &decoded);
    change.object = object_ref(decoded.objects[0]);
    change.fault = decoded.notes[0].text;
    compiler_apply(world.compiler, &batch);
    assert_status(&world, "root", UNREADABLE);
    object_unref(change.object);
    change.object = NULL;
    change.fault = BYTES_NONE;
    compiler_apply(world.compiler, &batch);
    assert_lacks(settled(&world), "default/root");
    decoded_fini(&decoded);
    world_close(&world);
}

TESTS(UNIT(an_ingress_route_that_cannot_be_read_is_invalid_and_says_why),
      UNIT(one_whose_class_is_anothers_has_no_status_and_one_whose_class_cannot_be_read_has),
      UNIT(a_child_that_cannot_be_read_is_as_good_as_none_to_its_parent),
      UNIT(a_definition_that_cannot_be_read_takes_no_place_from_one_that_can),
      UNIT(a_change_that_cannot_be_read_leaves_a_status_and_no_route))
