/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.c - PCRE2, compiled to machine code where the system allows it.
 *
 * A compiled pattern is read-only and shared by all workers. What a match writes to (match data and
 * limits) is per thread: it lives in a block of thread-local storage that serves PCRE2 as its
 * allocator. So matching never calls malloc, needs no lock, and nothing is left to free when a
 * thread ends. A pattern that wants more room than the block has reached its limit.
 */
#include "route/regex.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/check.h"
#include "core/mem.h"

#include <pcre2.h>

/* PCRE2 asks for 20 KiB of frames when it interprets, and doubles that when a match needs more. */
#define SCRATCH_BYTES   (128 * 1024)
#define SCRATCH_ALIGN   16
#define NESTING_MAX     64 /* parentheses in parentheses */
#define HEAP_KIBYTE_MAX 64

struct regex {
    pcre2_code *code; /* owned */
};

struct scratch {
    _Alignas(SCRATCH_ALIGN) char room[SCRATCH_BYTES];
    size_t used;
    pcre2_match_data *data; /* in room; NULL until this thread's first match */
    pcre2_match_context *limits;
};

static struct scratch *scratch_of_thread(void)
{
    static _Thread_local struct scratch scratch;

    return &scratch;
}

static void *scratch_alloc(size_t size, void *context)
{
    struct scratch *scratch = context;
    char *block = scratch->room + scratch->used;

    if (size > SCRATCH_BYTES - SCRATCH_ALIGN ||
        scratch->used > SCRATCH_BYTES - SCRATCH_ALIGN - size)
        return NULL;
    scratch->used += (size + SCRATCH_ALIGN - 1) & ~(size_t)(SCRATCH_ALIGN - 1);
    return block;
}

/* PCRE2 keeps what it has until it needs more: little is lost by not taking blocks back. */
static void scratch_free(void *block, void *context)
{
    (void)block;
    (void)context;
}

static struct scratch *scratch_get(void)
{
    struct scratch *scratch = scratch_of_thread();
    pcre2_general_context *general;

    if (scratch->data != NULL)
        return scratch;
    general = pcre2_general_context_create(scratch_alloc, scratch_free, scratch);
    CHECK(general != NULL);
    scratch->limits = pcre2_match_context_create(general);
    CHECK(scratch->limits != NULL);
    pcre2_set_heap_limit(scratch->limits, HEAP_KIBYTE_MAX);
    scratch->data = pcre2_match_data_create(1, general);
    CHECK(scratch->data != NULL);
    return scratch;
}

static pcre2_code *regex_compile(struct bytes pattern, char error[REGEX_ERROR_MAX])
{
    /* Paths are bytes. The pattern must match all of them, from the first to the last. */
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_NEVER_UTF |
                             PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR why[REGEX_ERROR_MAX / 2];
    PCRE2_SIZE at;
    pcre2_code *code;
    int number;

    CHECK(context != NULL);
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    code = pcre2_compile((PCRE2_SPTR)(pattern.len > 0 ? pattern.at : ""), pattern.len, options,
                         &number, &at, context);
    pcre2_compile_context_free(context);
    if (code != NULL)
        return code;
    if (pcre2_get_error_message(number, why, sizeof(why)) < 0)
        why[0] = '\0';
    (void)snprintf(error, REGEX_ERROR_MAX,
                   "the regular expression does not compile: %s at byte %zu", (const char *)why,
                   at + 1);
    return NULL;
}

static bool regex_is_too_large(const pcre2_code *code)
{
    size_t size = SIZE_MAX;

    (void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    return size > REGEX_COMPILED_MAX;
}

enum status regex_create(struct bytes pattern, struct regex **regex, char error[REGEX_ERROR_MAX])
{
    pcre2_code *code;

    if (pattern.len > REGEX_PATTERN_MAX) {
        (void)snprintf(error, REGEX_ERROR_MAX, "the regular expression is longer than %d bytes",
                       REGEX_PATTERN_MAX);
        return STATUS_TOO_LARGE;
    }
    code = regex_compile(pattern, error);
    if (code == NULL)
        return STATUS_INVALID;
    if (regex_is_too_large(code)) {
        pcre2_code_free(code);
        (void)snprintf(error, REGEX_ERROR_MAX, "the regular expression repeats too much");
        return STATUS_TOO_LARGE;
    }
    /* Where memory may not be made executable the pattern is interpreted. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    *regex = mem_new(struct regex);
    (*regex)->code = code;
    return STATUS_OK;
}

void regex_destroy(struct regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    mem_free(regex);
}

uint32_t regex_steps(size_t path_len, size_t patterns_count)
{
    size_t steps = REGEX_WORK_MAX / (path_len + 1) / (patterns_count > 0 ? patterns_count : 1);

    if (steps > REGEX_STEPS_MAX)
        return REGEX_STEPS_MAX;
    return steps > 0 ? (uint32_t)steps : 1;
}

enum regex_result regex_match(const struct regex *regex, struct bytes path, uint32_t steps_max)
{
    struct scratch *scratch = scratch_get();
    int result;

    pcre2_set_match_limit(scratch->limits, steps_max);
    result = pcre2_match(regex->code, (PCRE2_SPTR)(path.len > 0 ? path.at : ""), path.len, 0, 0,
                         scratch->data, scratch->limits);
    if (result >= 0)
        return REGEX_MATCHES;
    /* Whatever else went wrong, a request that could not be decided is not let through. */
    return result == PCRE2_ERROR_NOMATCH ? REGEX_DIFFERS : REGEX_LIMIT;
}
