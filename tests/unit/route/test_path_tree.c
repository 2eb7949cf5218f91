/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_path_tree.c - the tree against a matcher that tries every rule, and the cost of a walk.
 */
#include "route/path_tree.h"
#include "tests/unit/route/make.h"

#include <stdio.h>

static struct table *table_of(size_t paths_count)
{
    struct maker maker = maker_begin(NULL);

    maker_host(&maker, "a.example");
    maker_cluster(&maker, "c", 1, 80);
    for (size_t i = 0; i < paths_count; i++) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/service-%zu/v1/items", i * 7919 % 100000);
        maker_route(&maker, i % 2 == 0 ? PATH_PREFIX : PATH_EXACT, path, "c");
    }
    return maker_finish(&maker);
}

static uint32_t nodes_for(const struct table *table, const char *path)
{
    const struct vhost *vhost = table_vhost(table, SCHEME_HTTP, BYTES("a.example"));
    struct path_walk walk;

    path_tree_walk(vhost->paths, bytes_of(path), &walk);
    return walk.nodes;
}

TEST(a_walk_costs_the_length_of_the_path_whether_there_are_ten_paths_or_ten_thousand)
{
    struct table *few = table_of(10);
    struct table *many = table_of(10000);
    char longest[2000];

    assert_int_equal(table_routes_count(few), 10);
    assert_int_equal(table_routes_count(many), 10000);
    /* A node for each digit of the number at most, and three more. */
    for (size_t i = 0; i < 10000; i++) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/service-%zu/v1/items/x", i * 7919 % 100000);
        assert_in_range(nodes_for(many, path), 1, 8);
        assert_string_equal(goes_to(many, "a.example", path), i % 2 == 0 ? "c" : "404");
    }
    assert_in_range(nodes_for(few, "/service-7919/v1/items"), 1, 4);
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(nodes_for(many, longest), 1);
    table_unref(few);
    table_unref(many);
}

/* The rules said in the plainest way. */
static bool rule_matches(const struct route *route, struct bytes path)
{
    switch (route->path_kind) {
    case PATH_EXACT:
        return bytes_equal(route->path, path);
    case PATH_REGEX:
        return false;
    case PATH_STRING_PREFIX:
        return bytes_starts_with(path, route->path);
    case PATH_PREFIX:
        if (!bytes_starts_with(path, route->path))
            return false;
        return bytes_equal(route->path, BYTES("/")) || path.len == route->path.len ||
               path.at[route->path.len] == '/';
    }
    return false;
}

/* Routes are listed in precedence, so the first that matches wins. */
static const struct route *naive_match(const struct vhost *vhost, struct bytes path)
{
    for (uint32_t i = 0; i < vhost->routes_count; i++)
        if (rule_matches(&vhost->routes[i], path))
            return &vhost->routes[i];
    return NULL;
}

static void random_path(uint64_t *state, char *path)
{
    static const char letters[] = "/ab/";
    size_t len = random_below(state, 9);

    *path++ = '/';
    for (size_t i = 0; i < len; i++) {
        char letter = letters[random_below(state, 4)];

        if (letter != '/' || path[-1] != '/')
            *path++ = letter;
    }
    *path = '\0';
}

/* True when the vhost would have this rule twice. */
static bool is_known(const char (*paths)[16], const enum path_kind *kinds, size_t count)
{
    struct bytes path = route_path_of_rule(kinds[count], bytes_of(paths[count]));

    for (size_t i = 0; i < count; i++)
        if (kinds[i] == kinds[count] &&
            bytes_equal(route_path_of_rule(kinds[i], bytes_of(paths[i])), path))
            return true;
    return false;
}

static struct table *random_table(uint64_t *state)
{
    static const enum path_kind choice[] = {PATH_EXACT, PATH_PREFIX, PATH_STRING_PREFIX};
    struct maker maker = maker_begin(NULL);
    size_t count = random_below(state, 20);
    enum path_kind kinds[20];
    char paths[20][16];

    maker_host(&maker, "a.example");
    maker_cluster(&maker, "c", 1, 80);
    for (size_t i = 0; i < count; i++) {
        random_path(state, paths[i]);
        kinds[i] = choice[random_below(state, 3)];
        if (!is_known((const char(*)[16])paths, kinds, i))
            maker_route(&maker, kinds[i], paths[i], "c");
    }
    return maker_finish(&maker);
}

TEST(the_tree_agrees_with_trying_every_rule_on_random_rules_and_paths)
{
    uint64_t state = 42;

    for (int round = 0; round < 1500; round++) {
        struct table *table = random_table(&state);
        const struct vhost *vhost = table_vhost(table, SCHEME_HTTP, BYTES("a.example"));

        for (int i = 0; i < 60; i++) {
            const struct route *route = NULL;
            char path[16];

            random_path(&state, path);
            if (path_tree_match(vhost->paths, bytes_of(path), &route) != MATCH_ROUTE)
                route = NULL;
            assert_ptr_equal(route, naive_match(vhost, bytes_of(path)));
        }
        table_unref(table);
    }
}

TESTS(UNIT(a_walk_costs_the_length_of_the_path_whether_there_are_ten_paths_or_ten_thousand),
      UNIT(the_tree_agrees_with_trying_every_rule_on_random_rules_and_paths))
