/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_affinity.c - the session cookie, found among others and made, and keys.
 */
#include "lb/affinity.h"
#include "tests/unit/unit.h"

#define NAME "X-Contour-Session-Affinity"

static void assert_found(const char *cookies, const char *expected)
{
    struct bytes value = BYTES_NONE;

    assert_true(affinity_find(bytes_of(cookies), &value));
    assert_bytes(value, expected);
}

static void assert_ignored(const char *cookies)
{
    struct bytes value = BYTES_NONE;

    assert_false(affinity_find(bytes_of(cookies), &value));
    assert_null(value.at);
}

TEST(the_cookie_is_found_wherever_it_stands)
{
    assert_found(NAME "=0123456789abcdef", "0123456789abcdef");
    assert_found("a=b; " NAME "=1; c=d", "1");
    assert_found("a=b;" NAME "=1", "1");
    assert_found("a=b; \t " NAME "=1 ;", "1");
    assert_found(";;; ;" NAME "=1", "1");
    assert_found("a; =; b=; " NAME "=1", "1");
}

TEST(quotes_around_the_value_do_not_count)
{
    assert_found(NAME "=\"0123456789abcdef\"", "0123456789abcdef");
    assert_found(NAME "=\"", "\"");
    assert_found(NAME "=\"a", "\"a");
    assert_found(NAME "=a\"b", "a\"b");
    assert_found(NAME "=\"\"\"", "\"");
}

TEST(names_that_only_look_like_it_are_ignored)
{
    assert_ignored("");
    assert_ignored(";");
    assert_ignored(NAME);
    assert_ignored("x-contour-session-affinity=1");
    assert_ignored(NAME "2=1");
    assert_ignored("X" NAME "=1");
    assert_ignored(NAME " =1");
    assert_ignored("a=" NAME "=1");
    assert_ignored("a=\"; b=" NAME "=1\"");
}

TEST(a_cookie_without_a_value_is_none)
{
    assert_ignored(NAME "=");
    assert_ignored(NAME "=\"\"");
    assert_ignored(NAME "=; a=b");
    assert_found(NAME "=; " NAME "=2", "2");
}

TEST(of_several_the_first_counts)
{
    assert_found(NAME "=1; " NAME "=2", "1");
}

TEST(any_bytes_are_a_value)
{
    static const char bytes[] = NAME "=\0\xff %00\r\n=,";
    struct bytes value;

    assert_true(affinity_find(bytes_from(bytes, sizeof(bytes) - 1), &value));
    assert_int_equal(value.len, sizeof(bytes) - 1 - sizeof(NAME "=") + 1);
    assert_found(NAME "=not-hex-and-longer-than-sixteen-digits",
                 "not-hex-and-longer-than-sixteen-digits");
}

TEST(a_made_value_is_sixteen_hex_digits_and_is_found_again)
{
    char out[AFFINITY_SET_COOKIE_LENGTH];
    struct bytes value;

    affinity_make(0x0123456789abcdefu, out);
    assert_bytes(bytes_from(out, sizeof(out)), NAME "=\"0123456789abcdef\"; Path=/; HttpOnly");
    assert_true(affinity_find(bytes_from(out, sizeof(out)), &value));
    assert_bytes(value, "0123456789abcdef");
    affinity_make(0, out);
    assert_true(affinity_find(bytes_from(out, sizeof(out)), &value));
    assert_bytes(value, "0000000000000000");
}

/* Pods of different builds must agree: these numbers may not change. */
TEST(keys_are_the_same_in_every_process)
{
    struct address client;

    assert_int_equal(affinity_key_of_value(BYTES("0123456789abcdef")), 0x01793fdf0a08e816);
    assert_int_equal(address_parse(BYTES("192.0.2.1:4711"), &client), STATUS_OK);
    assert_int_equal(affinity_key_of_client(&client), 0xb5eca5d33c346bdd);
}

TEST(the_port_of_a_client_does_not_count)
{
    struct address a, b, c;

    assert_int_equal(address_parse(BYTES("192.0.2.1:1"), &a), STATUS_OK);
    assert_int_equal(address_parse(BYTES("192.0.2.1:2"), &b), STATUS_OK);
    assert_int_equal(address_parse(BYTES("192.0.2.2:1"), &c), STATUS_OK);
    assert_true(affinity_key_of_client(&a) == affinity_key_of_client(&b));
    assert_true(affinity_key_of_client(&a) != affinity_key_of_client(&c));
}

TESTS(UNIT(the_cookie_is_found_wherever_it_stands), UNIT(quotes_around_the_value_do_not_count),
      UNIT(names_that_only_look_like_it_are_ignored), UNIT(a_cookie_without_a_value_is_none),
      UNIT(of_several_the_first_counts), UNIT(any_bytes_are_a_value),
      UNIT(a_made_value_is_sixteen_hex_digits_and_is_found_again),
      UNIT(keys_are_the_same_in_every_process), UNIT(the_port_of_a_client_does_not_count))
