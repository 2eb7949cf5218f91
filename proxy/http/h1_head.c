/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_head.c - one whole head: its first line, its fields, and what they say together.
 */
#include "proxy/http/authority.h"
#include "proxy/http/connection.h"
#include "proxy/http/field.h"
#include "proxy/http/framing.h"
#include "proxy/http/h1.h"
#include "proxy/http/h1_fields.h"
#include "proxy/http/h1_line.h"
#include "proxy/http/websocket.h"

#define STATUS_SWITCHING_PROTOCOLS 101

/* ---- requests ---- */

/* One valid Host, as HTTP/1.1 wants it, that agrees with the target: hostile-input 23-25. */
static enum h1_fault judge_host(struct request *request, const struct field_index *index)
{
    const struct field *host = field_index_get(index, FIELD_HOST);
    bool in_target = request->authority.len > 0;

    if (index->count[FIELD_HOST] > 1 || (host == NULL && request->version_minor > 0))
        return H1_BAD_HOST;
    if (host != NULL && !authority_is_valid(host->value))
        return H1_BAD_HOST;
    if (in_target && !authority_is_valid(request->authority))
        return H1_BAD_TARGET;
    if (in_target && host != NULL &&
        !authority_equal(request->authority, host->value, request->scheme))
        return H1_HOST_MISMATCH;
    if (!in_target && host != NULL)
        request->authority = host->value;
    return H1_FINE;
}

static enum h1_fault judge_framing(struct request *request, const struct field_index *index)
{
    struct framing framing;
    enum h1_fault fault = framing_read(index, request->version_minor, &framing);

    if (fault != H1_FINE)
        return fault;
    request->content_length = framing.content_length;
    if (framing.is_chunked)
        request->framing = BODY_CHUNKED;
    else
        request->framing = framing.has_length ? BODY_LENGTH : BODY_NONE;
    if (index->count[FIELD_UPGRADE] > 0 && (framing.is_chunked || framing.content_length > 0))
        return H1_UPGRADE_WITH_BODY; /* the body could pass for the tunnel's first bytes */
    return H1_FINE;
}

/* An HTTP/1.0 client can not have meant it: RFC 9110 section 10.1.1. */
static enum h1_fault judge_expect(struct request *request, const struct field_index *index)
{
    enum h1_fault fault = expect_read(index, &request->expects_continue);

    request->expects_continue = request->expects_continue && request->version_minor > 0;
    return fault;
}

static bool names_h2c(struct bytes value)
{
    struct bytes item;

    while (bytes_next_item(&value, ',', &item)) {
        if (bytes_equal_nocase(item, BYTES("h2c")))
            return true;
    }
    return false;
}

static void judge_upgrade(struct request *request, const struct field_index *index)
{
    const struct field *key = field_index_get(index, FIELD_SEC_WEBSOCKET_KEY);

    if (request->version_minor == 0 || index->count[FIELD_UPGRADE] != 1 ||
        names_h2c(index->first[FIELD_UPGRADE]->value))
        return;
    request->wants_upgrade = true;
    if (request->method_id != METHOD_GET || key == NULL ||
        index->count[FIELD_SEC_WEBSOCKET_KEY] != 1 || !websocket_key_is_valid(key->value) ||
        !field_index_is(index, FIELD_UPGRADE, BYTES("websocket")) ||
        !field_index_is(index, FIELD_SEC_WEBSOCKET_VERSION, BYTES("13")))
        return;
    request->wants_websocket = true;
    request->websocket_key = key->value;
}

static enum h1_fault judge_connection(struct request *request, const struct field_index *index)
{
    struct connection_options options;

    if (connection_read(request->fields, request->fields_count, index, &options) != STATUS_OK)
        return H1_TOO_MANY_OPTIONS;
    request->takes_trailers = field_index_is(index, FIELD_TE, BYTES("trailers"));
    request->keep_alive = !options.close && (request->version_minor > 0 || options.keep_alive);
    if (options.upgrade)
        judge_upgrade(request, index);
    return H1_FINE;
}

static enum h1_fault judge_request(struct request *request)
{
    struct field_index index MEM_UNCLEARED;
    enum h1_fault fault;

    field_index_build(&index, request->fields, request->fields_count);
    fault = judge_framing(request, &index);
    if (fault == H1_FINE)
        fault = judge_host(request, &index);
    if (fault == H1_FINE)
        fault = judge_expect(request, &index);
    if (fault == H1_FINE)
        fault = judge_connection(request, &index);
    return fault;
}

/* The head at the start of *data, taken off it. */
static enum h1_fault take_request(struct bytes *data, const struct h1_limits *limits,
                                  struct arena *arena, struct request *request)
{
    struct field_list fields;
    enum h1_fault fault;

    *request = (struct request){.framing = BODY_NONE};
    fault = h1_request_line(data, limits, request);
    if (fault != H1_FINE)
        return fault;
    fault = h1_fields_parse(data, limits, limits->underscores_allowed, arena, &fields);
    if (fault != H1_FINE)
        return fault;
    request->fields = fields.at;
    request->fields_count = fields.count;
    request->fields_dropped_count = fields.dropped_count;
    return judge_request(request);
}

enum h1_fault h1_parse_request(struct bytes head, const struct h1_limits *limits,
                               struct arena *arena, struct request *request)
{
    enum h1_fault fault;

    if (bytes_starts_with(head, BYTES("\r\n"))) /* one is allowed: RFC 9112 section 2.2 */
        head = bytes_skip(head, 2);
    fault = take_request(&head, limits, arena, request);
    return fault == H1_FINE && head.len > 0 ? H1_BAD_FIELD : fault;
}

bool h1_take_request(struct bytes *data, const struct h1_limits *limits, struct arena *arena,
                     struct request *request)
{
    struct bytes rest = *data;

    if (take_request(&rest, limits, arena, request) != H1_FINE ||
        data->len - rest.len > limits->head_bytes_max)
        return false;
    *data = rest;
    return true;
}

/* ---- responses ---- */

static enum h1_fault judge_body(struct response *response, const struct field_index *index,
                                enum method_id request_method)
{
    struct framing framing;
    enum h1_fault fault = framing_read(index, response->version_minor, &framing);

    if (fault != H1_FINE)
        return fault;
    if (framing.has_length && framing_may_have_length(response->status))
        response->content_length = framing.content_length;
    if (framing_has_no_body(response->status, request_method))
        response->framing = BODY_NONE;
    else if (framing.is_chunked)
        response->framing = BODY_CHUNKED;
    else
        response->framing = framing.has_length ? BODY_LENGTH : BODY_UNTIL_CLOSE;
    return H1_FINE;
}

static void judge_websocket(struct response *response, const struct field_index *index,
                            const struct connection_options *options)
{
    const struct field *accept = field_index_get(index, FIELD_SEC_WEBSOCKET_ACCEPT);

    if (response->status != STATUS_SWITCHING_PROTOCOLS || !options->upgrade ||
        !field_index_is(index, FIELD_UPGRADE, BYTES("websocket")) || accept == NULL ||
        index->count[FIELD_SEC_WEBSOCKET_ACCEPT] != 1)
        return;
    response->websocket_accepted = true;
    response->websocket_accept = accept->value;
}

static enum h1_fault judge_response(struct response *response, enum method_id request_method)
{
    struct connection_options options;
    struct field_index index MEM_UNCLEARED;
    enum h1_fault fault;

    field_index_build(&index, response->fields, response->fields_count);
    fault = judge_body(response, &index, request_method);
    if (fault != H1_FINE)
        return fault;
    if (connection_read(response->fields, response->fields_count, &index, &options) != STATUS_OK)
        return H1_TOO_MANY_OPTIONS;
    response->keep_alive = !options.close && (response->version_minor > 0 || options.keep_alive) &&
                           response->framing != BODY_UNTIL_CLOSE;
    judge_websocket(response, &index, &options);
    return H1_FINE;
}

/* The head at the start of *data, taken off it. */
static enum h1_fault take_response(struct bytes *data, const struct h1_limits *limits,
                                   enum method_id request_method, bool wants_upgrade,
                                   struct arena *arena, struct response *response)
{
    struct field_list fields;
    enum h1_fault fault;

    *response = (struct response){.content_length = UINT64_MAX};
    fault = h1_status_line(data, response);
    if (fault != H1_FINE)
        return fault;
    if (response->status == STATUS_SWITCHING_PROTOCOLS && !wants_upgrade)
        return H1_UNASKED_UPGRADE;
    fault = h1_fields_parse(data, limits, true, arena, &fields);
    if (fault != H1_FINE)
        return fault;
    response->fields = fields.at;
    response->fields_count = fields.count;
    return judge_response(response, request_method);
}

enum h1_fault h1_parse_response(struct bytes head, const struct h1_limits *limits,
                                enum method_id request_method, bool wants_upgrade,
                                struct arena *arena, struct response *response)
{
    enum h1_fault fault =
        take_response(&head, limits, request_method, wants_upgrade, arena, response);

    return fault == H1_FINE && head.len > 0 ? H1_BAD_FIELD : fault;
}

bool h1_take_response(struct bytes *data, const struct h1_limits *limits,
                      enum method_id request_method, bool wants_upgrade, struct arena *arena,
                      struct response *response)
{
    struct bytes rest = *data;

    if (take_response(&rest, limits, request_method, wants_upgrade, arena, response) != H1_FINE ||
        data->len - rest.len > limits->head_bytes_max)
        return false;
    *data = rest;
    return true;
}
