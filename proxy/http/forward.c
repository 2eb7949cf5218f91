/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.c - request and response heads for the other side.
 *
 *     parsed message + what was decided about it -> [forward] -> bytes to send
 *
 * Nothing is copied that the parse did not understand: names and values come from the list of
 * fields, framing and connection handling are written by us. Room for the whole head is reserved at
 * once; the bounds below name what the writers add of their own.
 */
#include "proxy/http/forward.h"

#include "proxy/http/field.h"
#include "proxy/http/forwarding.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/syntax.h"

/* The literals and numbers of one head come to about 300 bytes. */
#define OWN_BYTES_MAX        512
#define BYTES_PER_FIELD_MORE 4 /* ": " and CR LF, or ", " in a list */

#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_OK_FIRST            200
#define STATUS_NO_CONTENT          204

static size_t fields_bound(const struct field *fields, uint32_t count)
{
    size_t bound = 0;

    for (uint32_t at = 0; at < count; at++)
        bound += fields[at].name.len + fields[at].value.len + BYTES_PER_FIELD_MORE;
    return bound;
}

static char *put_framing(char *at, enum body_framing framing, uint64_t content_length)
{
    switch (framing) {
    case BODY_NONE:
    case BODY_UNTIL_CLOSE:
        break;
    case BODY_LENGTH:
        at = PUT_LITERAL(at, "Content-Length: ");
        at = put_uint(at, content_length);
        at = PUT_LITERAL(at, "\r\n");
        break;
    case BODY_CHUNKED:
        at = PUT_LITERAL(at, "Transfer-Encoding: chunked\r\n");
        break;
    }
    return at;
}

/* The protocol that was asked for or granted; Connection: upgrade goes with it. */
static char *put_upgrade(char *at, const struct field *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].id == FIELD_UPGRADE) {
            at = PUT_LITERAL(at, "Connection: upgrade\r\n");
            return put_field(at, BYTES("Upgrade"), fields[i].value);
        }
    }
    return at;
}

/* ---- requests ---- */

static size_t request_bound(const struct request *request, const struct forward_request *how)
{
    return OWN_BYTES_MAX + request->method.len + how->path.len + request->query.len +
           how->host.len + how->client_ip.len * 2 + how->scheme.len + how->port.len +
           how->request_id.len + request->authority.len + how->client_cert.len +
           how->original_path.len + request->query.len +
           fields_bound(request->fields, request->fields_count);
}

static char *put_request_line(char *at, const struct request *request,
                              const struct forward_request *how)
{
    at = put(at, request->method);
    *at++ = ' ';
    at = put(at, how->path);
    at = put(at, request->query);
    at = PUT_LITERAL(at, " HTTP/1.1\r\nHost: ");
    at = put(at, how->host);
    return PUT_LITERAL(at, "\r\n");
}

/* The client's own fields, less those that are ours to write or nobody's to send. `present` says
 * afterwards which came. */
static char *put_request_fields(char *at, const struct request *request, bool client_is_trusted,
                                bool present[FIELD_COUNT])
{
    unsigned out = FIELD_REWRITTEN | FIELD_BARRED | (client_is_trusted ? 0 : FIELD_FORWARDING);

    for (uint32_t i = 0; i < request->fields_count; i++) {
        const struct field *field = &request->fields[i];

        present[field->id] = true;
        if (!field->hop_by_hop && (field_flags(field->id) & out) == 0)
            at = put_field(at, field->name, field->value);
    }
    return at;
}

/* All that came, in order, and then the peer we know of: RFC 7239 section 7.4's order. */
static char *put_forwarded_for(char *at, const struct request *request, struct bytes client_ip,
                               bool has_chain)
{
    at = PUT_LITERAL(at, "X-Forwarded-For: ");
    for (uint32_t i = 0; has_chain && i < request->fields_count; i++) {
        const struct field *field = &request->fields[i];

        if (field->id != FIELD_X_FORWARDED_FOR || field->value.len == 0)
            continue;
        at = put(at, field->value);
        at = PUT_LITERAL(at, ", ");
    }
    at = put(at, client_ip);
    return PUT_LITERAL(at, "\r\n");
}

static char *put_original_path(char *at, const struct request *request,
                               const struct forward_request *how)
{
    at = PUT_LITERAL(at, "X-Envoy-Original-Path: ");
    at = put(at, how->original_path);
    at = put(at, request->query);
    return PUT_LITERAL(at, "\r\n");
}

/* What put_forwarding_field() writes with. */
struct pen {
    char *at;
    const struct request *request;
    const struct forward_request *how;
    const bool *present;
};

FORWARDING_INLINE void put_forwarding_field(void *pen_of_this, enum forwarding which)
{
    struct pen *pen = pen_of_this;
    const struct forward_request *how = pen->how;

    switch (which) {
    case FORWARDING_FOR:
        pen->at = put_forwarded_for(pen->at, pen->request, how->client_ip,
                                    pen->present[FIELD_X_FORWARDED_FOR]);
        break;
    case FORWARDING_REAL_IP:
        pen->at = put_field(pen->at, BYTES("X-Real-IP"), how->client_ip);
        break;
    case FORWARDING_PROTO:
        pen->at = put_field(pen->at, BYTES("X-Forwarded-Proto"), how->scheme);
        break;
    case FORWARDING_HOST:
        pen->at = put_field(pen->at, BYTES("X-Forwarded-Host"), pen->request->authority);
        break;
    case FORWARDING_PORT:
        pen->at = put_field(pen->at, BYTES("X-Forwarded-Port"), how->port);
        break;
    case FORWARDING_REQUEST_ID:
        pen->at = put_field(pen->at, BYTES("X-Request-Id"), how->request_id);
        break;
    case FORWARDING_CLIENT_CERT:
        pen->at = put_field(pen->at, BYTES("X-Forwarded-Client-Cert"), how->client_cert);
        break;
    case FORWARDING_ORIGINAL_PATH:
        pen->at = put_original_path(pen->at, pen->request, how);
        break;
    }
}

static char *put_forwarding(char *at, const struct request *request,
                            const struct forward_request *how, const bool present[FIELD_COUNT])
{
    struct pen pen = {at, request, how, present};

    forwarding_each(request, how, present, put_forwarding_field, &pen);
    return pen.at;
}

/* The client's protocol may know no key (RFC 8441 section 5); then it knows no version either. */
static char *put_websocket(char *at, const struct request *request,
                           const struct forward_request *how, const bool present[FIELD_COUNT])
{
    at = put_upgrade(at, request->fields, request->fields_count);
    if (how->websocket_key.len == 0)
        return at;
    at = put_field(at, BYTES("Sec-WebSocket-Key"), how->websocket_key);
    if (!present[FIELD_SEC_WEBSOCKET_VERSION])
        at = PUT_LITERAL(at, "Sec-WebSocket-Version: 13\r\n");
    return at;
}

void forward_request_head(struct text *out, const struct request *request,
                          const struct forward_request *how)
{
    bool present[FIELD_COUNT] = {false};
    char *at = head_writer_open(out, request_bound(request, how));

    at = put_request_line(at, request, how);
    at = put_request_fields(at, request, how->client_is_trusted, present);
    at = put_framing(at, how->framing, how->content_length);
    if (how->expects_continue)
        at = PUT_LITERAL(at, "Expect: 100-continue\r\n");
    at = put_forwarding(at, request, how, present);
    if (how->upgrade)
        at = put_websocket(at, request, how, present);
    at = PUT_LITERAL(at, "\r\n");
    head_writer_close(out, at);
}

bool request_id_is_valid(struct bytes id)
{
    return id.len > 0 && id.len <= REQUEST_ID_LENGTH_MAX && syntax_is_all(id, SYNTAX_REQUEST_ID);
}

/* ---- responses ---- */

static char *put_status_line(char *at, const struct response *response)
{
    uint16_t status = response->status;

    at = PUT_LITERAL(at, "HTTP/1.1 ");
    *at++ = (char)('0' + status / 100);
    *at++ = (char)('0' + status / 10 % 10);
    *at++ = (char)('0' + status % 10);
    *at++ = ' ';
    at = put(at, response->reason);
    return PUT_LITERAL(at, "\r\n");
}

bool forward_replaces(const struct forward_response *how, const struct field *field)
{
    for (uint32_t i = 0; i < how->added_count; i++) {
        const struct field *added = &how->added[i];

        if (added->id == FIELD_SET_COOKIE) /* cookies come beside each other */
            continue;
        if (added->id == field->id &&
            (field->id != FIELD_OTHER || bytes_equal_nocase(added->name, field->name)))
            return true;
    }
    return false;
}

static char *put_response_fields(char *at, const struct response *response,
                                 const struct forward_response *how, bool *has_date)
{
    for (uint32_t i = 0; i < response->fields_count; i++) {
        const struct field *field = &response->fields[i];

        if (field->hop_by_hop || field->id == FIELD_CONTENT_LENGTH || forward_replaces(how, field))
            continue;
        if (field->id == FIELD_DATE)
            *has_date = true;
        at = put_field(at, field->name, field->value);
    }
    for (uint32_t i = 0; i < how->added_count; i++)
        at = put_field(at, how->added[i].name, how->added[i].value);
    return at;
}

/* A response without a body may still say how long it would be: to HEAD, and a 304. */
static char *put_response_framing(char *at, const struct response *response,
                                  const struct forward_response *how)
{
    enum body_framing framing = how->framing;

    if (response->status < STATUS_OK_FIRST || response->status == STATUS_NO_CONTENT)
        return at;
    if (framing == BODY_NONE && response->content_length != UINT64_MAX)
        framing = BODY_LENGTH;
    return put_framing(at, framing, response->content_length);
}

/* Of a final response; interim ones say nothing about the connection. */
static char *put_persistence(char *at, const struct forward_response *how)
{
    if (!how->keep_alive)
        return PUT_LITERAL(at, "Connection: close\r\n");
    if (how->client_version_minor == 0 && how->client_wants_keep_alive_1_0)
        return PUT_LITERAL(at, "Connection: keep-alive\r\n");
    return at;
}

void forward_response_head(struct text *out, const struct response *response,
                           const struct forward_response *how)
{
    size_t bound = OWN_BYTES_MAX + response->reason.len + how->date.len +
                   fields_bound(response->fields, response->fields_count) +
                   fields_bound(how->added, how->added_count);
    char *at = head_writer_open(out, bound);
    bool has_date = false;

    at = put_status_line(at, response);
    at = put_response_fields(at, response, how, &has_date);
    at = put_response_framing(at, response, how);
    if (response->status >= STATUS_OK_FIRST) {
        if (!has_date && how->date.len > 0)
            at = put_field(at, BYTES("Date"), how->date);
        at = put_persistence(at, how);
    }
    if (how->upgrade && response->status == STATUS_SWITCHING_PROTOCOLS)
        at = put_upgrade(at, response->fields, response->fields_count);
    at = PUT_LITERAL(at, "\r\n");
    head_writer_close(out, at);
}
