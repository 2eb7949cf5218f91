/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_limits.c - trees that would cost more than they may: each ends where its limit says, is
 * told so, and what would lie beyond answers 503 and never falls to a shorter prefix.
 */
#include "tests/unit/controller/compile/world.h"

#include <stdio.h>

static void open_route(struct text *out, const char *name, const char *virtualhost)
{
    text_init(out);
    text_printf(out,
                "{\"apiVersion\": \"contour.heptio.com/v1beta1\", \"kind\": \"IngressRoute\", "
                "\"metadata\": {\"name\": \"%s\"}, \"spec\": {%s \"routes\": [",
                name, virtualhost);
}

#define HOST "\"virtualhost\": {\"fqdn\": \"h.test\"},"

static void add_delegate(struct text *out, struct bytes match, const char *name)
{
    text_printf(out, "{\"match\": \"%.*s\", \"delegate\": {\"name\": \"%s\"}},", BYTES_ARG(match),
                name);
}

static void add_services(struct text *out, struct bytes match, unsigned count)
{
    text_printf(out, "{\"match\": \"%.*s\", \"services\": [", BYTES_ARG(match));
    for (unsigned i = 0; i < count; i++)
        text_printf(out, "%s{\"name\": \"web\", \"port\": 80}", i > 0 ? ", " : "");
    text_add_str(out, "]},");
}

static void put_route(struct world *world, const char *name, struct text *out)
{
    out->len -= out->at[out->len - 1] == ',';
    text_add_str(out, "]}}");
    text_add_byte(out, '\0');
    world_put(world, name, out->at);
    text_fini(out);
}

/* "/a/a/a", `depth` of them. */
static struct bytes nested(struct text *room, unsigned depth)
{
    text_clear(room);
    for (unsigned i = 0; i < depth; i++)
        text_add_str(room, "/a");
    return text_bytes(room);
}

static void open_with_service(struct world *world)
{
    world_open(world);
    world_put(world, "web", SERVICE("web", "80"));
}

TEST(a_chain_ends_at_its_sixty_fourth_ingress_route)
{
    struct world world;
    char name[32], next[32];

    open_with_service(&world);
    for (unsigned i = 1; i <= 65; i++) {
        struct text out;

        (void)snprintf(name, sizeof(name), "r%u", i);
        (void)snprintf(next, sizeof(next), "r%u", i + 1);
        open_route(&out, name, i == 1 ? HOST : "");
        if (i == 64)
            add_services(&out, BYTES("/deep"), 1);
        add_delegate(&out, BYTES("/"), next);
        put_route(&world, name, &out);
    }
    assert_line(world_dump(&world), "string /deep -> default/web/80");
    assert_line(world.dump.at, "string / -> 503 the delegation cannot be followed");
    assert_has(world.dump.at, "status IngressRoute default/r64 invalid: route: the tree of host "
                              "h.test is deeper than 64 delegations");
    assert_has(world.dump.at, "status IngressRoute default/r65 orphaned");
    world_close(&world);
}

/* Each leads to all the others under one prefix: by all ways there are more than atoms, but there
 * are only so many IngressRoutes. */
TEST(a_tree_in_which_everything_leads_everywhere_is_walked_once)
{
    struct world world;
    char name[32], other[32];

    open_with_service(&world);
    for (unsigned i = 0; i < 60; i++) {
        struct text out;

        (void)snprintf(name, sizeof(name), "r%u", i);
        open_route(&out, name, i == 0 ? HOST : "");
        for (unsigned j = 1; j < 60; j++) {
            (void)snprintf(other, sizeof(other), "r%u", j);
            add_delegate(&out, BYTES("/"), other);
        }
        add_services(&out, BYTES("/x"), 1);
        put_route(&world, name, &out);
    }
    assert_line(world_dump(&world), "string /x -> default/web/80");
    assert_lacks(world.dump.at, "DELEGATION_VISITS_MAX");
    assert_same_as_fresh(&world);
    world_close(&world);
}

/* Under 150 prefixes each, 150 IngressRoutes are 22,500. */
TEST(what_lies_beyond_twenty_thousand_evaluations_answers_503)
{
    struct world world;
    struct text out, path;
    char name[32];

    text_init(&path);
    open_with_service(&world);
    open_route(&out, "root", HOST);
    for (unsigned i = 0; i < 150; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        for (unsigned depth = 1; depth <= 150; depth++)
            add_delegate(&out, nested(&path, depth), name);
    }
    add_delegate(&out, BYTES("/late"), "c0");
    add_services(&out, BYTES("/"), 1);
    put_route(&world, "root", &out);
    for (unsigned i = 0; i < 150; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        open_route(&out, name, "");
        add_services(&out, nested(&path, 150), 1);
        put_route(&world, name, &out);
    }
    assert_line(world_dump(&world), "string /late -> 503 the delegation cannot be followed");
    assert_line(world.dump.at, "string / -> default/web/80");
    assert_has(world.dump.at, "status IngressRoute default/root invalid: route: the tree of host "
                              "h.test is larger than 20000 delegations");
    text_fini(&path);
    world_close(&world);
}

/* 100 prefixes that lead to 100 routes of 256 services are 2,560,000 services. */
TEST(an_ingress_route_that_does_not_fit_any_more_is_not_entered)
{
    struct world world;
    struct text out, path;

    text_init(&path);
    open_with_service(&world);
    open_route(&out, "root", HOST);
    for (unsigned depth = 1; depth <= 100; depth++)
        add_delegate(&out, nested(&path, depth), "heavy");
    add_delegate(&out, BYTES("/heavy"), "heavy");
    add_delegate(&out, BYTES("/light"), "light");
    add_services(&out, BYTES("/"), 1);
    put_route(&world, "root", &out);
    open_route(&out, "heavy", "");
    (void)nested(&path, 100);
    for (unsigned i = 0; i < 100; i++) {
        text_add_str(&path, "/b");
        add_services(&out, text_bytes(&path), 256);
    }
    put_route(&world, "heavy", &out);
    open_route(&out, "light", "");
    add_services(&out, BYTES("/light"), 1);
    put_route(&world, "light", &out);
    assert_line(world_dump(&world), "string /heavy -> 503 the delegation cannot be followed");
    assert_line(world.dump.at, "string /light -> default/web/80");
    assert_has(world.dump.at, "h.test is larger than 200000 routes (TREE_ROUTES_MAX)\n");
    text_fini(&path);
    world_close(&world);
}

TESTS(UNIT(a_chain_ends_at_its_sixty_fourth_ingress_route),
      UNIT(a_tree_in_which_everything_leads_everywhere_is_walked_once),
      UNIT(what_lies_beyond_twenty_thousand_evaluations_answers_503),
      UNIT(an_ingress_route_that_does_not_fit_any_more_is_not_entered))
