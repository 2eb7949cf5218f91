/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_framer.c - the parts of one write.
 */
#include "core/text.h"
#include "proxy/framer.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static struct text written(const struct framer *framer)
{
    struct text text;

    text_init(&text);
    for (size_t i = 0; i < framer->count; i++)
        text_add(&text, framer->parts[i]);
    return text;
}

TEST(chunked_runs_get_their_size_in_hex)
{
    static const size_t sizes[] = {1, 9, 10, 15, 16, 255, 256, 4095, 65536};
    static char body[65536];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct framer framer;
        struct text text;
        char line[32];

        framer_init(&framer, BODY_CHUNKED);
        framer_add_body(&framer, bytes_from(body, sizes[i]));
        text = written(&framer);
        (void)snprintf(line, sizeof(line), "%zx\r\n", sizes[i]);
        assert_int_equal(text.len, strlen(line) + sizes[i] + 2);
        assert_memory_equal(text.at, line, strlen(line));
        assert_memory_equal(text.at + text.len - 2, "\r\n", 2);
        text_fini(&text);
    }
}

TEST(a_size_of_64_bits_fits)
{
    struct framer framer;

    framer_init(&framer, BODY_CHUNKED);
    framer_add_body(&framer, bytes_from("x", SIZE_MAX)); /* never read */
    assert_bytes(framer.parts[0], "ffffffffffffffff\r\n");
}

TEST(a_chunked_body_ends_with_the_last_chunk)
{
    struct framer framer;
    struct text text;

    framer_init(&framer, BODY_CHUNKED);
    framer_add_head(&framer, BYTES("HEAD\r\n\r\n"));
    framer_add_body(&framer, BYTES("hello"));
    framer_add_body(&framer, BYTES("you"));
    framer_add_end(&framer);
    text = written(&framer);
    assert_bytes(text_bytes(&text), "HEAD\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n");
    text_fini(&text);
}

TEST(other_framings_add_nothing)
{
    static const enum body_framing framings[] = {BODY_NONE, BODY_LENGTH, BODY_UNTIL_CLOSE};

    for (size_t i = 0; i < 3; i++) {
        struct framer framer;
        struct text text;

        framer_init(&framer, framings[i]);
        framer_add_head(&framer, BYTES("HEAD\r\n\r\n"));
        if (framings[i] != BODY_NONE)
            framer_add_body(&framer, BYTES("hello"));
        framer_add_end(&framer);
        text = written(&framer);
        assert_bytes(text_bytes(&text),
                     framings[i] == BODY_NONE ? "HEAD\r\n\r\n" : "HEAD\r\n\r\nhello");
        text_fini(&text);
    }
}

TEST(a_full_framer_with_head_and_end_fits_one_write)
{
    struct framer framer;

    framer_init(&framer, BODY_CHUNKED);
    framer_add_head(&framer, BYTES("HEAD\r\n\r\n"));
    while (!framer_is_full(&framer))
        framer_add_body(&framer, BYTES("x"));
    framer_add_end(&framer);
    assert_true(framer.count <= TRANSPORT_PARTS_MAX);
    assert_int_equal(framer.count, sizeof(framer.parts) / sizeof(framer.parts[0]));
    framer_init(&framer, framer.framing);
    assert_false(framer_is_full(&framer));
    assert_int_equal(framer.count, 0);
}

TESTS(UNIT(chunked_runs_get_their_size_in_hex), UNIT(a_size_of_64_bits_fits),
      UNIT(a_chunked_body_ends_with_the_last_chunk), UNIT(other_framings_add_nothing),
      UNIT(a_full_framer_with_head_and_end_fits_one_write))
