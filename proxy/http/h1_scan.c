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

/* Three capital words, such as those of a broken HTTP/2 preface: no HTTP/1 answer would be
 * understood (RFC 9113 section 3.4). */
static bool is_three_words(struct bytes line)
{
    size_t spaces = 0;

    for (size_t i = 0; i < line.len; i++) {
        if (line.at[i] == ' ')
            spaces++;
        else if (line.at[i] < 'A' || line.at[i] > 'Z')
            return false;
    }
    return spaces == 2;
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
        return is_three_words(line) ? H1_NOT_HTTP : H1_BAD_REQUEST_LINE;
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

/* One more line that is not empty, without its line end, which is before `end`. */
static enum h1_fault check_line(struct h1_scan *scan, struct bytes line, size_t end,
                                const struct h1_limits *limits, enum head_kind kind)
{
    if (line.at[0] == '\r') /* CR CR LF: somebody could take it for the empty line */
        return H1_BAD_LINE_END;
    if (scan->lines++ == 0 && kind == HEAD_OF_REQUEST) {
        enum h1_fault fault = check_request_line(line, limits);

        if (fault != H1_FINE)
            return fault;
    }
    if (end - scan->start > limits->head_bytes_max)
        return H1_HEAD_TOO_LARGE;
    return scan->lines - 1 > limits->fields_max ? H1_TOO_MANY_FIELDS : H1_FINE;
}

/* STATUS_END: an empty line, where *end is behind it. Else as h1_scan_*(). */
static enum status scan_lines(struct h1_scan *scan, struct bytes data,
                              const struct h1_limits *limits, enum head_kind kind, size_t *end,
                              enum h1_fault *fault)
{
    const char *line = data.at + scan->line_at;
    const char *from = data.at + scan->seen;
    const char *stop = data.at + data.len;

    while (from < stop) {
        const char *lf = memchr(from, '\n', (size_t)(stop - from));

        if (lf == NULL)
            break;
        from = lf + 1;
        *fault = H1_BAD_LINE_END;
        if (lf == line || lf[-1] != '\r')
            return STATUS_INVALID;
        *end = (size_t)(from - data.at);
        if (lf - 1 == line)
            return STATUS_END;
        *fault = check_line(scan, bytes_from(line, (size_t)(lf - 1 - line)), *end, limits, kind);
        if (*fault != H1_FINE)
            return STATUS_INVALID;
        line = from;
    }
    scan->seen = data.len;
    scan->line_at = (size_t)(line - data.at);
    *fault = check_incomplete(scan, data, limits, kind);
    return *fault == H1_FINE ? STATUS_AGAIN : STATUS_INVALID;
}

/* The empty line that ends the head. */
static enum status scan_end(const struct h1_scan *scan, size_t end, const struct h1_limits *limits,
                            size_t *head_len, enum h1_fault *fault)
{
    if (end - scan->start > limits->head_bytes_max) {
        *fault = H1_HEAD_TOO_LARGE;
        return STATUS_INVALID;
    }
    *head_len = end;
    return STATUS_OK;
}

enum status h1_scan_request(struct h1_scan *scan, struct bytes data, const struct h1_limits *limits,
                            size_t *head_len, enum h1_fault *fault)
{
    enum status status;
    size_t end = 0;

    do { /* a second time if there was an empty line in front */
        if (scan->lines == 0 && data.len > scan->start) {
            *fault = check_request_start(scan, data);
            if (*fault != H1_FINE)
                return STATUS_INVALID;
        }
        status = scan_lines(scan, data, limits, HEAD_OF_REQUEST, &end, fault);
        if (status == STATUS_END && scan->lines > 0)
            return scan_end(scan, end, limits, head_len, fault);
        if (status == STATUS_END)
            scan->start = scan->line_at = scan->seen = end;
    } while (status == STATUS_END);
    return status;
}

enum status h1_scan_response(struct h1_scan *scan, struct bytes data,
                             const struct h1_limits *limits, size_t *head_len, enum h1_fault *fault)
{
    enum status status;
    size_t end = 0;

    if (scan->lines == 0) {
        *fault = check_response_start(data);
        if (*fault != H1_FINE)
            return STATUS_INVALID;
    }
    status = scan_lines(scan, data, limits, HEAD_OF_RESPONSE, &end, fault);
    return status == STATUS_END ? scan_end(scan, end, limits, head_len, fault) : status;
}
