/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer.c - chunked framing, RFC 9112 section 7.1; the other framings add nothing.
 */
#include "proxy/framer.h"

#include "core/check.h"

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

void framer_add_body(struct framer *framer, struct bytes run)
{
    CHECK(framer->runs < FRAMER_RUNS_MAX && run.len > 0);
    if (framer->framing != BODY_CHUNKED) {
        framer->parts[framer->count++] = run;
        framer->runs++;
        return;
    }
    framer->parts[framer->count++] = size_line(framer->sizes[framer->runs], run.len);
    framer->parts[framer->count++] = run;
    framer->parts[framer->count++] = BYTES("\r\n");
    framer->runs++;
}

void framer_add_end(struct framer *framer)
{
    if (framer->framing == BODY_CHUNKED)
        framer->parts[framer->count++] = BYTES("0\r\n\r\n");
}
