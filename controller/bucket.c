/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.c - so many a second, and some at once.
 */
#include "controller/bucket.h"

#define ONE 1000u

void bucket_init(struct bucket *bucket, uint32_t per_second, uint32_t burst, uint64_t now_ms)
{
    *bucket = (struct bucket){per_second, burst, (uint64_t)burst * ONE, now_ms};
}

/* A token is 1000 thousandths, so `per_second` of them come each millisecond. */
static void fill(struct bucket *bucket, uint64_t now_ms)
{
    uint64_t room = (uint64_t)bucket->burst * ONE - bucket->thousandths;
    uint64_t passed_ms = now_ms > bucket->filled_at_ms ? now_ms - bucket->filled_at_ms : 0;

    if (passed_ms > room / bucket->per_second)
        bucket->thousandths += room;
    else
        bucket->thousandths += passed_ms * bucket->per_second;
    bucket->filled_at_ms = now_ms;
}

bool bucket_take(struct bucket *bucket, uint64_t now_ms)
{
    fill(bucket, now_ms);
    if (bucket->thousandths < ONE)
        return false;
    bucket->thousandths -= ONE;
    return true;
}

uint64_t bucket_next_ms(struct bucket *bucket, uint64_t now_ms)
{
    fill(bucket, now_ms);
    if (bucket->thousandths >= ONE)
        return now_ms;
    return now_ms + (ONE - bucket->thousandths + bucket->per_second - 1) / bucket->per_second;
}
