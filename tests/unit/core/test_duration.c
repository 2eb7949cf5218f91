/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_duration.c - Go durations.
 */
#include "core/duration.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

static void assert_ns(const char *text, int64_t expected)
{
    int64_t ns = -1;

    if (duration_parse(bytes_of(text), &ns) != STATUS_OK)
        fail_msg("refused: %s", text);
    assert_int_equal(ns, expected);
}

static void assert_refused(const char *text)
{
    int64_t ns = 42;

    if (duration_parse(bytes_of(text), &ns) != STATUS_INVALID)
        fail_msg("taken: %s", text);
    assert_int_equal(ns, 42);
}

TEST(duration_parse_reads_every_unit)
{
    assert_ns("7ns", 7);
    assert_ns("7us", 7000);
    assert_ns("7\xc2\xb5s", 7000);
    assert_ns("7\xce\xbcs", 7000);
    assert_ns("7ms", 7000000);
    assert_ns("90s", 90000000000);
    assert_ns("2m", 120000000000);
    assert_ns("1h", 3600000000000);
    assert_ns("0", 0);
}

TEST(duration_parse_adds_terms_and_fractions)
{
    assert_ns("1m30s", 90000000000);
    assert_ns("1.5h", 5400000000000);
    assert_ns(".5s", 500000000);
    assert_ns("1.s", 1000000000);
    assert_ns("-1.5s", -1500000000);
    assert_ns("+3s", 3000000000);
    assert_ns("0.0000000001h", 360);
    assert_ns("1h1h", 7200000000000);
}

TEST(duration_parse_refuses_what_go_refuses)
{
    assert_refused("");
    assert_refused("10");
    assert_refused("10 s");
    assert_refused("s");
    assert_refused(".s");
    assert_refused("-");
    assert_refused("1x");
    assert_refused("1s ");
    assert_refused("1m30");
    assert_refused("00");
    assert_refused("infinity");
    assert_refused("1e3s");
}

TEST(duration_parse_refuses_what_does_not_fit)
{
    assert_ns("2562047h", 2562047 * INT64_C(3600000000000));
    assert_refused("2562048h");
    assert_refused("99999999999999999999h");
    assert_refused("2562047h2562047h");
}

TEST(duration_parse_ms_never_rounds_a_limit_away)
{
    uint32_t ms = 9;

    assert_int_equal(duration_parse_ms(BYTES("1ns"), &ms), STATUS_OK);
    assert_int_equal(ms, 1);
    assert_int_equal(duration_parse_ms(BYTES("1500us"), &ms), STATUS_OK);
    assert_int_equal(ms, 2);
    assert_int_equal(duration_parse_ms(BYTES("0s"), &ms), STATUS_OK);
    assert_int_equal(ms, 0);
    assert_int_equal(duration_parse_ms(BYTES("100000h"), &ms), STATUS_OK);
    assert_int_equal(ms, UINT32_MAX);
    assert_int_equal(duration_parse_ms(BYTES("-1s"), &ms), STATUS_INVALID);
}

TESTS(UNIT(duration_parse_reads_every_unit), UNIT(duration_parse_adds_terms_and_fractions),
      UNIT(duration_parse_refuses_what_go_refuses), UNIT(duration_parse_refuses_what_does_not_fit),
      UNIT(duration_parse_ms_never_rounds_a_limit_away))
