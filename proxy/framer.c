/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer.c - chunked framing, RFC 9112 section 7.1; the other framings add nothing. Trailers stay
 * behind (hostile-input 11).
 */
#include "proxy/framer.h"

/* "1a2b" CRLF, written from the end of `line`. */
static struct bytes size_line(char line[20], size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 18;

    line[18] = '\r';
    line[19] = '\n';
    do {
        line[--at] = digits[size & 15];
        size >>= 4;
    } while (size > 0);
    return bytes_from(line + at, 20 - at);
}

void framer_add_batch(struct framer *framer, enum body_framing framing, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->runs_count; i++) {
        if (framing == BODY_CHUNKED)
            framer->parts[framer->count++] = size_line(framer->sizes[i], batch->runs[i].len);
        framer->parts[framer->count++] = batch->runs[i];
        if (framing == BODY_CHUNKED)
            framer->parts[framer->count++] = BYTES("\r\n");
    }
    if (batch->is_end && framing == BODY_CHUNKED)
        framer->parts[framer->count++] = BYTES("0\r\n\r\n");
}
