/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bytes.c - comparing, cutting, reading numbers, hashing.
 */
#include "core/bytes.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

TEST(bytes_equal_compares_length_and_content)
{
    assert_true(bytes_equal(BYTES("abc"), bytes_of("abc")));
    assert_false(bytes_equal(BYTES("abc"), BYTES("ab")));
    assert_false(bytes_equal(BYTES("abc"), BYTES("abd")));
    assert_true(bytes_equal(BYTES_NONE, BYTES("")));
    assert_true(bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
    assert_false(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
}

TEST(bytes_equal_nocase_folds_ascii_letters_only)
{
    assert_true(bytes_equal_nocase(BYTES("Content-LENGTH"), BYTES("content-length")));
    assert_false(bytes_equal_nocase(BYTES("a"), BYTES("b")));
    assert_false(bytes_equal_nocase(BYTES("a"), BYTES("ab")));
    assert_false(bytes_equal_nocase(BYTES("@"), BYTES("`"))); /* differ in the case bit only */
    assert_false(bytes_equal_nocase(BYTES("["), BYTES("{")));
    assert_false(bytes_equal_nocase(BYTES("\xc4"), BYTES("\xe4")));
}

TEST(bytes_compare_orders_like_memcmp_and_shorter_first)
{
    assert_true(bytes_compare(BYTES("a"), BYTES("b")) < 0);
    assert_true(bytes_compare(BYTES("b"), BYTES("ab")) > 0);
    assert_true(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
    assert_true(bytes_compare(BYTES("ab"), BYTES("a")) > 0);
    assert_int_equal(bytes_compare(BYTES("ab"), BYTES("ab")), 0);
    assert_int_equal(bytes_compare(BYTES_NONE, BYTES("")), 0);
    assert_true(bytes_compare(BYTES("\x7f"), BYTES("\x80")) < 0);
}

TEST(bytes_starts_with_and_ends_with)
{
    assert_true(bytes_starts_with(BYTES("/foo/bar"), BYTES("/foo")));
    assert_false(bytes_starts_with(BYTES("/fo"), BYTES("/foo")));
    assert_true(bytes_starts_with(BYTES("x"), BYTES_NONE));
    assert_true(bytes_ends_with(BYTES("a.yaml"), BYTES(".yaml")));
    assert_false(bytes_ends_with(BYTES("yaml"), BYTES(".yaml")));
    assert_true(bytes_ends_with(BYTES_NONE, BYTES_NONE));
}

TEST(bytes_slice_is_cut_to_what_there_is)
{
    assert_bytes(bytes_slice(BYTES("abcdef"), 2, 3), "cde");
    assert_bytes(bytes_slice(BYTES("abcdef"), 4, 10), "ef");
    assert_bytes(bytes_slice(BYTES("abcdef"), 6, 1), "");
    assert_bytes(bytes_slice(BYTES("abcdef"), 9, SIZE_MAX), "");
    assert_bytes(bytes_slice(BYTES("abcdef"), 1, SIZE_MAX), "bcdef");
    assert_bytes(bytes_skip(BYTES("abcdef"), 4), "ef");
    assert_bytes(bytes_skip(BYTES("abcdef"), 7), "");
    assert_int_equal(bytes_slice(BYTES_NONE, 1, 1).len, 0);
}

TEST(bytes_find_gives_the_first_and_the_last)
{
    assert_int_equal(bytes_find(BYTES("a:b:c"), ':'), 1);
    assert_int_equal(bytes_find_last(BYTES("a:b:c"), ':'), 3);
    assert_true(bytes_find(BYTES("abc"), ':') == BYTES_NOT_FOUND);
    assert_true(bytes_find_last(BYTES("abc"), ':') == BYTES_NOT_FOUND);
    assert_true(bytes_find(BYTES_NONE, ':') == BYTES_NOT_FOUND);
    assert_true(bytes_find_last(BYTES_NONE, '\0') == BYTES_NOT_FOUND);
}

TEST(bytes_trim_takes_blanks_off_both_ends)
{
    assert_bytes(bytes_trim(BYTES(" \t a b \t")), "a b");
    assert_bytes(bytes_trim(BYTES(" \t ")), "");
    assert_bytes(bytes_trim(BYTES("\r\na\v")), "\r\na\v");
    assert_bytes(bytes_trim(BYTES_NONE), "");
}

TEST(bytes_next_item_returns_empty_items_too)
{
    struct bytes rest = BYTES(" a ,, b c,");
    struct bytes item;

    assert_true(bytes_next_item(&rest, ',', &item));
    assert_bytes(item, "a");
    assert_true(bytes_next_item(&rest, ',', &item));
    assert_bytes(item, "");
    assert_true(bytes_next_item(&rest, ',', &item));
    assert_bytes(item, "b c");
    assert_true(bytes_next_item(&rest, ',', &item));
    assert_bytes(item, "");
    assert_false(bytes_next_item(&rest, ',', &item));
    assert_false(bytes_next_item(&rest, ',', &item));
}

TEST(bytes_to_uint_takes_digits_up_to_the_maximum)
{
    uint64_t value = 7;

    assert_true(bytes_to_uint(BYTES("0"), 0, &value));
    assert_int_equal(value, 0);
    assert_true(bytes_to_uint(BYTES("0065535"), 65535, &value));
    assert_int_equal(value, 65535);
    assert_true(bytes_to_uint(BYTES("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
}

TEST(hostile_3_bytes_to_uint_refuses_all_other_numbers)
{
    static const char *const wrong[] = {"",
                                        "+5",
                                        "-1",
                                        "0x5",
                                        "1_0",
                                        "5 5",
                                        " 5",
                                        "5 ",
                                        "5\n",
                                        "65536",
                                        "18446744073709551616",
                                        "99999999999999999999999999",
                                        "1.0",
                                        "1e3",
                                        ":",
                                        "/"};
    uint64_t value = 7;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(bytes_to_uint(bytes_of(wrong[i]), 65535, &value));
    assert_false(bytes_to_uint(BYTES("18446744073709551616"), UINT64_MAX, &value));
    assert_int_equal(value, 7);
}

TEST(bytes_hash_depends_on_every_byte_and_the_length)
{
    char text[40];
    uint64_t before;

    memset(text, 'a', sizeof(text));
    for (size_t len = 1; len <= sizeof(text); len++) {
        before = bytes_hash(bytes_from(text, len));
        assert_true(before == bytes_hash(bytes_from(text, len)));
        assert_true(before != bytes_hash(bytes_from(text, len - 1)));
        for (size_t i = 0; i < len; i++) {
            text[i] = 'b';
            assert_true(before != bytes_hash(bytes_from(text, len)));
            text[i] = 'a';
        }
    }
    assert_true(bytes_hash(BYTES("a")) != bytes_hash(BYTES("a\0")));
}

/* Low bits choose a map's place, so they must be spread too. */
TEST(bytes_hash_spreads_counters_over_its_low_bits)
{
    uint32_t buckets[64] = {0};

    for (uint32_t i = 0; i < 64000; i++)
        buckets[bytes_hash(bytes_from((const char *)&i, sizeof(i))) % 64]++;
    for (size_t i = 0; i < 64; i++)
        assert_in_range(buckets[i], 800, 1200);
}

TESTS(UNIT(bytes_equal_compares_length_and_content),
      UNIT(bytes_equal_nocase_folds_ascii_letters_only),
      UNIT(bytes_compare_orders_like_memcmp_and_shorter_first),
      UNIT(bytes_starts_with_and_ends_with), UNIT(bytes_slice_is_cut_to_what_there_is),
      UNIT(bytes_find_gives_the_first_and_the_last), UNIT(bytes_trim_takes_blanks_off_both_ends),
      UNIT(bytes_next_item_returns_empty_items_too),
      UNIT(bytes_to_uint_takes_digits_up_to_the_maximum),
      UNIT(hostile_3_bytes_to_uint_refuses_all_other_numbers),
      UNIT(bytes_hash_depends_on_every_byte_and_the_length),
      UNIT(bytes_hash_spreads_counters_over_its_low_bits))
