/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1.c - bodies; chunked ones by llhttp. No other file includes it.
 *
 *     scan -> first line -> fields -> judgement -> [body]
 *
 * Heads are read by h1_line.c and h1_fields.c, so llhttp never sees one: each chunked body starts
 * with a copy of a parser that stands right behind its head. It runs in its strict mode; what it
 * still lets pass that we do not is refused here.
 */
#include "proxy/http/h1.h"

#include "core/check.h"
#include "proxy/http/field.h"
#include "proxy/http/h1_fields.h"

#include <llhttp.h>

/* What a callback of llhttp returns to refuse; any other than 0, -1 and HPE_PAUSED would do. */
#define REFUSE (-1)

/* A parser right after the head of a chunked message. Filled before main() runs and only read from
 * then on, so threads share it. */
static llhttp_t chunked_start;

/* ---- chunked bodies ---- */

/* The CR LF of the chunk before, up to 16 digits, CR LF: more is not needed to say a size, and a
 * size that never ends must not keep us reading. */
#define CHUNK_LINE_BYTES_MAX 20

struct h1_chunked {
    llhttp_t parser;
    struct h1_limits limits;
    struct bytes payload; /* the run that llhttp has just paused at */
    size_t line_bytes;    /* of the chunk line being read */
    size_t line_extension_bytes;
    uint32_t extension_bytes; /* of the whole message */
    uint32_t part_bytes;      /* of the extension's name or value being read */
    uint32_t trailer_bytes;
    uint32_t trailer_count;
    bool in_trailers;
    bool is_complete;
    enum h1_fault fault;
};

static int on_chunk_header(llhttp_t *parser)
{
    struct h1_chunked *chunked = parser->data;

    if (parser->content_length > INT64_MAX)
        return REFUSE;
    chunked->in_trailers = parser->content_length == 0;
    return chunked->in_trailers ? HPE_PAUSED : HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_chunked *chunked = parser->data;

    chunked->payload = bytes_from(at, len);
    return len > 0 ? HPE_PAUSED : HPE_OK; /* a run that goes on may begin with nothing */
}

static int count_extension(struct h1_chunked *chunked, size_t len)
{
    if (len > CHUNK_EXTENSION_BYTES_MAX - chunked->extension_bytes) {
        chunked->fault = H1_EXTENSIONS_TOO_LARGE;
        return REFUSE;
    }
    chunked->extension_bytes += (uint32_t)len;
    chunked->line_extension_bytes += len;
    return HPE_OK;
}

static int on_extension_part(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_chunked *chunked = parser->data;

    (void)at;
    if (count_extension(chunked, len) != HPE_OK)
        return REFUSE;
    chunked->part_bytes += (uint32_t)len;
    return HPE_OK;
}

/* llhttp lets a name or a value be empty; a token is not (RFC 9112 section 7.1.1). The one byte is
 * the ';' or '=' in front. */
static int on_extension_part_complete(llhttp_t *parser)
{
    struct h1_chunked *chunked = parser->data;

    if (chunked->part_bytes == 0)
        return REFUSE;
    chunked->part_bytes = 0;
    return count_extension(chunked, 1);
}

static int on_trailer_complete(llhttp_t *parser)
{
    struct h1_chunked *chunked = parser->data;

    if (++chunked->trailer_count > chunked->limits.fields_max) {
        chunked->fault = H1_TRAILERS_TOO_LARGE;
        return REFUSE;
    }
    return HPE_OK;
}

static int on_chunked_complete(llhttp_t *parser)
{
    struct h1_chunked *chunked = parser->data;

    chunked->is_complete = true;
    return HPE_PAUSED;
}

static struct h1_chunked *chunked_create(const struct h1_limits *limits, struct arena *arena)
{
    struct h1_chunked *chunked = arena_new(arena, struct h1_chunked);

    chunked->parser = chunked_start;
    chunked->parser.data = chunked;
    chunked->limits = *limits;
    return chunked;
}

/* Count what llhttp has read since the last pause that was no payload. */
static enum h1_fault chunked_account(struct h1_chunked *chunked, size_t consumed, bool was_trailer)
{
    size_t framing_bytes = consumed - chunked->payload.len;

    if (was_trailer) {
        if (framing_bytes > chunked->limits.head_bytes_max - chunked->trailer_bytes)
            return H1_TRAILERS_TOO_LARGE;
        chunked->trailer_bytes += (uint32_t)framing_bytes;
        return H1_FINE;
    }
    chunked->line_bytes += framing_bytes;
    if (chunked->line_bytes > chunked->line_extension_bytes + CHUNK_LINE_BYTES_MAX)
        return H1_BAD_CHUNK;
    if (chunked->payload.len > 0 || chunked->in_trailers)
        chunked->line_bytes = chunked->line_extension_bytes = 0;
    return H1_FINE;
}

/* Run llhttp up to its next pause and take what it consumed off *input. */
static enum h1_fault chunked_run(struct h1_chunked *chunked, struct bytes *input, bool *paused)
{
    bool was_trailer = chunked->in_trailers;
    llhttp_errno_t error = llhttp_execute(&chunked->parser, input->at, input->len);
    size_t consumed = input->len;

    if (error != HPE_OK && error != HPE_PAUSED) {
        if (chunked->fault == H1_FINE)
            chunked->fault = chunked->in_trailers ? H1_BAD_TRAILER : H1_BAD_CHUNK;
        return chunked->fault;
    }
    *paused = error == HPE_PAUSED;
    if (*paused) {
        consumed = (size_t)(llhttp_get_error_pos(&chunked->parser) - input->at);
        llhttp_resume(&chunked->parser);
    }
    chunked->fault = chunked_account(chunked, consumed, was_trailer);
    *input = bytes_skip(*input, consumed);
    return chunked->fault;
}

static enum h1_body_result chunked_next(struct h1_body *body, struct bytes *input,
                                        struct bytes *payload, enum h1_fault *fault)
{
    struct h1_chunked *chunked = body->chunked;
    bool paused = true;

    *fault = chunked->fault;
    /* Without input llhttp is not run: it would take a NULL for the end of a run. */
    while (*fault == H1_FINE && paused && input->len > 0) {
        chunked->payload = BYTES_NONE;
        *fault = chunked_run(chunked, input, &paused);
        if (*fault == H1_FINE && chunked->payload.len > 0) {
            *payload = chunked->payload;
            return H1_BODY_DATA;
        }
        if (*fault == H1_FINE && chunked->is_complete) {
            body->is_done = true;
            return H1_BODY_END;
        }
    }
    return *fault == H1_FINE ? H1_BODY_AGAIN : H1_BODY_BAD;
}

/* ---- any body ---- */

void h1_body_init(struct h1_body *body, enum body_framing framing, uint64_t content_length,
                  const struct h1_limits *limits, struct arena *arena)
{
    *body = (struct h1_body){.framing = framing};
    switch (framing) {
    case BODY_NONE:
        body->is_done = true;
        break;
    case BODY_LENGTH:
        body->remaining = content_length;
        body->is_done = content_length == 0;
        break;
    case BODY_CHUNKED:
        body->chunked = chunked_create(limits, arena);
        break;
    case BODY_UNTIL_CLOSE:
        break;
    }
}

enum h1_body_result h1_body_next(struct h1_body *body, struct bytes *input, struct bytes *payload,
                                 enum h1_fault *fault)
{
    size_t len = input->len;

    if (body->is_done)
        return H1_BODY_END;
    if (body->framing == BODY_CHUNKED)
        return chunked_next(body, input, payload, fault);
    if (len == 0)
        return H1_BODY_AGAIN;
    if (body->framing == BODY_LENGTH) {
        if (len > body->remaining)
            len = (size_t)body->remaining;
        body->remaining -= len;
        body->is_done = body->remaining == 0;
    }
    *payload = bytes_slice(*input, 0, len);
    *input = bytes_skip(*input, len);
    return H1_BODY_DATA;
}

enum status h1_body_finish(struct h1_body *body)
{
    if (body->framing == BODY_UNTIL_CLOSE)
        body->is_done = true;
    return body->is_done ? STATUS_OK : STATUS_INVALID;
}

/* ---- the parser that every body starts from ---- */

static const llhttp_settings_t chunked_settings = {
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_extension_part,
    .on_chunk_extension_name_complete = on_extension_part_complete,
    .on_chunk_extension_value = on_extension_part,
    .on_chunk_extension_value_complete = on_extension_part_complete,
    .on_body = on_body,
    .on_header_value_complete = on_trailer_complete,
    .on_message_complete = on_chunked_complete,
};

__attribute__((constructor)) static void parser_start(void)
{
    static const llhttp_settings_t silent = {.on_reset = NULL};
    const struct bytes head = BYTES("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");

    llhttp_init(&chunked_start, HTTP_REQUEST, &silent);
    CHECK(llhttp_execute(&chunked_start, head.at, head.len) == HPE_OK);
    /* llhttp keeps it as a plain pointer, and takes it as const in llhttp_init(). */
    memcpy(&chunked_start.settings, &(const llhttp_settings_t *){&chunked_settings},
           sizeof(chunked_start.settings));
}
