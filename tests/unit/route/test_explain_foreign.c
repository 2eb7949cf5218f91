/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain_foreign.c - what explain says of objects that are not ours.
 */
#include "route/explain.h"
#include "tests/unit/route/make.h"

#include <stdio.h>

#define WHY BYTES("is of class \"x\"")

static struct table *with_hosts(const struct foreign_host *list, size_t count, uint64_t left_out)
{
    struct maker maker = maker_begin(NULL);

    builder_set_foreign_hosts(maker.builder, list, count, left_out);
    return maker_finish(&maker);
}

/* The walk of a GET of the host's /; the caller frees it. */
static char *explained(const struct table *table, const char *url)
{
    const struct explain_request request = {.url = bytes_of(url)};
    struct text text;
    char *words;

    text_init(&text);
    assert_false(explain(table, &request, NULL, NULL, &text));
    words = mem_string(text_bytes(&text));
    text_fini(&text);
    return words;
}

static unsigned count_of(const char *words, const char *part)
{
    unsigned count = 0;

    for (; (words = strstr(words, part)) != NULL; words++)
        count++;
    return count;
}

TEST(of_many_objects_that_name_a_host_five_are_shown_each_once_and_the_rest_is_counted)
{
    struct foreign_host list[16];
    char names[8][32];
    struct table *table;
    char *words;

    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(names[i / 2], sizeof(names[0]), "Ingress default/web-%zu", i / 2);
        list[i] = (struct foreign_host){BYTES("a.test"), bytes_of(names[i / 2]), WHY, false};
    }
    table = with_hosts(list, 16, 0);
    words = explained(table, "http://a.test/");
    assert_int_equal(count_of(words, "not ours  Ingress default/web-"), 5);
    assert_int_equal(count_of(words, "not ours  3 more objects\n"), 1);
    mem_free(words);
    table_unref(table);
}

TEST(a_host_that_may_be_among_those_left_out_says_so)
{
    const struct foreign_host list[] = {{BYTES("a.test"), BYTES("Ingress a/a"), WHY, false}};
    struct table *table = with_hosts(list, 1, 7);
    char *words = explained(table, "http://b.test/");

    assert_int_equal(count_of(words, "not ours  7 hosts that objects name which are not ours, and "
                                     "maybe this one, are not known here: there are 10000 others "
                                     "(FOREIGN_HOSTS_MAX)\n"),
                     1);
    mem_free(words);
    words = explained(table, "http://a.test/");
    assert_int_equal(count_of(words, "not ours"), 1);
    mem_free(words);
    table_unref(table);
}

TEST(the_name_of_a_wildcard_covers_one_label)
{
    const struct foreign_host list[] = {{BYTES("*.a.test"), BYTES("Ingress a/a"), WHY, true}};
    struct table *table = with_hosts(list, 1, 0);
    char *words = explained(table, "http://x.a.test/");

    assert_int_equal(count_of(words, "not ours  Ingress a/a names *.a.test: it is of class"), 1);
    mem_free(words);
    words = explained(table, "http://x.y.a.test/");
    assert_int_equal(count_of(words, "not ours  Ingress"), 0);
    mem_free(words);
    table_unref(table);
}

TEST(the_same_hosts_put_again_are_no_change_and_others_are)
{
    const struct foreign_host list[] = {{BYTES("a.test"), BYTES("Ingress a/a"), WHY, false},
                                        {BYTES("b.test"), BYTES("Ingress a/a"), WHY, false}};
    struct table *table = with_hosts(list, 2, 0);
    struct builder *builder = builder_create(table);

    builder_set_foreign_hosts(builder, list, 2, 0);
    assert_false(builder_is_changed(builder));
    builder_set_foreign_hosts(builder, list, 2, 1);
    assert_true(builder_is_changed(builder));
    builder_set_foreign_hosts(builder, list, 1, 0);
    assert_true(builder_is_changed(builder));
    builder_destroy(builder);
    table_unref(table);
}

TESTS(UNIT(of_many_objects_that_name_a_host_five_are_shown_each_once_and_the_rest_is_counted),
      UNIT(a_host_that_may_be_among_those_left_out_says_so),
      UNIT(the_name_of_a_wildcard_covers_one_label),
      UNIT(the_same_hosts_put_again_are_no_change_and_others_are))
