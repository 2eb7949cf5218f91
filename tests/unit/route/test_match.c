/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_match.c - which route a request takes.
 */
#include "route/match.h"
#include "tests/unit/route/make.h"

static struct maker with_clusters(void)
{
    struct maker maker = maker_begin(NULL);

    maker_cluster(&maker, "a", 1, 80);
    maker_cluster(&maker, "b", 1, 80);
    maker_cluster(&maker, "c", 1, 80);
    maker_cluster(&maker, "d", 1, 80);
    return maker;
}

TEST(an_empty_table_knows_no_host)
{
    struct maker maker = maker_begin(NULL);
    struct table *table = maker_finish(&maker);

    assert_string_equal(goes_to(table, "a.example", "/"), "host");
    assert_string_equal(goes_to(table, "", "/"), "host");
    assert_null(table_vhost(table, SCHEME_HTTP, BYTES("a.example")));
    table_unref(table);
}

TEST(hostile_40_prefix_rules_end_at_a_segment_and_string_prefixes_do_not)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_PREFIX, "/foo", "a");
    maker_route(&maker, PATH_STRING_PREFIX, "/bar", "b");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x", "/foo"), "a");
    assert_string_equal(goes_to(table, "x", "/foo/"), "a");
    assert_string_equal(goes_to(table, "x", "/foo/x"), "a");
    assert_string_equal(goes_to(table, "x", "/foobar"), "404");
    assert_string_equal(goes_to(table, "x", "/foo%2Fx"), "404");
    assert_string_equal(goes_to(table, "x", "/FOO"), "404");
    assert_string_equal(goes_to(table, "x", "/barn"), "b");
    assert_string_equal(goes_to(table, "x", "/ba"), "404");
    table_unref(table);
}

TEST(a_slash_at_the_end_of_a_prefix_makes_no_difference)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_PREFIX, "/foo/", "a");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x", "/foo"), "a");
    assert_string_equal(goes_to(table, "x", "/foo/x"), "a");
    assert_string_equal(goes_to(table, "x", "/foob"), "404");
    assert_bytes(table_vhost(table, SCHEME_HTTP, BYTES("x"))->routes[0].path, "/foo");
    table_unref(table);
}

TEST(exact_beats_regex_beats_the_longest_prefix)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_EXACT, "/api/v1", "a");
    maker_route(&maker, PATH_REGEX, "/api/v[0-9]", "b");
    maker_route(&maker, PATH_PREFIX, "/api/v2", "c");
    maker_route(&maker, PATH_STRING_PREFIX, "/", "d");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x", "/api/v1"), "a");
    assert_string_equal(goes_to(table, "x", "/api/v2"), "b");
    assert_string_equal(goes_to(table, "x", "/api/v2/"), "c");
    assert_string_equal(goes_to(table, "x", "/api/v22"), "d");
    table_unref(table);
}

TEST(the_longer_regex_is_tried_first_then_the_order_of_text)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_REGEX, "/.*", "a");
    maker_route(&maker, PATH_REGEX, "/a[b].*", "b");
    maker_route(&maker, PATH_REGEX, "/[a]b.*", "c");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x", "/abc"), "c"); /* '[' sorts before 'a' */
    assert_string_equal(goes_to(table, "x", "/x"), "a");
    table_unref(table);
}

TEST(of_two_prefixes_of_equal_length_the_one_of_whole_segments_wins)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_PREFIX, "/foo", "a");
    maker_route(&maker, PATH_STRING_PREFIX, "/foo", "b");
    maker_route(&maker, PATH_PREFIX, "/", "c");
    maker_route(&maker, PATH_STRING_PREFIX, "/", "d");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x", "/foo/x"), "a");
    assert_string_equal(goes_to(table, "x", "/foox"), "b");
    assert_string_equal(goes_to(table, "x", "/fo"), "c");
    table_unref(table);
}

TEST(hostile_43_a_wildcard_covers_exactly_one_label_and_the_exact_name_beats_it)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "*.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "a");
    maker_host(&maker, "app.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "b");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x.example.com", "/"), "a");
    assert_string_equal(goes_to(table, "app.example.com", "/"), "b");
    assert_string_equal(goes_to(table, "x.y.example.com", "/"), "host");
    assert_string_equal(goes_to(table, "example.com", "/"), "host");
    assert_string_equal(goes_to(table, ".example.com", "/"), "host");
    assert_string_equal(goes_to(table, "com", "/"), "host");
    table_unref(table);
}

TEST(hostile_44_a_host_with_rules_of_its_own_never_reaches_the_rules_of_others)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_default(&maker, "d");
    maker_host(&maker, "*");
    maker_route(&maker, PATH_PREFIX, "/", "a");
    maker_host(&maker, "*.example.com");
    maker_route(&maker, PATH_PREFIX, "/", "b");
    maker_host(&maker, "app.example.com");
    maker_route(&maker, PATH_PREFIX, "/app", "c");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "app.example.com", "/app"), "c");
    assert_string_equal(goes_to(table, "app.example.com", "/other"), "404");
    assert_string_equal(goes_to(table, "unknown.test", "/"), "a");
    table_unref(table);
}

TEST(the_default_of_a_host_takes_what_its_paths_do_not)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "app.example.com");
    maker_route(&maker, PATH_PREFIX, "/app", "a");
    maker_default(&maker, "b");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "app.example.com", "/app/x"), "a");
    assert_string_equal(goes_to(table, "app.example.com", "/other"), "b");
    assert_string_equal(goes_to(table, "other.example.com", "/"), "host");
    table_unref(table);
}

TEST(an_unclaimed_host_goes_to_host_less_rules_then_to_the_default_of_the_table)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_default(&maker, "d");
    maker_host(&maker, "*");
    maker_route(&maker, PATH_PREFIX, "/a", "a");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "unknown.test", "/a/b"), "a");
    assert_string_equal(goes_to(table, "unknown.test", "/b"), "d");
    assert_string_equal(goes_to(table, "", "/b"), "d");
    table_unref(table);
}

TEST(an_unclaimed_host_without_a_default_finds_nothing)
{
    struct maker maker = with_clusters();
    struct table *table;

    maker_host(&maker, "*");
    maker_route(&maker, PATH_PREFIX, "/a", "a");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "unknown.test", "/b"), "404");
    table_unref(table);
}

TEST(hostile_96_an_unavailable_route_keeps_its_place_before_a_wider_one)
{
    struct maker maker = with_clusters();
    struct route broken = {
        .path = BYTES("/broken"),
        .unavailable = BYTES("Service default/nope not found"),
        .path_kind = PATH_PREFIX,
        .action = ROUTE_UNAVAILABLE,
    };
    const struct route *route;
    const char *error;
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_PREFIX, "/", "a");
    assert_int_equal(vhost_builder_add(maker.vhost, &broken, &error), STATUS_OK);
    table = maker_finish(&maker);
    assert_int_equal(match_route(table, SCHEME_HTTP, BYTES("x"), BYTES("/broken/y"), &route),
                     MATCH_ROUTE);
    assert_int_equal(route->action, ROUTE_UNAVAILABLE);
    assert_bytes(route->unavailable, "Service default/nope not found");
    table_unref(table);
}

TEST(hostile_42_a_regex_past_its_step_limit_never_matches)
{
    struct maker maker = with_clusters();
    const struct route *route = NULL;
    struct table *table;

    maker_host(&maker, "x");
    maker_route(&maker, PATH_REGEX, "/(a+)+b", "a");
    maker_route(&maker, PATH_PREFIX, "/", "b");
    table = maker_finish(&maker);
    assert_string_equal(goes_to(table, "x", "/aaab"), "a");
    assert_string_equal(goes_to(table, "x", "/c"), "b");
    assert_string_equal(goes_to(table, "x", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc"), "limit");
    assert_int_equal(match_route(table, SCHEME_HTTP, BYTES("x"),
                                 BYTES("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc"), &route),
                     MATCH_REGEX_LIMIT);
    assert_bytes(route->path, "/(a+)+b"); /* whose it is can be told */
    assert_string_equal(goes_to(table, "x", "/c"), "b");
    table_unref(table);
}

TESTS(UNIT(an_empty_table_knows_no_host),
      UNIT(hostile_40_prefix_rules_end_at_a_segment_and_string_prefixes_do_not),
      UNIT(a_slash_at_the_end_of_a_prefix_makes_no_difference),
      UNIT(exact_beats_regex_beats_the_longest_prefix),
      UNIT(the_longer_regex_is_tried_first_then_the_order_of_text),
      UNIT(of_two_prefixes_of_equal_length_the_one_of_whole_segments_wins),
      UNIT(hostile_43_a_wildcard_covers_exactly_one_label_and_the_exact_name_beats_it),
      UNIT(hostile_44_a_host_with_rules_of_its_own_never_reaches_the_rules_of_others),
      UNIT(the_default_of_a_host_takes_what_its_paths_do_not),
      UNIT(an_unclaimed_host_goes_to_host_less_rules_then_to_the_default_of_the_table),
      UNIT(an_unclaimed_host_without_a_default_finds_nothing),
      UNIT(hostile_96_an_unavailable_route_keeps_its_place_before_a_wider_one),
      UNIT(hostile_42_a_regex_past_its_step_limit_never_matches))
