/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_yaml_tree.c - YAML as kubectl reads it, and what is refused.
 */
#include "controller/object/decode.h"
#include "controller/object/tree.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* The first document as JSON with sorted fields, or "LINE:COLUMN text" of the fault. */
static char *yaml(struct bytes text)
{
    struct tree_error error = {0};
    struct document document = {0};
    struct yaml_tree tree;
    struct lines lines;
    enum status status;
    char *result;

    lines_init(&lines);
    yaml_tree_open(&tree, text, &lines, &error);
    status = yaml_tree_next(&tree, &document);
    if (status == STATUS_OK) {
        result = json_dumps(document.root, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
        json_decref(document.root);
    } else if (status == STATUS_END) {
        result = mem_string(BYTES("end"));
    } else {
        result = mem_alloc(300);
        snprintf(result, 300, "%u:%u %s", error.line, error.column, error.text);
    }
    yaml_tree_close(&tree);
    lines_fini(&lines);
    return result;
}

static void assert_yaml(const char *text, const char *expected)
{
    char *result = yaml(bytes_of(text));

    assert_string_equal(result, expected);
    mem_free(result);
}

static void assert_fault(const char *text, const char *begin)
{
    char *result = yaml(bytes_of(text));

    if (strncmp(result, begin, strlen(begin)) != 0)
        assert_string_equal(result, begin);
    mem_free(result);
}

TEST(plain_scalars_are_what_kubectl_takes_them_for)
{
    assert_yaml("[yes, No, on, OFF, y, true, False]", "[true,false,true,false,true,true,false]");
    assert_yaml("[~, null, NULL, ]", "[null,null,null]");
    assert_yaml("[0, -1, +2, 010, 0o17, 0x1F, 0b101, 1_000]", "[0,-1,2,8,15,31,5,1000]");
    assert_yaml("[9223372036854775807, -9223372036854775808]",
                "[9223372036854775807,-9223372036854775808]");
    assert_yaml("[1.5, .5, 1e3, -2.]", "[1.5,0.5,1000.0,-2.0]");
    assert_yaml("[1.2.3, 0x, 1e, -, 12:30, 10m, 2026-01-31, 2026-01-31T00:00:00Z, truE]",
                "[\"1.2.3\",\"0x\",\"1e\",\"-\",\"12:30\",\"10m\",\"2026-01-31\","
                "\"2026-01-31T00:00:00Z\",\"truE\"]");
}

TEST(quoted_and_block_scalars_are_texts)
{
    assert_yaml("\xEF\xBB\xBF"
                "a: b",
                "{\"a\":\"b\"}");
    assert_yaml("['yes', \"1\", '']", "[\"yes\",\"1\",\"\"]");
    assert_yaml("a: |\n  true\nb: >-\n  1\n  2\n", "{\"a\":\"true\\n\",\"b\":\"1 2\"}");
}

TEST(tags_of_yaml_itself_are_known_and_others_refused)
{
    assert_yaml("[!!str 1, !!int \"2\", !!float 3, !!bool 'true', !!null '', ! 4]",
                "[\"1\",2,3.0,true,null,\"4\"]");
    assert_yaml("!!map {a: !!seq [1]}", "{\"a\":[1]}");
    assert_fault("a: !!int x", "1:4 this does not fit its tag");
    assert_fault("a: !ruby/object x", "1:4 this does not fit its tag");
    assert_fault("a: !set {b: c}", "1:4 a tag that Kubernetes does not know");
    assert_fault("a: .inf", "1:4 this does not fit its tag, or is no number");
}

TEST(names_of_fields_become_texts)
{
    assert_yaml("{yes: 1, 0x10: 2, 1.50: 3, 'q': 4}", "{\"1.5\":3,\"16\":2,\"q\":4,\"true\":1}");
    assert_fault("~: 1", "1:1 this can not be the name of a field");
    assert_fault("? [a]\n: 1", "1:5 a mapping, list or alias can not be");
}

TEST(anchors_stand_for_their_nodes_and_merges_fill_what_is_missing)
{
    assert_yaml("a: &x {k: 1}\nb: *x\n", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}");
    assert_yaml("a: &x {k: 1, l: 1}\nb:\n  k: 2\n  <<: *x\n",
                "{\"a\":{\"k\":1,\"l\":1},\"b\":{\"k\":2,\"l\":1}}");
    assert_yaml("- &x {k: 1}\n- &y {k: 2, m: 2}\n- <<: [*x, *y]\n",
                "[{\"k\":1},{\"k\":2,\"m\":2},{\"k\":1,\"m\":2}]");
    assert_yaml("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
    assert_yaml("'<<': 1", "{\"<<\":1}");
    assert_fault("a: *x\nb: &x 1\n", "1:4 an alias of an anchor that is not there");
    assert_fault("a: &x [*x]\n", "1:8 an alias of an anchor that is not there");
    assert_fault("<<: 1", "1:5 << takes a mapping");
    assert_fault("<<: {a: 1}\n<<: {b: 1}", "2:1 a field is given twice");
}

TEST(a_field_given_twice_is_refused_with_its_line)
{
    assert_fault("a: 1\nb: 2\na: 3\n", "3:1 a field is given twice");
    assert_fault("true: 1\n'true': 2\n", "2:1 a field is given twice");
}

TEST(faults_come_with_line_and_column)
{
    assert_fault("a: 1\n b: 2\n", "2:3 mapping values are not allowed");
    assert_fault("a:\n\t- b\n", "2:1 found character that cannot start any token");
    assert_fault("a: 'x\n", "2:1 found unexpected end of stream");
    assert_fault("a: \"\\0\"\n", "1:4 a NUL byte");
    assert_fault("a: b\x01\n", "1:5 control characters are not allowed");
}

TEST(hostile_nesting_ends_at_its_limit)
{
    char text[200];

    memset(text, '[', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_fault(text, "1:65 nested deeper than 64");
}

TEST(hostile_laughs_by_the_billion_are_refused_before_they_cost_anything)
{
    assert_fault("a: &a [x, x, x, x, x, x, x, x, x, x]\n"
                 "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                 "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
                 "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
                 "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
                 "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
                 "g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\n",
                 "7:");
}

/* A large text shared by many objects is cheap here and large when they are packed. */
TEST(hostile_one_large_text_is_not_shared_without_end)
{
    struct text text;
    char *result;

    text_init(&text);
    text_add_str(&text, "- &a \"");
    for (int i = 0; i < 1000000; i++)
        text_add_byte(&text, 'x');
    text_add_str(&text, "\"\n");
    for (int i = 0; i < 80; i++)
        text_add_str(&text, "- *a\n");
    result = yaml(text_bytes(&text));
    assert_non_null(strstr(result, "bytes of text, aliases expanded"));
    mem_free(result);
    text_fini(&text);
}

static void assert_broken(struct bytes text, uint32_t line, uint32_t column)
{
    struct decoded decoded;

    decode_manifest(text, BYTES("f"), &decoded);
    assert_true(decoded.is_broken);
    assert_int_equal(decoded.objects_count, 0);
    assert_int_equal(decoded.notes[decoded.notes_count - 1].line, line);
    assert_int_equal(decoded.notes[decoded.notes_count - 1].column, column);
    decoded_fini(&decoded);
}

TEST(texts_that_are_no_utf8_or_hold_a_nul_are_refused)
{
    assert_broken(BYTES("a: 1\nb: \xFF\n"), 2, 4);
    assert_broken(BYTES("a: \xC0\xAF"), 1, 4);
    assert_broken(BYTES("a: \xED\xA0\x80"), 1, 4);
    assert_broken(BYTES("a: \xE2\x82"), 1, 4);
    assert_broken(BYTES("a: \xF4\x90\x80\x80"), 1, 4);
    assert_broken(BYTES("a\0b: 1"), 1, 2);
    assert_broken(BYTES("\xFF\xFE\x61\x00"), 1, 1);
}

TEST(a_document_that_is_no_object_breaks_the_file)
{
    assert_broken(BYTES("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\nhello\n"), 5, 1);
    assert_broken(BYTES("- a\n"), 1, 1);
    assert_broken(BYTES("[1]"), 1, 1);
}

TEST(json_faults_come_with_line_and_column)
{
    assert_broken(BYTES("{\"a\": 1,\n \"b\": x}"), 2, 7);
    assert_broken(BYTES("{\"a\": 1}\n{\"a\": 1,\n \"a\": 2}"), 3, 4);
    assert_broken(BYTES("{\"a\": 1} {\"a\": \"\\u0000\"}"), 1, 23);
    assert_broken(BYTES("{\"a\": 1} x"), 1, 10);
    assert_broken(BYTES("{\"a\": [1, 2"), 1, 11);
}

TEST(json_values_may_follow_each_other_and_a_mark_may_come_first)
{
    struct decoded decoded;

    decode_manifest(BYTES("\xEF\xBB\xBF {\"kind\": \"A\", \"apiVersion\": \"v1\"}\n---\n{\"kind\": "
                          "\"B\", \"apiVersion\": \"v1\"}{\"kind\": \"C\", \"apiVersion\": "
                          "\"v1\"}\n"),
                    BYTES("f"), &decoded);
    assert_false(decoded.is_broken);
    assert_int_equal(decoded.notes_count, 3);
    assert_int_equal(decoded.notes[2].line, 3);
    decoded_fini(&decoded);
}

TEST(hostile_json_nesting_and_size_end_at_their_limits)
{
    struct decoded decoded;
    struct text text;

    text_init(&text);
    text_add_str(&text, "{\"a\":");
    for (int i = 0; i < 100000; i++)
        text_add_byte(&text, '[');
    decode_manifest(text_bytes(&text), BYTES("f"), &decoded);
    assert_true(decoded.is_broken);
    assert_bytes(decoded.notes[0].text, "nested deeper than 64");
    decoded_fini(&decoded);
    text_clear(&text);
    text_add_str(&text, "{\"a\":[0");
    for (int i = 0; i < MANIFEST_NODES_MAX; i++)
        text_add_str(&text, ",0");
    text_add_str(&text, "]}");
    decode_manifest(text_bytes(&text), BYTES("f"), &decoded);
    assert_true(decoded.is_broken);
    assert_bytes(decoded.notes[0].text, "more than 2000000 nodes");
    decoded_fini(&decoded);
    text_fini(&text);
}

TEST(a_file_tells_no_more_than_it_may)
{
    struct decoded decoded;
    struct text text;

    text_init(&text);
    for (int i = 0; i < 3000; i++)
        text_add_str(&text, "---\na: 1\n");
    decode_manifest(text_bytes(&text), BYTES("f"), &decoded);
    assert_int_equal(decoded.notes_count, MANIFEST_NOTES_MAX + 1);
    decoded_fini(&decoded);
    text_add_str(&text, "---\n[\n");
    decode_manifest(text_bytes(&text), BYTES("f"), &decoded);
    assert_true(decoded.is_broken);
    assert_int_equal(decoded.notes_count, MANIFEST_NOTES_MAX);
    assert_int_equal(decoded.notes[MANIFEST_NOTES_MAX - 1].line, 6003);
    decoded_fini(&decoded);
    text_fini(&text);
}

TESTS(UNIT(plain_scalars_are_what_kubectl_takes_them_for), UNIT(quoted_and_block_scalars_are_texts),
      UNIT(tags_of_yaml_itself_are_known_and_others_refused), UNIT(names_of_fields_become_texts),
      UNIT(anchors_stand_for_their_nodes_and_merges_fill_what_is_missing),
      UNIT(a_field_given_twice_is_refused_with_its_line), UNIT(faults_come_with_line_and_column),
      UNIT(hostile_nesting_ends_at_its_limit),
      UNIT(hostile_laughs_by_the_billion_are_refused_before_they_cost_anything),
      UNIT(hostile_one_large_text_is_not_shared_without_end),
      UNIT(texts_that_are_no_utf8_or_hold_a_nul_are_refused),
      UNIT(a_document_that_is_no_object_breaks_the_file),
      UNIT(json_faults_come_with_line_and_column),
      UNIT(json_values_may_follow_each_other_and_a_mark_may_come_first),
      UNIT(hostile_json_nesting_and_size_end_at_their_limits),
      UNIT(a_file_tells_no_more_than_it_may))
