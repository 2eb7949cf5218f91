/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h1_scan.c - finding the end of a head, in pieces and under limits.
 */
#include "tests/unit/proxy/http/h1_case.h"

static enum status scan_once(struct bytes data, const struct h1_limits *limits,
                             enum h1_fault *fault)
{
    struct h1_scan scan = {0};
    size_t head_len;

    return h1_scan_request(&scan, data, limits, &head_len, fault);
}

/* "GET /xx... HTTP/1.1" with a target of `len` bytes, and `rest` after the target. */
static void add_request(struct text *raw, size_t len, const char *rest)
{
    text_clear(raw);
    text_add_str(raw, "GET /");
    for (size_t i = 1; i < len; i++)
        text_add_byte(raw, 'x');
    text_add_str(raw, rest);
}

TEST(an_incomplete_head_asks_for_more)
{
    static const char raw[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct h1_scan scan = {0};
    enum h1_fault fault;
    size_t head_len = 0;

    for (size_t len = 0; len < sizeof(raw) - 1; len++)
        assert_int_equal(
            h1_scan_request(&scan, bytes_from(raw, len), &case_limits, &head_len, &fault),
            STATUS_AGAIN);
    assert_int_equal(
        h1_scan_request(&scan, bytes_from(raw, sizeof(raw) - 1), &case_limits, &head_len, &fault),
        STATUS_OK);
    assert_int_equal(head_len, sizeof(raw) - 1);
}

TEST(any_split_of_a_head_gives_the_same_answer)
{
    static const struct bytes heads[] = {
        {GET_WITH("A: b\r\n"), sizeof(GET_WITH("A: b\r\n")) - 1},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nmore", 33},
        {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 22},
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", 26},
        {"\rGET / HTTP/1.1\r\n\r\n", 19},
        {"GET /\r\n\r\n", 9},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24},
        {"\x16\x03\x01\x02\r\n\r\n", 8},
        {POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
         sizeof(POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) - 1},
        {GET_WITH("A: b\r\n\rX"), sizeof(GET_WITH("A: b\r\n\rX")) - 1},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1\r\n\r\n", 49},
    };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct h1_case whole;
        enum h1_fault fault = case_request(&whole, heads[i], heads[i].len, &case_limits);

        for (size_t step = 1; step < heads[i].len; step++) {
            struct h1_case pieces;

            assert_int_equal(case_request(&pieces, heads[i], step, &case_limits), fault);
            assert_int_equal(pieces.head_len, whole.head_len);
            assert_int_equal(pieces.request.fields_count, whole.request.fields_count);
            case_close(&pieces);
        }
        case_close(&whole);
    }
}

TEST(hostile_31_a_target_over_the_limit_is_414_as_soon_as_it_is_known)
{
    struct text raw;
    enum h1_fault fault = H1_FINE;

    text_init(&raw);
    add_request(&raw, 16384, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(request_fault(text_bytes(&raw)), H1_FINE);
    for (size_t len = raw.len - 20; len < raw.len; len++)
        assert_int_equal(scan_once(bytes_from(raw.at, len), &case_limits, &fault), STATUS_AGAIN);
    add_request(&raw, 16385, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(request_fault(text_bytes(&raw)), H1_TARGET_TOO_LONG);
    add_request(&raw, 16500, "");
    assert_int_equal(scan_once(text_bytes(&raw), &case_limits, &fault), STATUS_INVALID);
    assert_int_equal(h1_fault_code(fault), 414);
    text_fini(&raw);
}

TEST(hostile_31_a_head_over_the_limit_is_431_as_soon_as_it_is_known)
{
    struct h1_limits small = {64, 32, 100, false};
    enum h1_fault fault = H1_FINE;

    /* 64 bytes pass, 65 do not, with or without their end. */
    assert_int_equal(
        scan_once(BYTES("GET / HTTP/1.1\r\nHost: a\r\nA: 12345678901234567890123456789012\r\n\r\n"),
                  &small, &fault),
        STATUS_OK);
    assert_int_equal(
        scan_once(
            BYTES("GET / HTTP/1.1\r\nHost: a\r\nA: 123456789012345678901234567890123\r\n\r\n"),
            &small, &fault),
        STATUS_INVALID);
    assert_int_equal(fault, H1_HEAD_TOO_LARGE);
    assert_int_equal(
        scan_once(BYTES("GET / HTTP/1.1\r\nHost: a\r\nA: 12345678901234567890123456789012345678"),
                  &small, &fault),
        STATUS_INVALID);
    assert_int_equal(h1_fault_code(fault), 431);
}

TEST(hostile_31_more_lines_than_the_limit_are_431)
{
    struct text raw;
    struct h1_case it;

    text_init(&raw);
    text_add_str(&raw, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned i = 1; i < 100; i++)
        text_add_str(&raw, "A_: b\r\n"); /* dropped lines count too */
    text_add_str(&raw, "\r\n");
    assert_int_equal(request_fault(text_bytes(&raw)), H1_FINE);
    raw.len -= 2;
    text_add_str(&raw, "A: b\r\n\r\n");
    assert_int_equal(request_fault(text_bytes(&raw)), H1_TOO_MANY_FIELDS);
    assert_int_equal(h1_fault_code(H1_TOO_MANY_FIELDS), 431);

    /* The parse does not rely on the scan for it. */
    case_open(&it, text_bytes(&raw));
    assert_int_equal(
        h1_parse_request(bytes_from(it.raw, raw.len), &case_limits, &it.arena, &it.request),
        H1_TOO_MANY_FIELDS);
    case_close(&it);
    text_fini(&raw);
}

TEST(hostile_55_a_response_head_over_the_limit_is_refused)
{
    struct text raw;

    text_init(&raw);
    text_add_str(&raw, "HTTP/1.1 200 OK\r\nA: ");
    while (raw.len <= 65536)
        text_add_str(&raw, "xxxxxxxxxxxxxxxx");
    assert_int_equal(response_fault(text_bytes(&raw)), H1_HEAD_TOO_LARGE);
    text_fini(&raw);
}

TEST(a_response_is_refused_at_the_first_byte_that_is_none)
{
    struct h1_scan scan = {0};
    enum h1_fault fault = H1_FINE;
    size_t head_len;

    assert_int_equal(h1_scan_response(&scan, BYTES("HT"), &case_limits, &head_len, &fault),
                     STATUS_AGAIN);
    assert_int_equal(h1_scan_response(&scan, BYTES("HTX"), &case_limits, &head_len, &fault),
                     STATUS_INVALID);
    assert_int_equal(fault, H1_BAD_STATUS_LINE);
}

/* Heads are cut off where no line end is in sight: garbage is not kept. */
TEST(hostile_89_noise_is_refused_early)
{
    uint32_t state = 1;

    for (unsigned round = 0; round < 2000; round++) {
        char noise[256];

        for (size_t i = 0; i < sizeof(noise); i++) {
            state = state * 1664525 + 1013904223;
            noise[i] = (char)(state >> 24);
        }
        assert_int_not_equal(request_fault(bytes_from(noise, sizeof(noise))), H1_FINE);
        assert_int_not_equal(response_fault(bytes_from(noise, sizeof(noise))), H1_FINE);
    }
}

TESTS(UNIT(an_incomplete_head_asks_for_more), UNIT(any_split_of_a_head_gives_the_same_answer),
      UNIT(hostile_31_a_target_over_the_limit_is_414_as_soon_as_it_is_known),
      UNIT(hostile_31_a_head_over_the_limit_is_431_as_soon_as_it_is_known),
      UNIT(hostile_31_more_lines_than_the_limit_are_431),
      UNIT(hostile_55_a_response_head_over_the_limit_is_refused),
      UNIT(a_response_is_refused_at_the_first_byte_that_is_none),
      UNIT(hostile_89_noise_is_refused_early))
