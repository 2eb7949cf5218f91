/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_page.c - a page of a list comes in pieces and leaves in lines.
 */
#include "controller/object/page.h"
#include "tests/unit/unit.h"

/* The lines, and the head behind them. */
static void cut(const char *text, size_t piece, struct text *out)
{
    struct bytes rest = bytes_of(text);
    struct page page;

    page_init(&page);
    text_clear(out);
    for (; rest.len > 0; rest = bytes_skip(rest, piece))
        assert_int_equal(page_take(&page, bytes_slice(rest, 0, piece), out), STATUS_OK);
    text_add(out, text_bytes(&page.head));
    page_fini(&page);
}

static void assert_cut(const char *text, const char *expected)
{
    struct text out;

    text_init(&out);
    for (size_t piece = 1; piece < 100; piece = piece * 2 + 1) {
        cut(text, piece, &out);
        assert_int_equal(out.len, strlen(expected));
        assert_memory_equal(out.at, expected, out.len);
    }
    text_fini(&out);
}

static enum status take(const char *text)
{
    struct page page;
    struct text lines;
    enum status status;

    page_init(&page);
    text_init(&lines);
    status = page_take(&page, bytes_of(text), &lines);
    text_fini(&lines);
    page_fini(&page);
    return status;
}

TEST(each_item_is_a_line_and_the_head_is_what_is_left)
{
    assert_cut(
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"a\":[1,{}]},{}],\"z\":1}",
        "{\"a\":[1,{}]}\n{}\n{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[],\"z\":1}");
}

TEST(white_space_ends_no_line)
{
    assert_cut("{ \"items\" : [ {\n \"a\":\t1\r\n} ,\n 7 , \"x\" ] }\n",
               "{  \"a\": 1  }\n7\n\"x\"\n{ \"items\" : [] }\n");
}

TEST(braces_quotes_and_commas_in_texts_are_text)
{
    assert_cut("{\"items\":[{\"a\":\"}],\\\\\\\"{\"},{\"b\":\"\\\\\"}]}",
               "{\"a\":\"}],\\\\\\\"{\"}\n{\"b\":\"\\\\\"}\n{\"items\":[]}");
}

TEST(items_of_something_else_are_not_those_of_the_list)
{
    assert_cut("{\"a\":\"items\",\"metadata\":{\"items\":[1]},\"itemsx\":[2],\"item\":[3]}",
               "{\"a\":\"items\",\"metadata\":{\"items\":[1]},\"itemsx\":[2],\"item\":[3]}");
}

TEST(items_that_are_no_array_stay_in_the_head)
{
    assert_cut("{\"items\":null}", "{\"items\":null}");
    assert_cut("{\"items\":{\"a\":[]}}", "{\"items\":{\"a\":[]}}");
    assert_cut("[{\"items\":[1]}]", "[{\"items\":[1]}]");
}

TEST(what_stands_between_items_is_one_comma)
{
    static const char *const texts[] = {
        "{\"items\":[,",      "{\"items\":[1,,",  "{\"items\":[1 2",       "{\"items\":[{}{",
        "{\"items\":[{}:{}]", "{\"items\":[{},]", "{\"items\":[\"a\nb\"]", "{\"items\":[}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (take(texts[i]) != STATUS_INVALID)
            fail_msg("taken: %s", texts[i]);
    }
}

TEST(a_head_has_an_end)
{
    struct page page;
    struct text lines;
    enum status status = STATUS_OK;

    page_init(&page);
    text_init(&lines);
    for (size_t i = 0; i <= PAGE_HEAD_BYTES_MAX && status == STATUS_OK; i++)
        status = page_take(&page, BYTES(" "), &lines);
    assert_int_equal(status, STATUS_TOO_LARGE);
    text_fini(&lines);
    page_fini(&page);
}

TESTS(UNIT(each_item_is_a_line_and_the_head_is_what_is_left), UNIT(white_space_ends_no_line),
      UNIT(braces_quotes_and_commas_in_texts_are_text),
      UNIT(items_of_something_else_are_not_those_of_the_list),
      UNIT(items_that_are_no_array_stay_in_the_head), UNIT(what_stands_between_items_is_one_comma),
      UNIT(a_head_has_an_end))
