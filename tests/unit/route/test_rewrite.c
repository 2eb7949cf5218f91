/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rewrite.c - which path is forwarded where a route takes another prefix; design 5.5.
 */
#include "route/rewrite.h"
#include "tests/unit/route/make.h"

#include <stdlib.h>

struct example {
    const char *match, *rewrite, *path, *forwarded;
};

static void assert_rewritten(const struct example *example)
{
    const struct route route = {.path = bytes_of(example->match),
                                .prefix_rewrite = bytes_of(example->rewrite)};
    struct bytes path = bytes_of(example->path);
    char *room = malloc(rewrite_bound(&route, path)); /* exactly: sanitizers see one more */

    assert_true(route_rewrites(&route));
    assert_bytes(rewrite_path(&route, path, room), example->forwarded);
    free(room);
}

#define assert_all_rewritten(examples)                                                             \
    for (size_t i = 0; i < sizeof(examples) / sizeof((examples)[0]); i++)                          \
    assert_rewritten(&(examples)[i])

TEST(the_rewrite_takes_the_place_of_the_matched_text_only)
{
    static const struct example examples[] = {
        {"/a", "/b", "/a", "/b"},         {"/a", "/b", "/a/", "/b/"},
        {"/a", "/b", "/a/x", "/b/x"},     {"/a", "/b", "/ax", "/bx"},
        {"/a", "/b/c", "/a/a", "/b/c/a"}, {"/a/b", "/c", "/a/b/a/b", "/c/a/b"},
        {"/a", "/b", "/a%2Fx", "/b%2Fx"}, {"/a", "/b", "/a;v=1/x", "/b;v=1/x"},
        {"/a", "/a", "/a/x", "/a/x"},     {"/", "/", "/x", "/x"},
    };

    assert_all_rewritten(examples);
}

TEST(rewriting_to_the_root_leaves_one_slash)
{
    static const struct example examples[] = {
        {"/a", "/", "/a", "/"},     {"/a", "/", "/a/", "/"},     {"/a", "/", "/a/x", "/x"},
        {"/a", "/", "/ax", "/x"},   {"/a/", "/", "/a/x", "/x"},  {"/a/", "/", "/a/", "/"},
        {"/a/b", "/", "/a/b", "/"}, {"/a", "/", "/a/x/", "/x/"}, {"/", "/", "/", "/"},
    };

    assert_all_rewritten(examples);
}

TEST(a_match_that_ends_with_a_slash_keeps_it_between)
{
    static const struct example examples[] = {
        {"/", "/b", "/", "/b/"},      {"/", "/b", "/x", "/b/x"},     {"/", "/b", "/x/y", "/b/x/y"},
        {"/a/", "/b", "/a/", "/b/"},  {"/a/", "/b", "/a/x", "/b/x"}, {"/", "/b/", "/x", "/b/x"},
        {"/a/", "/b/", "/a/", "/b/"}, {"/a/", "/b", "/a", "/b"},
    };

    assert_all_rewritten(examples);
}

TEST(a_rewrite_that_ends_with_a_slash_brings_no_second_one)
{
    static const struct example examples[] = {
        {"/a", "/b/", "/a", "/b/"},
        {"/a", "/b/", "/a/", "/b/"},
        {"/a", "/b/", "/a/x", "/b/x"},
        {"/a", "/b/", "/ax", "/b/x"},
    };

    assert_all_rewritten(examples);
}

TEST(the_result_begins_with_a_slash_whatever_the_rewrite)
{
    static const struct example examples[] = {
        {"/a", "b", "/a", "/b"},
        {"/a", "b", "/a/x", "/b/x"},
        {"/", "b", "/x", "/b/x"},
        {"/a", "b/", "/a/x", "/b/x"},
    };

    assert_all_rewritten(examples);
}

TEST(a_rewrite_is_taken_in_its_normal_form)
{
    static const char *const examples[][2] = {
        {"/", "/"}, {"/b/", "/b/"}, {"//b/./c/../%7e", "/b/~"}, {"/b%2f", "/b%2F"}};

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        char room[32];
        struct bytes normal;

        assert_true(rewrite_normalise(bytes_of(examples[i][0]), room, &normal));
        assert_bytes(normal, examples[i][1]);
    }
}

TEST(what_is_no_path_is_no_rewrite)
{
    static const char *const examples[] = {"",      "b",     "/b?c",  "/b#c", "/b c",  "/b\r\nX: y",
                                           "/b\tc", "/\x7f", "/\xc3", "/%0",  "/b\\c", "/%00"};

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        char room[32];
        struct bytes normal;

        assert_false(rewrite_normalise(bytes_of(examples[i]), room, &normal));
    }
}

TEST(a_route_with_what_is_no_path_keeps_its_place_and_is_unavailable)
{
    const struct route_backend backend = {0, 1};
    const struct route bad = {.path = BYTES("/a"),
                              .prefix_rewrite = BYTES("/b HTTP/1.1\r\nX: y"),
                              .path_kind = PATH_STRING_PREFIX,
                              .backends = &backend,
                              .backends_count = 1};
    struct maker maker = maker_begin(NULL);
    const struct route *found = NULL;
    const char *error;
    struct table *table;

    maker_cluster(&maker, "default/web/80", 1, 8080);
    maker_host(&maker, "a.test");
    assert_int_equal(vhost_builder_add(maker.vhost, &bad, &error), STATUS_OK);
    table = maker_finish(&maker);
    assert_int_equal(match_route(table, SCHEME_HTTP, BYTES("a.test"), BYTES("/a/x"), &found),
                     MATCH_ROUTE);
    assert_int_equal(found->action, ROUTE_UNAVAILABLE);
    assert_bytes(found->unavailable, "the rewrite is no path");
    assert_false(route_rewrites(found));
    table_unref(table);
}

TESTS(UNIT(the_rewrite_takes_the_place_of_the_matched_text_only),
      UNIT(rewriting_to_the_root_leaves_one_slash),
      UNIT(a_match_that_ends_with_a_slash_keeps_it_between),
      UNIT(a_rewrite_that_ends_with_a_slash_brings_no_second_one),
      UNIT(the_result_begins_with_a_slash_whatever_the_rewrite),
      UNIT(a_rewrite_is_taken_in_its_normal_form), UNIT(what_is_no_path_is_no_rewrite),
      UNIT(a_route_with_what_is_no_path_keeps_its_place_and_is_unavailable))
