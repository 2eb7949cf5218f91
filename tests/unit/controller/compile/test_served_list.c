/* SPDX-License-Identifier: Apache-2.0 */
/* Which Ingresses each run took up or gave up. */
#include "tests/unit/controller/compile/world.h"

#define CLASSED(name, class)                                                                       \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " name                      \
    ", namespace: web}\n"                                                                          \
    "spec: {ingressClassName: " class "}\n"
#define OURS                                                                                       \
    "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: edge}\n"               \
    "spec: {controller: fairlead.dev/ingress-controller}\n"

static void expect(struct world *world, const char *expected)
{
    const struct served_ingress *list;
    struct text text;
    size_t count;

    text_init(&text);
    (void)world_run(world);
    list = compiler_served_ingresses(world->compiler, &count);
    for (size_t i = 0; i < count; i++)
        text_printf(&text, "%s%.*s/%.*s ", list[i].is_served ? "+" : "-", BYTES_ARG(list[i].ns),
                    BYTES_ARG(list[i].name));
    assert_bytes(text_bytes(&text), expected);
    text_fini(&text);
}

TEST(an_ingress_of_ours_is_told_once_when_it_comes_changes_and_goes)
{
    struct world world;

    world_open(&world);
    expect(&world, "");
    world_put(&world, "a", CLASSED("a", "fairlead"));
    expect(&world, "+web/a ");
    expect(&world, "");
    world_put(&world, "a", CLASSED("a", "other"));
    expect(&world, "-web/a ");
    world_put(&world, "a", CLASSED("a", "fairlead"));
    world_put(&world, "a", NULL);
    expect(&world, "+web/a -web/a ");
    world_close(&world);
}

TEST(an_ingress_class_that_comes_and_goes_takes_its_ingresses_along)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a", CLASSED("a", "edge"));
    expect(&world, "-web/a ");
    world_put(&world, "class", OURS);
    expect(&world, "+web/a ");
    world_put(&world, "class", NULL);
    expect(&world, "-web/a ");
    world_close(&world);
}

TESTS(UNIT(an_ingress_of_ours_is_told_once_when_it_comes_changes_and_goes),
      UNIT(an_ingress_class_that_comes_and_goes_takes_its_ingresses_along))
