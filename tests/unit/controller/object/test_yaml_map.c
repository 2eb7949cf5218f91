/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_yaml_map.c - flat YAML mappings, as config files are.
 */
#include "controller/object/yaml_map.h"
#include "tests/unit/unit.h"

static void assert_refused(const char *content, const char *because)
{
    struct yaml_map map;
    struct text error;

    text_init(&error);
    assert_int_equal(yaml_map_read(bytes_of(content), &map, &error), STATUS_INVALID);
    assert_bytes(text_bytes(&error), because);
    yaml_map_fini(&map);
    text_fini(&error);
}

TEST(yaml_map_reads_scalars_and_lists_in_order_with_their_lines)
{
    struct yaml_map map;
    struct text error;

    text_init(&error);
    assert_int_equal(
        yaml_map_read(BYTES("a: 1\nlist:\n- x\n- 'y z'\nflow: [p, q]\nnone: ~\n"), &map, &error),
        STATUS_OK);
    assert_int_equal(map.count, 6);
    assert_bytes(map.entries[0].key, "a");
    assert_bytes(map.entries[0].value, "1");
    assert_false(map.entries[0].is_item);
    assert_bytes(map.entries[2].key, "list");
    assert_bytes(map.entries[2].value, "y z");
    assert_true(map.entries[2].is_item);
    assert_int_equal(map.entries[2].line, 4);
    assert_bytes(map.entries[4].value, "q");
    assert_bytes(map.entries[5].value, "");
    yaml_map_fini(&map);
    text_fini(&error);
}

TEST(yaml_map_takes_nothing_for_an_empty_mapping)
{
    struct yaml_map map;
    struct text error;

    text_init(&error);
    assert_int_equal(yaml_map_read(BYTES_NONE, &map, &error), STATUS_OK);
    assert_int_equal(map.count, 0);
    yaml_map_fini(&map);
    text_fini(&error);
}

TEST(yaml_map_refuses_what_is_not_flat)
{
    assert_refused("a: {b: c}\n", "line 1: a mapping where a value belongs");
    assert_refused("a:\n- [b]\n", "line 2: a list where none belongs");
    assert_refused("- a\n", "line 1: a list where none belongs");
    assert_refused("a: 1\na: 2\n", "line 2: the same key a second time");
    assert_refused("a: &x 1\nb: *x\n", "line 2: an alias, which is not taken here");
    assert_refused("a: 1\n---\nb: 2\n", "line 2: a second document");
    assert_refused("[a]: 1\n", "line 1: a list where none belongs");
    assert_refused("word\n", "line 1: no mapping of keys");
    assert_refused("a: \"x\\0y\"\n", "line 1: a NUL byte in a value");
}

TESTS(UNIT(yaml_map_reads_scalars_and_lists_in_order_with_their_lines),
      UNIT(yaml_map_takes_nothing_for_an_empty_mapping), UNIT(yaml_map_refuses_what_is_not_flat))
