/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_line.c - request lines and status lines.
 *
 * llhttp knows a fixed list of methods and reads targets more kindly than we want, so the first
 * line is ours. Whatever is not exactly as the RFC has it is refused, never repaired.
 */
#include "proxy/http/h1_line.h"

#include "proxy/http/field.h"
#include "proxy/http/syntax.h"

#define VERSION_LENGTH     8 /* HTTP/1.1 */
#define STATUS_CODE_LENGTH 3
#define STATUS_MIN         100

/* The line without CR LF; false when there is none. A CR inside is left for the caller to find. */
static bool take_line(struct bytes *rest, struct bytes *line)
{
    size_t lf = bytes_find(*rest, '\n');

    if (lf == BYTES_NOT_FOUND || lf == 0 || rest->at[lf - 1] != '\r')
        return false;
    *line = bytes_slice(*rest, 0, lf - 1);
    *rest = bytes_skip(*rest, lf + 1);
    return true;
}

/* HTTP/1.x; a higher minor version is spoken to as 1.1 (RFC 9110 section 2.5). */
static enum h1_fault read_version(struct bytes text, enum h1_fault malformed, uint8_t *minor)
{
    if (text.len != VERSION_LENGTH || memcmp(text.at, "HTTP/", 5) != 0 ||
        !syntax_is_digit(text.at[5]) || text.at[6] != '.' || !syntax_is_digit(text.at[7]))
        return malformed;
    if (text.at[5] == '0') /* HTTP/0.9 had no version in its line */
        return malformed;
    if (text.at[5] != '1')
        return malformed == H1_BAD_REQUEST_LINE ? H1_BAD_VERSION : malformed;
    *minor = text.at[7] == '0' ? 0 : 1;
    return H1_FINE;
}

/* Length of the method; 0 when the line does not begin with a token and a blank. */
static size_t method_length(struct bytes line)
{
    size_t len = 0;

    while (len < line.len && syntax_is(line.at[len], SYNTAX_TOKEN))
        len++;
    return len < line.len && line.at[len] == ' ' ? len : 0;
}

/* Length of the target up to the blank after it; 0 when a byte does not belong there. *query_at is
 * the first '?', or the length. */
static size_t target_length(struct bytes text, size_t *query_at)
{
    size_t len = 0;

    while (len < text.len && text.at[len] != '?' && syntax_is(text.at[len], SYNTAX_TARGET))
        len++;
    *query_at = len;
    while (len < text.len && syntax_is(text.at[len], SYNTAX_TARGET))
        len++;
    return len < text.len && text.at[len] == ' ' ? len : 0;
}

static bool take_scheme(struct bytes *text, struct bytes scheme)
{
    struct bytes start = bytes_slice(*text, 0, scheme.len + 3);

    if (start.len < scheme.len + 3 || !bytes_ends_with(start, BYTES("://")) ||
        !bytes_equal_nocase(bytes_slice(start, 0, scheme.len), scheme))
        return false;
    *text = bytes_skip(*text, start.len);
    return true;
}

/* http://authority/path: the authority comes before the Host field, the rest is as origin-form. */
static enum h1_fault split_absolute(struct bytes before_query, struct request *request)
{
    size_t slash;

    if (take_scheme(&before_query, BYTES("http")))
        request->scheme = BYTES("http");
    else if (take_scheme(&before_query, BYTES("https")))
        request->scheme = BYTES("https");
    else
        return H1_BAD_TARGET; /* another scheme, or authority-form, which only CONNECT has */
    slash = bytes_find(before_query, '/');
    request->authority = bytes_slice(before_query, 0, slash);
    if (request->authority.len == 0)
        return H1_BAD_TARGET;
    request->path = bytes_skip(before_query, slash);
    if (request->path.len == 0) /* RFC 9112 section 3.2.4 */
        request->path = request->method_id == METHOD_OPTIONS && request->query.len == 0
                            ? BYTES("*")
                            : BYTES("/");
    return H1_FINE;
}

static enum h1_fault split_target(struct bytes target, size_t query_at, struct request *request)
{
    request->path = bytes_slice(target, 0, query_at);
    request->query = bytes_skip(target, query_at);
    if (target.at[0] == '/')
        return H1_FINE;
    if (bytes_equal(target, BYTES("*")))
        return request->method_id == METHOD_OPTIONS ? H1_FINE : H1_BAD_TARGET;
    return split_absolute(request->path, request);
}

enum h1_fault h1_request_line(struct bytes *rest, const struct h1_limits *limits,
                              struct request *request)
{
    struct bytes line;
    size_t method_len, target_len, query_at;
    enum h1_fault fault;

    if (!take_line(rest, &line))
        return H1_BAD_LINE_END;
    method_len = method_length(line);
    if (method_len == 0 || method_len > METHOD_LENGTH_MAX)
        return line.len == 0 ? H1_BAD_REQUEST_LINE : H1_BAD_METHOD;
    request->method = bytes_slice(line, 0, method_len);
    line = bytes_skip(line, method_len + 1);
    target_len = target_length(line, &query_at);
    if (target_len == 0)
        return H1_BAD_TARGET;
    if (target_len > limits->target_bytes_max)
        return H1_TARGET_TOO_LONG;
    fault = read_version(bytes_skip(line, target_len + 1), H1_BAD_REQUEST_LINE,
                         &request->version_minor);
    if (fault != H1_FINE)
        return fault;
    request->version_major = 1;
    request->method_id = method_identify(request->method);
    if (request->method_id == METHOD_CONNECT || request->method_id == METHOD_TRACE)
        return H1_METHOD_NOT_ALLOWED;
    return split_target(bytes_slice(line, 0, target_len), query_at, request);
}

static bool is_reason(struct bytes text)
{
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.at[at];

        if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
            return false;
    }
    return true;
}

/* Many endpoints leave out the blank before an empty reason; nothing is framed by it. */
enum h1_fault h1_status_line(struct bytes *rest, struct response *response)
{
    struct bytes line;
    int status;
    enum h1_fault fault;

    if (!take_line(rest, &line))
        return H1_BAD_LINE_END;
    fault = read_version(bytes_slice(line, 0, VERSION_LENGTH), H1_BAD_STATUS_LINE,
                         &response->version_minor);
    if (fault != H1_FINE)
        return fault;
    line = bytes_skip(line, VERSION_LENGTH);
    if (line.len < 1 + STATUS_CODE_LENGTH || line.at[0] != ' ' || !syntax_is_digit(line.at[1]) ||
        !syntax_is_digit(line.at[2]) || !syntax_is_digit(line.at[3]))
        return H1_BAD_STATUS_LINE;
    status = (line.at[1] - '0') * 100 + (line.at[2] - '0') * 10 + (line.at[3] - '0');
    line = bytes_skip(line, 1 + STATUS_CODE_LENGTH);
    if (status < STATUS_MIN || (line.len > 0 && line.at[0] != ' ') || !is_reason(line))
        return H1_BAD_STATUS_LINE;
    response->status = (uint16_t)status;
    response->reason = bytes_skip(line, 1);
    return H1_FINE;
}
