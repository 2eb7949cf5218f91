/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics.c - histograms, and the Prometheus text, checked by a small reader of the format.
 */
#include "core/metrics.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

static struct text labels_of(const char *name, struct bytes value)
{
    struct text labels;

    text_init(&labels);
    metrics_label(&labels, name, value);
    return labels;
}

/*
 * A reader of the text format, strict about what we write: every line is HELP, TYPE or a sample of
 * the family last named; the text ends in a line feed.
 */
struct reader {
    struct bytes family;
    bool is_histogram;
    size_t samples_count;
};

static bool is_name_byte(char byte, bool first)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte == ':' || (!first && byte >= '0' && byte <= '9');
}

static struct bytes take_name(struct bytes *rest)
{
    size_t len = 0;
    struct bytes name;

    while (len < rest->len && is_name_byte(rest->at[len], len == 0))
        len++;
    assert_true(len > 0);
    name = bytes_slice(*rest, 0, len);
    *rest = bytes_skip(*rest, len);
    return name;
}

static void take_byte(struct bytes *rest, char byte)
{
    assert_true(rest->len > 0 && rest->at[0] == byte);
    *rest = bytes_skip(*rest, 1);
}

static void read_label(struct bytes *rest)
{
    take_name(rest);
    take_byte(rest, '=');
    take_byte(rest, '"');
    while (rest->len > 0 && rest->at[0] != '"') {
        if (rest->at[0] == '\\') {
            *rest = bytes_skip(*rest, 1);
            assert_true(rest->len > 0);
            assert_non_null(memchr("\\\"n", rest->at[0], 3));
        }
        *rest = bytes_skip(*rest, 1);
    }
    take_byte(rest, '"');
}

static void read_sample(struct reader *reader, struct bytes line)
{
    struct bytes rest = line;
    struct bytes name = take_name(&rest);
    char *value;
    char *end;

    assert_true(bytes_starts_with(name, reader->family));
    if (!reader->is_histogram)
        assert_int_equal(name.len, reader->family.len);
    if (rest.len > 0 && rest.at[0] == '{') {
        do {
            rest = bytes_skip(rest, 1);
            read_label(&rest);
        } while (rest.len > 0 && rest.at[0] == ',');
        take_byte(&rest, '}');
    }
    take_byte(&rest, ' ');
    value = mem_string(rest);
    assert_true(value[0] != '\0');
    (void)strtod(value, &end);
    assert_int_equal(*end, '\0');
    mem_free(value);
    reader->samples_count++;
}

static void read_type(struct reader *reader, struct bytes rest)
{
    struct bytes name = take_name(&rest);

    assert_true(bytes_equal(name, reader->family));
    reader->is_histogram = bytes_equal(rest, BYTES(" histogram"));
    assert_true(reader->is_histogram || bytes_equal(rest, BYTES(" counter")) ||
                bytes_equal(rest, BYTES(" gauge")));
}

static size_t read_format(struct bytes text)
{
    struct reader reader = {0};

    assert_true(text.len > 0 && text.at[text.len - 1] == '\n');
    while (text.len > 0) {
        struct bytes line = bytes_slice(text, 0, bytes_find(text, '\n'));

        text = bytes_skip(text, line.len + 1);
        if (bytes_starts_with(line, BYTES("# HELP "))) {
            line = bytes_skip(line, 7);
            reader.family = take_name(&line);
        } else if (bytes_starts_with(line, BYTES("# TYPE "))) {
            read_type(&reader, bytes_skip(line, 7));
        } else {
            read_sample(&reader, line);
        }
    }
    return reader.samples_count;
}

TEST(a_scrape_reads_like_this)
{
    struct text labels = labels_of("code", BYTES("200"));
    struct text out;

    text_init(&out);
    metrics_label(&labels, "worker", BYTES("0"));
    metrics_family(&out, "fairlead_requests_total", METRIC_COUNTER, "Requests answered.");
    metrics_sample(&out, "fairlead_requests_total", labels.at, 18446744073709551615u);
    metrics_family(&out, "fairlead_streams", METRIC_GAUGE, "Streams now.");
    metrics_sample(&out, "fairlead_streams", NULL, 0);
    metrics_family(&out, "fairlead_start_time_seconds", METRIC_GAUGE, "Start of the process.");
    metrics_sample_double(&out, "fairlead_start_time_seconds", NULL, 1767323045.678);
    assert_bytes(text_bytes(&out),
                 "# HELP fairlead_requests_total Requests answered.\n"
                 "# TYPE fairlead_requests_total counter\n"
                 "fairlead_requests_total{code=\"200\",worker=\"0\"} 18446744073709551615\n"
                 "# HELP fairlead_streams Streams now.\n"
                 "# TYPE fairlead_streams gauge\n"
                 "fairlead_streams 0\n"
                 "# HELP fairlead_start_time_seconds Start of the process.\n"
                 "# TYPE fairlead_start_time_seconds gauge\n"
                 "fairlead_start_time_seconds 1767323045.678\n");
    assert_int_equal(read_format(text_bytes(&out)), 3);
    text_fini(&labels);
    text_fini(&out);
}

TEST(a_histogram_reads_like_this)
{
    struct histogram histogram = {0};
    struct text out;

    text_init(&out);
    histogram_observe(&histogram, 100);
    histogram_observe(&histogram, 101);
    histogram_observe(&histogram, 3000);
    histogram_observe(&histogram, 61000000);
    metrics_family(&out, "fairlead_lag_seconds", METRIC_HISTOGRAM, "Lag.");
    metrics_histogram(&out, "fairlead_lag_seconds", "worker=\"1\"", &histogram);
    assert_bytes(text_bytes(&out), "# HELP fairlead_lag_seconds Lag.\n"
                                   "# TYPE fairlead_lag_seconds histogram\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.0001\"} 1\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.00025\"} 2\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.0005\"} 2\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.001\"} 2\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.0025\"} 2\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.005\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.01\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.025\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.05\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.1\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.25\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"0.5\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"1\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"2.5\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"5\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"10\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"30\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"60\"} 3\n"
                                   "fairlead_lag_seconds_bucket{worker=\"1\",le=\"+Inf\"} 4\n"
                                   "fairlead_lag_seconds_sum{worker=\"1\"} 61.003201\n"
                                   "fairlead_lag_seconds_count{worker=\"1\"} 4\n");
    assert_int_equal(read_format(text_bytes(&out)), HISTOGRAM_BUCKETS + 3);
    text_fini(&out);
}

TEST(a_histogram_without_labels_has_only_le)
{
    struct histogram histogram = {0};
    struct text out;

    text_init(&out);
    metrics_family(&out, "f_x", METRIC_HISTOGRAM, "X.");
    metrics_histogram(&out, "f_x", NULL, &histogram);
    assert_int_equal(read_format(text_bytes(&out)), HISTOGRAM_BUCKETS + 3);
    text_add_byte(&out, '\0');
    assert_non_null(strstr(out.at, "f_x_bucket{le=\"+Inf\"} 0\nf_x_sum 0.000000\nf_x_count 0\n"));
    text_fini(&out);
}

TEST(histograms_merge_bucket_by_bucket)
{
    struct histogram a = {0};
    struct histogram b = {0};

    histogram_observe(&a, 50);
    histogram_observe(&b, 60);
    histogram_observe(&b, UINT32_MAX);
    histogram_merge(&a, &b);
    assert_int_equal(a.counts[0], 2);
    assert_int_equal(a.counts[HISTOGRAM_BUCKETS], 1);
    assert_int_equal(a.sum_us, 110 + (uint64_t)UINT32_MAX);
}

TEST(bounds_are_inclusive_and_rising)
{
    static const uint64_t bounds_us[HISTOGRAM_BUCKETS] = {
        100,    250,    500,    1000,    2500,    5000,    10000,    25000,    50000,
        100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000};

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        struct histogram histogram = {0};

        histogram_observe(&histogram, bounds_us[i]);
        histogram_observe(&histogram, bounds_us[i] + 1);
        assert_int_equal(histogram.counts[i], 1);
        assert_int_equal(histogram.counts[i + 1], 1);
    }
}

TEST(hostile_52_a_label_value_can_not_break_out_of_its_quotes)
{
    struct text labels = labels_of("name", BYTES("a\"} 1\nforged 2\\\r\t\xc3\xa4\0"));
    struct text out;

    text_init(&out);
    assert_string_equal(labels.at, "name=\"a\\\"} 1\\nforged 2\\\\_____\"");
    metrics_family(&out, "f_x", METRIC_GAUGE, "X.");
    metrics_sample(&out, "f_x", labels.at, 1);
    assert_int_equal(read_format(text_bytes(&out)), 1);
    text_fini(&labels);
    text_fini(&out);
}

static void assert_double(double value, const char *expected)
{
    struct text out;

    text_init(&out);
    metrics_sample_double(&out, "x", NULL, value);
    text_add_byte(&out, '\0');
    assert_string_equal(out.at, expected);
    text_fini(&out);
}

TEST(doubles_are_short_and_read_back_the_same)
{
    assert_double(0.1, "x 0.1\n");
    assert_double(-2.0, "x -2\n");
    assert_double(1.0 / 3.0, "x 0.33333333333333331\n");
    assert_double((double)NAN, "x NaN\n");
    assert_double((double)INFINITY, "x +Inf\n");
    assert_double(-(double)INFINITY, "x -Inf\n");
}

TESTS(UNIT(a_scrape_reads_like_this), UNIT(a_histogram_reads_like_this),
      UNIT(a_histogram_without_labels_has_only_le), UNIT(histograms_merge_bucket_by_bucket),
      UNIT(bounds_are_inclusive_and_rising),
      UNIT(hostile_52_a_label_value_can_not_break_out_of_its_quotes),
      UNIT(doubles_are_short_and_read_back_the_same))
