/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_scan.c - where a head ends, looking at every byte once however it comes in pieces.
 *
 *     [scan] -> parse -> body
 *
 * It also says no as early as it can: to bytes that begin no request, to a bare LF, to limits. All
 * other mistakes are found by the parse of the whole head.
 */
#include "proxy/http/h1.h"
#include "proxy/http/h1_line.h"
#include "proxy/http/syntax.h"

enum head_kind { HEAD_OF_REQUEST, HEAD_OF_RESPONSE };

#define TLS_HANDSHAKE  0x16 /* RFC 8446 section 5.1 */
#define SSL2_HELLO     0x80 /* the first byte of an SSL 2.0 hello */
#define VERSION_LENGTH 8    /* HTTP/1.1 */
#define VERSION_START  BYTES("HTTP/")
#define PREFACE_LINE   BYTES("PRI * HTTP/2.0") /* RFC 9113 section 3.4 */

/* The first bytes of a request: at most one empty line, then a method. */
static enum h1_fault check_request_start(const struct h1_scan *scan, struct bytes data)
{
    uint8_t first = (uint8_t)data.at[scan->start];

    if (first == '\r' && scan->start == 0) {
        if (data.len > 1 && data.at[1] != '\n')
            return H1_BAD_LINE_END;
        return H1_FINE;
    }
    if (first == '\n')
        return H1_BAD_LINE_END;
    if (syntax_is((char)first, SYNTAX_TOKEN))
        return H1_FINE;
    if (first == TLS_HANDSHAKE || first == SSL2_HELLO)
        return H1_TLS;
    return H1_BAD_REQUEST_LINE;
}

static enum h1_fault check_response_start(struct bytes data)
{
    struct bytes start = bytes_slice(data, 0, VERSION_START.len);

    return bytes_starts_with(VERSION_START, start) ? H1_FINE : H1_BAD_STATUS_LINE;
}

/* A request line that may still grow: is its method or its target too long already? */
static enum h1_fault check_request_line_length(struct bytes line, const struct h1_limits *limits)
{
    struct bytes method = bytes_slice(line, 0, METHOD_LENGTH_MAX + 1);
    size_t space;

    if (line.len <= METHOD_LENGTH_MAX)
        return H1_FINE;
    space = bytes_find(method, ' ');
    if (space == BYTES_NOT_FOUND)
        return H1_BAD_METHOD;
    if (line.len - space > (size_t)limits->target_bytes_max + 2 + VERSION_LENGTH) /* two blanks */
        return H1_TARGET_TOO_LONG;
    return H1_FINE;
}

/* A whole request line. Who sends HTTP/0.9 waits for an answer after it, and no more lines come. */
static enum h1_fault check_request_line(struct bytes line, const struct h1_limits *limits)
{
    enum h1_fault fault = check_request_line_length(line, limits);

    if (fault != H1_FINE)
        return fault;
    if (bytes_equal(line, PREFACE_LINE))
        return H1_HTTP2_PREFACE;
    if (line.len < VERSION_LENGTH ||
        !bytes_starts_with(bytes_skip(line, line.len - VERSION_LENGTH), VERSION_START))
        return H1_BAD_REQUEST_LINE;
    return H1_FINE;
}

/* Whether what has been seen breaks a rule, although the current line is not complete. */
static enum h1_fault check_incomplete(const struct h1_scan *scan, struct bytes data,
                                      const struct h1_limits *limits, enum head_kind kind)
{
    struct bytes line = bytes_skip(data, scan->line_at);
    enum h1_fault fault = H1_FINE;

    if (bytes_ends_with(line, BYTES("\r")))
        line.len--;
    if (kind == HEAD_OF_REQUEST && scan->lines == 0)
        fault = check_request_line_length(line, limits);
    if (fault == H1_FINE && data.len - scan->start > limits->head_bytes_max)
        fault = H1_HEAD_TOO_LARGE;
    return fault;
}

/* One more line, without its line end. */
static enum h1_fault check_line(struct h1_scan *scan, struct bytes line, size_t line_end,
                                const struct h1_limits *limits, enum head_kind kind)
{
    scan->lines++;
    if (line.at[0] == '\r') /* CR CR LF: somebody could take it for the empty line */
        return H1_BAD_LINE_END;
    if (scan->lines == 1 && kind == HEAD_OF_REQUEST) {
        enum h1_fault fault = check_request_line(line, limits);

        if (fault != H1_FINE)
            return fault;
    }
    if (line_end - scan->start > limits->head_bytes_max)
        return H1_HEAD_TOO_LARGE;
    return scan->lines - 1 > limits->fields_max ? H1_TOO_MANY_FIELDS : H1_FINE;
}

static enum status scan_lines(struct h1_scan *scan, struct bytes data,
                              const struct h1_limits *limits, enum head_kind kind, size_t *head_len,
                              enum h1_fault *fault)
{
    while (scan->seen < data.len) {
        const char *lf = memchr(data.at + scan->seen, '\n', data.len - scan->seen);
        size_t at, len;

        if (lf == NULL) {
            scan->seen = data.len;
            break;
        }
        at = (size_t)(lf - data.at);
        scan->seen = at + 1;
        if (at == scan->line_at || lf[-1] != '\r') {
            *fault = H1_BAD_LINE_END;
            return STATUS_INVALID;
        }
        len = at - 1 - scan->line_at;
        if (len == 0 && scan->lines > 0) {
            if (scan->seen - scan->start > limits->head_bytes_max)
                break;
            *head_len = scan->seen;
            return STATUS_OK;
        }
        if (len == 0) { /* the one empty line that may come before a request */
            scan->start = scan->line_at = scan->seen;
            return STATUS_AGAIN;
        }
        *fault = check_line(scan, bytes_slice(data, scan->line_at, len), at + 1, limits, kind);
        if (*fault != H1_FINE)
            return STATUS_INVALID;
        scan->line_at = scan->seen;
    }
    *fault = check_incomplete(scan, data, limits, kind);
    return *fault == H1_FINE ? STATUS_AGAIN : STATUS_INVALID;
}

enum status h1_scan_request(struct h1_scan *scan, struct bytes data, const struct h1_limits *limits,
                            size_t *head_len, enum h1_fault *fault)
{
    enum status status = STATUS_AGAIN;
    size_t start;

    do { /* a second time if there was an empty line in front */
        start = scan->start;
        if (scan->lines == 0 && data.len > start) {
            *fault = check_request_start(scan, data);
            if (*fault != H1_FINE)
                return STATUS_INVALID;
        }
        status = scan_lines(scan, data, limits, HEAD_OF_REQUEST, head_len, fault);
    } while (status == STATUS_AGAIN && scan->start != start);
    return status;
}

enum status h1_scan_response(struct h1_scan *scan, struct bytes data,
                             const struct h1_limits *limits, size_t *head_len, enum h1_fault *fault)
{
    if (scan->lines == 0) {
        *fault = check_response_start(data);
        if (*fault != H1_FINE)
            return STATUS_INVALID;
    }
    return scan_lines(scan, data, limits, HEAD_OF_RESPONSE, head_len, fault);
}
