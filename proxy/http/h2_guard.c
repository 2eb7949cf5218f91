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
#define DEPENDENCY_LENGTH 4
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

#define STREAM_MASK      0x7FFFFFFFu
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
        .error = H2_ENHANCE_YOUR_CALM,
        .block_max = head_bytes_max > BLOCK_BYTES_MIN ? head_bytes_max : BLOCK_BYTES_MIN,
    };
}

static uint32_t stream_of(const uint8_t header[H2_FRAME_HEADER_LENGTH])
{
    uint32_t id = (uint32_t)header[5] << 24 | (uint32_t)header[6] << 16 | (uint32_t)header[7] << 8 |
                  header[8];

    return id & STREAM_MASK;
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

static void open_block(struct h2_guard *guard, uint8_t flags, uint32_t length)
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

static enum h2_end fail(struct h2_guard *guard, enum h2_error error)
{
    if (error == H2_NO_ERROR)
        return H2_END_NONE;
    guard->error = error;
    return H2_END_PROTOCOL;
}

static enum h2_end see_headers(struct h2_guard *guard, uint8_t flags, uint32_t id, uint32_t length)
{
    enum h2_error error = h2_past_check(&guard->past, id);

    if (error == H2_NO_ERROR && guard->is_server)
        error = h2_past_open(&guard->past, id);
    if (error != H2_NO_ERROR)
        return fail(guard, error);
    open_block(guard, flags, length);
    return H2_END_NONE;
}

/* One that is all padding is as good as empty; its first byte will tell. */
static enum h2_end see_data(struct h2_guard *guard, uint8_t flags, uint32_t id, uint32_t length,
                            uint64_t now_ms)
{
    if (length == 0 && (flags & FLAG_END_STREAM) == 0 && count_idle(guard, now_ms) != H2_END_NONE)
        return H2_END_IDLE_FRAMES;
    guard->padded_length = (flags & FLAG_PADDED) != 0 ? length : 0;
    return fail(guard, h2_past_check(&guard->past, id));
}

static enum h2_end read_padding(struct h2_guard *guard, struct bytes run, uint64_t now_ms)
{
    uint32_t padding = (uint8_t)run.at[0];
    bool is_all = padding + 1 == guard->padded_length;

    guard->padded_length = 0;
    return is_all ? count_idle(guard, now_ms) : H2_END_NONE;
}

static enum h2_end see_reset(struct h2_guard *guard, uint32_t id, uint64_t now_ms)
{
    h2_past_close(&guard->past, id);
    return guard->is_server ? h2_guard_count_reset(guard, now_ms) : count_idle(guard, now_ms);
}

static enum h2_end see_settings(struct h2_guard *guard, uint8_t flags, uint32_t length,
                                uint64_t now_ms)
{
    if (length > H2_SETTINGS_ENTRIES_MAX * SETTING_LENGTH)
        return H2_END_SETTINGS;
    return (flags & FLAG_ACK) != 0 ? H2_END_NONE : count_idle(guard, now_ms);
}

static enum h2_end see_priority(struct h2_guard *guard, uint32_t id, uint32_t length,
                                uint64_t now_ms)
{
    if (id == 0)
        return fail(guard, H2_PROTOCOL_ERROR);
    guard->dependency = 0;
    guard->dependency_left = length == PRIORITY_LENGTH ? DEPENDENCY_LENGTH : 0;
    return count_idle(guard, now_ms);
}

static enum h2_end see_frame(struct h2_guard *guard, uint64_t now_ms)
{
    const uint8_t *header = guard->header;
    uint32_t length = (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2];
    uint32_t id = stream_of(header);
    uint8_t flags = header[4];

    guard->payload_left = length;
    switch (header[3]) {
    case FRAME_DATA:
        return see_data(guard, flags, id, length, now_ms);
    case FRAME_HEADERS:
        return see_headers(guard, flags, id, length);
    case FRAME_CONTINUATION:
        return continue_block(guard, flags, length);
    case FRAME_RST_STREAM:
        return see_reset(guard, id, now_ms);
    case FRAME_SETTINGS:
        return see_settings(guard, flags, length, now_ms);
    case FRAME_PRIORITY:
        return see_priority(guard, id, length, now_ms);
    case FRAME_PUSH_PROMISE: /* a connection error for either side */
        return H2_END_NONE;
    default: /* PING, GOAWAY, WINDOW_UPDATE, and what we do not know */
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

/* RFC 7540 section 5.3.1: a stream may not depend on itself. Clients of today say nothing of the
 * kind, but who does so is as wrong as ever. */
static enum h2_end read_dependency(struct h2_guard *guard, struct bytes run)
{
    for (size_t at = 0; at < run.len && guard->dependency_left > 0; at++) {
        guard->dependency = guard->dependency << 8 | (uint8_t)run.at[at];
        if (--guard->dependency_left == 0 &&
            (guard->dependency & STREAM_MASK) == stream_of(guard->header))
            return fail(guard, H2_PROTOCOL_ERROR);
    }
    return H2_END_NONE;
}

static enum h2_end read_block_start(struct h2_guard *guard, struct bytes run)
{
    if (run.len > guard->block_skip)
        return see_block_start(guard, (uint8_t)run.at[guard->block_skip]);
    guard->block_skip = (uint8_t)(guard->block_skip - run.len);
    return H2_END_NONE;
}

static enum h2_end see_payload(struct h2_guard *guard, struct bytes *data, uint64_t now_ms)
{
    struct bytes run = bytes_slice(*data, 0, guard->payload_left);

    *data = bytes_skip(*data, run.len);
    guard->payload_left -= (uint32_t)run.len;
    if (guard->payload_left == 0)
        guard->place = H2_GUARD_HEADER;
    if (guard->padded_length > 0)
        return read_padding(guard, run, now_ms);
    if (guard->dependency_left > 0)
        return read_dependency(guard, run);
    return guard->block_is_fresh ? read_block_start(guard, run) : H2_END_NONE;
}

enum h2_end h2_guard_scan(struct h2_guard *guard, struct bytes data, uint64_t now_ms)
{
    enum h2_end end = H2_END_NONE;

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
            end = see_payload(guard, &data, now_ms);
            break;
        }
    }
    return end;
}
