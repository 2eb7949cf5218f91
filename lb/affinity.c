/* SPDX-License-Identifier: Apache-2.0 */
/*
 * affinity.c - finding, making and hashing what makes requests belong together.
 */
#include "lb/affinity.h"

#define VALUE_SEED  0x636f6f6b6965u
#define CLIENT_SEED 0x636c69656e74u

#define NAME_LENGTH (sizeof(AFFINITY_COOKIE) - 1)

/* The quotes are no part of what the value means; browsers send them back as they came. */
static struct bytes without_quotes(struct bytes value)
{
    if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
        return bytes_slice(value, 1, value.len - 2);
    return value;
}

bool affinity_find(struct bytes cookies, struct bytes *value)
{
    struct bytes cookie;

    while (bytes_next_item(&cookies, ';', &cookie)) {
        if (cookie.len <= NAME_LENGTH || cookie.at[NAME_LENGTH] != '=' ||
            !bytes_starts_with(cookie, BYTES(AFFINITY_COOKIE)))
            continue;
        cookie = without_quotes(bytes_skip(cookie, NAME_LENGTH + 1));
        if (cookie.len == 0)
            continue;
        *value = cookie;
        return true;
    }
    return false;
}

void affinity_make(uint64_t random, char out[AFFINITY_SET_COOKIE_LENGTH])
{
    static const char digits[] = "0123456789abcdef";
    static const char before[] = AFFINITY_COOKIE "=\"";
    static const char after[] = "\"; Path=/; HttpOnly";
    char *hex = out + sizeof(before) - 1;

    memcpy(out, before, sizeof(before) - 1);
    for (int at = 0; at < AFFINITY_VALUE_LENGTH; at++)
        hex[at] = digits[random >> (60 - 4 * at) & 15];
    memcpy(hex + AFFINITY_VALUE_LENGTH, after, sizeof(after) - 1);
}

uint64_t affinity_key_of_value(struct bytes value)
{
    return bytes_hash_from(value, VALUE_SEED);
}

uint64_t affinity_key_of_client(const struct address *client)
{
    struct address address = *client;

    address.port = 0;
    return bytes_hash_from(bytes_from((const char *)&address, sizeof(address)), CLIENT_SEED);
}
