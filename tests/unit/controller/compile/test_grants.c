/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_grants.c - who may use a Secret of another namespace, and until when.
 */
#include "controller/compile/grants.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

/* The use of a Secret for these namespaces. */
#define GRANT(name, list)                                                                          \
    {                                                                                              \
        BYTES(name), sizeof(list) / sizeof((list)[0]), (list)                                      \
    }

static const struct bytes team_a[] = {{"team-a", 6}};
static const struct bytes everybody[] = {{"team-a", 6}, {"*", 1}};
static const struct bytes twice[] = {{"team-a", 6}, {"team-a", 6}};
static const struct bytes nameless[] = {{"", 0}};

static struct tls_delegation delegation(const struct tls_grant *grants, uint32_t count)
{
    return (struct tls_delegation){
        .object = {.ns = BYTES("certs")}, .grants_count = count, .grants = grants};
}

static bool may(const struct grants *grants, const char *ns, const char *secret)
{
    return grants_allow(grants, bytes_of(ns), BYTES("certs"), bytes_of(secret));
}

TEST(without_a_delegation_nobody_may)
{
    struct grants grants;

    grants_init(&grants);
    assert_false(may(&grants, "team-a", "web"));
    assert_false(may(&grants, "", ""));
    grants_fini(&grants);
}

TEST(who_is_named_may_use_what_is_named_and_nothing_else)
{
    const struct tls_grant list[] = {GRANT("web", team_a)};
    const struct tls_delegation one = delegation(list, 1);
    struct grants grants;

    grants_init(&grants);
    grants_add(&grants, &one);
    assert_true(may(&grants, "team-a", "web"));
    assert_false(may(&grants, "team-b", "web"));
    assert_false(may(&grants, "team-a", "api"));
    assert_false(grants_allow(&grants, BYTES("team-a"), BYTES("other"), BYTES("web")));
    grants_fini(&grants);
}

TEST(a_star_is_everybody_wherever_it_stands)
{
    const struct tls_grant list[] = {GRANT("web", everybody)};
    const struct tls_delegation one = delegation(list, 1);
    struct grants grants;

    grants_init(&grants);
    grants_add(&grants, &one);
    assert_true(may(&grants, "team-a", "web"));
    assert_true(may(&grants, "team-b", "web"));
    grants_fini(&grants);
}

TEST(a_delegation_that_goes_takes_only_what_nobody_else_gives)
{
    const struct tls_grant some[] = {GRANT("web", team_a)}, all[] = {GRANT("web", everybody)};
    const struct tls_delegation one = delegation(some, 1), other = delegation(all, 1);
    struct grants grants;

    grants_init(&grants);
    grants_add(&grants, &one);
    grants_add(&grants, &other);
    grants_remove(&grants, &other);
    assert_true(may(&grants, "team-a", "web"));
    assert_false(may(&grants, "team-b", "web"));
    grants_remove(&grants, &one);
    assert_false(may(&grants, "team-a", "web"));
    assert_int_equal(grants.secrets.count, 0);
    grants_fini(&grants);
}

TEST(what_is_named_twice_goes_whole)
{
    const struct tls_grant list[] = {GRANT("web", twice), GRANT("web", team_a)};
    const struct tls_delegation one = delegation(list, 2);
    struct grants grants;

    grants_init(&grants);
    grants_add(&grants, &one);
    assert_true(may(&grants, "team-a", "web"));
    grants_remove(&grants, &one);
    assert_false(may(&grants, "team-a", "web"));
    assert_int_equal(grants.secrets.count, 0);
    grants_fini(&grants);
}

TEST(what_has_no_name_gives_nothing)
{
    const struct tls_grant list[] = {GRANT("", everybody), GRANT("web", nameless)};
    const struct tls_delegation one = delegation(list, 2);
    struct grants grants;

    grants_init(&grants);
    grants_add(&grants, &one);
    assert_false(may(&grants, "team-a", ""));
    assert_false(may(&grants, "", "web"));
    grants_remove(&grants, &one);
    grants_fini(&grants);
}

TESTS(UNIT(without_a_delegation_nobody_may),
      UNIT(who_is_named_may_use_what_is_named_and_nothing_else),
      UNIT(a_star_is_everybody_wherever_it_stands),
      UNIT(a_delegation_that_goes_takes_only_what_nobody_else_gives),
      UNIT(what_is_named_twice_goes_whole), UNIT(what_has_no_name_gives_nothing))
