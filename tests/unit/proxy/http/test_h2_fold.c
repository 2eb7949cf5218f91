/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h2_fold.c - folds: closed, opened, given back and taken again.
 */
#include "core/mem.h"
#include "proxy/http/h2_fold.h"
#include "tests/unit/unit.h"

#include <string.h>

#include <sys/mman.h>

#define PAGE_BYTES  4096
#define PAGES_COUNT (H2_FOLD_BYTES / PAGE_BYTES)
#define FOLDS_MANY  200

static size_t resident_pages(const struct h2_fold *fold)
{
    unsigned char pages[PAGES_COUNT];
    size_t count = 0;

    assert_int_equal(mincore(fold->memory, H2_FOLD_BYTES, pages), 0);
    for (size_t at = 0; at < PAGES_COUNT; at++)
        count += pages[at] & 1;
    return count;
}

TEST(a_closed_fold_holds_no_pages_and_opens_as_it_was)
{
    struct h2_folds folds;
    struct h2_fold fold;
    char expected[H2_FOLD_BYTES] = {0};
    char *memory;

    h2_folds_init(&folds);
    h2_fold_init(&fold, &folds);
    memory = h2_fold_alloc(&fold, H2_FOLD_BYTES);
    for (size_t at = 0; at < H2_FOLD_BYTES; at += 97)
        memory[at] = expected[at] = (char)(at / 97);
    memory[H2_FOLD_BYTES - 1] = expected[H2_FOLD_BYTES - 1] = 'z';
    for (int round = 0; round < 2; round++) {
        h2_fold_close(&fold);
        h2_fold_close(&fold);
        assert_true(h2_fold_is_closed(&fold));
        assert_int_equal(resident_pages(&fold), 0);
        h2_fold_open(&fold);
        h2_fold_open(&fold);
        assert_memory_equal(memory, expected, H2_FOLD_BYTES);
    }
    h2_fold_fini(&fold, &folds);
    h2_folds_fini(&folds);
}

TEST(a_fold_has_room_up_to_its_end)
{
    struct h2_folds folds;
    struct h2_fold fold;
    char *first;

    h2_folds_init(&folds);
    h2_fold_init(&fold, &folds);
    first = h2_fold_alloc(&fold, 1);
    assert_ptr_equal(h2_fold_alloc(&fold, 1), first + 16);
    assert_null(h2_fold_alloc(&fold, H2_FOLD_BYTES - 31));
    assert_null(h2_fold_alloc(&fold, SIZE_MAX));
    assert_non_null(h2_fold_alloc(&fold, H2_FOLD_BYTES - 32));
    assert_null(h2_fold_alloc(&fold, 1));
    assert_true(h2_fold_has(&fold, first));
    assert_false(h2_fold_has(&fold, first + H2_FOLD_BYTES));
    assert_false(h2_fold_has(&fold, NULL));
    h2_fold_fini(&fold, &folds);
    h2_folds_fini(&folds);
}

TEST(folds_are_zeroed_whoever_had_them_before)
{
    struct h2_folds folds;
    struct h2_fold many[FOLDS_MANY];

    h2_folds_init(&folds);
    for (int round = 0; round < 2; round++) {
        for (size_t at = 0; at < FOLDS_MANY; at++) {
            char *memory;

            h2_fold_init(&many[at], &folds);
            memory = h2_fold_alloc(&many[at], H2_FOLD_BYTES);
            assert_int_equal(memory[at], 0);
            memory[at] = 1;
            if (at % 2 == 0)
                h2_fold_close(&many[at]);
        }
        for (size_t at = 0; at < FOLDS_MANY; at++)
            h2_fold_fini(&many[at], &folds);
    }
    h2_folds_fini(&folds);
}

TESTS(UNIT(a_closed_fold_holds_no_pages_and_opens_as_it_was), UNIT(a_fold_has_room_up_to_its_end),
      UNIT(folds_are_zeroed_whoever_had_them_before))
