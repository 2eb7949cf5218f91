/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.c - comparing, cutting and hashing borrowed bytes.
 */
#include "core/bytes.h"

#include <endian.h>
#include <stdatomic.h>

#include <sys/random.h>

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.at, b.at, common);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

size_t bytes_find(struct bytes text, char byte)
{
    const char *found = text.len == 0 ? NULL : memchr(text.at, byte, text.len);

    return found == NULL ? BYTES_NOT_FOUND : (size_t)(found - text.at);
}

size_t bytes_find_last(struct bytes text, char byte)
{
    const char *found = text.len == 0 ? NULL : memrchr(text.at, byte, text.len);

    return found == NULL ? BYTES_NOT_FOUND : (size_t)(found - text.at);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct bytes bytes_trim(struct bytes text)
{
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_blank(text.at[0])) {
        text.at++;
        text.len--;
    }
    return text;
}

bool bytes_next_item(struct bytes *rest, char separator, struct bytes *item)
{
    size_t end;

    if (rest->at == NULL)
        return false;
    end = bytes_find(*rest, separator);
    if (end == BYTES_NOT_FOUND) {
        *item = bytes_trim(*rest);
        *rest = BYTES_NONE;
        return true;
    }
    *item = bytes_trim(bytes_slice(*rest, 0, end));
    *rest = bytes_skip(*rest, end + 1);
    return true;
}

bool bytes_to_uint(struct bytes text, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text.at[i] - '0';

        /* Nineteen digits always fit. */
        if (digit > 9 || (i >= 19 && sum > (UINT64_MAX - digit) / 10))
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}

/* The seed is process-wide on purpose: equal bytes hash alike in every module. Set once, before
 * any thread could differ: the first caller to store wins. */
static uint64_t hash_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t now = atomic_load_explicit(&seed, memory_order_relaxed);
    uint64_t none = 0;

    if (now != 0)
        return now;
    if (getrandom(&now, sizeof(now), GRND_NONBLOCK) != (ssize_t)sizeof(now) || now == 0)
        now = 0x9e3779b97f4a7c15u;
    return atomic_compare_exchange_strong(&seed, &none, now) ? now : none;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply-and-fold over eight bytes at a time, the construction of wyhash
 * (https://github.com/wangyi-fudan/wyhash, public domain), seeded. */
static inline uint64_t hash_from(struct bytes text, uint64_t seed)
{
    const char *at = text.at;
    size_t left = text.len;
    uint64_t hash = seed ^ (text.len * 0xa0761d6478bd642fu);
    uint64_t word;

    while (left >= 8) {
        memcpy(&word, at, 8);
        hash = mix(hash ^ le64toh(word), 0xe7037ed1a0b428dbu);
        at += 8;
        left -= 8;
    }
    word = 0;
    if (left > 0)
        memcpy(&word, at, left);
    return mix(hash ^ le64toh(word), 0x8ebc6af09c88c6e3u);
}

uint64_t bytes_hash(struct bytes text)
{
    return hash_from(text, hash_seed());
}

uint64_t bytes_hash_from(struct bytes text, uint64_t seed)
{
    return hash_from(text, seed);
}

struct bytes bytes_pack(char **at, struct bytes text)
{
    struct bytes packed = {*at, text.len};

    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return packed;
}
