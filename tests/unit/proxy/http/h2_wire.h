/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_wire.h - frames written by hand, and what a session sends, told as text.
 *
 * Header fields are literals without indexing and without Huffman codes (RFC 7541 section 6.2.2),
 * so that a test's bytes can be read. What a peer sends becomes one line for each frame:
 *
 *     HEADERS 1 end        DATA 1 5 end        RST 1 8        GOAWAY 0 11
 *     SETTINGS             ACK                 PONG           WINDOW 0 983041
 */
#ifndef TESTS_UNIT_PROXY_HTTP_H2_WIRE_H
#define TESTS_UNIT_PROXY_HTTP_H2_WIRE_H

#include "tests/unit/proxy/http/h2_case.h"

enum wire_type {
    WIRE_DATA,
    WIRE_HEADERS,
    WIRE_PRIORITY,
    WIRE_RST_STREAM,
    WIRE_SETTINGS,
    WIRE_PUSH_PROMISE,
    WIRE_PING,
    WIRE_GOAWAY,
    WIRE_WINDOW_UPDATE,
    WIRE_CONTINUATION,
};

#define WIRE_END_STREAM  0x01
#define WIRE_ACK         0x01
#define WIRE_END_HEADERS 0x04
#define WIRE_PADDED      0x08
#define WIRE_WHOLE       (WIRE_END_STREAM | WIRE_END_HEADERS)

struct line {
    const char *name;
    const char *value;
};

static inline void wire_uint(struct text *wire, uint64_t value, size_t bytes)
{
    while (bytes-- > 0)
        text_add_byte(wire, (char)(value >> bytes * 8 & 0xFF));
}

static inline void wire_frame(struct text *wire, unsigned type, unsigned flags, uint32_t id,
                              struct bytes payload)
{
    wire_uint(wire, payload.len, 3);
    wire_uint(wire, type, 1);
    wire_uint(wire, flags, 1);
    wire_uint(wire, id, 4);
    text_add(wire, payload);
}

/* RFC 7541 section 5.2, with a prefix of seven bits. */
static inline void block_string(struct text *block, struct bytes value)
{
    size_t len = value.len;

    if (len < 127) {
        text_add_byte(block, (char)len);
    } else {
        text_add_byte(block, 127);
        for (len -= 127; len >= 128; len /= 128)
            text_add_byte(block, (char)(len % 128 + 128));
        text_add_byte(block, (char)len);
    }
    text_add(block, value);
}

static inline void block_line(struct text *block, struct bytes name, struct bytes value)
{
    text_add_byte(block, 0);
    block_string(block, name);
    block_string(block, value);
}

/* Lines up to one without a name. */
static inline void wire_headers(struct text *wire, unsigned flags, uint32_t id,
                                const struct line *lines)
{
    struct text block;

    text_init(&block);
    for (; lines->name != NULL; lines++)
        block_line(&block, bytes_of(lines->name), bytes_of(lines->value));
    wire_frame(wire, WIRE_HEADERS, flags, id, text_bytes(&block));
    text_fini(&block);
}

#define LINES(...) ((const struct line[]){__VA_ARGS__, {NULL, NULL}})
#define GET_LINES                                                                                  \
    {":method", "GET"}, {":scheme", "http"}, {":path", "/"},                                       \
    {                                                                                              \
        ":authority", "a.example"                                                                  \
    }
#define POST_LINES                                                                                 \
    {":method", "POST"}, {":scheme", "http"}, {":path", "/"},                                      \
    {                                                                                              \
        ":authority", "a.example"                                                                  \
    }

static inline void wire_setting(struct text *payload, unsigned id, uint32_t value)
{
    wire_uint(payload, id, 2);
    wire_uint(payload, value, 4);
}

static inline void wire_number(struct text *wire, unsigned type, uint32_t id, uint32_t value)
{
    const char payload[] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8),
                            (char)value};

    wire_frame(wire, type, 0, id, bytes_from(payload, sizeof(payload)));
}

static inline void wire_ping(struct text *wire)
{
    wire_frame(wire, WIRE_PING, 0, 0, BYTES("12345678"));
}

/* ---- what was sent ---- */

static inline uint32_t uint_at(struct bytes data, size_t at, size_t bytes)
{
    uint32_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | (uint8_t)data.at[at++];
    return value;
}

static inline void tell_frame(struct text *told, unsigned type, unsigned flags, uint32_t id,
                              struct bytes payload)
{
    const char *end = (flags & WIRE_END_STREAM) != 0 ? " end" : "";

    switch (type) {
    case WIRE_DATA:
        text_printf(told, "DATA %u %u%s\n", (unsigned)id, (unsigned)payload.len, end);
        break;
    case WIRE_HEADERS:
        text_printf(told, "HEADERS %u%s\n", (unsigned)id, end);
        break;
    case WIRE_RST_STREAM:
        text_printf(told, "RST %u %u\n", (unsigned)id, (unsigned)uint_at(payload, 0, 4));
        break;
    case WIRE_SETTINGS:
        text_add_str(told, (flags & WIRE_ACK) != 0 ? "ACK\n" : "SETTINGS\n");
        break;
    case WIRE_PING:
        text_add_str(told, (flags & WIRE_ACK) != 0 ? "PONG\n" : "PING\n");
        break;
    case WIRE_GOAWAY:
        text_printf(told, "GOAWAY %u %u\n", (unsigned)uint_at(payload, 0, 4),
                    (unsigned)uint_at(payload, 4, 4));
        break;
    case WIRE_WINDOW_UPDATE:
        text_printf(told, "WINDOW %u %u\n", (unsigned)id, (unsigned)uint_at(payload, 0, 4));
        break;
    default:
        text_printf(told, "FRAME %u\n", type);
        break;
    }
}

/* Reads all that `peer` has to say; its frames are whole in one room. */
static inline void tell_output(struct peer *peer, struct text *told)
{
    size_t count;

    text_clear(told);
    while ((count = h2_output(peer->h2, peer->room, ROOM_BYTES)) > 0) {
        struct bytes data = bytes_from(peer->room, count);

        while (data.len > 0) {
            uint32_t len = uint_at(data, 0, 3);

            assert_true(data.len >= 9 + (size_t)len);
            tell_frame(told, uint_at(data, 3, 1), uint_at(data, 4, 1), uint_at(data, 5, 4),
                       bytes_slice(data, 9, len));
            data = bytes_skip(data, 9 + (size_t)len);
        }
    }
}

/* ---- one peer and the hand that writes to it ---- */

struct hand {
    struct peer *peer;
    struct text wire; /* not yet sent */
    struct text told; /* the peer's last output */
};

static inline enum status hand_send(struct hand *hand)
{
    enum status status = peer_receive(hand->peer, text_bytes(&hand->wire));

    text_clear(&hand->wire);
    return status;
}

/* Preface and settings are exchanged. */
static inline struct hand hand_with(const struct h2_config *config)
{
    struct hand hand = {.peer = peer_with(config)};

    text_init(&hand.wire);
    text_init(&hand.told);
    if (config->side == H2_SERVER)
        text_add_str(&hand.wire, H2_PREFACE);
    wire_frame(&hand.wire, WIRE_SETTINGS, 0, 0, BYTES_NONE);
    wire_frame(&hand.wire, WIRE_SETTINGS, WIRE_ACK, 0, BYTES_NONE);
    /* Else the ACK came before what it answers. */
    (void)h2_output(hand.peer->h2, hand.peer->room, ROOM_BYTES);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    (void)h2_output(hand.peer->h2, hand.peer->room, ROOM_BYTES);
    peer_forget(hand.peer);
    return hand;
}

static inline struct hand hand_of(enum h2_side side)
{
    struct h2_config config = case_config(side);

    return hand_with(&config);
}

static inline void hand_free(struct hand *hand)
{
    peer_free(hand->peer);
    text_fini(&hand->wire);
    text_fini(&hand->told);
}

#define assert_told(hand, expected)                                                                \
    do {                                                                                           \
        tell_output((hand)->peer, &(hand)->told);                                                  \
        assert_bytes(text_bytes(&(hand)->told), expected);                                         \
    } while (0)

/* A server is shown one request and the log must be this, the frames sent that. */
static inline void assert_request(const struct line *lines, unsigned flags, const char *log,
                                  const char *told)
{
    struct hand hand = hand_of(H2_SERVER);

    wire_headers(&hand.wire, flags, 1, lines);
    assert_int_equal(hand_send(&hand), STATUS_OK);
    assert_told(&hand, told);
    assert_log(hand.peer, log);
    hand_free(&hand);
}

#define REQUEST_IS(log, ...) assert_request(LINES(__VA_ARGS__), WIRE_WHOLE, "1 request " log, "")
#define REQUEST_RESET(...)                                                                         \
    assert_request(LINES(__VA_ARGS__), WIRE_WHOLE, "1 closed 1\n", "RST 1 1\n")
#define REQUEST_BAD(label, ...)                                                                    \
    assert_request(LINES(__VA_ARGS__), WIRE_WHOLE, "1 bad " label "\n1 closed 0\n",                \
                   "HEADERS 1 end\n")

/* The session ends with this GOAWAY, for that reason. */
#define assert_ended(hand, reason, goaway)                                                         \
    do {                                                                                           \
        (void)hand_send(hand);                                                                     \
        assert_told(hand, goaway);                                                                 \
        assert_string_equal(h2_end_label(h2_end_of((hand)->peer->h2)), reason);                    \
        assert_true(h2_is_over((hand)->peer->h2));                                                 \
        assert_int_equal(hand_send(hand), STATUS_INVALID);                                         \
    } while (0)

#endif
