/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - names and small phrases.
 */
#include "route/words.h"

#include <time.h>

const char *path_kind_word(enum path_kind kind)
{
    switch (kind) {
    case PATH_EXACT:
        return "exact";
    case PATH_REGEX:
        return "regex";
    case PATH_PREFIX:
        return "prefix";
    case PATH_STRING_PREFIX:
        return "string";
    }
    return "?";
}

const char *route_action_word(enum route_action action)
{
    switch (action) {
    case ROUTE_FORWARD:
        return "forward";
    case ROUTE_REDIRECT_HTTPS:
        return "redirect_https";
    case ROUTE_UNAVAILABLE:
        return "unavailable";
    }
    return "?";
}

const char *cluster_protocol_word(enum cluster_protocol protocol)
{
    switch (protocol) {
    case CLUSTER_HTTP1:
        return "http1";
    case CLUSTER_TLS:
        return "tls";
    case CLUSTER_H2C:
        return "h2c";
    case CLUSTER_H2:
        return "h2";
    }
    return "?";
}

const char *cluster_policy_word(enum cluster_policy policy)
{
    switch (policy) {
    case CLUSTER_ROUND_ROBIN:
        return "round_robin";
    case CLUSTER_LEAST_REQUEST:
        return "least_request";
    case CLUSTER_RANDOM:
        return "random";
    case CLUSTER_RING_HASH:
        return "ring_hash";
    case CLUSTER_MAGLEV:
        return "maglev";
    }
    return "?";
}

const char *retry_on_word(unsigned index)
{
    static const char *const words[RETRY_WORDS_COUNT] = {
        "5xx", "gateway-error", "connect-failure", "retriable-4xx", "reset", "refused-stream",
    };

    return index < RETRY_WORDS_COUNT ? words[index] : "?";
}

const char *scheme_word(enum scheme scheme)
{
    switch (scheme) {
    case SCHEME_HTTP:
        return "http";
    case SCHEME_HTTPS:
        return "https";
    }
    return "?";
}

const char *client_auth_word(enum tls_client_auth auth)
{
    switch (auth) {
    case TLS_CLIENT_AUTH_NONE:
        return "none";
    case TLS_CLIENT_AUTH_OPTIONAL:
        return "optional";
    case TLS_CLIENT_AUTH_REQUIRED:
        return "required";
    }
    return "?";
}

const char *object_state_word(enum object_state state)
{
    switch (state) {
    case OBJECT_VALID:
        return "valid";
    case OBJECT_INVALID:
        return "invalid";
    case OBJECT_ORPHANED:
        return "orphaned";
    }
    return "?";
}

void words_add_text(struct text *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (byte < 0x20 || byte == 0x7f)
            text_printf(out, "\\x%02X", byte);
        else
            text_add_byte(out, text.at[i]);
    }
}

void words_add_duration(struct text *out, uint32_t ms)
{
    bool is_whole = ms % 1000 == 0;

    text_add_uint(out, is_whole ? ms / 1000 : ms);
    text_add_str(out, is_whole ? "s" : "ms");
}

void words_add_date(struct text *out, int64_t unix_s)
{
    time_t moment = (time_t)unix_s;
    struct tm utc;
    char stamp[64];

    if (gmtime_r(&moment, &utc) == NULL ||
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        text_printf(out, "%lld s after 1970", (long long)unix_s);
        return;
    }
    text_add_str(out, stamp);
}

void words_add_count(struct text *out, uint64_t count, const char *noun)
{
    text_add_uint(out, count);
    text_add_byte(out, ' ');
    text_add_str(out, noun);
    if (count != 1)
        text_add_byte(out, 's');
}

void words_add_place(struct text *out, const struct route *route)
{
    words_add_text(out, route->object);
    if (route->object.len > 0 && route->field.len > 0)
        text_add_byte(out, ' ');
    words_add_text(out, route->field);
}

void words_add_origin(struct text *out, const struct route *route)
{
    words_add_place(out, route);
    if (route->via.len == 0)
        return;
    text_add_str(out, " via ");
    words_add_text(out, route->via);
}

void words_pad(struct text *out, size_t line, size_t column)
{
    do {
        text_add_byte(out, ' ');
    } while (out->len < line + column);
}
