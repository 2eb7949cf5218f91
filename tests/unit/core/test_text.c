/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_text.c - numbers, formats, JSON and log escapes in a growing text.
 */
#include "core/text.h"
#include "tests/unit/unit.h"

#define FFFD "\xef\xbf\xbd" /* the replacement character */

static void assert_text(struct text *text, const char *expected)
{
    assert_bytes(text_bytes(text), expected);
    text_clear(text);
}

TEST(numbers_are_written_in_full)
{
    struct text text;

    text_init(&text);
    text_add_uint(&text, 0);
    text_add_byte(&text, ' ');
    text_add_uint(&text, UINT64_MAX);
    assert_text(&text, "0 18446744073709551615");
    text_add_hex(&text, 0);
    text_add_byte(&text, ' ');
    text_add_hex(&text, 0xdeadbeef);
    text_add_byte(&text, ' ');
    text_add_hex(&text, UINT64_MAX);
    assert_text(&text, "0 deadbeef ffffffffffffffff");
    text_fini(&text);
}

TEST(printf_of_any_length_comes_out_whole)
{
    struct text text;
    char long_word[2000];

    text_init(&text);
    for (size_t len = 0; len < sizeof(long_word); len += 37) {
        memset(long_word, 'x', len);
        long_word[len] = '\0';
        text_clear(&text);
        text_add_str(&text, "<");
        text_printf(&text, "%s|%d", long_word, 42);
        assert_int_equal(text.len, len + 4);
        assert_memory_equal(text.at, "<", 1);
        assert_memory_equal(text.at + 1, long_word, len);
        assert_memory_equal(text.at + 1 + len, "|42", 3);
    }
    text_fini(&text);
}

TEST(a_cleared_text_keeps_its_memory)
{
    struct text text;
    char *at;

    text_init(&text);
    text_reserve(&text, 5000);
    assert_true(text.capacity >= 5000);
    at = text.at;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 5000; i++)
            text_add_byte(&text, 'x');
        text_clear(&text);
    }
    assert_ptr_equal(text.at, at);
    text_fini(&text);
    assert_null(text.at);
}

TEST(json_escapes_what_rfc_8259_demands)
{
    struct text text;

    text_init(&text);
    text_add_json_string(&text, BYTES("a\"b\\c\n\t\r\x01\x1f/\x7f"));
    assert_text(&text, "\"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u001f/\x7f\"");
    text_add_json(&text, BYTES("\0"));
    assert_text(&text, "\\u0000");
    text_fini(&text);
}

TEST(json_keeps_utf8_and_replaces_what_is_none)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"x\xffy", "x" FFFD "y"},
        {"\xc0\xaf", FFFD FFFD},                   /* overlong */
        {"\xc3", FFFD},                            /* cut */
        {"\xe2\x82", FFFD FFFD},                   /* cut */
        {"\xed\xa0\x80", FFFD FFFD FFFD},          /* surrogate */
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* past U+10FFFF */
        {"\xe2\x28\xa1", FFFD "(" FFFD},
    };
    struct text text;

    text_init(&text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_add_json(&text, bytes_of(rows[i].from));
        assert_text(&text, rows[i].to);
    }
    text_fini(&text);
}

TEST(hostile_52_log_escapes_leave_only_harmless_ascii)
{
    struct text text;

    text_init(&text);
    for (int byte = 0; byte < 256; byte++) {
        char raw = (char)byte;
        bool is_harmless = byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';

        text_clear(&text);
        text_add_escaped(&text, bytes_from(&raw, 1));
        assert_int_equal(text.len, is_harmless ? 1 : 4);
    }
    text_clear(&text);
    text_add_escaped(&text, BYTES("a\r\n\"\\\xfe\0z"));
    assert_text(&text, "a\\x0d\\x0a\\x22\\x5c\\xfe\\x00z");
    text_fini(&text);
}

TEST(what_may_mean_something_in_a_url_is_percent_encoded)
{
    struct text text;

    text_init(&text);
    text_add_percent(&text, BYTES("aZ09-._~ /?&=%\xff"));
    assert_bytes(text_bytes(&text), "aZ09-._~%20%2F%3F%26%3D%25%FF");
    text_fini(&text);
}

TESTS(UNIT(what_may_mean_something_in_a_url_is_percent_encoded), UNIT(numbers_are_written_in_full),
      UNIT(printf_of_any_length_comes_out_whole), UNIT(a_cleared_text_keeps_its_memory),
      UNIT(json_escapes_what_rfc_8259_demands), UNIT(json_keeps_utf8_and_replaces_what_is_none),
      UNIT(hostile_52_log_escapes_leave_only_harmless_ascii))
