/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_guard.c - the headers of frames as they pass.
 *
 *     preface -> header -> payload, all of it skipped but the first byte of a header block
 */
#include "proxy/http/h2_guard.h"

#define PREFACE_LENGTH    (sizeof(H2_PREFACE) - 1)
#define BLOCK_BYTES_MIN   65536 /* hostile-input 67: a block may be this long on the wire */
#define EARNED_MAX        4096
#define EARNED_AT_ONCE    2 /* a window update for the stream, one for the connection */
#define COUNT_MAX         (UINT32_MAX / 2)
#define TABLE_CHANGE      0x20 /* RFC 7541 section 6.3: 001xxxxx */
#define TABLE_CHANGE_OF   0xE0
#define PRIORITY_LENGTH   5
#define SETTING_LENGTH    6
#define BLOCKS_PER_CHANGE 10

/* RFC 9113 section 6; 0 to 9 are all there are. */
enum frame_type {
    FRAME_DATA,
    FRAME_HEADERS,
    FRAME_PRIORITY,
    FRAME_RST_STREAM,
    FRAME_SETTINGS,
    FRAME_PUSH_PROMISE,
    FRAME_PING,
    FRAME_GOAWAY,
    FRAME_WINDOW_UPDATE,
    FRAME_CONTINUATION,
};

#define FLAG_END_STREAM  0x01 /* of DATA */
#define FLAG_ACK         0x01 /* of SETTINGS */
#define FLAG_END_HEADERS 0x04
#define FLAG_PADDED      0x08
#define FLAG_PRIORITY    0x20

void h2_guard_init(struct h2_guard *guard, enum h2_side side, uint32_t head_bytes_max)
{
    *guard = (struct h2_guard){
        .place = side == H2_SERVER ? H2_GUARD_PREFACE : H2_GUARD_HEADER,
        .is_server = side == H2_SERVER,
        .block_max = head_bytes_max > BLOCK_BYTES_MIN ? head_bytes_max : BLOCK_BYTES_MIN,
    };
}

/* Count one; true when there are more than `max` in the span. */
static bool budget_spend(struct h2_budget *budget, uint32_t max, uint64_t span_ms, uint64_t now_ms)
{
    if (budget->count == 0 || now_ms - budget->since_ms >= span_ms) {
        budget->since_ms = now_ms;
        budget->count = 0;
    }
    return ++budget->count > max;
}

enum h2_end h2_guard_count_reset(struct h2_guard *guard, uint64_t now_ms)
{
    if (guard->is_server && budget_spend(&guard->resets, H2_RESETS_MAX, H2_RESETS_SPAN_MS, now_ms))
        return H2_END_RESETS;
    return H2_END_NONE;
}

static void earn(struct h2_guard *guard, uint32_t count)
{
    if (guard->earned < EARNED_MAX)
        guard->earned += count;
}

void h2_guard_earn(struct h2_guard *guard)
{
    earn(guard, EARNED_AT_ONCE);
}

static enum h2_end count_idle(struct h2_guard *guard, uint64_t now_ms)
{
    if (guard->earned > 0) {
        guard->earned--;
        return H2_END_NONE;
    }
    if (budget_spend(&guard->idle, H2_IDLE_FRAMES_MAX, H2_IDLE_FRAMES_SPAN_MS, now_ms))
        return H2_END_IDLE_FRAMES;
    return H2_END_NONE;
}

/* ---- header blocks ---- */

static enum h2_end open_block(struct h2_guard *guard, uint8_t flags, uint32_t length)
{
    guard->block_is_open = (flags & FLAG_END_HEADERS) == 0;
    guard->block_is_fresh = true;
    guard->block_skip = (uint8_t)(((flags & FLAG_PADDED) != 0 ? 1 : 0) +
                                  ((flags & FLAG_PRIORITY) != 0 ? PRIORITY_LENGTH : 0));
    guard->block_bytes = length;
    guard->continuations = 0;
    if (guard->blocks < COUNT_MAX)
        guard->blocks++;
    earn(guard, 1); /* some clients open the window of each stream by hand */
    return H2_END_NONE;
}

static enum h2_end continue_block(struct h2_guard *guard, uint8_t flags, uint32_t length)
{
    bool is_last = (flags & FLAG_END_HEADERS) != 0;

    if (!guard->block_is_open)
        return H2_END_NONE;
    guard->block_is_open = !is_last;
    guard->block_skip = 0;
    guard->block_bytes += length;
    if (++guard->continuations > H2_CONTINUATIONS_MAX || (length == 0 && !is_last) ||
        guard->block_bytes > guard->block_max)
        return H2_END_CONTINUATIONS;
    return H2_END_NONE;
}

/* hostile-input 71: more than one block in ten, but for the first change, which is anyone's. */
static enum h2_end see_block_start(struct h2_guard *guard, uint8_t first)
{
    guard->block_is_fresh = false;
    if ((first & TABLE_CHANGE_OF) != TABLE_CHANGE)
        return H2_END_NONE;
    if (guard->table_changes < COUNT_MAX)
        guard->table_changes++;
    if (guard->table_changes > 1 + guard->blocks / BLOCKS_PER_CHANGE)
        return H2_END_SETTINGS;
    return H2_END_NONE;
}

/* ---- frames ---- */

static enum h2_end see_frame(struct h2_guard *guard, uint64_t now_ms)
{
    const uint8_t *header = guard->header;
    uint32_t length = (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2];
    uint8_t flags = header[4];

    guard->payload_left = length;
    switch (header[3]) {
    case FRAME_DATA:
        /* All of it padding is as good as empty, but costs the sender window. */
        return length == 0 && (flags & FLAG_END_STREAM) == 0 ? count_idle(guard, now_ms)
                                                             : H2_END_NONE;
    case FRAME_HEADERS:
        return open_block(guard, flags, length);
    case FRAME_CONTINUATION:
        return continue_block(guard, flags, length);
    case FRAME_RST_STREAM:
        return guard->is_server ? h2_guard_count_reset(guard, now_ms) : count_idle(guard, now_ms);
    case FRAME_SETTINGS:
        if (length > H2_SETTINGS_ENTRIES_MAX * SETTING_LENGTH)
            return H2_END_SETTINGS;
        return (flags & FLAG_ACK) != 0 ? H2_END_NONE : count_idle(guard, now_ms);
    case FRAME_PUSH_PROMISE: /* a connection error for either side */
        return H2_END_NONE;
    default: /* PRIORITY, PING, GOAWAY, WINDOW_UPDATE, and what we do not know */
        return count_idle(guard, now_ms);
    }
}

static struct bytes skip_preface(struct h2_guard *guard, struct bytes data)
{
    struct bytes rest = bytes_skip(BYTES(H2_PREFACE), guard->header_len);
    struct bytes start = bytes_slice(data, 0, rest.len);

    if (!bytes_starts_with(rest, start)) {
        guard->place = H2_GUARD_LOST;
        return BYTES_NONE;
    }
    guard->header_len = (uint8_t)(guard->header_len + start.len);
    if (guard->header_len == PREFACE_LENGTH) {
        guard->place = H2_GUARD_HEADER;
        guard->header_len = 0;
    }
    return bytes_skip(data, start.len);
}

static struct bytes take_header(struct h2_guard *guard, struct bytes data)
{
    struct bytes part = bytes_slice(data, 0, (size_t)H2_FRAME_HEADER_LENGTH - guard->header_len);

    memcpy(guard->header + guard->header_len, part.at, part.len);
    guard->header_len = (uint8_t)(guard->header_len + part.len);
    return bytes_skip(data, part.len);
}

/* Past a run of payload; *first is the first byte of a block when it is in there, else -1. */
static struct bytes skip_payload(struct h2_guard *guard, struct bytes data, int *first)
{
    struct bytes run = bytes_slice(data, 0, guard->payload_left);

    *first = -1;
    if (guard->block_is_fresh) {
        if (run.len > guard->block_skip)
            *first = (uint8_t)run.at[guard->block_skip];
        else
            guard->block_skip = (uint8_t)(guard->block_skip - run.len);
    }
    guard->payload_left -= (uint32_t)run.len;
    return bytes_skip(data, run.len);
}

enum h2_end h2_guard_scan(struct h2_guard *guard, struct bytes data, uint64_t now_ms)
{
    enum h2_end end = H2_END_NONE;
    int first;

    while (data.len > 0 && end == H2_END_NONE) {
        switch (guard->place) {
        case H2_GUARD_LOST:
            return H2_END_NONE;
        case H2_GUARD_PREFACE:
            data = skip_preface(guard, data);
            break;
        case H2_GUARD_HEADER:
            data = take_header(guard, data);
            if (guard->header_len < H2_FRAME_HEADER_LENGTH)
                break;
            guard->header_len = 0;
            end = see_frame(guard, now_ms);
            guard->place = guard->payload_left > 0 ? H2_GUARD_PAYLOAD : H2_GUARD_HEADER;
            break;
        case H2_GUARD_PAYLOAD:
            data = skip_payload(guard, data, &first);
            if (first >= 0)
                end = see_block_start(guard, (uint8_t)first);
            if (guard->payload_left == 0)
                guard->place = H2_GUARD_HEADER;
            break;
        }
    }
    return end;
}
