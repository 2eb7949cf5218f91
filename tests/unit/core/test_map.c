/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map.c - the hash map against a plain array.
 */
#include "core/map.h"
#include "core/mem.h"
#include "core/text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

TEST(a_map_gives_back_what_was_put)
{
    struct map map;
    int one, two, three;

    map_init(&map);
    assert_null(map_get(&map, BYTES("a")));
    assert_null(map_remove(&map, BYTES("a")));
    assert_null(map_put(&map, BYTES("a"), &one));
    assert_null(map_put(&map, BYTES(""), &two));
    assert_ptr_equal(map_get(&map, BYTES("a")), &one);
    assert_ptr_equal(map_get(&map, BYTES_NONE), &two);
    assert_ptr_equal(map_put(&map, BYTES("a"), &three), &one);
    assert_int_equal(map.count, 2);
    assert_ptr_equal(map_remove(&map, BYTES("a")), &three);
    assert_null(map_get(&map, BYTES("a")));
    assert_int_equal(map.count, 1);
    map_fini(&map);
}

TEST(replacing_a_value_takes_its_new_key)
{
    struct map map;
    char *old_key = mem_string(BYTES("key"));
    char *new_key = mem_string(BYTES("key"));
    int one, two;

    map_init(&map);
    map_put(&map, bytes_of(old_key), &one);
    map_put(&map, bytes_of(new_key), &two);
    mem_free(old_key);
    assert_ptr_equal(map_get(&map, BYTES("key")), &two);
    map_fini(&map);
    mem_free(new_key);
}

#define KEYS 500

TEST(a_map_does_what_a_plain_array_does)
{
    static char names[KEYS][8];
    static void *values[KEYS];
    struct map map;
    uint64_t random = 88172645463325252u;
    size_t count = 0;

    map_init(&map);
    for (size_t i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof(names[i]), "k%zu", i);
    for (int round = 0; round < 200000; round++) {
        size_t i;
        void *value;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        /* Now few, now many keys in use, so that it grows and is cleaned. */
        i = (size_t)(random >> 32) % (round / 20000 % 2 == 0 ? KEYS : 20);
        value = &names[(random >> 20) % KEYS];
        if (random % 2 == 0) {
            assert_ptr_equal(map_put(&map, bytes_of(names[i]), value), values[i]);
            count += values[i] == NULL;
            values[i] = value;
        } else {
            assert_ptr_equal(map_remove(&map, bytes_of(names[i])), values[i]);
            count -= values[i] != NULL;
            values[i] = NULL;
        }
        assert_int_equal(map.count, count);
        assert_ptr_equal(map_get(&map, bytes_of(names[random % KEYS])), values[random % KEYS]);
    }
    assert_in_range(map.capacity, KEYS, KEYS * 8);
    map_fini(&map);
}

TEST(visiting_sees_every_value_once_also_while_removing)
{
    static int values[100];
    static char names[100][8];
    struct map map;
    size_t at = 0;
    int *value;

    map_init(&map);
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "k%zu", i);
        map_put(&map, bytes_of(names[i]), &values[i]);
    }
    while ((value = map_next(&map, &at)) != NULL) {
        (*value)++;
        assert_ptr_equal(map_remove(&map, bytes_of(names[value - values])), value);
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(values[i], 1);
    assert_int_equal(map.count, 0);
    at = 0;
    assert_null(map_next(&map, &at));
    map_fini(&map);
}

TEST(a_pair_is_found_by_its_parts_however_long_they_are)
{
    static char name[2000];
    struct bytes longest = {name, sizeof(name)};
    struct text key;
    struct map map;
    int value = 7, other = 8;

    memset(name, 'n', sizeof(name));
    text_init(&key);
    text_add_str(&key, "web/");
    text_add(&key, longest);
    map_init(&map);
    (void)map_put(&map, BYTES("web/app"), &value);
    (void)map_put(&map, text_bytes(&key), &other);
    assert_ptr_equal(map_get_pair(&map, BYTES("web"), BYTES("app")), &value);
    assert_ptr_equal(map_get_pair(&map, BYTES("web"), longest), &other);
    assert_null(map_get_pair(&map, BYTES("web/app"), BYTES_NONE));
    assert_null(map_get_pair(&map, BYTES_NONE, BYTES("app")));
    map_fini(&map);
    text_fini(&key);
}

TESTS(UNIT(a_pair_is_found_by_its_parts_however_long_they_are), UNIT(a_map_gives_back_what_was_put),
      UNIT(replacing_a_value_takes_its_new_key), UNIT(a_map_does_what_a_plain_array_does),
      UNIT(visiting_sees_every_value_once_also_while_removing))
