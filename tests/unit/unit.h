/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.h - a test's name is the sentence it proves. A thin macro over cmocka.
 *
 *     TEST(bytes_trim_takes_blanks_off_both_ends)
 *     {
 *         ...
 *     }
 *     TESTS(UNIT(bytes_trim_takes_blanks_off_both_ends), UNIT(...))
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

/* Memory that is freed is not given back then, and all of it takes longer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

#define TEST(sentence) static void sentence(void **state_ __attribute__((unused)))
#define UNIT(sentence) cmocka_unit_test(sentence)
#define TESTS(...)                                                                                 \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests_[] = {__VA_ARGS__};                                          \
        return cmocka_run_group_tests(tests_, NULL, NULL);                                         \
    }

/* Bytes against a C string, with a readable failure. */
#define assert_bytes(actual, expected)                                                             \
    do {                                                                                           \
        struct bytes actual_ = (actual);                                                           \
        char *copy_ = mem_string(actual_);                                                         \
        assert_string_equal(copy_, (expected));                                                    \
        mem_free(copy_);                                                                           \
    } while (0)

/* A small generator, so that a failing random test fails again. */
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % limit;
}

#endif
