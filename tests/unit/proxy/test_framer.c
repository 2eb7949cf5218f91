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
        struct batch batch;
        struct text text;
        char line[32];

        framer_init(&framer);
        batch_init(&batch, NULL);
        batch_add(&batch, bytes_from(body, sizes[i]));
        framer_add_batch(&framer, BODY_CHUNKED, &batch);
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
    struct batch batch;

    framer_init(&framer);
    batch_init(&batch, NULL);
    batch_add(&batch, bytes_from("x", SIZE_MAX)); /* never read */
    framer_add_batch(&framer, BODY_CHUNKED, &batch);
    assert_bytes(framer.parts[0], "ffffffffffffffff\r\n");
}

static struct text framed(enum body_framing framing)
{
    struct framer framer;
    struct batch batch;

    framer_init(&framer);
    framer_add_head(&framer, BYTES("HEAD\r\n\r\n"));
    batch_init(&batch, NULL);
    if (framing != BODY_NONE) {
        batch_add(&batch, BYTES("hello"));
        batch_add(&batch, BYTES("you"));
    }
    batch.is_end = true;
    framer_add_batch(&framer, framing, &batch);
    return written(&framer);
}

TEST(a_chunked_body_ends_with_the_last_chunk)
{
    struct text text = framed(BODY_CHUNKED);

    assert_bytes(text_bytes(&text), "HEAD\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n");
    text_fini(&text);
}

TEST(other_framings_add_nothing)
{
    static const enum body_framing framings[] = {BODY_NONE, BODY_LENGTH, BODY_UNTIL_CLOSE};

    for (size_t i = 0; i < 3; i++) {
        struct text text = framed(framings[i]);

        assert_bytes(text_bytes(&text),
                     framings[i] == BODY_NONE ? "HEAD\r\n\r\n" : "HEAD\r\n\r\nhelloyou");
        text_fini(&text);
    }
}

TEST(hostile_11_trailers_stay_behind)
{
    static const struct field trailer = {{"x", 1}, {"y", 1}, FIELD_OTHER, false};
    struct framer framer;
    struct batch batch;
    struct text text;

    framer_init(&framer);
    batch_init(&batch, NULL);
    batch.is_end = true;
    batch.trailers = &trailer;
    batch.trailers_count = 1;
    framer_add_batch(&framer, BODY_CHUNKED, &batch);
    text = written(&framer);
    assert_bytes(text_bytes(&text), "0\r\n\r\n");
    text_fini(&text);
}

TEST(a_full_batch_with_head_and_end_fits_one_write)
{
    struct framer framer;
    struct batch batch;

    framer_init(&framer);
    framer_add_head(&framer, BYTES("HEAD\r\n\r\n"));
    batch_init(&batch, NULL);
    while (!batch_is_full(&batch))
        batch_add(&batch, BYTES("x"));
    batch.is_end = true;
    framer_add_batch(&framer, BODY_CHUNKED, &batch);
    assert_true(framer.count <= TRANSPORT_PARTS_MAX);
    assert_int_equal(framer.count, sizeof(framer.parts) / sizeof(framer.parts[0]));
    framer_init(&framer);
    assert_int_equal(framer.count, 0);
}

TESTS(UNIT(chunked_runs_get_their_size_in_hex), UNIT(a_size_of_64_bits_fits),
      UNIT(a_chunked_body_ends_with_the_last_chunk), UNIT(other_framings_add_nothing),
      UNIT(hostile_11_trailers_stay_behind), UNIT(a_full_batch_with_head_and_end_fits_one_write))
