/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bufq.c - the queue of bytes: order, marks, and chunks that are used again.
 */
#include "core/bufq.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

TEST(a_queue_is_empty_then_full_then_empty)
{
    struct chunk_pool pool;
    struct bufq queue;

    chunk_pool_init(&pool, (size_t)4 * CHUNK_BYTES);
    bufq_init(&queue, &pool, 10);
    assert_true(bufq_is_empty(&queue));
    bufq_append(&queue, BYTES("123456789"));
    assert_false(bufq_is_full(&queue));
    bufq_append(&queue, BYTES("0"));
    assert_true(bufq_is_full(&queue));
    bufq_append(&queue, BYTES("more")); /* full is a signal, not a refusal */
    assert_int_equal(queue.len, 14);
    bufq_consume(&queue, 14);
    assert_true(bufq_is_empty(&queue));
    assert_int_equal(pool.used_count, 0);
    bufq_fini(&queue);
    chunk_pool_fini(&pool);
}

TEST(bytes_come_out_in_the_order_they_went_in)
{
    struct chunk_pool pool;
    struct bufq queue;
    uint64_t random = 88172645463325252u;
    unsigned char next_in = 0;
    unsigned char next_out = 0;
    size_t expected = 0;
    unsigned char piece[40000];

    chunk_pool_init(&pool, (size_t)2 * CHUNK_BYTES);
    bufq_init(&queue, &pool, 65536);
    for (int round = 0; round < 2000; round++) {
        struct iovec parts[3];
        size_t count;
        size_t len;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        len = bufq_is_full(&queue) ? 0 : (size_t)(random % sizeof(piece));
        for (size_t i = 0; i < len; i++)
            piece[i] = next_in++;
        bufq_append(&queue, bytes_from((const char *)piece, len));
        expected += len;
        assert_int_equal(queue.len, expected);
        count = bufq_peek(&queue, parts, 3);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(*(unsigned char *)parts[i].iov_base,
                             i == 0 ? next_out
                                    : (unsigned char)(((unsigned char *)parts[i - 1]
                                                           .iov_base)[parts[i - 1].iov_len - 1] +
                                                      1));
        len = (size_t)(random >> 32) % (expected + 1);
        bufq_consume(&queue, len);
        next_out = (unsigned char)(next_out + len);
        expected -= len;
    }
    bufq_fini(&queue);
    assert_int_equal(pool.used_count, 0);
    assert_in_range(pool.free_bytes[CHUNK_LARGE], 1, 2 * CHUNK_BYTES);
    chunk_pool_fini(&pool);
}

TEST(chunks_are_used_again_and_no_more_than_agreed_are_kept)
{
    struct chunk_pool pool;
    struct bufq queue;
    static char large[10 * CHUNK_BYTES];
    struct iovec part;
    void *first;

    chunk_pool_init(&pool, (size_t)3 * CHUNK_BYTES);
    bufq_init(&queue, &pool, 1);
    bufq_append(&queue, bytes_from(large, sizeof(large)));
    assert_int_equal(pool.used_count, 10);
    bufq_consume(&queue, sizeof(large));
    assert_int_equal(pool.free_bytes[CHUNK_LARGE], 3 * CHUNK_BYTES);
    bufq_append(&queue, BYTES("x"));
    assert_int_equal(bufq_peek(&queue, &part, 1), 1);
    first = part.iov_base;
    bufq_consume(&queue, 1);
    bufq_append(&queue, BYTES("y"));
    assert_int_equal(bufq_peek(&queue, &part, 1), 1);
    assert_ptr_equal(part.iov_base, first);
    bufq_fini(&queue);
    chunk_pool_fini(&pool);
}

TEST(a_small_body_takes_a_small_chunk_and_grows_into_large_ones)
{
    struct chunk_pool pool;
    struct bufq queue;
    static char large[CHUNK_BYTES];
    struct iovec parts[3];

    chunk_pool_init(&pool, (size_t)4 * CHUNK_BYTES);
    bufq_init(&queue, &pool, 65536);
    bufq_append(&queue, BYTES("x"));
    bufq_append(&queue, bytes_from(large, sizeof(large)));
    assert_int_equal(bufq_peek(&queue, parts, 3), 2);
    assert_int_equal(parts[0].iov_len, CHUNK_BYTES_SMALL);
    assert_int_equal(parts[1].iov_len, 1 + CHUNK_BYTES - CHUNK_BYTES_SMALL);
    bufq_fini(&queue);
    assert_int_equal(pool.free_bytes[CHUNK_SMALL], CHUNK_BYTES_SMALL);
    assert_int_equal(pool.free_bytes[CHUNK_LARGE], CHUNK_BYTES);
    bufq_append(&queue, bytes_from(large, CHUNK_BYTES_SMALL + 1));
    assert_int_equal(bufq_peek(&queue, parts, 3), 1);
    bufq_fini(&queue);
    chunk_pool_fini(&pool);
}

TESTS(UNIT(a_queue_is_empty_then_full_then_empty), UNIT(bytes_come_out_in_the_order_they_went_in),
      UNIT(chunks_are_used_again_and_no_more_than_agreed_are_kept),
      UNIT(a_small_body_takes_a_small_chunk_and_grows_into_large_ones))
