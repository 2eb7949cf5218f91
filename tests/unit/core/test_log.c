/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log.c - one event, one line: its form, its escapes, its limits.
 */
#include "core/log.h"
#include "core/text.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#define STAMP_BYTES 25 /* "2026-01-02T03:04:05.678Z " */

/* A log that writes into a file without a name. */
struct sink {
    int fd;
    struct log *log;
    char *content; /* owned; of the last sink_lines() */
    size_t lines_count;
};

static void sink_init(struct sink *sink, enum log_level level)
{
    char name[] = "/tmp/fairlead-test-log-XXXXXX";

    *sink = (struct sink){.fd = mkstemp(name)};
    assert_true(sink->fd >= 0);
    unlink(name);
    sink->log = log_create(sink->fd, level);
}

static void sink_fini(struct sink *sink)
{
    log_destroy(sink->log);
    close(sink->fd);
    free(sink->content);
}

static const char *sink_read(struct sink *sink)
{
    struct stat file;
    size_t size;

    assert_int_equal(fstat(sink->fd, &file), 0);
    size = (size_t)file.st_size;
    free(sink->content);
    sink->content = calloc(1, size + 1);
    assert_non_null(sink->content);
    assert_int_equal(pread(sink->fd, sink->content, size, 0), (ssize_t)size);
    sink->lines_count = 0;
    for (size_t i = 0; i < size; i++)
        sink->lines_count += sink->content[i] == '\n';
    return sink->content;
}

/* The only line, without its time. */
static const char *sink_line(struct sink *sink)
{
    const char *content = sink_read(sink);

    assert_int_equal(sink->lines_count, 1);
    assert_true(strlen(content) > STAMP_BYTES);
    return content + STAMP_BYTES;
}

TEST(a_line_has_level_sentence_and_fields)
{
    struct address address;
    struct sink sink;

    sink_init(&sink, LOG_LEVEL_WARN);
    assert_int_equal(address_parse(BYTES("10.0.0.1:80"), &address), STATUS_OK);
    log_warn(sink.log, "endpoint refused the connection", LOG_ADDRESS("endpoint", &address),
             LOG_UINT("attempt", 2), LOG_STRING("cluster", "default/web/80"),
             LOG_ERRNO(-ECONNREFUSED));
    assert_string_equal(sink_line(&sink),
                        "warn endpoint refused the connection endpoint=10.0.0.1:80 attempt=2 "
                        "cluster=default/web/80 error=\"connection refused\"\n");
    sink_fini(&sink);
}

TEST(a_line_without_fields_is_the_sentence)
{
    struct sink sink;

    sink_init(&sink, LOG_LEVEL_INFO);
    log_info(sink.log, "ready");
    assert_string_equal(sink_line(&sink), "info ready\n");
    sink_fini(&sink);
}

TEST(the_time_is_utc_with_milliseconds)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    struct sink sink;
    time_t before = time(NULL);
    struct tm utc = {0};
    const char *content;

    sink_init(&sink, LOG_LEVEL_INFO);
    log_info(sink.log, "ready");
    content = sink_read(&sink);
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == 'd')
            assert_in_range(content[i], '0', '9');
        else
            assert_int_equal(content[i], form[i]);
    }
    assert_non_null(strptime(content, "%Y-%m-%dT%H:%M:%S", &utc));
    assert_in_range(timegm(&utc), before, before + 5);
    sink_fini(&sink);
}

TEST(an_errno_is_written_as_text_in_either_sign)
{
    struct sink sink;

    sink_init(&sink, LOG_LEVEL_INFO);
    log_info(sink.log, "first", LOG_ERRNO(ENOENT));
    log_info(sink.log, "second", LOG_ERRNO(-ENOENT));
    sink_read(&sink);
    assert_non_null(strstr(sink.content, "first error=\"no such file or directory\"\n"));
    assert_non_null(strstr(sink.content, "second error=\"no such file or directory\"\n"));
    sink_fini(&sink);
}

TEST(hostile_52_a_value_can_not_forge_a_line_or_a_field)
{
    struct sink sink;

    sink_init(&sink, LOG_LEVEL_WARN);
    log_warn(sink.log, "odd request",
             LOG_BYTES("path", BYTES("/a\r\n2026 error forged x=\"1\\\" \x1b[31m\xff\0\x7f")));
    assert_string_equal(sink_line(&sink), "warn odd request path=\"/a\\x0d\\x0a2026 error forged "
                                          "x=\\x221\\x5c\\x22 \\x1b[31m\\xff\\x00\\x7f\"\n");
    sink_fini(&sink);
}

TEST(an_empty_value_is_a_pair_of_quotes)
{
    struct sink sink;

    sink_init(&sink, LOG_LEVEL_WARN);
    log_warn(sink.log, "odd request", LOG_BYTES("host", BYTES_NONE), LOG_STRING("next", "a"));
    assert_string_equal(sink_line(&sink), "warn odd request host=\"\" next=a\n");
    sink_fini(&sink);
}

static void assert_is_cut(char fill, char blank, const char *tail)
{
    static char value[100000];
    struct sink sink;
    size_t len;

    memset(value, fill, sizeof(value));
    value[1] = blank;
    sink_init(&sink, LOG_LEVEL_WARN);
    log_warn(sink.log, "odd request", LOG_BYTES("path", bytes_from(value, sizeof(value))),
             LOG_UINT("attempt", 1), LOG_STRING("more", "with blanks"));
    len = strlen(sink_line(&sink)) + STAMP_BYTES;
    assert_in_range(len, 4000, 4096);
    assert_string_equal(sink.content + len - strlen(tail), tail);
    sink_fini(&sink);
}

TEST(hostile_52_an_overlong_value_is_cut_and_the_line_stays_whole)
{
    assert_is_cut('a', 'a', "aaaa...\n");
    assert_is_cut('a', ' ', "aaaa...\"\n");
    assert_is_cut('\n', '\n', "\\x0a\\x0a...\n");
    assert_is_cut('\n', ' ', "\\x0a\\x0a...\"\n");
}

TEST(every_length_near_the_limit_gives_one_whole_line)
{
    static char value[4200];
    struct sink sink;

    memset(value, 'a', sizeof(value));
    for (size_t len = 3950; len < sizeof(value); len++) {
        size_t written;

        sink_init(&sink, LOG_LEVEL_WARN);
        value[len - 1] = len % 2 == 0 ? ' ' : 'a';
        log_warn(sink.log, "x", LOG_BYTES("v", bytes_from(value, len)), LOG_STRING("w", "b c"));
        value[len - 1] = 'a';
        written = strlen(sink_line(&sink)) + STAMP_BYTES;
        assert_true(written <= 4096);
        assert_int_equal(sink.content[written - 1], '\n');
        sink_fini(&sink);
    }
}

TEST(lines_below_the_level_are_not_written)
{
    struct sink sink;

    sink_init(&sink, LOG_LEVEL_WARN);
    log_info(sink.log, "configuration changed");
    log_debug(sink.log, "detail");
    assert_true(log_is_on(sink.log, LOG_LEVEL_ERROR));
    assert_false(log_is_on(sink.log, LOG_LEVEL_INFO));
    sink_read(&sink);
    assert_int_equal(sink.lines_count, 0);
    sink_fini(&sink);
}

TEST(no_log_at_all_is_fine)
{
    struct log *none = NULL;

    log_error(none, "nobody listens", LOG_UINT("count", 1));
    log_write(none, LOG_LEVEL_ERROR, "nobody listens", NULL, 0);
    log_destroy(none);
    assert_false(log_is_on(none, LOG_LEVEL_ERROR));
}

TEST(log_level_parse_knows_the_four_words)
{
    enum log_level level = LOG_LEVEL_DEBUG;

    assert_int_equal(log_level_parse(BYTES("error"), &level), STATUS_OK);
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse(BYTES("warn"), &level), STATUS_OK);
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_int_equal(log_level_parse(BYTES("info"), &level), STATUS_OK);
    assert_int_equal(level, LOG_LEVEL_INFO);
    assert_int_equal(log_level_parse(BYTES("debug"), &level), STATUS_OK);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse(BYTES("Warn"), &level), STATUS_INVALID);
    assert_int_equal(log_level_parse(BYTES(""), &level), STATUS_INVALID);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static size_t count_of(const char *content, const char *part)
{
    size_t count = 0;

    for (const char *at = content; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

/* At most two windows can be open in the run of the loop. */
TEST(hostile_89_a_repeated_sentence_is_limited_and_what_was_left_out_is_said)
{
    const uint64_t sent = 5000;
    const struct timespec second = {1, 50 * 1000 * 1000};
    struct sink sink;
    static const char said[] = "warn log lines were left out sentence=\"noise on a port\" count=";
    uint64_t dropped;
    size_t written;

    sink_init(&sink, LOG_LEVEL_WARN);
    for (uint64_t i = 0; i < sent; i++)
        log_warn(sink.log, "noise on a port", LOG_UINT("number", i));
    written = count_of(sink_read(&sink), " noise on a port number=");
    dropped = log_dropped_count(sink.log);
    assert_true(written >= LOG_LINES_PER_SECOND_MAX);
    assert_true(written <= 2 * (size_t)LOG_LINES_PER_SECOND_MAX);
    assert_int_equal(written + dropped, sent);
    log_warn(sink.log, "another sentence");
    assert_int_equal(count_of(sink_read(&sink), "another sentence"), 1);

    nanosleep(&second, NULL);
    log_error(sink.log, "a third sentence");
    sink_read(&sink);
    assert_true(count_of(sink.content, said) >= 1);
    log_warn(sink.log, "noise on a port");
    assert_int_equal(count_of(sink_read(&sink), " noise on a port"), written + 1);
    sink_fini(&sink);
}

static uint64_t sum_of_counts(const char *content)
{
    uint64_t sum = 0;

    for (const char *at = content; (at = strstr(at, "left out sentence=")) != NULL; at++)
        sum += strtoull(strstr(at, "count=") + 6, NULL, 10);
    return sum;
}

TEST(what_was_left_out_is_said_at_the_end_too)
{
    struct sink sink;
    uint64_t dropped;

    sink_init(&sink, LOG_LEVEL_WARN);
    for (int i = 0; i < 1000; i++)
        log_warn(sink.log, "noise on a port");
    dropped = log_dropped_count(sink.log);
    log_destroy(sink.log);
    sink.log = NULL;
    assert_true(dropped > 0);
    assert_int_equal(sum_of_counts(sink_read(&sink)), dropped);
    sink_fini(&sink);
}

/* Each address is a sentence of its own. */
TEST(more_sentences_than_places_share_one_limit)
{
    static const char sentences[600] = {0};
    struct sink sink;
    uint64_t dropped;

    sink_init(&sink, LOG_LEVEL_WARN);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof(sentences); i++)
            log_write(sink.log, LOG_LEVEL_WARN, &sentences[i], NULL, 0);
    sink_read(&sink);
    dropped = log_dropped_count(sink.log);
    assert_int_equal(sink.lines_count + dropped, 1800 + count_of(sink.content, "left out"));
    assert_true(dropped > 0);
    sink_fini(&sink);
}

static void *write_many(void *argument)
{
    struct log *log = argument;

    for (int i = 0; i < 500; i++) {
        log_warn(log, "from a thread", LOG_UINT("number", (uint64_t)i));
        log_warn(log, i % 2 == 0 ? "even" : "odd", LOG_STRING("text", "two words"));
    }
    return NULL;
}

TEST(threads_share_a_log_without_mixing_lines)
{
    pthread_t threads[4];
    struct sink sink;
    const char *content;

    sink_init(&sink, LOG_LEVEL_WARN);
    assert_true(fcntl(sink.fd, F_SETFL, O_APPEND) == 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, sink.log), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    content = sink_read(&sink);
    assert_int_equal(sink.lines_count - count_of(content, "left out") + log_dropped_count(sink.log),
                     4000);
    assert_int_equal(count_of(content, "Z warn "), sink.lines_count);
    sink_fini(&sink);
}

TESTS(UNIT(a_line_has_level_sentence_and_fields), UNIT(a_line_without_fields_is_the_sentence),
      UNIT(the_time_is_utc_with_milliseconds), UNIT(an_errno_is_written_as_text_in_either_sign),
      UNIT(hostile_52_a_value_can_not_forge_a_line_or_a_field),
      UNIT(an_empty_value_is_a_pair_of_quotes),
      UNIT(hostile_52_an_overlong_value_is_cut_and_the_line_stays_whole),
      UNIT(every_length_near_the_limit_gives_one_whole_line),
      UNIT(lines_below_the_level_are_not_written), UNIT(no_log_at_all_is_fine),
      UNIT(log_level_parse_knows_the_four_words),
      UNIT(hostile_89_a_repeated_sentence_is_limited_and_what_was_left_out_is_said),
      UNIT(what_was_left_out_is_said_at_the_end_too),
      UNIT(more_sentences_than_places_share_one_limit),
      UNIT(threads_share_a_log_without_mixing_lines))
