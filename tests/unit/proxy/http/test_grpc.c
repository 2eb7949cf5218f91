/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_grpc.c - content types, statuses, deadlines and the encodings of gRPC-Web; hostile-input 76.
 */
#include "core/mem.h"
#include "proxy/http/grpc.h"
#include "tests/unit/unit.h"

TEST(the_kind_is_the_content_type_in_any_case_with_any_suffix)
{
    assert_int_equal(grpc_kind_of(BYTES("application/grpc")), GRPC_PLAIN);
    assert_int_equal(grpc_kind_of(BYTES("Application/gRPC+proto")), GRPC_PLAIN);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc; charset=utf-8")), GRPC_PLAIN);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc-web")), GRPC_WEB);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc-web+thrift")), GRPC_WEB);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc-web-text")), GRPC_WEB_TEXT);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc-web-text+proto")), GRPC_WEB_TEXT);
}

TEST(a_type_that_only_begins_like_grpc_is_none)
{
    assert_int_equal(grpc_kind_of(BYTES_NONE), GRPC_NONE);
    assert_int_equal(grpc_kind_of(BYTES("application/grp")), GRPC_NONE);
    assert_int_equal(grpc_kind_of(BYTES("application/grpcs")), GRPC_NONE);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc-webs")), GRPC_NONE);
    assert_int_equal(grpc_kind_of(BYTES("application/grpc-web-textual")), GRPC_NONE);
    assert_int_equal(grpc_kind_of(BYTES("text/plain; application/grpc")), GRPC_NONE);
}

/* The table of gRPC's "HTTP to gRPC Status Code Mapping", and ours for what it leaves out. */
TEST(a_status_of_http_has_one_of_grpc)
{
    static const struct {
        uint16_t code;
        enum grpc_status status;
    } rows[] = {
        {400, GRPC_INTERNAL},      {401, GRPC_UNAUTHENTICATED},   {403, GRPC_PERMISSION_DENIED},
        {404, GRPC_UNIMPLEMENTED}, {429, GRPC_UNAVAILABLE},       {502, GRPC_UNAVAILABLE},
        {503, GRPC_UNAVAILABLE},   {504, GRPC_UNAVAILABLE},       {500, GRPC_UNKNOWN},
        {418, GRPC_UNKNOWN},       {408, GRPC_DEADLINE_EXCEEDED}, {413, GRPC_RESOURCE_EXHAUSTED},
        {431, GRPC_INTERNAL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(grpc_status_of_http(rows[i].code), rows[i].status);
}

static void assert_timeout(const char *value, uint64_t expected_us)
{
    uint64_t us = 0;

    assert_int_equal(grpc_timeout_parse(bytes_of(value), &us), STATUS_OK);
    assert_int_equal(us, expected_us);
}

TEST(a_timeout_is_digits_and_a_unit)
{
    assert_timeout("1H", 3600000000u);
    assert_timeout("2M", 120000000);
    assert_timeout("3S", 3000000);
    assert_timeout("4m", 4000);
    assert_timeout("5u", 5);
    assert_timeout("6000n", 6);
    assert_timeout("999n", 0);
    assert_timeout("0S", 0);
    assert_timeout("99999999H", 99999999 * UINT64_C(3600000000));
}

TEST(hostile_76_a_timeout_that_is_none_is_not_guessed_at)
{
    static const char *const values[] = {"",   "S",   "5",    "5s",   "5 S",        "-5S",   "+5S",
                                         "5h", "5SS", "1.5S", "0x5S", "123456789S", "5\xffS"};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint64_t us = 7;

        assert_int_equal(grpc_timeout_parse(bytes_of(values[i]), &us), STATUS_INVALID);
        assert_int_equal(us, 7);
    }
}

TEST(a_type_keeps_its_suffix_both_ways)
{
    struct text out;

    text_init(&out);
    grpc_type_to_plain(BYTES("application/grpc-web-text+proto; a=b"), &out);
    assert_bytes(text_bytes(&out), "application/grpc+proto; a=b");
    text_clear(&out);
    grpc_type_to_web(BYTES("application/grpc+proto"), GRPC_WEB, &out);
    assert_bytes(text_bytes(&out), "application/grpc-web+proto");
    text_clear(&out);
    grpc_type_to_web(BYTES("application/grpc"), GRPC_WEB_TEXT, &out);
    assert_bytes(text_bytes(&out), "application/grpc-web-text");
    text_clear(&out);
    grpc_type_to_web(BYTES("text/html"), GRPC_WEB, &out); /* an endpoint that is none */
    assert_bytes(text_bytes(&out), "application/grpc-web");
    text_fini(&out);
}

TEST(trailers_are_a_flag_a_length_and_lines)
{
    const struct field trailers[] = {
        {BYTES("grpc-status"), BYTES("0"), FIELD_OTHER, false},
        {BYTES("grpc-message"), BYTES_NONE, FIELD_OTHER, false},
    };
    struct text out;

    text_init(&out);
    text_add_str(&out, "before");
    grpc_web_trailers(trailers, 2, &out);
    assert_true(bytes_equal(text_bytes(&out),
                            BYTES("before\x80\0\0\0\x20grpc-status: 0\r\ngrpc-message: \r\n")));
    text_clear(&out);
    grpc_web_trailers(trailers, 0, &out);
    assert_true(bytes_equal(text_bytes(&out), BYTES("\x80\0\0\0\0")));
    text_fini(&out);
}

/* ---- base64, RFC 4648 section 10 ---- */

static const struct {
    const char *plain;
    const char *encoded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};
#define VECTORS_COUNT (sizeof(vectors) / sizeof(vectors[0]))

/* In pieces of `step` bytes, and the end on its own or with the last piece. */
static void encode_by(struct text *out, struct bytes data, size_t step, bool end_alone)
{
    struct grpc_web_text state = {{0}, 0};

    do {
        struct bytes piece = bytes_slice(data, 0, step);

        data = bytes_skip(data, piece.len);
        grpc_web_text_encode(&state, piece, data.len == 0 && !end_alone, out);
    } while (data.len > 0);
    if (end_alone)
        grpc_web_text_encode(&state, BYTES_NONE, true, out);
    assert_int_equal(state.held_count, 0);
}

TEST(bytes_are_encoded_alike_whatever_pieces_they_come_in)
{
    struct text out;

    text_init(&out);
    for (size_t i = 0; i < VECTORS_COUNT; i++) {
        for (size_t step = 1; step <= 7; step++) {
            text_clear(&out);
            encode_by(&out, bytes_of(vectors[i].plain), step, step % 2 == 0);
            assert_bytes(text_bytes(&out), vectors[i].encoded);
        }
    }
    text_fini(&out);
}

static enum status decode_by(struct text *out, struct bytes data, size_t step)
{
    struct grpc_web_text state = {{0}, 0};
    enum status status = STATUS_OK;

    while (data.len > 0 && status == STATUS_OK) {
        status = grpc_web_text_decode(&state, bytes_slice(data, 0, step), out);
        data = bytes_skip(data, bytes_slice(data, 0, step).len);
    }
    return status;
}

TEST(bytes_are_decoded_alike_whatever_pieces_they_come_in)
{
    struct text out;

    text_init(&out);
    for (size_t i = 0; i < VECTORS_COUNT; i++) {
        for (size_t step = 1; step <= 9; step++) {
            text_clear(&out);
            assert_int_equal(decode_by(&out, bytes_of(vectors[i].encoded), step), STATUS_OK);
            assert_bytes(text_bytes(&out), vectors[i].plain);
        }
    }
    text_fini(&out);
}

TEST(messages_that_were_each_encoded_on_their_own_are_decoded)
{
    struct text out;

    text_init(&out);
    assert_int_equal(decode_by(&out, BYTES("Zg==Zm8=Zm9vZg=="), 5), STATUS_OK);
    assert_bytes(text_bytes(&out), "ffofoof");
    text_fini(&out);
}

TEST(hostile_76_what_is_no_base64_is_refused)
{
    static const char *const values[] = {
        "Zm9-", "Zm 9", "Zm9v\r\n", "Z===", "====", "Zg=v", "=m9v", "Zm\x80v", "Zm9_"};
    struct text out;

    text_init(&out);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        for (size_t step = 1; step <= 4; step++)
            assert_int_equal(decode_by(&out, bytes_of(values[i]), step), STATUS_INVALID);
    text_fini(&out);
}

TEST(a_group_that_is_cut_is_still_held)
{
    struct grpc_web_text state = {{0}, 0};
    struct text out;

    text_init(&out);
    assert_int_equal(grpc_web_text_decode(&state, BYTES("Zm9vZm"), &out), STATUS_OK);
    assert_bytes(text_bytes(&out), "foo");
    assert_int_equal(state.held_count, 2);
    text_fini(&out);
}

TESTS(UNIT(the_kind_is_the_content_type_in_any_case_with_any_suffix),
      UNIT(a_type_that_only_begins_like_grpc_is_none), UNIT(a_status_of_http_has_one_of_grpc),
      UNIT(a_timeout_is_digits_and_a_unit),
      UNIT(hostile_76_a_timeout_that_is_none_is_not_guessed_at),
      UNIT(a_type_keeps_its_suffix_both_ways), UNIT(trailers_are_a_flag_a_length_and_lines),
      UNIT(bytes_are_encoded_alike_whatever_pieces_they_come_in),
      UNIT(bytes_are_decoded_alike_whatever_pieces_they_come_in),
      UNIT(messages_that_were_each_encoded_on_their_own_are_decoded),
      UNIT(hostile_76_what_is_no_base64_is_refused), UNIT(a_group_that_is_cut_is_still_held))
