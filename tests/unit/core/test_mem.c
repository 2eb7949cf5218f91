/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mem.c - allocation, and arenas that are reused.
 */
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/wait.h>

TEST(fresh_memory_is_zeroed)
{
    uint64_t *numbers = mem_new_array(uint64_t, 1000);

    for (size_t i = 0; i < 1000; i++)
        assert_true(numbers[i] == 0);
    mem_free(numbers);
    mem_free(NULL);
}

TEST(mem_string_ends_in_a_nul)
{
    char *copy = mem_string(bytes_slice(BYTES("abcdef"), 1, 3));
    char *empty = mem_string(BYTES_NONE);

    assert_string_equal(copy, "bcd");
    assert_string_equal(empty, "");
    mem_free(copy);
    mem_free(empty);
}

TEST(an_array_whose_size_overflows_aborts)
{
    volatile size_t many = SIZE_MAX / 4;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        fclose(stderr);
        mem_free(mem_alloc_array(many, 8));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(an_arena_gives_aligned_memory_that_does_not_overlap)
{
    struct arena arena;
    unsigned char *given[200];

    arena_init(&arena, 256);
    for (size_t i = 0; i < 200; i++) {
        given[i] = arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)given[i] % alignof(max_align_t), 0);
        memset(given[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(given[i][k], i);
    arena_fini(&arena);
}

TEST(an_arena_takes_more_than_a_chunk_at_once)
{
    struct arena arena;
    char *large;

    arena_init(&arena, 64);
    (void)arena_alloc(&arena, 8);
    large = arena_zeroed(&arena, 100000);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(large[i], 0);
    arena_fini(&arena);
}

TEST(an_arena_that_is_reset_allocates_nothing_for_the_same_use)
{
    struct arena arena;
    void *first;
    size_t held;

    arena_init(&arena, 4096);
    assert_int_equal(arena_held_bytes(&arena), 0);
    first = arena_alloc(&arena, 1000);
    held = arena_held_bytes(&arena);
    for (int round = 0; round < 100; round++) {
        arena_reset(&arena);
        assert_ptr_equal(arena_alloc(&arena, 1000), first);
        (void)arena_alloc(&arena, 2000);
        assert_int_equal(arena_held_bytes(&arena), held);
    }
    arena_fini(&arena);
    assert_int_equal(arena_held_bytes(&arena), 0);
}

TEST(one_large_use_does_not_make_an_arena_large_for_ever)
{
    struct arena arena;
    size_t held;

    arena_init(&arena, 4096);
    (void)arena_alloc(&arena, 100);
    held = arena_held_bytes(&arena);
    (void)arena_alloc(&arena, 1 << 20);
    assert_true(arena_held_bytes(&arena) > 1 << 20);
    arena_reset(&arena);
    assert_int_equal(arena_held_bytes(&arena), held);
    arena_fini(&arena);
}

TEST(arena_copy_adds_a_nul_that_is_not_counted)
{
    struct arena arena;
    struct bytes copy;

    arena_init(&arena, 64);
    copy = arena_copy(&arena, BYTES("abc"));
    assert_int_equal(copy.len, 3);
    assert_string_equal(copy.at, "abc");
    copy = arena_copy(&arena, BYTES_NONE);
    assert_int_equal(copy.len, 0);
    assert_string_equal(copy.at, "");
    arena_fini(&arena);
}

TESTS(UNIT(fresh_memory_is_zeroed), UNIT(mem_string_ends_in_a_nul),
      UNIT(an_array_whose_size_overflows_aborts),
      UNIT(an_arena_gives_aligned_memory_that_does_not_overlap),
      UNIT(an_arena_takes_more_than_a_chunk_at_once),
      UNIT(an_arena_that_is_reset_allocates_nothing_for_the_same_use),
      UNIT(one_large_use_does_not_make_an_arena_large_for_ever),
      UNIT(arena_copy_adds_a_nul_that_is_not_counted))
