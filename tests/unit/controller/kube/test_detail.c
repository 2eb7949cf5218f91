/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_detail.c - what is missing, said in one line.
 */
#include "controller/kube/detail.h"
#include "tests/unit/unit.h"

static void assert_joined(const char *lines, const char *expected)
{
    struct text line;

    text_init(&line);
    detail_join(bytes_of(lines), &line);
    assert_bytes(text_bytes(&line), expected);
    text_fini(&line);
}

TEST(one_line_stays_as_it_is)
{
    assert_joined("", "");
    assert_joined("services v1: refused: by whom\n", "services v1: refused: by whom");
}

TEST(names_with_the_same_reason_stand_together_and_each_once)
{
    assert_joined(
        "secrets v1: away\nservices v1: forbidden\nsecrets v1: away\ningresses v1: away\n",
        "secrets v1, ingresses v1: away; services v1: forbidden");
}

TEST(names_and_reasons_past_their_limits_are_counted)
{
    struct text lines, line;

    text_init(&lines);
    text_init(&line);
    for (int i = 0; i < DETAIL_NAMES_MAX + 2; i++)
        text_printf(&lines, "n%d: away\n", i);
    detail_join(text_bytes(&lines), &line);
    assert_true(bytes_ends_with(text_bytes(&line), BYTES(", n11 and 2 more: away")));
    text_clear(&lines);
    text_clear(&line);
    for (int i = 0; i < DETAIL_REASONS_MAX + 1; i++)
        text_printf(&lines, "n: reason %d\n", i);
    detail_join(text_bytes(&lines), &line);
    assert_true(bytes_ends_with(text_bytes(&line), BYTES("; n: reason 4; and more")));
    text_fini(&lines);
    text_fini(&line);
}

TESTS(UNIT(one_line_stays_as_it_is), UNIT(names_with_the_same_reason_stand_together_and_each_once),
      UNIT(names_and_reasons_past_their_limits_are_counted))
