/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket.c - the key of an opening handshake and the answer to it.
 */
#include "proxy/http/websocket.h"

#include "core/check.h"

#include <openssl/evp.h>

#define SHA1_LENGTH 20

static const struct bytes guid = {"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36};

static bool is_base64(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '/';
}

bool websocket_key_is_valid(struct bytes key)
{
    if (key.len != WEBSOCKET_KEY_LENGTH || !bytes_ends_with(key, BYTES("==")))
        return false;
    for (size_t at = 0; at < WEBSOCKET_KEY_LENGTH - 2; at++) {
        if (!is_base64(key.at[at]))
            return false;
    }
    return true;
}

void websocket_key_make(const char random[16], char out[WEBSOCKET_KEY_LENGTH])
{
    unsigned char bytes[16];
    unsigned char encoded[WEBSOCKET_KEY_LENGTH + 1]; /* EVP_EncodeBlock() adds a NUL */

    memcpy(bytes, random, sizeof(bytes));
    CHECK(EVP_EncodeBlock(encoded, bytes, sizeof(bytes)) == WEBSOCKET_KEY_LENGTH);
    memcpy(out, encoded, WEBSOCKET_KEY_LENGTH);
}

void websocket_accept(struct bytes key, char out[WEBSOCKET_ACCEPT_LENGTH])
{
    unsigned char joined[WEBSOCKET_KEY_LENGTH + 36];
    unsigned char digest[SHA1_LENGTH];
    unsigned char encoded[WEBSOCKET_ACCEPT_LENGTH + 1]; /* EVP_EncodeBlock() adds a NUL */

    CHECK(key.len == WEBSOCKET_KEY_LENGTH);
    memcpy(joined, key.at, key.len);
    memcpy(joined + key.len, guid.at, guid.len);
    CHECK(EVP_Digest(joined, sizeof(joined), digest, NULL, EVP_sha1(), NULL) == 1);
    CHECK(EVP_EncodeBlock(encoded, digest, SHA1_LENGTH) == WEBSOCKET_ACCEPT_LENGTH);
    memcpy(out, encoded, WEBSOCKET_ACCEPT_LENGTH);
}
