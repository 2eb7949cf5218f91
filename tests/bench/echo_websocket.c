/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_websocket.c - the origin's side of RFC 6455: what comes in goes back.
 *
 * Frames are echoed one by one with their FIN bit, so that fragments come back as fragments.
 */
#include "echo.h"

#include <openssl/evp.h>

#include <string.h>

#define FRAME_BYTES_MAX (128u * 1024) /* of payload; a longer one ends the connection */

enum opcode {
    OPCODE_CONTINUATION,
    OPCODE_TEXT,
    OPCODE_BINARY,
    OPCODE_CLOSE = 8,
    OPCODE_PING,
    OPCODE_PONG
};

void websocket_begin(struct conn *conn)
{
    static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[sizeof(conn->request.websocket_key) + sizeof(suffix)];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char accept[64];
    size_t key_length = strlen(conn->request.websocket_key);

    memcpy(text, conn->request.websocket_key, key_length);
    memcpy(text + key_length, suffix, sizeof(suffix));
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock(accept, digest, 20);
    buffer_printf(&conn->out,
                  "HTTP/1.1 101 Switching Protocols\r\nX-Server: %s\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                  echo_name, (const char *)accept);
    conn->state = CONN_WEBSOCKET;
}

static void append_frame(struct conn *conn, unsigned first, const unsigned char *payload,
                         size_t length)
{
    unsigned char head[10] = {(unsigned char)first};
    size_t head_length = 2;

    if (length < 126) {
        head[1] = (unsigned char)length;
    } else {
        size_t width = length < 65536 ? 2 : 8;

        head[1] = width == 2 ? 126 : 127;
        for (size_t i = 0; i < width; i++)
            head[2 + i] = (unsigned char)(length >> (8 * (width - 1 - i)));
        head_length += width;
    }
    buffer_append(&conn->out, head, head_length);
    buffer_append(&conn->out, payload, length);
}

static void answer_frame(struct conn *conn, unsigned first, const unsigned char *payload,
                         size_t length)
{
    unsigned opcode = first & 0x0f;

    if (opcode == OPCODE_PONG)
        return;
    append_frame(conn, opcode == OPCODE_PING ? 0x80u | OPCODE_PONG : first, payload, length);
    if (opcode == OPCODE_CLOSE) {
        conn->ending = END_CLOSE;
        conn->state = CONN_FLUSH;
    }
}

bool websocket_run(struct conn *conn)
{
    size_t waiting = buffer_length(&conn->in);
    unsigned char *bytes = (unsigned char *)conn->in.bytes + conn->in.start;
    uint64_t length;
    size_t head_length = 6; /* with the mask */

    if (waiting < 2)
        return false;
    length = bytes[1] & 0x7f;
    size_t width = length == 127 ? 8 : length == 126 ? 2 : 0;
    if (waiting < 2 + width)
        return false;
    if (width > 0)
        length = 0;
    for (size_t i = 0; i < width; i++)
        length = length << 8 | bytes[2 + i];
    head_length += width;
    if (length > FRAME_BYTES_MAX || (bytes[1] & 0x80) == 0) { /* clients must mask */
        conn->ending = END_CLOSE;
        conn->state = CONN_FLUSH;
        return true;
    }
    if (waiting < head_length + length)
        return false;
    unsigned char *payload = bytes + head_length;
    for (size_t i = 0; i < length; i++)
        payload[i] ^= bytes[head_length - 4 + i % 4];
    answer_frame(conn, bytes[0], payload, (size_t)length);
    buffer_consume(&conn->in, head_length + (size_t)length);
    return true;
}
