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
    assert_true(spelling_is_near(BYTES("weigth"), BYTES("weight")));
    assert_true(spelling_is_near(BYTES("prot"), BYTES("port")));
    assert_false(spelling_is_near(BYTES("prto"), BYTES("port")));
    assert_false(spelling_is_near(BYTES("potr"), BYTES("hots")));
    assert_false(spelling_is_near(BYTES("tls"), BYTES("hsts")));
    assert_false(spelling_is_near(BYTES("cl"), BYTES("client-ca-secret")));
    assert_false(spelling_is_near(BYTES("rate-limit"), BYTES("client-certificate")));
}

/* The textbook's way, all of the table. */
static unsigned plain_distance(struct bytes a, struct bytes b)
{
    unsigned rows[16][16];

    for (unsigned i = 0; i <= a.len; i++) {
        for (unsigned j = 0; j <= b.len; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            rows[i][j] = rows[i - 1][j - 1] + (a.at[i - 1] != b.at[j - 1]);
            if (rows[i - 1][j] + 1 < rows[i][j])
                rows[i][j] = rows[i - 1][j] + 1;
            if (rows[i][j - 1] + 1 < rows[i][j])
                rows[i][j] = rows[i][j - 1] + 1;
        }
    }
    return rows[a.len][b.len];
}

TEST(edits_agree_with_the_textbook_up_to_their_limit)
{
    uint64_t state = 3;

    for (int round = 0; round < 50000; round++) {
        char a[16], b[16];
        size_t len_a = random_below(&state, 13);
        size_t len_b = random_below(&state, 13);
        unsigned max = (unsigned)random_below(&state, 14);
        unsigned plain;

        for (size_t i = 0; i < 16; i++) {
            a[i] = (char)('a' + random_below(&state, 2));
            b[i] = (char)('a' + random_below(&state, 2));
        }
        plain = plain_distance(bytes_from(a, len_a), bytes_from(b, len_b));
        assert_int_equal(spelling_edits(bytes_from(a, len_a), bytes_from(b, len_b), max),
                         plain > max ? max + 1 : plain);
    }
}

TESTS(UNIT(edits_agree_with_the_textbook_up_to_their_limit), UNIT(case_and_dashes_do_not_matter),
      UNIT(letters_put_in_taken_out_or_changed_are_counted),
      UNIT(a_word_that_is_too_long_is_far_from_all), UNIT(a_slip_or_a_missing_end_is_near))
