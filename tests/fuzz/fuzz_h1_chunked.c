/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h1_chunked.c - a chunked body, in pieces.
 *
 *     first byte: size of the pieces; the rest: what was sent after the head
 *
 * Pieces must not matter, and a second, plain reader of RFC 9112 section 7.1 must find the same
 * payload and the same end.
 */
#include "core/check.h"
#include "core/text.h"
#include "proxy/http/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits limits = {512, 256, 10, false};

struct outcome {
    enum h1_body_result result;
    struct text payload;
    size_t used;
};

static void decode(struct bytes raw, size_t step, struct outcome *outcome)
{
    struct arena arena;
    struct h1_body body;
    enum h1_fault fault = H1_FINE;

    *outcome = (struct outcome){.result = H1_BODY_AGAIN};
    text_init(&outcome->payload);
    arena_init(&arena, 1024);
    h1_body_init(&body, BODY_CHUNKED, 0, &limits, &arena);
    for (size_t at = 0; outcome->result == H1_BODY_AGAIN && at < raw.len; at += step) {
        struct bytes input = bytes_slice(raw, at, step);
        size_t end = at + input.len;
        struct bytes payload = BYTES_NONE;

        while ((outcome->result = h1_body_next(&body, &input, &payload, &fault)) == H1_BODY_DATA) {
            CHECK(payload.len > 0);
            text_add(&outcome->payload, payload);
        }
        outcome->used = end - input.len;
    }
    CHECK((h1_body_finish(&body) == STATUS_OK) == (outcome->result == H1_BODY_END));
    CHECK((outcome->result == H1_BODY_BAD) == (fault != H1_FINE));
    arena_fini(&arena);
}

/* A line that ends with CR LF, without it. Nothing but lines and data is in a chunked body. */
static struct bytes take_line(struct bytes *rest)
{
    size_t lf = bytes_find(*rest, '\n');
    struct bytes line;

    CHECK(lf != BYTES_NOT_FOUND && lf > 0 && rest->at[lf - 1] == '\r');
    line = bytes_slice(*rest, 0, lf - 1);
    CHECK(bytes_find(line, '\r') == BYTES_NOT_FOUND);
    *rest = bytes_skip(*rest, lf + 1);
    return line;
}

static size_t read_size(struct bytes line)
{
    struct bytes digits = bytes_slice(line, 0, bytes_find(line, ';'));
    size_t size = 0;

    CHECK(digits.len > 0);
    for (size_t at = 0; at < digits.len; at++) {
        char lower = ascii_lower(digits.at[at]);

        CHECK((lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f'));
        size = size * 16 + (size_t)(lower <= '9' ? lower - '0' : lower - 'a' + 10);
    }
    return size;
}

/* Read a body that is said to be complete once more, and compare. */
static void check_again(struct bytes raw, const struct outcome *outcome)
{
    struct bytes rest = raw;
    struct bytes expected = text_bytes(&outcome->payload);
    size_t size;

    while ((size = read_size(take_line(&rest))) > 0) {
        CHECK(size <= rest.len && size <= expected.len);
        CHECK(bytes_equal(bytes_slice(rest, 0, size), bytes_slice(expected, 0, size)));
        rest = bytes_skip(rest, size);
        expected = bytes_skip(expected, size);
        CHECK(take_line(&rest).len == 0);
    }
    while (take_line(&rest).len > 0)
        ;
    CHECK(expected.len == 0);
    CHECK(raw.len - rest.len == outcome->used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes raw = {(const char *)data + 1, size - 1};
    struct outcome whole, pieces;

    if (size < 2)
        return 0;
    decode(raw, raw.len, &whole);
    decode(raw, 1 + data[0] % 64, &pieces);
    /* A chunk line that grows too long is refused at the piece that shows it, before its end. */
    CHECK(pieces.result == whole.result ||
          (whole.result == H1_BODY_AGAIN && pieces.result == H1_BODY_BAD));
    if (pieces.result != H1_BODY_BAD)
        CHECK(bytes_equal(text_bytes(&pieces.payload), text_bytes(&whole.payload)));
    if (whole.result == H1_BODY_END) {
        CHECK(pieces.used == whole.used);
        check_again(raw, &whole);
    }
    text_fini(&whole.payload);
    text_fini(&pieces.payload);
    return 0;
}
