/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stats.c - sums lose nothing, and the text is what Prometheus reads.
 */
#include "core/text.h"
#include "proxy/stats.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* struct stats is nothing but uint64_t, so a sum that forgets a field shows as a field unchanged.
 */
TEST(a_sum_takes_every_field)
{
    enum { COUNT = sizeof(struct stats) / sizeof(uint64_t) };
    struct stats *sum = mem_new(struct stats);
    struct stats *one = mem_new(struct stats);
    uint64_t values[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        values[i] = i + 1;
    memcpy(one, values, sizeof(values));
    stats_merge(sum, one);
    assert_memory_equal(sum, one, sizeof(*sum));
    stats_merge(sum, one);
    memcpy(values, sum, sizeof(values));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(values[i], 2 * (i + 1));
    mem_free(sum);
    mem_free(one);
}

/* Everything counted once, written and cut into lines. */
static size_t lines_of(struct text *text, struct bytes *lines, size_t max)
{
    struct stats *stats = mem_new(struct stats);
    struct bytes rest;
    struct bytes line;
    size_t count = 0;

    for (size_t i = 0; i < sizeof(*stats) / sizeof(uint64_t); i++)
        ((uint64_t *)stats)[i] = 1;
    text_init(text);
    stats_write(stats, text);
    mem_free(stats);
    assert_true(text->len > 0 && text->at[text->len - 1] == '\n');
    rest = bytes_from(text->at, text->len - 1);
    while (bytes_next_item(&rest, '\n', &line)) {
        assert_true(count < max);
        lines[count++] = line;
    }
    return count;
}

static struct bytes name_of(struct bytes line)
{
    size_t end = 0;

    while (end < line.len && line.at[end] != '{' && line.at[end] != ' ')
        end++;
    return bytes_slice(line, 0, end);
}

/* The word after "# HELP " or "# TYPE ". */
static struct bytes family_of(struct bytes line)
{
    return name_of(bytes_skip(line, 7));
}

static bool belongs_to(struct bytes name, struct bytes family)
{
    static const struct bytes suffixes[] = {{"", 0}, {"_bucket", 7}, {"_sum", 4}, {"_count", 6}};

    if (!bytes_starts_with(name, family))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (bytes_equal(bytes_skip(name, family.len), suffixes[i]))
            return true;
    return false;
}

#define LINES_MAX 2000

TEST(each_family_is_named_once_and_its_samples_follow)
{
    static struct bytes lines[LINES_MAX];
    static struct bytes families[LINES_MAX];
    struct text text;
    size_t count = lines_of(&text, lines, LINES_MAX);
    size_t families_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (!bytes_starts_with(lines[i], BYTES("#"))) {
            assert_true(families_count > 0);
            assert_true(belongs_to(name_of(lines[i]), families[families_count - 1]));
            continue;
        }
        assert_true(bytes_starts_with(lines[i], BYTES("# HELP fairlead_")));
        assert_true(i + 2 < count && bytes_starts_with(lines[i + 1], BYTES("# TYPE fairlead_")));
        assert_true(bytes_equal(family_of(lines[i]), family_of(lines[i + 1])));
        assert_false(bytes_starts_with(lines[i + 2], BYTES("#"))); /* no family without a sample */
        assert_true(lines[i].len > 7 + family_of(lines[i]).len + 1); /* and none without help */
        for (size_t k = 0; k < families_count; k++)
            assert_false(bytes_equal(families[k], family_of(lines[i])));
        families[families_count++] = family_of(lines[i]);
        i++;
    }
    assert_true(families_count > 15);
    text_fini(&text);
}

TEST(no_series_comes_twice)
{
    static struct bytes lines[LINES_MAX];
    struct text text;
    size_t count = lines_of(&text, lines, LINES_MAX);

    for (size_t i = 0; i < count; i++) {
        size_t blank = bytes_find_last(lines[i], ' ');
        struct bytes series = bytes_slice(lines[i], 0, blank);

        if (lines[i].at[0] == '#')
            continue;
        assert_true(blank != BYTES_NOT_FOUND && blank + 1 < lines[i].len);
        for (size_t k = 0; k < i; k++)
            assert_false(
                bytes_equal(series, bytes_slice(lines[k], 0, bytes_find_last(lines[k], ' '))));
    }
    assert_true(count < 1000); /* bounded sets of labels: design 4.3 */
    text_fini(&text);
}

TEST(counters_end_in_total_and_nothing_else_does)
{
    static struct bytes lines[LINES_MAX];
    struct text text;
    size_t count = lines_of(&text, lines, LINES_MAX);

    for (size_t i = 0; i < count; i++)
        if (bytes_starts_with(lines[i], BYTES("# TYPE ")))
            assert_int_equal(bytes_ends_with(lines[i], BYTES(" counter")),
                             bytes_ends_with(family_of(lines[i]), BYTES("_total")));
    text_fini(&text);
}

TEST(braces_quotes_and_numbers_are_where_they_belong)
{
    static struct bytes lines[LINES_MAX];
    struct text text;
    size_t count = lines_of(&text, lines, LINES_MAX);

    for (size_t i = 0; i < count; i++) {
        struct bytes rest = bytes_skip(lines[i], name_of(lines[i]).len);
        size_t quotes = 0;
        char *number;
        char *end;

        if (lines[i].at[0] == '#')
            continue;
        for (size_t k = 0; k < rest.len; k++)
            quotes += rest.at[k] == '"';
        assert_int_equal(quotes % 2, 0);
        assert_int_equal(bytes_starts_with(rest, BYTES("{")),
                         bytes_find(rest, '}') != BYTES_NOT_FOUND);
        number = mem_string(bytes_skip(lines[i], bytes_find_last(lines[i], ' ') + 1));
        (void)strtod(number, &end);
        assert_true(end != number && *end == '\0');
        mem_free(number);
    }
    text_fini(&text);
}

TESTS(UNIT(a_sum_takes_every_field), UNIT(each_family_is_named_once_and_its_samples_follow),
      UNIT(no_series_comes_twice), UNIT(counters_end_in_total_and_nothing_else_does),
      UNIT(braces_quotes_and_numbers_are_where_they_belong))
