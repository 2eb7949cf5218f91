/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_regex.c - patterns and their limits.
 */
#include "route/regex.h"
#include "tests/unit/route/make.h"

#include <pthread.h>
#include <time.h>

static struct regex *compile(const char *pattern)
{
    char error[REGEX_ERROR_MAX];
    struct regex *regex = NULL;

    assert_int_equal(regex_create(bytes_of(pattern), &regex, error), STATUS_OK);
    return regex;
}

static enum regex_result try_path(const char *pattern, const char *path)
{
    struct regex *regex = compile(pattern);
    enum regex_result result = regex_match(regex, bytes_of(path), REGEX_STEPS_MAX);

    regex_destroy(regex);
    return result;
}

TEST(a_pattern_must_match_the_whole_path)
{
    assert_int_equal(try_path("/a", "/a"), REGEX_MATCHES);
    assert_int_equal(try_path("/a", "/ab"), REGEX_DIFFERS);
    assert_int_equal(try_path("a", "/a"), REGEX_DIFFERS);
    assert_int_equal(try_path("/a|/ab", "/ab"), REGEX_MATCHES);
    assert_int_equal(try_path("/a.*", "/abc"), REGEX_MATCHES);
    assert_int_equal(try_path("^/a$", "/a"), REGEX_MATCHES);
    assert_int_equal(try_path("/a(*ACCEPT)b", "/axx"), REGEX_DIFFERS);
    assert_int_equal(try_path("", "/"), REGEX_DIFFERS);
    assert_int_equal(try_path("(?i)/A", "/a"), REGEX_MATCHES);
}

static void assert_refused(const char *pattern, const char *part_of_error)
{
    char error[REGEX_ERROR_MAX] = "";
    struct regex *regex;

    assert_int_not_equal(regex_create(bytes_of(pattern), &regex, error), STATUS_OK);
    assert_non_null(strstr(error, part_of_error));
}

TEST(a_pattern_that_does_not_compile_is_refused_with_the_place)
{
    assert_refused("/a(", "does not compile: missing closing parenthesis at byte 4");
    assert_refused("/[z-a]", "does not compile");
    assert_refused("(*UTF)/a", "does not compile");
}

TEST(hostile_92_patterns_that_are_long_or_multiply_are_refused)
{
    char pattern[REGEX_PATTERN_MAX + 2];

    memset(pattern, 'a', sizeof(pattern));
    pattern[REGEX_PATTERN_MAX] = '\0';
    regex_destroy(compile(pattern));
    pattern[REGEX_PATTERN_MAX] = 'a';
    pattern[REGEX_PATTERN_MAX + 1] = '\0';
    assert_refused(pattern, "longer than");
    assert_refused("(([a-z]+x){30}){30}", "repeats too much");
    memset(pattern, '(', 200);
    memset(pattern + 200, ')', 200);
    pattern[400] = '\0';
    assert_refused(pattern, "does not compile");
}

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Patterns known to explode, on the paths that make them, at every length. */
TEST(hostile_42_no_pattern_costs_more_than_a_few_milliseconds_on_any_path)
{
    static const char *const patterns[] = {
        "/(a+)+b",
        "/(a|aa)+b",
        "/(a*)*b",
        "/.*.*.*.*b",
        "/(.*a){12}b",
        "/bxqy(a?){30}a{30}b",
        "/.*.*.*x",
        "/([^x]*)([^y]*)([^z]*)q",
        "/(?=(a+))*\\1b",
        "/(?R)*a*b",
        "(*NO_JIT)/.*.*.*.*b",
        "(*NO_JIT)/bxqy(a|aa)+b",
        "(*NO_JIT)/([^x]*)([^y]*)([^z]*)q",
        "(*NO_JIT)/bxqy([a-z]*+)([a-z]*)([a-z]*)b",
        "/.*[a-c]*[a-d]*[a-e]*y",
    };
    static const size_t lengths[] = {30, 100, 1000, 4000, 16383};
    static char path[16384];
    uint64_t worst = 0;

    memset(path, 'a', sizeof(path));
    path[0] = '/';
    /* PCRE2 gives up at once on paths without a byte the pattern needs. */
    memcpy(path + 1, "bxqy", 4);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct regex *regex = compile(patterns[i]);

        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            uint64_t from = now_us();
            uint64_t took;

            assert_int_not_equal(
                regex_match(regex, bytes_from(path, lengths[j]), regex_steps(lengths[j], 1)),
                REGEX_MATCHES);
            took = now_us() - from;
            worst = took > worst ? took : worst;
        }
        regex_destroy(regex);
    }
    print_message("worst match: %llu us\n", (unsigned long long)worst);
    assert_true(worst < 100000); /* wide, for slow machines and sanitizers */
}

TEST(a_request_shares_its_budget_among_the_patterns_of_a_host)
{
    assert_int_equal(regex_steps(10, 1), REGEX_STEPS_MAX);
    assert_true(regex_steps(100, 100) < regex_steps(100, 10));
    assert_true((size_t)regex_steps(1000, 50) * 50 * 1001 <= REGEX_WORK_MAX);
    assert_int_equal(regex_steps(16384, 100000), 1);
}

static void *match_often(void *context)
{
    const struct regex *regex = context;

    for (int i = 0; i < 2000; i++) {
        assert_int_equal(regex_match(regex, BYTES("/api/12/x"), 1000), REGEX_MATCHES);
        assert_int_equal(regex_match(regex, BYTES("/api/x2/x"), 1000), REGEX_DIFFERS);
    }
    return NULL;
}

TEST(threads_share_a_pattern)
{
    struct regex *regex = compile("/api/([0-9]+)/.*");
    pthread_t threads[3];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, regex), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    regex_destroy(regex);
}

TESTS(UNIT(a_pattern_must_match_the_whole_path),
      UNIT(a_pattern_that_does_not_compile_is_refused_with_the_place),
      UNIT(hostile_92_patterns_that_are_long_or_multiply_are_refused),
      UNIT(hostile_42_no_pattern_costs_more_than_a_few_milliseconds_on_any_path),
      UNIT(a_request_shares_its_budget_among_the_patterns_of_a_host), UNIT(threads_share_a_pattern))
