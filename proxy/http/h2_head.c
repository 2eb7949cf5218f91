/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_head.c - fields as they come out of HPACK, copied into the stream's arena.
 *
 * Past a limit the rest of the block is only counted: nghttp2 goes on decoding, for the next block
 * needs the same table, and nothing is stored (hostile-input 66).
 */
#include "proxy/http/h2_head.h"

#define FIELD_OVERHEAD 32 /* RFC 7541 section 4.1 */

void h2_head_begin(struct h2_head *head, struct arena *arena)
{
    *head = (struct h2_head){.arena = arena, .fault = H1_FINE};
}

/* nghttp2 takes three digits only. */
static uint16_t read_status(struct bytes value)
{
    uint64_t status = 0;

    (void)bytes_to_uint(value, UINT16_MAX, &status);
    return (uint16_t)status;
}

static void add_pseudo(struct h2_head *head, const struct h1_limits *limits, struct bytes name,
                       struct bytes value)
{
    if (bytes_equal(name, BYTES(":path"))) {
        if (value.len > limits->target_bytes_max)
            head->fault = H1_TARGET_TOO_LONG;
        else
            head->path = arena_copy(head->arena, value);
    } else if (bytes_equal(name, BYTES(":method"))) {
        head->method = arena_copy(head->arena, value);
    } else if (bytes_equal(name, BYTES(":authority"))) {
        head->authority = arena_copy(head->arena, value);
    } else if (bytes_equal(name, BYTES(":scheme"))) {
        head->scheme = arena_copy(head->arena, value);
    } else if (bytes_equal(name, BYTES(":status"))) {
        head->status = read_status(value);
    } else if (bytes_equal(name, BYTES(":protocol"))) {
        head->protocol = arena_copy(head->arena, value);
    }
}

/* A name that fields.def has whole needs no copy. */
static struct bytes keep_name(struct arena *arena, struct bytes name, enum field_id id)
{
    struct bytes known = field_name(id);

    if (known.len == name.len && known.at[known.len - 1] != '*')
        return known;
    return arena_copy(arena, name);
}

void h2_head_add(struct h2_head *head, const struct h1_limits *limits, bool underscores_allowed,
                 struct bytes name, struct bytes value)
{
    enum field_id id;

    head->bytes += name.len + value.len + FIELD_OVERHEAD;
    if (head->fault == H1_FINE && head->bytes > limits->head_bytes_max)
        head->fault = H1_HEAD_TOO_LARGE;
    if (head->fault != H1_FINE)
        return;
    if (name.at[0] == ':') {
        add_pseudo(head, limits, name, value);
        return;
    }
    if (++head->lines > limits->fields_max) {
        head->fault = H1_TOO_MANY_FIELDS;
        return;
    }
    id = field_identify(name);
    if (field_name_is_dropped(name, id, underscores_allowed)) {
        head->fields.dropped_count++;
        return;
    }
    head->cookies += id == FIELD_COOKIE;
    field_list_add(&head->fields, head->arena, keep_name(head->arena, name, id), id,
                   arena_copy(head->arena, value));
}

/* Whatever some part of a proxy acts on would be acted on too late, or by one side only. */
static bool may_be_trailer(const struct field *field)
{
    static const struct bytes barred[] = {
        {"content-range", 13}, {"www-authenticate", 16}, {"max-forwards", 12}};

    if (field->id != FIELD_OTHER)
        return field->id == FIELD_ETAG;
    for (size_t at = 0; at < sizeof(barred) / sizeof(barred[0]); at++) {
        if (bytes_equal(field->name, barred[at]))
            return false;
    }
    return true;
}

void h2_head_trailers(struct h2_head *head)
{
    uint32_t kept = 0;

    for (uint32_t at = 0; at < head->fields.count; at++) {
        if (may_be_trailer(&head->fields.at[at]))
            head->fields.at[kept++] = head->fields.at[at];
    }
    head->fields.count = kept;
}
