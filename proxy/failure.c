/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.c - the table behind enum failure.
 */
#include "proxy/failure.h"

#include "core/check.h"

static const struct failure_row rows[FAILURE_COUNT] = {
    [FAILURE_NONE] = {0, RETRY_NEVER, "none", "ok"},
#define FAILURE(name, code, retry, reason, sentence)                                               \
    [FAILURE_##name] = {code, retry, reason, sentence},
#include "proxy/failures.def"
#undef FAILURE
    [FAILURE_H1] = {400, RETRY_NEVER, "bad_request", "the request is not valid HTTP"},
#define H1_FAULT(name, code, reason, sentence)                                                     \
    [FAILURE_H1_##name] = {code, RETRY_NEVER, reason, sentence},
#include "proxy/http/h1_faults.def"
#undef H1_FAULT
};

const struct failure_row *failure_row(enum failure failure)
{
    CHECK(failure < FAILURE_COUNT);
    return &rows[failure];
}

enum failure failure_of_h1(enum h1_fault fault)
{
    CHECK(FAILURE_H1 + fault < FAILURE_COUNT);
    return (enum failure)(FAILURE_H1 + fault);
}
