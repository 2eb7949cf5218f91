/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - six bits at a time.
 */
#include "controller/object/base64.h"

/* 0 to 63, or -1. */
static int digit_of(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

enum status base64_decode(struct bytes text, char *decoded, size_t *decoded_bytes)
{
    uint32_t bits = 0;
    size_t digits = 0;
    size_t padding = 0;
    size_t length = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.at[i]);

        if (text.at[i] == '\n' || text.at[i] == '\r')
            continue;
        if (text.at[i] == '=')
            padding++;
        else if (digit < 0 || padding > 0)
            return STATUS_INVALID;
        bits = bits << 6 | (uint32_t)(digit < 0 ? 0 : digit);
        if (++digits % 4 != 0)
            continue;
        for (size_t byte = 0; byte < 3 && byte + padding < 3; byte++)
            decoded[length++] = (char)(unsigned char)(bits >> (16 - 8 * byte));
    }
    if (digits % 4 != 0 || padding > 2)
        return STATUS_INVALID;
    *decoded_bytes = length;
    return STATUS_OK;
}

void base64_add(struct bytes data, struct text *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < data.len; i += 3) {
        size_t count = data.len - i < 3 ? data.len - i : 3;
        uint32_t bits = 0;

        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? (unsigned char)data.at[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            text_add_byte(out, j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=');
    }
}
