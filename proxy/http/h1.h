/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1.h - HTTP/1.x: bytes in, messages out. No sockets. llhttp lives here only.
 *
 *     h1_scan (where does the head end?) -> h1_parse_request/_response -> h1_body_next ...
 *     h1_take_request/_response: both at once, for a head that came in one piece
 *
 * Source: RFC 9112; hostile-input.md A, B and 53.
 */
#ifndef PROXY_HTTP_H1_H
#define PROXY_HTTP_H1_H

#include "core/mem.h"
#include "core/status.h"
#include "proxy/http/message.h"

struct h1_limits {
    uint32_t head_bytes_max;   /* default 64 KiB: 431 */
    uint32_t target_bytes_max; /* default 16 KiB: 414 */
    uint32_t fields_max;       /* default 100 lines: 431 */
    bool underscores_allowed;  /* default false: such lines are dropped and counted */
};
#define H1_LIMITS_DEFAULT ((struct h1_limits){65536, 16384, 100, false})

/* What is wrong with a message; each is a line of h1_faults.def: status code and reason text. */
enum h1_fault {
    H1_FINE,
#define H1_FAULT(name, code, reason, sentence) H1_##name,
#include "proxy/http/h1_faults.def"
#undef H1_FAULT
};

/* The status code to answer a request with; 0 = close without an answer (TLS bytes, HTTP/2
 * preface). For any fault of a response the client gets 502. Every fault ends its connection. */
uint16_t h1_fault_code(enum h1_fault fault);
const char *h1_fault_reason(enum h1_fault fault);   /* "bad_content_length"; a metric label */
const char *h1_fault_sentence(enum h1_fault fault); /* for people */

/* Looks for the end of a head in bytes that may come in pieces; remembers how far it got. */
struct h1_scan {
    size_t line_at; /* where the line being read starts */
    size_t seen;    /* bytes looked at */
    size_t start;   /* of the request line, after at most one empty line */
    uint32_t lines;
};
/*
 * `data` is the head from its first byte, longer at each call. STATUS_OK: *head_len bytes are the
 * head with its empty line. STATUS_AGAIN: more is needed. STATUS_INVALID: *fault says why; a bare
 * LF, a byte that no request can start with, or a limit is seen as soon as the byte is there.
 */
enum status h1_scan_request(struct h1_scan *scan, struct bytes data, const struct h1_limits *limits,
                            size_t *head_len, enum h1_fault *fault);
enum status h1_scan_response(struct h1_scan *scan, struct bytes data,
                             const struct h1_limits *limits, size_t *head_len,
                             enum h1_fault *fault);

/*
 * Parse one whole head as h1_scan_*() delimited it. Fields go into the arena; everything else
 * borrows from `head`. H1_FINE, or the fault: then the message is not to be used.
 */
enum h1_fault h1_parse_request(struct bytes head, const struct h1_limits *limits,
                               struct arena *arena, struct request *request);
/* request_method: a response to HEAD has no body whatever it says (RFC 9112 section 6.3).
 * wants_upgrade: whether a 101 was asked for; one that was not is a fault. */
enum h1_fault h1_parse_response(struct bytes head, const struct h1_limits *limits,
                                enum method_id request_method, bool wants_upgrade,
                                struct arena *arena, struct response *response);

/*
 * The quick way for bytes that probably begin with a whole head, since most do: its end is found by
 * parsing it. True when nothing is wrong with it: then it is what h1_scan_*() and h1_parse_*()
 * would have found, and is taken off *data. False says nothing, be it incomplete or bad: go their
 * way.
 */
bool h1_take_request(struct bytes *data, const struct h1_limits *limits, struct arena *arena,
                     struct request *request);
bool h1_take_response(struct bytes *data, const struct h1_limits *limits,
                      enum method_id request_method, bool wants_upgrade, struct arena *arena,
                      struct response *response);

#define CHUNK_EXTENSION_BYTES_MAX 4096 /* of a whole message: hostile-input 8 */

struct h1_chunked;

/* Decodes one body. Fields are private to h1.c, but for is_done. */
struct h1_body {
    enum body_framing framing;
    bool is_done;
    uint64_t remaining;         /* BODY_LENGTH */
    struct h1_chunked *chunked; /* decoder in the arena; only for BODY_CHUNKED */
};

enum h1_body_result {
    H1_BODY_DATA,  /* *payload is the next run of body bytes, borrowed from *input; call again */
    H1_BODY_AGAIN, /* *input is used up, the body goes on */
    H1_BODY_END,   /* the body is complete; *input holds what follows it */
    H1_BODY_BAD,   /* broken framing: *fault; nothing more may be used */
};

void h1_body_init(struct h1_body *body, enum body_framing framing, uint64_t content_length,
                  const struct h1_limits *limits, struct arena *arena);
/* Pull the next run out of *input, which is advanced. Trailers are checked under the header limits
 * and dropped (hostile-input 11). Call with an empty input to see whether the body is complete. */
enum h1_body_result h1_body_next(struct h1_body *body, struct bytes *input, struct bytes *payload,
                                 enum h1_fault *fault);
/* The peer closed: STATUS_OK if the body is complete by that (BODY_UNTIL_CLOSE), else
 * STATUS_INVALID. */
enum status h1_body_finish(struct h1_body *body);

#endif
