/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - the names of fields and methods, each recognised once.
 */
#include "proxy/http/message.h"

#include "proxy/http/field.h"

static const struct bytes names[FIELD_COUNT] = {
#define FIELD(id, name, flags) [FIELD_##id] = {name, sizeof(name) - 1},
#include "proxy/http/fields.def"
#undef FIELD
};

static const uint8_t flags_of[FIELD_COUNT] = {
#define FIELD(id, name, flags) [FIELD_##id] = (flags),
#include "proxy/http/fields.def"
#undef FIELD
};

uint8_t field_flags(enum field_id id)
{
    return flags_of[id];
}

bool field_is_known(enum field_id id)
{
    return id != FIELD_OTHER && (flags_of[id] & FIELD_FAMILY) == 0;
}

struct bytes field_name(enum field_id id)
{
    return names[id];
}

/* Bytes over 0x20 are equal in this form to a-z, 0-9 and '-' when they are that in any case. */
static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word | 0x2020202020202020;
}

/* The first four bytes and the last four. */
static uint64_t ends_at(const char *at, size_t len)
{
    uint32_t first, last;

    memcpy(&first, at, sizeof(first));
    memcpy(&last, at + len - sizeof(last), sizeof(last));
    return (first | (uint64_t)last << 32) | 0x2020202020202020;
}

/* Whether `name` is the lower-case `known` of the same length, in any case. The words overlap where
 * the length wants it. */
static inline bool is_known(const char *name, const char *known, size_t len)
{
    size_t at;

    if (len >= 8) {
        for (at = 0; at + 8 < len; at += 8)
            if (word_at(name + at) != word_at(known + at))
                return false;
        return word_at(name + len - 8) == word_at(known + len - 8);
    }
    if (len >= 4)
        return ends_at(name, len) == ends_at(known, len);
    for (at = 0; at < len; at++)
        if ((name[at] | 0x20) != known[at])
            return false;
    return true;
}

static bool has_prefix(struct bytes name, struct bytes prefix)
{
    return name.len >= prefix.len && is_known(name.at, prefix.at, prefix.len);
}

#define FAMILY_LENGTH_MIN 11 /* ssl-client-* */

/* Names of the lines with a '*': rare, and all begin with x or s. */
static enum field_id identify_family(struct bytes name)
{
    static const enum field_id families[] = {FIELD_X_FORWARDED_OTHER, FIELD_X_FAIRLEAD,
                                             FIELD_X_SSL_CLIENT, FIELD_SSL_CLIENT};
    char first = name.len >= FAMILY_LENGTH_MIN ? (char)(name.at[0] | 0x20) : '\0';

    if (first != 'x' && first != 's')
        return FIELD_OTHER;
    for (size_t at = 0; at < sizeof(families) / sizeof(families[0]); at++) {
        struct bytes prefix = names[families[at]];

        prefix.len--; /* less the '*' */
        if (has_prefix(name, prefix))
            return families[at];
    }
    return FIELD_OTHER;
}

#define CANDIDATES_MAX 6

/* The names of each length, the usual ones first. A unit test holds it against fields.def. */
static const uint8_t by_length[30][CANDIDATES_MAX] = {
    [2] = {FIELD_TE},
    [4] = {FIELD_HOST, FIELD_DATE, FIELD_ETAG, FIELD_VARY},
    [5] = {FIELD_PROXY},
    [6] = {FIELD_ACCEPT, FIELD_SERVER, FIELD_COOKIE, FIELD_ORIGIN, FIELD_EXPECT},
    [7] = {FIELD_REFERER, FIELD_UPGRADE, FIELD_TRAILER},
    [8] = {FIELD_LOCATION},
    [9] = {FIELD_FORWARDED, FIELD_X_REAL_IP},
    [10] = {FIELD_CONNECTION, FIELD_USER_AGENT, FIELD_SET_COOKIE, FIELD_KEEP_ALIVE},
    [11] = {FIELD_CLIENT_CERT},
    [12] = {FIELD_CONTENT_TYPE, FIELD_X_REQUEST_ID, FIELD_GRPC_TIMEOUT},
    [13] = {FIELD_AUTHORIZATION},
    [14] = {FIELD_CONTENT_LENGTH, FIELD_HTTP2_SETTINGS},
    [15] = {FIELD_ACCEPT_ENCODING, FIELD_X_FORWARDED_FOR},
    [16] = {FIELD_CONTENT_ENCODING, FIELD_X_FORWARDED_HOST, FIELD_X_FORWARDED_PORT,
            FIELD_PROXY_CONNECTION},
    [17] = {FIELD_TRANSFER_ENCODING, FIELD_X_FORWARDED_PROTO, FIELD_SEC_WEBSOCKET_KEY,
            FIELD_CLIENT_CERT_CHAIN},
    [18] = {FIELD_PROXY_AUTHENTICATE},
    [19] = {FIELD_PROXY_AUTHORIZATION},
    [20] = {FIELD_SEC_WEBSOCKET_ACCEPT},
    [21] = {FIELD_SEC_WEBSOCKET_VERSION, FIELD_X_ENVOY_ORIGINAL_PATH},
    [23] = {FIELD_X_FORWARDED_CLIENT_CERT},
    [25] = {FIELD_STRICT_TRANSPORT_SECURITY},
    [29] = {FIELD_ACCESS_CONTROL_REQUEST_METHOD},
};

enum field_id field_identify(struct bytes name)
{
    const uint8_t *candidate;
    char first;

    if (name.len == 0 || name.len >= sizeof(by_length) / sizeof(by_length[0]))
        return identify_family(name);
    candidate = by_length[name.len];
    first = (char)(name.at[0] | 0x20);
    for (size_t at = 0; at < CANDIDATES_MAX && candidate[at] != FIELD_OTHER; at++) {
        const char *known = names[candidate[at]].at;

        if (*known == first && is_known(name.at, known, name.len))
            return (enum field_id)candidate[at];
    }
    return identify_family(name);
}

enum method_id method_identify(struct bytes method)
{
    static const struct {
        struct bytes name;
        enum method_id id;
    } known[] = {
        {{"GET", 3}, METHOD_GET},       {{"POST", 4}, METHOD_POST},
        {{"HEAD", 4}, METHOD_HEAD},     {{"PUT", 3}, METHOD_PUT},
        {{"DELETE", 6}, METHOD_DELETE}, {{"OPTIONS", 7}, METHOD_OPTIONS},
        {{"PATCH", 5}, METHOD_PATCH},   {{"CONNECT", 7}, METHOD_CONNECT},
        {{"TRACE", 5}, METHOD_TRACE},
    };

    for (size_t at = 0; at < sizeof(known) / sizeof(known[0]); at++) {
        if (bytes_equal(method, known[at].name))
            return known[at].id;
    }
    return METHOD_OTHER;
}

void field_index_build(struct field_index *index, const struct field *fields, uint32_t count)
{
    memset(index->count, 0, sizeof(index->count));
    for (uint32_t at = 0; at < count; at++) {
        enum field_id id = fields[at].id;

        if (index->count[id] == 0)
            index->first[id] = &fields[at];
        if (index->count[id] < UINT16_MAX)
            index->count[id]++;
    }
}

bool field_index_is(const struct field_index *index, enum field_id id, struct bytes value)
{
    return index->count[id] == 1 && bytes_equal_nocase(index->first[id]->value, value);
}

const struct field *request_field(const struct request *request, enum field_id id)
{
    for (uint32_t at = 0; at < request->fields_count; at++) {
        if (request->fields[at].id == id)
            return &request->fields[at];
    }
    return NULL;
}

bool method_is_idempotent(enum method_id method)
{
    switch (method) {
    case METHOD_GET:
    case METHOD_HEAD:
    case METHOD_PUT:
    case METHOD_DELETE:
    case METHOD_OPTIONS:
    case METHOD_TRACE:
        return true;
    case METHOD_OTHER:
    case METHOD_POST:
    case METHOD_PATCH:
    case METHOD_CONNECT:
        return false;
    }
    return false;
}
