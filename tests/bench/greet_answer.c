/* SPDX-License-Identifier: Apache-2.0 */
/*
 * greet_answer.c - what the TLS client sends, and when it has been answered, over HTTP/1.1 and
 * HTTP/2.
 *
 * HTTP/2 needs little here: one stream, no compression, and of an answer only where it ends.
 */
#include "greet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_HEAD_BYTES 9
#define FRAME_DATA       0x0
#define FRAME_HEADERS    0x1
#define FRAME_RESET      0x3
#define FRAME_GOAWAY     0x7
#define FLAG_END_STREAM  0x1
#define FRAME_SETTINGS   0x4
#define FLAG_ACK         0x1
/* The preface and our SETTINGS, all of them the usual. */
#define H2_OPENING "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

static size_t put(char *to, const char *bytes, size_t count)
{
    memcpy(to, bytes, count);
    return count;
}

/* A field of HPACK's static table with a value of ours, RFC 7541 section 6.2.2. */
static size_t put_field(char *to, char index, const char *value)
{
    size_t length = strlen(value);

    if (length >= 127)
        die("a host or path too long");
    to[0] = index;
    to[1] = (char)length;
    return 2 + put(to + 2, value, length);
}

static void make_h2_request(struct load *load)
{
    char *at = load->request;
    size_t length = put(at, H2_OPENING, sizeof(H2_OPENING) - 1);
    size_t head = length;

    length +=
        put(at + length, "\0\0\0\1\5\0\0\0\1", FRAME_HEAD_BYTES); /* END_STREAM, END_HEADERS */
    length += put(at + length, "\x82\x87", 2);                    /* GET, https */
    length += put_field(at + length, 4, load->options.path);
    length += put_field(at + length, 1, load->options.host);
    size_t payload = length - head - FRAME_HEAD_BYTES;
    at[head + 1] = (char)(payload >> 8);
    at[head + 2] = (char)(payload & 0xff);
    load->request_length = length;
}

void make_request(struct load *load)
{
    if (load->options.http2) {
        make_h2_request(load);
        return;
    }
    int length =
        snprintf(load->request, sizeof(load->request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                 load->options.path, load->options.host);
    if (length < 0 || (size_t)length >= sizeof(load->request))
        die("a host or path too long");
    load->request_length = (size_t)length;
}

/* Move bytes behind those that are held, up to `want` of them. Returns how many were taken. */
static size_t hold(struct answer *answer, size_t want, const char *bytes, size_t count)
{
    size_t room = want - answer->held_length;

    if (count > room)
        count = room;
    memcpy(answer->held + answer->held_length, bytes, count);
    answer->held_length += count;
    return count;
}

/* How long the body is. */
static size_t body_length(const char *head)
{
    const char *field = strcasestr(head, "\r\ncontent-length:");

    return field == NULL ? 0 : strtoul(field + sizeof("\r\ncontent-length:") - 1, NULL, 10);
}

static enum took take_h1_head(struct answer *answer, const char *bytes, size_t count)
{
    hold(answer, HELD_MAX - 1, bytes, count);
    answer->held[answer->held_length] = '\0';
    const char *end = strstr(answer->held, "\r\n\r\n");
    if (end == NULL)
        return answer->held_length < HELD_MAX - 1 ? TOOK_SOME : TOOK_BAD;
    if (strncmp(answer->held, "HTTP/1.1 200", 12) != 0)
        return TOOK_BAD;
    size_t length = body_length(answer->held);
    size_t got = answer->held_length - (size_t)(end + 4 - answer->held);
    answer->has_head = true;
    answer->left = length > got ? length - got : 0;
    return answer->left == 0 ? TOOK_ALL : TOOK_SOME;
}

static enum took take_h1(struct answer *answer, const char *bytes, size_t count)
{
    if (!answer->has_head)
        return take_h1_head(answer, bytes, count);
    answer->left -= count < answer->left ? count : answer->left;
    return answer->left == 0 ? TOOK_ALL : TOOK_SOME;
}

/* Of each frame only its head is looked at. */
static bool take_frame_head(struct answer *answer)
{
    const unsigned char *head = (const unsigned char *)answer->held;
    bool is_message = head[3] == FRAME_DATA || head[3] == FRAME_HEADERS;

    answer->held_length = 0;
    answer->is_inside = true;
    answer->left = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    answer->is_last = is_message && (head[4] & FLAG_END_STREAM) != 0;
    if (head[3] == FRAME_SETTINGS && (head[4] & FLAG_ACK) == 0)
        answer->owes_settings_ack = true;
    return head[3] != FRAME_RESET && head[3] != FRAME_GOAWAY;
}

static enum took take_h2(struct answer *answer, const char *bytes, size_t count)
{
    while (count > 0 || (answer->is_inside && answer->left == 0)) {
        size_t taken = answer->left < count ? answer->left : count;

        if (!answer->is_inside) {
            taken = hold(answer, FRAME_HEAD_BYTES, bytes, count);
            if (answer->held_length == FRAME_HEAD_BYTES && !take_frame_head(answer))
                return TOOK_BAD;
        } else {
            answer->left -= taken;
            answer->is_inside = answer->left > 0;
            if (!answer->is_inside && answer->is_last)
                return TOOK_ALL;
        }
        bytes += taken;
        count -= taken;
    }
    return TOOK_SOME;
}

enum took answer_take(struct answer *answer, bool http2, const char *bytes, size_t count)
{
    return http2 ? take_h2(answer, bytes, count) : take_h1(answer, bytes, count);
}
