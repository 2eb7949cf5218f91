/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_class.c - which Ingresses are ours, design 5.1 row by row.
 */
#include "tests/unit/controller/compile/world.h"

/* An Ingress with these lines in its metadata and its spec. */
#define CLASSED(metadata, spec)                                                                    \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web" metadata "}\nspec:\n"  \
    "  defaultBackend: {service: {name: web, port: {number: 80}}}\n" spec
#define ANNOTATED(annotations) CLASSED(", annotations: {" annotations "}", "")
#define CLASS(name, is_default, controller)                                                        \
    "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: " name                 \
    ", annotations: {ingressclass.kubernetes.io/is-default-class: '" is_default                    \
    "'}}\nspec: {controller: " controller "}\n"
#define OURS "fairlead.dev/ingress-controller"

static bool is_served(struct world *world, const char *manifest)
{
    bool served;

    world_put(world, "a.yaml", manifest);
    served = strstr(world_dump(world), "Ingress default/web") != NULL;
    assert_same_as_fresh(world);
    return served;
}

TEST(an_ingress_without_a_class_is_ours)
{
    struct world world;

    world_open(&world);
    assert_true(is_served(&world, CLASSED("", "")));
    world_close(&world);
}

TEST(an_ingress_without_a_class_is_not_ours_when_a_class_was_given)
{
    struct world world;

    world_open(&world);
    world.options.ingress_class_is_given = true;
    assert_false(is_served(&world, CLASSED("", "")));
    assert_true(is_served(&world, CLASSED("", "  ingressClassName: fairlead\n")));
    world_close(&world);
}

TEST(the_class_fairlead_and_the_class_contour_are_ours)
{
    struct world world;

    world_open(&world);
    assert_true(is_served(&world, CLASSED("", "  ingressClassName: fairlead\n")));
    assert_true(is_served(&world, CLASSED("", "  ingressClassName: contour\n")));
    assert_false(is_served(&world, CLASSED("", "  ingressClassName: nginx\n")));
    world_close(&world);
}

TEST(every_class_annotation_counts)
{
    struct world world;

    world_open(&world);
    assert_false(is_served(&world, ANNOTATED("projectcontour.io/ingress.class: nginx")));
    assert_false(is_served(&world, ANNOTATED("contour.heptio.com/ingress.class: nginx")));
    assert_false(is_served(&world, ANNOTATED("kubernetes.io/ingress.class: nginx")));
    assert_true(is_served(&world, ANNOTATED("kubernetes.io/ingress.class: fairlead")));
    world_close(&world);
}

TEST(the_first_annotation_that_is_not_empty_decides)
{
    struct world world;

    world_open(&world);
    assert_true(is_served(&world, ANNOTATED("projectcontour.io/ingress.class: fairlead, "
                                            "kubernetes.io/ingress.class: nginx")));
    assert_false(is_served(&world, ANNOTATED("projectcontour.io/ingress.class: nginx, "
                                             "kubernetes.io/ingress.class: fairlead")));
    assert_false(is_served(&world, ANNOTATED("projectcontour.io/ingress.class: '', "
                                             "contour.heptio.com/ingress.class: nginx, "
                                             "kubernetes.io/ingress.class: fairlead")));
    assert_true(is_served(&world, ANNOTATED("kubernetes.io/ingress.class: ''")));
    world_close(&world);
}

TEST(an_annotation_beats_ingress_class_name)
{
    struct world world;

    world_open(&world);
    assert_true(is_served(&world, CLASSED(", annotations: {kubernetes.io/ingress.class: fairlead}",
                                          "  ingressClassName: nginx\n")));
    assert_false(is_served(&world, CLASSED(", annotations: {kubernetes.io/ingress.class: nginx}",
                                           "  ingressClassName: fairlead\n")));
    world_close(&world);
}

TEST(a_class_whose_controller_is_fairlead_is_ours_as_soon_as_it_is_there)
{
    struct world world;

    world_open(&world);
    assert_false(is_served(&world, CLASSED("", "  ingressClassName: edge\n")));
    world_put(&world, "class.yaml", CLASS("edge", "false", OURS));
    assert_true(is_served(&world, CLASSED("", "  ingressClassName: edge\n")));
    assert_true(is_served(&world, ANNOTATED("kubernetes.io/ingress.class: edge")));
    world_put(&world, "class.yaml", CLASS("edge", "false", "example.com/other"));
    assert_false(is_served(&world, ANNOTATED("kubernetes.io/ingress.class: edge")));
    world_close(&world);
}

TEST(another_default_class_takes_objects_without_a_class)
{
    struct world world;

    world_open(&world);
    world_put(&world, "class.yaml", CLASS("edge", "true", OURS));
    assert_true(is_served(&world, CLASSED("", "")));
    world_put(&world, "other.yaml", CLASS("other", "false", "example.com/other"));
    assert_true(is_served(&world, CLASSED("", "")));
    world_put(&world, "other.yaml", CLASS("other", "true", "example.com/other"));
    assert_false(is_served(&world, CLASSED("", "")));
    world_put(&world, "other.yaml", NULL);
    assert_true(is_served(&world, CLASSED("", "")));
    world_close(&world);
}

TEST(only_watched_namespaces_are_served)
{
    struct world world;
    const struct bytes watched[] = {BYTES("team"), BYTES("default")};

    world_open(&world);
    world.options.watch_namespaces = watched;
    world.options.watch_namespaces_count = 1;
    assert_false(is_served(&world, CLASSED("", "")));
    world_close(&world);
    world_open(&world);
    world.options.watch_namespaces = watched;
    world.options.watch_namespaces_count = 2;
    assert_true(is_served(&world, CLASSED(", labels: {x: y}", "  ingressClassName: fairlead\n")));
    world_close(&world);
}

TESTS(UNIT(an_ingress_without_a_class_is_ours),
      UNIT(an_ingress_without_a_class_is_not_ours_when_a_class_was_given),
      UNIT(the_class_fairlead_and_the_class_contour_are_ours), UNIT(every_class_annotation_counts),
      UNIT(the_first_annotation_that_is_not_empty_decides),
      UNIT(an_annotation_beats_ingress_class_name),
      UNIT(a_class_whose_controller_is_fairlead_is_ours_as_soon_as_it_is_there),
      UNIT(another_default_class_takes_objects_without_a_class),
      UNIT(only_watched_namespaces_are_served))
