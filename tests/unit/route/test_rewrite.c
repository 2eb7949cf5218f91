/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rewrite.c - which path is forwarded where a route takes another prefix; design 5.5.
 */
#include "route/rewrite.h"
#include "tests/unit/unit.h"

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

TESTS(UNIT(the_rewrite_takes_the_place_of_the_matched_text_only),
      UNIT(rewriting_to_the_root_leaves_one_slash),
      UNIT(a_match_that_ends_with_a_slash_keeps_it_between),
      UNIT(a_rewrite_that_ends_with_a_slash_brings_no_second_one),
      UNIT(the_result_begins_with_a_slash_whatever_the_rewrite))
