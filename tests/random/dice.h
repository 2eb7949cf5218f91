/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dice.h - where random tests get their choices from: a seed, or the bytes of a fuzzer.
 *
 * The same seed, or the same bytes, give the same choices. Bytes that have run out are zeros, so a
 * short input is a small world and not an error.
 */
#ifndef TESTS_RANDOM_DICE_H
#define TESTS_RANDOM_DICE_H

#include "core/bytes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORLDS_PART 8 /* of the worlds are enough where each takes so much longer */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WORLDS_PART 8
#endif
#endif
#ifndef WORLDS_PART
#define WORLDS_PART 1
#endif

struct dice {
    uint64_t state;     /* of the generator; 0: the bytes decide */
    struct bytes bytes; /* what is left of them */
};

static inline struct dice dice_of_seed(uint64_t seed)
{
    return (struct dice){.state = (seed + 1) * 0x9E3779B97F4A7C15u};
}

static inline struct dice dice_of_bytes(struct bytes bytes)
{
    return (struct dice){.bytes = bytes};
}

static inline unsigned dice_next(struct dice *dice)
{
    unsigned byte;

    if (dice->state != 0) {
        dice->state ^= dice->state << 13;
        dice->state ^= dice->state >> 7;
        dice->state ^= dice->state << 17;
        return (unsigned)(dice->state >> 20);
    }
    if (dice->bytes.len == 0)
        return 0;
    byte = (unsigned char)dice->bytes.at[0];
    dice->bytes = bytes_skip(dice->bytes, 1);
    return byte;
}

/* 0 to max - 1; max is at most 256. */
static inline unsigned below(struct dice *dice, unsigned max)
{
    return dice_next(dice) % max;
}

/* True once in `times`. */
static inline bool once_in(struct dice *dice, unsigned times)
{
    return below(dice, times) == times - 1;
}

static inline const char *dice_pick(struct dice *dice, const char *const *words, unsigned count)
{
    return words[below(dice, count)];
}

#define PICK(dice, ...)                                                                            \
    dice_pick((dice), (const char *const[]){__VA_ARGS__},                                          \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#endif
