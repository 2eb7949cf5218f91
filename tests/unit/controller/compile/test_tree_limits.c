/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_limits.c - trees that would cost more than they may: each ends where its limit says, is
 * told so, and what would lie beyond answers 503 and never falls to a shorter prefix.
 */
#include "controller/compile/tree.h"
#include "tests/unit/controller/compile/world.h"

#include <stdio.h>

#include <sys/resource.h>

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

/* The root gives "/a" to bad and "/a/x" to good; good gives "/a/x/p" to p0, and that to p1 ... p4,
 * of which the last serves it. good has many routes, so what comes next in bad costs less. */
static void put_short_way(struct world *world)
{
    struct text out, path;
    char name[32], next[32];

    text_init(&path);
    open_route(&out, "root", HOST);
    add_delegate(&out, BYTES("/a"), "bad1");
    add_delegate(&out, BYTES("/a/x"), "good");
    put_route(world, "root", &out);
    open_route(&out, "good", "");
    add_delegate(&out, BYTES("/a/x/p"), "p0");
    for (unsigned i = 0; i < 1000; i++) {
        text_clear(&path);
        text_printf(&path, "/a/x/%u", i);
        add_services(&out, text_bytes(&path), 1);
    }
    put_route(world, "good", &out);
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof(name), "p%u", i);
        (void)snprintf(next, sizeof(next), "p%u", i + 1);
        open_route(&out, name, "");
        if (i < 4)
            add_delegate(&out, BYTES("/a/x/p"), next);
        else
            add_services(&out, BYTES("/a/x/p"), 1);
        put_route(world, name, &out);
    }
    text_fini(&path);
}

/* bad1, bad2 ...: so many one below the other, the last of which gives "/a/x/p" to p0, too. */
static void put_long_way(struct world *world, unsigned count)
{
    struct text out;
    char name[32], next[32];

    for (unsigned i = 1; i <= count; i++) {
        (void)snprintf(name, sizeof(name), "bad%u", i);
        (void)snprintf(next, sizeof(next), "bad%u", i + 1);
        open_route(&out, name, "");
        add_services(&out, BYTES("/a"), 1);
        if (i < count)
            add_delegate(&out, BYTES("/a"), next);
        else
            add_delegate(&out, BYTES("/a/x/p"), "p0");
        put_route(world, name, &out);
    }
}

TEST(a_way_that_is_too_long_takes_nothing_from_a_short_one_to_the_same)
{
    for (unsigned count = 56; count <= 63; count++) {
        struct world world;

        open_with_service(&world);
        put_short_way(&world);
        put_long_way(&world, count);
        assert_line(world_dump(&world), "string /a/x/p -> default/web/80");
        assert_has(world.dump.at, "status IngressRoute default/p4 valid: valid IngressRoute");
        for (unsigned i = 0; i < 4; i++) {
            char status[80];

            (void)snprintf(status, sizeof(status), "status IngressRoute default/p%u valid", i);
            assert_has(world.dump.at, status);
        }
        assert_same_as_fresh(&world);
        world_close(&world);
    }
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
    struct text out, path, last;
    char name[32];

    text_init(&path);
    open_with_service(&world);
    open_route(&out, "root", HOST);
    for (unsigned i = 0; i < 150; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        for (unsigned depth = 1; depth <= 150; depth++)
            add_delegate(&out, nested(&path, depth), name);
    }
    add_services(&out, BYTES("/"), 1);
    put_route(&world, "root", &out);
    for (unsigned i = 0; i < 150; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        open_route(&out, name, "");
        add_services(&out, nested(&path, 150), 1);
        put_route(&world, name, &out);
    }
    text_init(&last);
    text_printf(&last, "string %.*s -> 503 the delegation cannot be followed", (int)path.len,
                path.at);
    text_add_byte(&last, '\0');
    assert_line(world_dump(&world), last.at);
    assert_line(world.dump.at, "string / -> default/web/80");
    assert_has(world.dump.at, "status IngressRoute default/root invalid: route: the tree of host "
                              "h.test is larger than 20000 delegations");
    text_fini(&last);
    text_fini(&path);
    world_close(&world);
}

/* `count` routes of 256 services, below "/a/a/a" of `depth`: 25,600 services for 100 of them. */
static void put_heavy(struct world *world, const char *name, unsigned depth, unsigned count)
{
    struct text out, path;

    text_init(&path);
    open_route(&out, name, "");
    (void)nested(&path, depth);
    for (unsigned i = 0; i < count; i++) {
        text_add_str(&path, "/b");
        add_services(&out, text_bytes(&path), 256);
    }
    put_route(world, name, &out);
    text_fini(&path);
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
    add_delegate(&out, BYTES("/light"), "light");
    add_services(&out, BYTES("/"), 1);
    put_route(&world, "root", &out);
    put_heavy(&world, "heavy", 100, 100);
    open_route(&out, "light", "");
    add_services(&out, BYTES("/light"), 1);
    put_route(&world, "light", &out);
    assert_line(world_dump(&world), "string /a/a/a/a/a/a/a/a -> 503 IngressRoute default/heavy is");
    assert_line(world.dump.at, "string /light -> default/web/80");
    assert_has(world.dump.at,
               "status IngressRoute default/heavy invalid: the tree of host h.test is larger than "
               "200000 routes (TREE_ROUTES_MAX), and what this IngressRoute has below "
               "\"/a/a/a/a/a/a/a/a\" is more than its share: give it fewer routes and services");
    assert_has(world.dump.at, "status IngressRoute default/root valid");
    assert_has(world.dump.at, "status IngressRoute default/light valid");
    text_fini(&path);
    world_close(&world);
}

static void put_one_service(struct world *world, const char *name, const char *match)
{
    struct text out;

    open_route(&out, name, "");
    add_services(&out, bytes_of(match), 1);
    put_route(world, name, &out);
}

/* Root and good are as if nobody else were there. */
static void assert_others_are_served(struct world *world)
{
    assert_line(world_dump(world), "string /good -> default/web/80");
    assert_line(world->dump.at, "string / -> default/web/80");
    assert_has(world->dump.at, "status IngressRoute default/root valid: valid IngressRoute");
    assert_has(world->dump.at, "status IngressRoute default/good valid: valid IngressRoute");
    assert_same_as_fresh(world);
}

/* The root gives "/a" to bad, and "/good" to good, before or after that. */
static void put_shared_root(struct world *world, bool good_is_last)
{
    struct text out;

    open_route(&out, "root", HOST);
    if (!good_is_last)
        add_delegate(&out, BYTES("/good"), "good");
    add_delegate(&out, BYTES("/a"), "bad");
    if (good_is_last)
        add_delegate(&out, BYTES("/good"), "good");
    add_services(&out, BYTES("/"), 1);
    put_route(world, "root", &out);
    put_one_service(world, "good", "/good");
}

TEST(who_spends_all_routes_of_a_tree_leaves_its_siblings_and_its_root_what_they_need)
{
    for (unsigned last = 0; last < 2; last++) {
        struct world world;
        struct text out, path;

        text_init(&path);
        open_with_service(&world);
        put_shared_root(&world, last > 0);
        open_route(&out, "bad", "");
        for (unsigned depth = 1; depth <= 100; depth++)
            add_delegate(&out, nested(&path, depth), "heavy");
        put_route(&world, "bad", &out);
        put_heavy(&world, "heavy", 100, 100);
        assert_others_are_served(&world);
        assert_has(world.dump.at, "status IngressRoute default/heavy invalid: the tree of host "
                                  "h.test is larger than 200000 routes (TREE_ROUTES_MAX)");
        text_fini(&path);
        world_close(&world);
    }
}

TEST(who_spends_all_delegations_of_a_tree_leaves_its_siblings_and_its_root_what_they_need)
{
    for (unsigned last = 0; last < 2; last++) {
        struct world world;
        struct text out, path;

        text_init(&path);
        open_with_service(&world);
        put_shared_root(&world, last > 0);
        open_route(&out, "bad", "");
        for (unsigned i = 0; i < DELEGATION_VISITS_MAX; i++) {
            text_clear(&path);
            text_printf(&path, "/a/%u", i);
            add_delegate(&out, text_bytes(&path), "empty");
        }
        put_route(&world, "bad", &out);
        put_one_service(&world, "empty", "/none");
        assert_others_are_served(&world);
        assert_has(world.dump.at,
                   "status IngressRoute default/bad invalid: route: the tree of host h.test is "
                   "larger than 20000 delegations (DELEGATION_VISITS_MAX), and the share of this "
                   "IngressRoute is used up: delegate less often");
        text_fini(&path);
        world_close(&world);
    }
}

/* Also further down: the parent of both is no more at fault than the root. */
TEST(what_one_child_of_a_child_spends_is_not_taken_from_the_other)
{
    struct world world;
    struct text out, path;

    text_init(&path);
    open_with_service(&world);
    open_route(&out, "root", HOST);
    add_delegate(&out, BYTES("/"), "team");
    put_route(&world, "root", &out);
    open_route(&out, "team", "");
    add_delegate(&out, BYTES("/a"), "bad");
    add_delegate(&out, BYTES("/good"), "good");
    put_route(&world, "team", &out);
    put_one_service(&world, "good", "/good");
    open_route(&out, "bad", "");
    for (unsigned depth = 1; depth <= 100; depth++)
        add_delegate(&out, nested(&path, depth), "heavy");
    put_route(&world, "bad", &out);
    put_heavy(&world, "heavy", 100, 100);
    assert_line(world_dump(&world), "string /good -> default/web/80");
    assert_has(world.dump.at, "status IngressRoute default/team valid: valid IngressRoute");
    assert_has(world.dump.at, "status IngressRoute default/good valid: valid IngressRoute");
    assert_has(world.dump.at, "status IngressRoute default/heavy invalid");
    text_fini(&path);
    world_close(&world);
}

/* 782 routes of 256 services are 200,192. */
TEST(an_ingress_route_that_is_larger_than_the_tree_is_refused_and_not_who_delegated_to_it)
{
    struct world world;

    open_with_service(&world);
    put_shared_root(&world, true);
    put_heavy(&world, "bad", 1, 782);
    assert_others_are_served(&world);
    assert_line(world.dump.at, "string /a -> 503 IngressRoute default/bad is more than its share");
    assert_has(world.dump.at, "status IngressRoute default/bad invalid: the tree of host h.test is "
                              "larger than 200000 routes (TREE_ROUTES_MAX)");
    assert_has(world.dump.at,
               "IngressRoute default/root: spec.routes[0].delegate: IngressRoute "
               "default/bad is more than its share of the tree, so \"/a\" answers 503");
    world_close(&world);
}

/* Two of 102,400 are too much for one tree, and one of them is not. */
TEST(what_is_too_large_for_one_tree_and_fits_into_another_is_told_to_who_delegated_to_it)
{
    struct world world;
    struct text out;

    open_with_service(&world);
    open_route(&out, "root", HOST);
    add_delegate(&out, BYTES("/a"), "one");
    add_delegate(&out, BYTES("/a/a"), "two");
    put_route(&world, "root", &out);
    put_heavy(&world, "one", 1, 400);
    put_heavy(&world, "two", 2, 400);
    assert_has(world_dump(&world), "status IngressRoute default/one valid");
    assert_has(world.dump.at, "status IngressRoute default/two invalid: the tree of host h.test is "
                              "larger than 200000 routes (TREE_ROUTES_MAX)");
    assert_has(world.dump.at,
               "services (delegated by IngressRoute default/root for host h.test)\n");
    open_route(&out, "other", "\"virtualhost\": {\"fqdn\": \"other.test\"},");
    add_delegate(&out, BYTES("/a/a"), "two");
    put_route(&world, "other", &out);
    assert_has(world_dump(&world), "status IngressRoute default/two valid");
    assert_has(world.dump.at, "status IngressRoute default/root valid");
    assert_has(world.dump.at,
               "IngressRoute default/root: spec.routes[1].delegate: for host h.test, "
               "IngressRoute default/two does not fit here as it does elsewhere");
    world_close(&world);
}

/* "bad" gives `count` prefixes below "/a" to "beside". */
static void put_bad(struct world *world, unsigned count)
{
    struct text out, path;

    text_init(&path);
    open_route(&out, "bad", "");
    for (unsigned i = 0; i < count; i++) {
        text_clear(&path);
        text_printf(&path, "/a/%u", i);
        add_delegate(&out, text_bytes(&path), "beside");
    }
    put_route(world, "bad", &out);
    text_fini(&path);
}

/* So many routes, none of which is within what it is given. */
static void put_beside(struct world *world, unsigned count)
{
    struct text out;

    open_route(&out, "beside", "");
    for (unsigned i = 0; i < count; i++)
        add_services(&out, BYTES("/x"), 1);
    put_route(world, "beside", &out);
}

/* 1,000 of them, 300 times: what nobody publishes is nobody's. */
TEST(routes_outside_of_what_was_delegated_are_not_counted)
{
    struct world world;

    open_with_service(&world);
    put_shared_root(&world, true);
    put_bad(&world, 300);
    put_beside(&world, 1000);
    assert_others_are_served(&world);
    assert_has(world.dump.at, "status IngressRoute default/bad valid: valid IngressRoute");
    assert_lacks(world.dump.at, "TREE_ROUTES_MAX");
    world_close(&world);
}

/* But looking at them is: 2,000 of them, 2,500 times, are 5,000,000 looks. */
TEST(looks_at_routes_that_are_not_counted_have_a_limit_of_their_own)
{
    struct world world;

    open_with_service(&world);
    put_shared_root(&world, true);
    put_bad(&world, 2500);
    put_beside(&world, 2000);
    assert_others_are_served(&world);
    assert_line(world.dump.at, "string /a/2499 -> 503 IngressRoute default/beside is more than");
    assert_lacks(world.dump.at, "string /a/1 -> 503");
    world_close(&world);
}

/* Of 1,000 a way is told wrong by one fault each: the rest are told as a number. */
TEST(how_many_faults_of_ways_are_not_told_is_told)
{
    struct world world;

    open_with_service(&world);
    put_shared_root(&world, true);
    put_bad(&world, 300);
    put_beside(&world, 1000);
    assert_has(world_dump(&world), "IngressRoute default/beside: 299000 more findings about this "
                                   "one are left out (FINDINGS_MAX)");
    assert_others_are_served(&world);
    world_close(&world);
}

TEST(who_has_many_routes_that_do_nothing_silences_nobody_else)
{
    struct world world;
    struct text out;

    open_with_service(&world);
    put_shared_root(&world, true);
    open_route(&out, "bad", "");
    for (unsigned i = 0; i < 1203; i++)
        text_add_str(&out, "{\"match\": \"/a\"},");
    put_route(&world, "bad", &out);
    open_route(&out, "good", "");
    text_add_str(&out, "{\"match\": \"/good/old\"},");
    add_services(&out, BYTES("/good"), 1);
    put_route(&world, "good", &out);
    assert_others_are_served(&world);
    assert_has(world.dump.at, "IngressRoute default/good: spec.routes[0]: route \"/good/old\" has "
                              "neither services nor delegate and does nothing");
    assert_has(world.dump.at, "IngressRoute default/bad: 203 more findings about this one are left "
                              "out (FINDINGS_MAX)");
    world_close(&world);
}

static long peak_kilobytes(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* 1,600 of 1,000 bytes, 156 times, are 250 MB, were each path made anew at each look. Runs first:
 * the peak is that of the process. */
TEST(what_a_path_is_normally_is_found_once_however_often_it_is_looked_at)
{
    struct world world;
    struct text out, path;
    long before;

    if (IS_SANITIZED)
        skip(); /* what it frees is not given back */
    text_init(&path);
    open_with_service(&world);
    put_shared_root(&world, true);
    put_bad(&world, 156);
    open_route(&out, "beside", "");
    for (unsigned i = 0; i < 1600; i++) {
        text_clear(&path);
        text_printf(&path, "/x//%01000u", i);
        add_services(&out, text_bytes(&path), 1);
    }
    put_route(&world, "beside", &out);
    before = peak_kilobytes();
    assert_line(world_dump(&world), "string /good -> default/web/80");
    assert_true(peak_kilobytes() - before < 50000);
    assert_others_are_served(&world);
    text_fini(&path);
    world_close(&world);
}

/* One root with 2,000 children, of which some are a hundred times as large as others. */
TEST(what_small_children_do_not_need_goes_to_large_ones)
{
    struct world world;
    struct text out, path;
    char name[32];

    text_init(&path);
    open_with_service(&world);
    open_route(&out, "root", HOST);
    for (unsigned i = 0; i < 2000; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        text_clear(&path);
        text_printf(&path, "/%u", i);
        add_delegate(&out, text_bytes(&path), name);
    }
    put_route(&world, "root", &out);
    for (unsigned i = 0; i < 2000; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        open_route(&out, name, "");
        for (unsigned j = 0; j < (i % 100 == 7 ? 2500 : 10); j++) {
            text_clear(&path);
            text_printf(&path, "/%u/%u", i, j);
            add_services(&out, text_bytes(&path), 1);
        }
        put_route(&world, name, &out);
    }
    assert_lacks(world_dump(&world), "finding");
    assert_lacks(world.dump.at, "invalid");
    assert_line(world.dump.at, "string /1907/999 -> default/web/80");
    text_fini(&path);
    world_close(&world);
}

TESTS(UNIT(what_a_path_is_normally_is_found_once_however_often_it_is_looked_at),
      UNIT(a_chain_ends_at_its_sixty_fourth_ingress_route),
      UNIT(a_way_that_is_too_long_takes_nothing_from_a_short_one_to_the_same),
      UNIT(a_tree_in_which_everything_leads_everywhere_is_walked_once),
      UNIT(what_lies_beyond_twenty_thousand_evaluations_answers_503),
      UNIT(an_ingress_route_that_does_not_fit_any_more_is_not_entered),
      UNIT(who_spends_all_routes_of_a_tree_leaves_its_siblings_and_its_root_what_they_need),
      UNIT(who_spends_all_delegations_of_a_tree_leaves_its_siblings_and_its_root_what_they_need),
      UNIT(what_one_child_of_a_child_spends_is_not_taken_from_the_other),
      UNIT(an_ingress_route_that_is_larger_than_the_tree_is_refused_and_not_who_delegated_to_it),
      UNIT(what_is_too_large_for_one_tree_and_fits_into_another_is_told_to_who_delegated_to_it),
      UNIT(routes_outside_of_what_was_delegated_are_not_counted),
      UNIT(looks_at_routes_that_are_not_counted_have_a_limit_of_their_own),
      UNIT(how_many_faults_of_ways_are_not_told_is_told),
      UNIT(who_has_many_routes_that_do_nothing_silences_nobody_else),
      UNIT(what_small_children_do_not_need_goes_to_large_ones))
