/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_duration.c - Go durations.
 */
#include "core/duration.h"
#include "tests/unit/unit.h"

TEST(durations_read_as_go_reads_them)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"0", 0},
        {"+0", 0},
        {"-0", 0},
        {"0s", 0},
        {"90s", 90000000000},
        {"1m30s", 90000000000},
        {"1.5h", 5400000000000},
        {"-1.5s", -1500000000},
        {"+5s", 5000000000},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"1h2m3s4ms5us6ns", 3723004005006},
        {"1\xc2\xb5s", 1000},
        {"1\xce\xbcs", 1000},
        {"1s1s", 2000000000},
        {"0.000000001s", 1},
        {"0.0000000001s", 0},
        {"9223372036854775807ns", INT64_MAX},
        {"2562047h47m16.854775807s", INT64_MAX},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ns = -77;

        if (duration_parse(bytes_of(rows[i].text), &ns) != STATUS_OK || ns != rows[i].ns)
            fail_msg("%s read as %lld", rows[i].text, (long long)ns);
    }
}

TEST(all_else_is_no_duration)
{
    static const char *const wrong[] = {"",         "10",
                                        "10 s",     " 10s",
                                        "10s ",     "s",
                                        ".s",       "-",
                                        "+",        "--1s",
                                        "1",        "1x",
                                        "1S",       "1d",
                                        "1e3s",     "0x1s",
                                        "1s1",      "1,5s",
                                        "inf",      "infinity",
                                        "-s",       "9223372036854775808ns",
                                        "2562048h", "99999999999999999999s",
                                        "1s-1s",    ".",
                                        "1..5s"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t ns = -77;

        if (duration_parse(bytes_of(wrong[i]), &ns) != STATUS_INVALID || ns != -77)
            fail_msg("accepted: %s", wrong[i]);
    }
}

TEST(milliseconds_are_rounded_up_and_capped)
{
    uint32_t ms = 77;

    assert_int_equal(duration_parse_ms(BYTES("1ns"), &ms), STATUS_OK);
    assert_int_equal(ms, 1);
    assert_int_equal(duration_parse_ms(BYTES("1.0001s"), &ms), STATUS_OK);
    assert_int_equal(ms, 1001);
    assert_int_equal(duration_parse_ms(BYTES("0"), &ms), STATUS_OK);
    assert_int_equal(ms, 0);
    assert_int_equal(duration_parse_ms(BYTES("10000h"), &ms), STATUS_OK);
    assert_true(ms == UINT32_MAX);
    assert_int_equal(duration_parse_ms(BYTES("-1s"), &ms), STATUS_INVALID);
}

TESTS(UNIT(durations_read_as_go_reads_them), UNIT(all_else_is_no_duration),
      UNIT(milliseconds_are_rounded_up_and_capped))
