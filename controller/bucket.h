/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.h - so many a second, and some at once. Pure: time is an argument.
 */
#ifndef CONTROLLER_BUCKET_H
#define CONTROLLER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint32_t per_second;
    uint32_t burst;
    uint64_t thousandths; /* of tokens that are there */
    uint64_t filled_at_ms;
};

/* It begins full. */
void bucket_init(struct bucket *bucket, uint32_t per_second, uint32_t burst, uint64_t now_ms);
/* False when there is none; nothing is taken then. */
bool bucket_take(struct bucket *bucket, uint64_t now_ms);
/* When there is one again; now_ms if there is. */
uint64_t bucket_next_ms(struct bucket *bucket, uint64_t now_ms);

#endif
