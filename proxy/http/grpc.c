/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.c - content types, statuses, and the two encodings of gRPC-Web.
 */
#include "proxy/http/grpc.h"

#include "core/check.h"

#include <openssl/evp.h>

#define PLAIN_TYPE    "application/grpc"
#define WEB_TYPE      "application/grpc-web"
#define WEB_TEXT_TYPE "application/grpc-web-text"
#define TRAILERS_FLAG ((char)0x80)

#define TIMEOUT_DIGITS_MAX 8

static bool is_type(struct bytes value, struct bytes type)
{
    if (value.len < type.len || !bytes_equal_nocase(bytes_slice(value, 0, type.len), type))
        return false;
    return value.len == type.len || value.at[type.len] == '+' || value.at[type.len] == ';' ||
           value.at[type.len] == ' ';
}

enum grpc_kind grpc_kind_of(struct bytes content_type)
{
    if (is_type(content_type, BYTES(WEB_TEXT_TYPE)))
        return GRPC_WEB_TEXT;
    if (is_type(content_type, BYTES(WEB_TYPE)))
        return GRPC_WEB;
    return is_type(content_type, BYTES(PLAIN_TYPE)) ? GRPC_PLAIN : GRPC_NONE;
}

enum grpc_kind grpc_kind_of_request(const struct request *request)
{
    const struct field *type = request_field(request, FIELD_CONTENT_TYPE);

    return type == NULL ? GRPC_NONE : grpc_kind_of(type->value);
}

enum grpc_status grpc_status_of_http(uint16_t code)
{
    switch (code) {
    case 400:
    case 431:
        return GRPC_INTERNAL;
    case 401:
        return GRPC_UNAUTHENTICATED;
    case 403:
        return GRPC_PERMISSION_DENIED;
    case 404:
        return GRPC_UNIMPLEMENTED;
    case 408:
        return GRPC_DEADLINE_EXCEEDED;
    case 413:
        return GRPC_RESOURCE_EXHAUSTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return GRPC_UNAVAILABLE;
    default:
        return GRPC_UNKNOWN;
    }
}

enum status grpc_timeout_parse(struct bytes value, uint64_t *us)
{
    static const struct {
        char unit;
        uint64_t per; /* microseconds in a unit */
    } units[] = {{'H', 3600000000u}, {'M', 60000000}, {'S', 1000000}, {'m', 1000}, {'u', 1}};
    uint64_t number;

    if (value.len < 2 || value.len > TIMEOUT_DIGITS_MAX + 1 ||
        !bytes_to_uint(bytes_slice(value, 0, value.len - 1), 99999999, &number))
        return STATUS_INVALID;
    if (value.at[value.len - 1] == 'n') {
        *us = number / 1000;
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (value.at[value.len - 1] != units[i].unit)
            continue;
        *us = number * units[i].per;
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

/* What stands behind the type's own name: "+proto", "; charset=x". */
static struct bytes suffix_of(struct bytes content_type)
{
    switch (grpc_kind_of(content_type)) {
    case GRPC_PLAIN:
        return bytes_skip(content_type, sizeof(PLAIN_TYPE) - 1);
    case GRPC_WEB:
        return bytes_skip(content_type, sizeof(WEB_TYPE) - 1);
    case GRPC_WEB_TEXT:
        return bytes_skip(content_type, sizeof(WEB_TEXT_TYPE) - 1);
    case GRPC_NONE:
        break;
    }
    return BYTES_NONE;
}

void grpc_type_to_plain(struct bytes content_type, struct text *out)
{
    text_add(out, BYTES(PLAIN_TYPE));
    text_add(out, suffix_of(content_type));
}

void grpc_type_to_web(struct bytes content_type, enum grpc_kind kind, struct text *out)
{
    text_add(out, kind == GRPC_WEB_TEXT ? BYTES(WEB_TEXT_TYPE) : BYTES(WEB_TYPE));
    text_add(out, suffix_of(content_type));
}

void grpc_web_trailers(const struct field *trailers, uint32_t count, struct text *out)
{
    size_t start = out->len;
    uint32_t length;

    text_add(out, BYTES("\0\0\0\0\0"));
    for (uint32_t i = 0; i < count; i++) {
        text_add(out, trailers[i].name);
        text_add(out, BYTES(": "));
        text_add(out, trailers[i].value);
        text_add(out, BYTES("\r\n"));
    }
    length = (uint32_t)(out->len - start - 5);
    out->at[start] = TRAILERS_FLAG;
    for (size_t i = 0; i < 4; i++)
        out->at[start + 1 + i] = (char)(length >> (24 - 8 * i));
}

/* ---- base64 ---- */

static bool is_base64(unsigned char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '/' || byte == '=';
}

/* Padding may end a group, and nothing else. */
static enum status decode_group(const unsigned char group[4], struct text *out)
{
    unsigned char decoded[4];
    size_t padding = (size_t)(group[3] == '=') + (group[2] == '=');

    if (group[0] == '=' || group[1] == '=' || (group[2] == '=' && group[3] != '='))
        return STATUS_INVALID;
    if (EVP_DecodeBlock(decoded, group, 4) != 3)
        return STATUS_INVALID;
    text_add(out, bytes_from((const char *)decoded, 3 - padding));
    return STATUS_OK;
}

enum status grpc_web_text_decode(struct grpc_web_text *state, struct bytes data, struct text *out)
{
    for (size_t i = 0; i < data.len; i++) {
        unsigned char byte = (unsigned char)data.at[i];

        if (!is_base64(byte))
            return STATUS_INVALID;
        state->held[state->held_count++] = byte;
        if (state->held_count < 4)
            continue;
        state->held_count = 0;
        if (decode_group(state->held, out) != STATUS_OK)
            return STATUS_INVALID;
    }
    return STATUS_OK;
}

static void encode(const unsigned char *data, size_t count, struct text *out)
{
    size_t length = (count + 2) / 3 * 4;

    text_reserve(out, length + 1); /* EVP_EncodeBlock() adds a NUL */
    CHECK(EVP_EncodeBlock((unsigned char *)out->at + out->len, data, (int)count) == (int)length);
    out->len += length;
}

void grpc_web_text_encode(struct grpc_web_text *state, struct bytes data, bool is_end,
                          struct text *out)
{
    size_t whole;

    while (state->held_count > 0 && state->held_count < 3 && data.len > 0) {
        state->held[state->held_count++] = (unsigned char)data.at[0];
        data = bytes_skip(data, 1);
    }
    if (state->held_count == 3 || (is_end && data.len == 0 && state->held_count > 0)) {
        encode(state->held, state->held_count, out);
        state->held_count = 0;
    }
    whole = is_end ? data.len : data.len / 3 * 3;
    if (whole > 0)
        encode((const unsigned char *)data.at, whole, out);
    for (size_t i = whole; i < data.len; i++)
        state->held[state->held_count++] = (unsigned char)data.at[i];
}
