/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - a parsed request or response head, the same for every HTTP version.
 *
 * All bytes are borrowed from the head that was parsed, which the stream keeps in its arena. After
 * a head was parsed nothing reads the raw bytes again: one parse, one meaning (hostile-input R1).
 */
#ifndef PROXY_HTTP_MESSAGE_H
#define PROXY_HTTP_MESSAGE_H

#include "core/bytes.h"

/* Names known to us, by their id; each name is recognised once, when it is parsed. */
enum field_id {
    FIELD_OTHER,
#define FIELD(id, name, flags) FIELD_##id,
#include "proxy/http/fields.def"
#undef FIELD
    FIELD_COUNT
};

struct field {
    struct bytes name;  /* as it came */
    struct bytes value; /* without optional white space around it */
    enum field_id id;
    bool hop_by_hop; /* stays on this side: one of the fixed names, or named by Connection */
};

enum method_id {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_PATCH,
    METHOD_CONNECT,
    METHOD_TRACE
};

enum body_framing {
    BODY_NONE,
    BODY_LENGTH, /* content_length bytes follow */
    BODY_CHUNKED,
    BODY_UNTIL_CLOSE, /* responses only */
};

struct request {
    struct bytes method;
    enum method_id method_id;
    struct bytes path;      /* raw, origin-form, without the query; "*" for OPTIONS * */
    struct bytes query;     /* with its '?', or empty */
    struct bytes authority; /* the target's, else the Host field; empty if there is neither */
    struct bytes scheme;    /* "http" or "https" of an absolute-form target, else empty: the caller
                             * compares it with the listener's (hostile-input 25) */
    uint8_t version_major;  /* 1 or 2 */
    uint8_t version_minor;  /* of HTTP/1: 0 or 1, a higher one is spoken to as HTTP/1.1; else 1 */
    struct field *fields;
    uint32_t fields_count;
    uint32_t fields_dropped_count; /* underscore names left out (hostile-input 22) */
    enum body_framing framing;
    uint64_t content_length;
    bool keep_alive; /* the client wants to send another request on this connection */
    bool expects_continue;
    bool wants_upgrade;         /* Connection: upgrade and an Upgrade field that is not h2c */
    bool wants_websocket;       /* ... that is exactly websocket, GET, 1.1, valid key, version 13 */
    struct bytes websocket_key; /* empty for an extended CONNECT (RFC 8441), which appears here as
                                 * the GET that HTTP/1.1 would use, with an Upgrade field */
    bool takes_trailers;        /* TE: trailers */
};

struct response {
    uint16_t status;
    struct bytes reason;
    uint8_t version_minor;
    struct field *fields;
    uint32_t fields_count;
    enum body_framing framing;
    uint64_t content_length; /* as declared, also for HEAD; UINT64_MAX if there is none */
    bool keep_alive;         /* the endpoint keeps the connection open */
    bool websocket_accepted; /* 101 with a matching Upgrade; the key is checked by the caller */
    struct bytes websocket_accept;
};

/* Borrowed; NULL when there is no such field. The first one if there are several. */
const struct field *request_field(const struct request *request, enum field_id id);

/* RFC 9110 section 9.2.2. */
bool method_is_idempotent(enum method_id method);

#endif
