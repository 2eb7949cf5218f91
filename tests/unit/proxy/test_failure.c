/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_failure.c - the table of failures: each row complete, each reason its own.
 */
#include "proxy/answer.h"
#include "proxy/failure.h"
#include "tests/unit/unit.h"

TEST(every_failure_has_a_reason_of_its_own)
{
    for (unsigned int i = 0; i < FAILURE_COUNT; i++)
        for (unsigned int k = 0; k < i; k++)
            assert_string_not_equal(failure_row((enum failure)i)->reason,
                                    failure_row((enum failure)k)->reason);
}

TEST(every_reason_is_lower_snake)
{
    for (unsigned int i = 0; i < FAILURE_COUNT; i++) {
        const char *reason = failure_row((enum failure)i)->reason;

        assert_non_null(reason);
        assert_true(reason[0] >= 'a' && reason[0] <= 'z');
        assert_int_equal(strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(reason));
        assert_null(strstr(reason, "__"));
    }
}

TEST(every_failure_has_a_sentence_on_one_line)
{
    for (unsigned int i = 0; i < FAILURE_COUNT; i++) {
        const char *sentence = failure_row((enum failure)i)->sentence;

        assert_non_null(sentence);
        assert_true(sentence[0] != '\0');
        assert_null(strpbrk(sentence, "\r\n\"\\"));
        assert_true(sentence[strlen(sentence) - 1] != '.');
    }
}

TEST(every_code_is_none_or_one_that_we_have_a_text_for)
{
    for (unsigned int i = 0; i < FAILURE_COUNT; i++) {
        uint16_t code = failure_row((enum failure)i)->code;

        if (code == 0)
            continue;
        assert_in_range(code, 400, 599);
        assert_string_not_equal(status_code_text(code), "Unknown");
    }
}

/* What is retried unasked or by retry-on is answered as the endpoint's fault if nothing helps. */
TEST(only_failures_of_endpoints_may_be_retried)
{
    for (unsigned int i = 0; i < FAILURE_COUNT; i++) {
        const struct failure_row *row = failure_row((enum failure)i);

        if (row->retry != RETRY_NEVER)
            assert_in_range(row->code, 502, 504);
    }
}

TEST(every_fault_of_a_request_is_a_failure_with_its_code)
{
    assert_int_equal(failure_of_h1(H1_BAD_CHUNK), FAILURE_H1_BAD_CHUNK);
    for (unsigned int i = 1; FAILURE_H1 + i < FAILURE_COUNT; i++) {
        enum failure failure = failure_of_h1((enum h1_fault)i);

        assert_int_equal(failure_row(failure)->code, h1_fault_code((enum h1_fault)i));
        assert_string_equal(failure_row(failure)->reason, h1_fault_reason((enum h1_fault)i));
        assert_int_equal(failure_row(failure)->retry, RETRY_NEVER);
    }
}

TESTS(UNIT(every_failure_has_a_reason_of_its_own), UNIT(every_reason_is_lower_snake),
      UNIT(every_failure_has_a_sentence_on_one_line),
      UNIT(every_code_is_none_or_one_that_we_have_a_text_for),
      UNIT(only_failures_of_endpoints_may_be_retried),
      UNIT(every_fault_of_a_request_is_a_failure_with_its_code))
