/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spelling.c - which words count as meant by which.
 */
#include "core/spelling.h"
#include "tests/unit/unit.h"

TEST(case_and_dashes_do_not_matter)
{
    assert_true(spelling_is_same(BYTES("enableWebSockets"), BYTES("enableWebsockets")));
    assert_true(spelling_is_same(BYTES("secret-name"), BYTES("secretName")));
    assert_true(spelling_is_same(BYTES("secret_name"), BYTES("secretName")));
    assert_false(spelling_is_same(BYTES("secretNames"), BYTES("secretName")));
    assert_true(spelling_is_same(BYTES(""), BYTES("-")));
}

TEST(letters_put_in_taken_out_or_changed_are_counted)
{
    assert_int_equal(spelling_distance(BYTES("kitten"), BYTES("sitting")), 3);
    assert_int_equal(spelling_distance(BYTES("sitting"), BYTES("kitten")), 3);
    assert_int_equal(spelling_distance(BYTES("hsts"), BYTES("hst")), 1);
    assert_int_equal(spelling_distance(BYTES(""), BYTES("tls")), 3);
    assert_int_equal(spelling_distance(BYTES_NONE, BYTES_NONE), 0);
}

TEST(a_word_that_is_too_long_is_far_from_all)
{
    static const char line[SPELLING_BYTES_MAX + 2] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct bytes longest = bytes_from(line, SPELLING_BYTES_MAX);
    struct bytes longer = bytes_from(line, SPELLING_BYTES_MAX + 1);

    assert_true(spelling_is_same(longest, longest));
    assert_int_equal(spelling_distance(longer, longer), SPELLING_FAR);
    assert_int_equal(spelling_distance(BYTES("a"), longer), SPELLING_FAR);
    assert_false(spelling_is_near(longer, longer));
}

TEST(a_slip_or_a_missing_end_is_near)
{
    assert_true(spelling_is_near(BYTES("client-ca"), BYTES("client-ca-secret")));
    assert_true(spelling_is_near(BYTES("client-certificates"), BYTES("client-certificate")));
    assert_true(spelling_is_near(BYTES("upstream-sni-name"), BYTES("upstream-server-name")));
    assert_true(spelling_is_near(BYTES("HSTS"), BYTES("hsts")));
    assert_false(spelling_is_near(BYTES("tls"), BYTES("hsts")));
    assert_false(spelling_is_near(BYTES("cl"), BYTES("client-ca-secret")));
    assert_false(spelling_is_near(BYTES("rate-limit"), BYTES("client-certificate")));
}

TESTS(UNIT(case_and_dashes_do_not_matter), UNIT(letters_put_in_taken_out_or_changed_are_counted),
      UNIT(a_word_that_is_too_long_is_far_from_all), UNIT(a_slip_or_a_missing_end_is_near))
