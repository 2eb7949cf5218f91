/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_grpc_web.c - base64 of gRPC-Web, both ways.
 *
 * The first byte says in what pieces the rest comes. That changes nothing, and whatever is encoded
 * comes back.
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/http/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each piece in memory of its own, so that a read past its end is seen. */
static enum status decode_by(struct bytes data, size_t step, struct text *out)
{
    struct grpc_web_text state = {{0}, 0};
    enum status status = STATUS_OK;

    while (data.len > 0 && status == STATUS_OK) {
        struct bytes piece = bytes_slice(data, 0, step);
        char *copy = mem_alloc(piece.len);

        memcpy(copy, piece.at, piece.len);
        status = grpc_web_text_decode(&state, bytes_from(copy, piece.len), out);
        CHECK(state.held_count < 4);
        mem_free(copy);
        data = bytes_skip(data, piece.len);
    }
    return status;
}

static void encode_by(struct bytes data, size_t step, struct text *out)
{
    struct grpc_web_text state = {{0}, 0};

    while (data.len > 0) {
        struct bytes piece = bytes_slice(data, 0, step);

        data = bytes_skip(data, piece.len);
        grpc_web_text_encode(&state, piece, data.len == 0, out);
    }
    CHECK(state.held_count == 0);
}

static void check_decoding(struct bytes data, size_t step)
{
    struct text whole, pieces;

    text_init(&whole);
    text_init(&pieces);
    CHECK(decode_by(data, data.len, &whole) == decode_by(data, step, &pieces));
    CHECK(bytes_equal(text_bytes(&whole), text_bytes(&pieces)));
    CHECK(whole.len <= data.len / 4 * 3);
    text_fini(&pieces);
    text_fini(&whole);
}

static void check_return(struct bytes data, size_t step)
{
    struct text encoded, decoded;

    text_init(&encoded);
    text_init(&decoded);
    encode_by(data, step, &encoded);
    CHECK(encoded.len == (data.len + 2) / 3 * 4);
    CHECK(decode_by(text_bytes(&encoded), step, &decoded) == STATUS_OK);
    CHECK(bytes_equal(text_bytes(&decoded), data));
    text_fini(&decoded);
    text_fini(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest;
    uint64_t us;

    if (size < 2)
        return 0;
    rest = bytes_from((const char *)data + 1, size - 1);
    check_decoding(rest, (size_t)data[0] % 16 + 1);
    check_return(rest, (size_t)data[0] % 16 + 1);
    (void)grpc_timeout_parse(rest, &us);
    return 0;
}
