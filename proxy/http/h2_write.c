/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_write.c - heads written anew for an HTTP/2 peer, and bodies pulled into DATA frames.
 *
 * The rules of what goes on are forward.c's, for HTTP/2: names in lower case, no fields of a
 * connection. Known names and our own words are not copied; values are, for they may be gone when
 * the frame is packed.
 */
#include "proxy/http/field.h"
#include "proxy/http/forwarding.h"
#include "proxy/http/h2_pool.h"
#include "proxy/http/h2_session.h"
#include "proxy/http/head_writer.h"

#include <nghttp2/nghttp2.h>

#define LINES_FEW                  64
#define OWN_LINES_MAX              20
#define DATA_ROOM_MIN              1024 /* a smaller frame is not worth its head */
#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_OK_FIRST            200
#define STATUS_NO_CONTENT          204
#define STATUS_LENGTH              3

struct lines {
    nghttp2_nv *at; /* few, or owned */
    size_t count;
    size_t max;
    nghttp2_nv few[LINES_FEW];
};

static void lines_init(struct lines *lines, size_t max)
{
    lines->at = max > LINES_FEW ? mem_new_array(nghttp2_nv, max) : lines->few;
    lines->max = max;
    lines->count = 0;
}

static void lines_fini(struct lines *lines)
{
    if (lines->at != lines->few)
        mem_free(lines->at);
}

/* nghttp2 does not write to what its pointers show. */
static uint8_t *unsigned_of(struct bytes text)
{
    return (uint8_t *)(uintptr_t)text.at;
}

static void add_line(struct lines *lines, struct bytes name, struct bytes value, unsigned flags)
{
    CHECK(lines->count < lines->max);
    lines->at[lines->count++] =
        (nghttp2_nv){unsigned_of(name), unsigned_of(value), name.len, value.len, (uint8_t)flags};
}

/* A line of ours: the name is a literal. */
static void add_own(struct lines *lines, struct bytes name, struct bytes value)
{
    add_line(lines, name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

/* A line that is nothing but literals. */
static void add_literal(struct lines *lines, struct bytes name, struct bytes value)
{
    add_line(lines, name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

/* Names that fields.def has are there in lower case; others nghttp2 copies so. */
static void add_field(struct lines *lines, const struct field *field)
{
    struct bytes known = field_name(field->id);

    if (known.len == field->name.len && known.at[known.len - 1] != '*')
        add_own(lines, known, field->value);
    else
        add_line(lines, field->name, field->value, NGHTTP2_NV_FLAG_NONE);
}

/* ---- bodies ---- */

static void submit_trailers(struct h2 *h2, int32_t id, const struct h2_pulled *pulled)
{
    struct lines lines MEM_UNCLEARED;

    lines_init(&lines, pulled->trailers_count);
    for (uint32_t at = 0; at < pulled->trailers_count; at++)
        add_field(&lines, &pulled->trailers[at]);
    (void)nghttp2_submit_trailer(h2->session, id, lines.at, lines.count);
    lines_fini(&lines);
}

/* The payload goes into the room behind where the frame's head will be; h2_write_data_head()
 * follows at once. A frame without payload is nghttp2's to write. */
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length,
                       uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct h2 *h2 = context;
    struct h2_stream *stream = source->ptr;
    size_t left = h2->room_max - h2->room_used;
    struct h2_pulled pulled;

    (void)session;
    (void)buffer;
    if (stream->is_reset)
        return NGHTTP2_ERR_DEFERRED;
    if (stream->owner == NULL) { /* nobody has more to say */
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return 0;
    }
    if (left < H2_FRAME_HEADER_LENGTH + DATA_ROOM_MIN)
        return NGHTTP2_ERR_PAUSE;
    left -= H2_FRAME_HEADER_LENGTH;
    pulled = h2->events->on_pull(stream->owner, h2->room + h2->room_used + H2_FRAME_HEADER_LENGTH,
                                 length < left ? length : left);
    if (pulled.count == 0 && !pulled.is_end)
        return NGHTTP2_ERR_DEFERRED;
    if (pulled.count > 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (pulled.is_end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (pulled.is_end && pulled.trailers_count > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        submit_trailers(h2, id, &pulled);
    }
    return (ssize_t)pulled.count;
}

void h2_write_data_head(struct h2 *h2, const uint8_t *head, size_t length)
{
    memcpy(h2->room + h2->room_used, head, H2_FRAME_HEADER_LENGTH);
    h2->room_used += H2_FRAME_HEADER_LENGTH + length;
    CHECK(h2->room_used <= h2->room_max);
    h2_guard_earn(&h2->guard);
}

static nghttp2_data_provider body_of(struct h2_stream *stream)
{
    return (nghttp2_data_provider){.source = {.ptr = stream}, .read_callback = on_read};
}

/* ---- requests ---- */

static size_t request_scratch_bound(const struct request *request,
                                    const struct forward_request *how)
{
    size_t bound = how->path.len + how->original_path.len + request->query.len * 2 +
                   how->client_ip.len + UINT64_DIGITS_MAX;

    for (uint32_t at = 0; at < request->fields_count; at++) {
        if (request->fields[at].id == FIELD_X_FORWARDED_FOR)
            bound += request->fields[at].value.len + 2;
    }
    return bound;
}

/* From `start` to the end of what was written so far. Nothing moves: room was reserved. */
static struct bytes scratch_since(const struct text *scratch, size_t start)
{
    return bytes_from(scratch->at + start, scratch->len - start);
}

static struct bytes with_query(struct text *scratch, struct bytes path, struct bytes query)
{
    size_t start = scratch->len;

    if (query.len == 0)
        return path;
    text_add(scratch, path);
    text_add(scratch, query);
    return scratch_since(scratch, start);
}

static void add_pseudo(struct lines *lines, const struct h2 *h2, struct text *scratch,
                       const struct h2_stream *stream, const struct request *request,
                       const struct forward_request *how)
{
    if (stream->wants_websocket) {
        add_literal(lines, BYTES(":method"), BYTES("CONNECT"));
        add_literal(lines, BYTES(":protocol"), BYTES("websocket"));
    } else {
        add_own(lines, BYTES(":method"), request->method);
    }
    add_own(lines, BYTES(":scheme"), h2->config.scheme);
    add_own(lines, BYTES(":path"), with_query(scratch, how->path, request->query));
    add_own(lines, BYTES(":authority"), how->host);
}

/* The client's own fields; `present` says afterwards which came. */
static void add_request_fields(struct lines *lines, const struct request *request,
                               const struct forward_request *how, bool is_websocket,
                               bool present[FIELD_COUNT])
{
    unsigned out = FIELD_REWRITTEN | FIELD_BARRED | (how->client_is_trusted ? 0 : FIELD_FORWARDING);

    for (uint32_t at = 0; at < request->fields_count; at++) {
        const struct field *field = &request->fields[at];

        present[field->id] = true;
        if (field->hop_by_hop || (field_flags(field->id) & out) != 0 ||
            (is_websocket && field->id == FIELD_SEC_WEBSOCKET_KEY))
            continue;
        add_field(lines, field);
    }
}

/* All that came, in order, and then the peer we know of: RFC 7239 section 7.4's order. */
static struct bytes forwarded_for(struct text *scratch, const struct request *request,
                                  struct bytes client_ip, bool has_chain)
{
    size_t start = scratch->len;

    for (uint32_t at = 0; has_chain && at < request->fields_count; at++) {
        const struct field *field = &request->fields[at];

        if (field->id != FIELD_X_FORWARDED_FOR || field->value.len == 0)
            continue;
        text_add(scratch, field->value);
        text_add(scratch, BYTES(", "));
    }
    text_add(scratch, client_ip);
    return scratch_since(scratch, start);
}

/* What add_forwarding_line() writes with. */
struct pen {
    struct lines *lines;
    struct text *scratch;
    const struct request *request;
    const struct forward_request *how;
    const bool *present;
};

FORWARDING_INLINE void add_forwarding_line(void *pen_of_this, enum forwarding which)
{
    struct pen *pen = pen_of_this;
    const struct forward_request *how = pen->how;

    switch (which) {
    case FORWARDING_FOR:
        add_own(pen->lines, BYTES("x-forwarded-for"),
                forwarded_for(pen->scratch, pen->request, how->client_ip,
                              pen->present[FIELD_X_FORWARDED_FOR]));
        break;
    case FORWARDING_REAL_IP:
        add_own(pen->lines, BYTES("x-real-ip"), how->client_ip);
        break;
    case FORWARDING_PROTO:
        add_own(pen->lines, BYTES("x-forwarded-proto"), how->scheme);
        break;
    case FORWARDING_HOST:
        add_own(pen->lines, BYTES("x-forwarded-host"), pen->request->authority);
        break;
    case FORWARDING_PORT:
        add_own(pen->lines, BYTES("x-forwarded-port"), how->port);
        break;
    case FORWARDING_REQUEST_ID: /* no two are the same: in the peer's table one pushes others out */
        add_line(pen->lines, BYTES("x-request-id"), how->request_id,
                 NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX);
        break;
    case FORWARDING_CLIENT_CERT:
        add_own(pen->lines, BYTES("x-forwarded-client-cert"), how->client_cert);
        break;
    case FORWARDING_ORIGINAL_PATH:
        add_own(pen->lines, BYTES("x-envoy-original-path"),
                with_query(pen->scratch, how->original_path, pen->request->query));
        break;
    }
}

static void add_length(struct lines *lines, struct text *scratch, uint64_t length)
{
    size_t start = scratch->len;

    text_add_uint(scratch, length);
    add_own(lines, BYTES("content-length"), scratch_since(scratch, start));
}

static void add_request(struct lines *lines, const struct h2 *h2, struct text *scratch,
                        const struct h2_stream *stream, const struct request *request,
                        const struct forward_request *how)
{
    bool present[FIELD_COUNT] = {false};
    struct pen pen = {lines, scratch, request, how, present};

    add_pseudo(lines, h2, scratch, stream, request, how);
    add_request_fields(lines, request, how, stream->wants_websocket, present);
    if (how->framing == BODY_LENGTH && !stream->wants_websocket)
        add_length(lines, scratch, how->content_length);
    if (how->expects_continue)
        add_literal(lines, BYTES("expect"), BYTES("100-continue"));
    if (request->takes_trailers)
        add_literal(lines, BYTES("te"), BYTES("trailers"));
    forwarding_each(request, how, present, add_forwarding_line, &pen);
}

int32_t h2_write_request(struct h2 *h2, struct h2_stream *stream, const struct request *request,
                         const struct forward_request *how, bool is_end)
{
    nghttp2_data_provider body = body_of(stream);
    struct text *scratch = h2_pool_scratch(h2->pool);
    struct lines lines MEM_UNCLEARED;
    int32_t id;

    lines_init(&lines, (size_t)request->fields_count + OWN_LINES_MAX);
    text_reserve(scratch, request_scratch_bound(request, how));
    add_request(&lines, h2, scratch, stream, request, how);
    id = nghttp2_submit_request(h2->session, NULL, lines.at, lines.count, is_end ? NULL : &body,
                                stream);
    lines_fini(&lines);
    return id;
}

/* ---- responses ---- */

static void add_response_fields(struct lines *lines, const struct response *response,
                                const struct forward_response *how, bool *has_date)
{
    for (uint32_t at = 0; at < response->fields_count; at++) {
        const struct field *field = &response->fields[at];

        if (field->hop_by_hop || field->id == FIELD_CONTENT_LENGTH || forward_replaces(how, field))
            continue;
        if (how->upgrade && field->id == FIELD_SEC_WEBSOCKET_ACCEPT)
            continue;
        *has_date |= field->id == FIELD_DATE;
        add_field(lines, field);
    }
    for (uint32_t at = 0; at < how->added_count; at++) {
        *has_date |= how->added[at].id == FIELD_DATE;
        add_field(lines, &how->added[at]);
    }
}

/* A response without a body may still say how long it would be: to HEAD, and a 304. */
static void add_response_length(struct lines *lines, struct text *scratch,
                                const struct response *response, const struct forward_response *how)
{
    bool has_length = response->content_length != UINT64_MAX;

    if (!how->upgrade && response->status != STATUS_NO_CONTENT &&
        (how->framing == BODY_LENGTH || (how->framing == BODY_NONE && has_length)))
        add_length(lines, scratch, response->content_length);
}

/* What HTTP/1.1 grants with a 101 is a 200 here: RFC 8441 section 5. */
static void add_status(struct lines *lines, const struct response *response, bool is_upgrade,
                       char digits[STATUS_LENGTH])
{
    uint16_t status = response->status;

    if (is_upgrade && status == STATUS_SWITCHING_PROTOCOLS)
        status = STATUS_OK_FIRST;
    digits[0] = (char)('0' + status / 100);
    digits[1] = (char)('0' + status / 10 % 10);
    digits[2] = (char)('0' + status % 10);
    add_own(lines, BYTES(":status"), bytes_from(digits, STATUS_LENGTH));
}

static int32_t submit_response(struct h2 *h2, struct h2_stream *stream, const struct lines *lines,
                               bool is_interim, bool is_end)
{
    nghttp2_data_provider body = body_of(stream);

    if (is_interim)
        return nghttp2_submit_headers(h2->session, NGHTTP2_FLAG_NONE, (int32_t)stream->id, NULL,
                                      lines->at, lines->count, NULL);
    return nghttp2_submit_response(h2->session, (int32_t)stream->id, lines->at, lines->count,
                                   is_end ? NULL : &body);
}

int32_t h2_write_response(struct h2 *h2, struct h2_stream *stream, const struct response *response,
                          const struct forward_response *how, bool is_end)
{
    bool is_interim = response->status < STATUS_OK_FIRST && !how->upgrade;
    struct text *scratch = h2_pool_scratch(h2->pool);
    struct lines lines MEM_UNCLEARED;
    char status[STATUS_LENGTH];
    bool has_date = false;
    int32_t error;

    lines_init(&lines, (size_t)response->fields_count + how->added_count + OWN_LINES_MAX);
    text_reserve(scratch, UINT64_DIGITS_MAX);
    add_status(&lines, response, how->upgrade, status);
    add_response_fields(&lines, response, how, &has_date);
    if (!is_interim) {
        add_response_length(&lines, scratch, response, how);
        if (!has_date && how->date.len > 0)
            add_own(&lines, BYTES("date"), how->date);
    }
    error = submit_response(h2, stream, &lines, is_interim, is_end);
    lines_fini(&lines);
    return error;
}
