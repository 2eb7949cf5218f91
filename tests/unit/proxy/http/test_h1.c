/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h1.c - bodies: by length, chunked, until close; hostile-input.md 7-11.
 */
#include "tests/unit/proxy/http/h1_case.h"

struct body_case {
    enum h1_body_result result;
    enum h1_fault fault;
    struct text payload;
    size_t left; /* bytes after the body */
};

/* Pull a body out of `raw`, which comes in pieces of `step` bytes, each in memory of its own. */
static struct body_case body_read(enum body_framing framing, uint64_t length, struct bytes raw,
                                  size_t step, const struct h1_limits *limits)
{
    struct body_case it = {.result = H1_BODY_AGAIN, .fault = H1_FINE};
    struct arena arena;
    struct h1_body body;

    text_init(&it.payload);
    arena_init(&arena, 1024);
    h1_body_init(&body, framing, length, limits, &arena);
    for (size_t at = 0; it.result == H1_BODY_AGAIN && at < raw.len; at += step) {
        struct bytes piece = bytes_slice(raw, at, step);
        char *copy = mem_alloc(piece.len);
        struct bytes input = {copy, piece.len};
        struct bytes payload = BYTES_NONE;

        memcpy(copy, piece.at, piece.len);
        assert_int_equal(h1_body_next(&body, &(struct bytes){NULL, 0}, &payload, &it.fault),
                         body.is_done ? H1_BODY_END : H1_BODY_AGAIN); /* changes nothing */
        while ((it.result = h1_body_next(&body, &input, &payload, &it.fault)) == H1_BODY_DATA) {
            assert_true(payload.len > 0);
            text_add(&it.payload, payload);
        }
        if (it.result == H1_BODY_AGAIN)
            assert_int_equal(input.len, 0);
        it.left = input.len + (raw.len - at - piece.len);
        mem_free(copy);
    }
    if (it.result == H1_BODY_END) /* and stays so, without touching what follows */
        assert_int_equal(
            h1_body_next(&body, &(struct bytes){"x", 1}, &(struct bytes){NULL, 0}, &it.fault),
            H1_BODY_END);
    assert_int_equal(h1_body_finish(&body) == STATUS_OK,
                     it.result == H1_BODY_END || framing == BODY_UNTIL_CLOSE);
    arena_fini(&arena);
    return it;
}

/* Every way to split it gives the same; the result of the last is returned. */
static struct body_case chunked_read(struct bytes raw, const struct h1_limits *limits)
{
    struct body_case whole = body_read(BODY_CHUNKED, 0, raw, raw.len, limits);

    for (size_t step = 1; step < raw.len && step < 64; step++) {
        struct body_case pieces = body_read(BODY_CHUNKED, 0, raw, step, limits);

        assert_int_equal(pieces.result, whole.result);
        if (whole.result == H1_BODY_END) {
            assert_int_equal(pieces.left, whole.left);
            assert_true(bytes_equal(text_bytes(&pieces.payload), text_bytes(&whole.payload)));
        }
        text_fini(&pieces.payload);
    }
    return whole;
}

static void assert_chunked(struct bytes raw, const char *payload, size_t left)
{
    struct body_case it = chunked_read(raw, &case_limits);

    assert_int_equal(it.result, H1_BODY_END);
    assert_bytes(text_bytes(&it.payload), payload);
    assert_int_equal(it.left, left);
    text_fini(&it.payload);
}

static enum h1_fault chunked_fault(struct bytes raw)
{
    struct body_case it = chunked_read(raw, &case_limits);

    text_fini(&it.payload);
    return it.result == H1_BODY_BAD ? it.fault : H1_FINE;
}

#define BAD(raw) assert_int_equal(chunked_fault(BYTES(raw)), H1_BAD_CHUNK)

TEST(a_body_by_length_takes_exactly_its_bytes)
{
    for (size_t step = 1; step < 12; step++) {
        struct body_case it = body_read(BODY_LENGTH, 5, BYTES("helloGET /"), step, &case_limits);

        assert_int_equal(it.result, H1_BODY_END);
        assert_bytes(text_bytes(&it.payload), "hello");
        assert_int_equal(it.left, 5);
        text_fini(&it.payload);
    }
}

TEST(no_body_and_an_empty_one_end_at_once)
{
    struct body_case it = body_read(BODY_NONE, 0, BYTES("GET /"), 5, &case_limits);

    assert_int_equal(it.result, H1_BODY_END);
    assert_int_equal(it.left, 5);
    it = body_read(BODY_LENGTH, 0, BYTES("GET /"), 5, &case_limits);
    assert_int_equal(it.result, H1_BODY_END);
    assert_int_equal(it.left, 5);
}

TEST(a_body_until_close_takes_all_there_is)
{
    struct body_case it = body_read(BODY_UNTIL_CLOSE, 0, BYTES("hello"), 2, &case_limits);

    assert_int_equal(it.result, H1_BODY_AGAIN);
    assert_bytes(text_bytes(&it.payload), "hello");
    text_fini(&it.payload);
}

TEST(a_chunked_body_is_joined_in_any_split)
{
    assert_chunked(BYTES("5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n"),
                   "hello 0123456789", 0);
    assert_chunked(BYTES("0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), "", 18);
    assert_chunked(BYTES("0005\r\nhello\r\n000\r\n\r\nx"), "hello", 1);
    assert_chunked(BYTES("b\r\n\r\n0\r\n\r\nGET \r\n0\r\n\r\n"), "\r\n0\r\n\r\nGET ", 0);
}

TEST(hostile_07_a_chunk_size_is_hex_digits_that_fit_int64)
{
    BAD("0x5\r\nhello\r\n0\r\n\r\n");
    BAD("+5\r\nhello\r\n0\r\n\r\n");
    BAD("-1\r\nhello\r\n0\r\n\r\n");
    BAD("5_0\r\nhello\r\n0\r\n\r\n");
    BAD(" 5\r\nhello\r\n0\r\n\r\n");
    BAD("5 \r\nhello\r\n0\r\n\r\n");
    BAD("5\t\r\nhello\r\n0\r\n\r\n");
    BAD("\r\nhello\r\n0\r\n\r\n");
    BAD("5;\r\nhello\r\n0\r\n\r\n");
    BAD("5 ;a=b\r\nhello\r\n0\r\n\r\n");
    BAD(";a=b\r\nhello\r\n0\r\n\r\n");
    BAD("g\r\nhello\r\n0\r\n\r\n");
    BAD("8000000000000000\r\nhello");
    BAD("ffffffffffffffff\r\nhello");
    BAD("10000000000000005\r\nhello\r\n0\r\n\r\n");
    BAD("00000000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n");
    BAD("0000000000000000000000000000000000000000");
    assert_int_equal(chunked_fault(BYTES("7fffffffffffffff\r\nhello")), H1_FINE);
}

TEST(hostile_08_chunk_extensions_are_checked_and_dropped)
{
    assert_chunked(BYTES("5;a\r\nhello\r\n0;b=c;d=\"e f\\\"\"\r\n\r\n"), "hello", 0);
    assert_chunked(BYTES("5;a=\"\";b\r\nhello\r\n0\r\n\r\n"), "hello", 0);
    BAD("5;a=\r\nhello\r\n0\r\n\r\n");
    BAD("5;=b\r\nhello\r\n0\r\n\r\n");
    BAD("5;;a\r\nhello\r\n0\r\n\r\n");
    BAD("5;a;\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=;b=c\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=b;\r\nhello\r\n0\r\n\r\n");
    BAD("5; a\r\nhello\r\n0\r\n\r\n");
    BAD("5;a =b\r\nhello\r\n0\r\n\r\n");
    BAD("5;a(b\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=b c\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=\"b\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=\"b\x01\"\r\nhello\r\n0\r\n\r\n");
    BAD("5;a=\"b\\\r\n\"\r\nhello\r\n0\r\n\r\n");
    BAD("5;a\x01\r\nhello\r\n0\r\n\r\n");
    BAD("5;a\x00\r\nhello\r\n0\r\n\r\n");
    BAD("5;a\nhello\r\n0\r\n\r\n");
    BAD("5;a\rb\r\nhello\r\n0\r\n\r\n");
}

TEST(hostile_08_chunk_extensions_are_limited_for_the_whole_message)
{
    struct text raw;

    text_init(&raw);
    for (unsigned i = 0; i < 256; i++) /* 16 bytes each: 4096 */
        text_add_str(&raw, "1;abc=0123456789a\r\nx\r\n");
    text_add_str(&raw, "0\r\n\r\n");
    assert_int_equal(chunked_fault(text_bytes(&raw)), H1_FINE);
    raw.len -= 5;
    text_add_str(&raw, "0;a\r\n\r\n");
    assert_int_equal(chunked_fault(text_bytes(&raw)), H1_EXTENSIONS_TOO_LARGE);
    text_clear(&raw);
    text_add_str(&raw, "1;a=\"");
    for (unsigned i = 0; i < 5000; i++)
        text_add_byte(&raw, 'x');
    assert_int_equal(chunked_fault(text_bytes(&raw)), H1_EXTENSIONS_TOO_LARGE);
    text_fini(&raw);
}

TEST(hostile_09_a_chunk_line_and_a_chunk_end_with_cr_lf)
{
    BAD("5\nhello\r\n0\r\n\r\n");
    BAD("5\rhello\r\n0\r\n\r\n");
    BAD("5\r\nhello\n0\r\n\r\n");
    BAD("5\r\nhello\r0\r\n\r\n");
    BAD("5\r\nhelloXX0\r\n\r\n");
    BAD("5\r\nhello0\r\n\r\n");
    BAD("5\r\nhello\r\n0\n\r\n");
    assert_int_equal(chunked_fault(BYTES("0\r\n\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\n\rX")), H1_BAD_TRAILER);
}

TEST(hostile_10_a_body_that_is_cut_short_is_not_complete)
{
    struct bytes raw = BYTES("5\r\nhello\r\n0\r\nA: b\r\n\r\n");

    for (size_t len = 1; len < raw.len; len++) {
        struct body_case it =
            body_read(BODY_CHUNKED, 0, bytes_slice(raw, 0, len), len, &case_limits);

        assert_int_equal(it.result, H1_BODY_AGAIN); /* body_read() sees finish() refuse it */
        text_fini(&it.payload);
    }
    struct body_case it = body_read(BODY_LENGTH, 6, BYTES("hello"), 5, &case_limits);

    assert_int_equal(it.result, H1_BODY_AGAIN);
    text_fini(&it.payload);
}

TEST(hostile_11_trailers_are_checked_and_dropped)
{
    assert_chunked(BYTES("5\r\nhello\r\n0\r\nA: b\r\nX-B: c\r\n\r\nGET"), "hello", 3);
    assert_int_equal(chunked_fault(BYTES("0\r\nA : b\r\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\n A: b\r\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\nA: b\r\n c\r\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\nA: b\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\nA: b\0\r\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\nA\r\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\nContent-Length: 5\r\n\r\n")), H1_BAD_TRAILER);
    assert_int_equal(chunked_fault(BYTES("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
                     H1_BAD_TRAILER);
    assert_chunked(BYTES("0\r\nConnection: close\r\n\r\nGET"), "", 3);
    assert_chunked(BYTES("0\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nGET"), "", 3);
}

TEST(hostile_11_trailers_are_limited_like_a_head)
{
    struct h1_limits small = {64, 64, 3, false};
    struct body_case it = chunked_read(BYTES("0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), &small);

    assert_int_equal(it.result, H1_BODY_END);
    it = chunked_read(BYTES("0\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), &small);
    assert_int_equal(it.result, H1_BODY_BAD);
    assert_int_equal(it.fault, H1_TRAILERS_TOO_LARGE);
    it = chunked_read(BYTES("0\r\nA: 1234567890123456789012345678901234567890123456789012345678"
                            "901234567890"),
                      &small);
    assert_int_equal(it.result, H1_BODY_BAD);
    assert_int_equal(it.fault, H1_TRAILERS_TOO_LARGE);
}

TEST(a_broken_body_stays_broken)
{
    struct arena arena;
    struct h1_body body;
    struct bytes payload;
    enum h1_fault fault = H1_FINE;

    arena_init(&arena, 1024);
    h1_body_init(&body, BODY_CHUNKED, 0, &case_limits, &arena);
    for (unsigned i = 0; i < 3; i++) {
        struct bytes input = BYTES("x5\r\nhello\r\n0\r\n\r\n");

        assert_int_equal(h1_body_next(&body, &input, &payload, &fault), H1_BODY_BAD);
        assert_int_equal(fault, H1_BAD_CHUNK);
    }
    arena_fini(&arena);
}

TESTS(UNIT(a_body_by_length_takes_exactly_its_bytes), UNIT(no_body_and_an_empty_one_end_at_once),
      UNIT(a_body_until_close_takes_all_there_is), UNIT(a_chunked_body_is_joined_in_any_split),
      UNIT(hostile_07_a_chunk_size_is_hex_digits_that_fit_int64),
      UNIT(hostile_08_chunk_extensions_are_checked_and_dropped),
      UNIT(hostile_08_chunk_extensions_are_limited_for_the_whole_message),
      UNIT(hostile_09_a_chunk_line_and_a_chunk_end_with_cr_lf),
      UNIT(hostile_10_a_body_that_is_cut_short_is_not_complete),
      UNIT(hostile_11_trailers_are_checked_and_dropped),
      UNIT(hostile_11_trailers_are_limited_like_a_head), UNIT(a_broken_body_stays_broken))
