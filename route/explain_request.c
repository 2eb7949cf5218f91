/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_request.c - the request of an explanation, read as the proxy would read it.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/normal.h"
#include "route/words.h"

bool explain_refuse(struct explainer *explainer, const char *verdict)
{
    hints_add_label(explainer->out, "verdict");
    text_add_str(explainer->out, verdict);
    text_add_byte(explainer->out, '\n');
    return false;
}

void explain_add_fact(struct explainer *explainer, const char *label, const char *text)
{
    hints_add_label(explainer->out, label);
    text_add_str(explainer->out, text);
    text_add_byte(explainer->out, '\n');
}

static bool starts_with_scheme(struct bytes url, struct bytes scheme)
{
    return url.len >= scheme.len && bytes_equal_nocase(bytes_slice(url, 0, scheme.len), scheme);
}

/* Take the URL apart; a fragment never reaches a server. False when it is no URL we know. */
static bool split_url(struct explainer *explainer)
{
    struct bytes url = explainer->request->url;
    size_t end;

    url = bytes_slice(url, 0, bytes_find(url, '#'));
    if (starts_with_scheme(url, BYTES("https://")))
        explainer->scheme = SCHEME_HTTPS;
    if (explainer->scheme == SCHEME_HTTP && !starts_with_scheme(url, BYTES("http://"))) {
        explainer->target = url;
        return url.len > 0 && url.at[0] == '/';
    }
    url = bytes_skip(url, explainer->scheme == SCHEME_HTTPS ? 8 : 7);
    for (end = 0; end < url.len && url.at[end] != '/' && url.at[end] != '?'; end++)
        continue;
    explainer->authority = bytes_slice(url, 0, end);
    explainer->target = bytes_skip(url, end);
    return true;
}

static bool walk_url(struct explainer *explainer)
{
    explainer->method = explainer->request->method;
    if (explainer->method.len == 0)
        explainer->method = BYTES("GET");
    if (!split_url(explainer))
        return explain_refuse(explainer,
                              "not a URL: write http://HOST/PATH, or /PATH and a Host header");
    if (explainer->request->host.len > 0)
        explainer->authority = explainer->request->host;
    if (explainer->authority.len == 0)
        return explain_refuse(explainer, "no host: write http://HOST/PATH, or add a Host header");
    hints_add_label(explainer->out, "request");
    words_add_text(explainer->out, explainer->method);
    text_add_byte(explainer->out, ' ');
    words_add_text(explainer->out, explainer->request->url);
    text_add_byte(explainer->out, '\n');
    return true;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(struct bytes text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < text.len; i++) {
        char byte = ascii_lower(text.at[i]);

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') &&
            (byte == '\0' || strchr(others, byte) == NULL))
            return false;
    }
    return text.len > 0;
}

static bool walk_method(struct explainer *explainer)
{
    if (!is_token(explainer->method))
        return explain_refuse(explainer, "400: the method is not a token");
    if (bytes_equal(explainer->method, BYTES("CONNECT")) ||
        bytes_equal(explainer->method, BYTES("TRACE")))
        return explain_refuse(explainer, "405: CONNECT and TRACE are not served");
    return true;
}

static bool walk_host(struct explainer *explainer)
{
    char *room = arena_alloc(&explainer->arena, explainer->authority.len);
    struct host_port parsed;

    if (authority_parse(explainer->authority, room, &parsed) != STATUS_OK)
        return explain_refuse(explainer, "400: the host is not HOST or HOST:PORT");
    explainer->host = parsed.host;
    return true;
}

static const char *fault_verdict(enum path_fault fault)
{
    switch (fault) {
    case PATH_FINE:
        return "";
    case PATH_BAD_ESCAPE:
        return "400: the path has a % without two hex digits behind it";
    case PATH_NUL:
        return "400: the path has a %00";
    case PATH_BACKSLASH:
        return "400: the path has a backslash, raw or as %5C";
    case PATH_ABOVE_ROOT:
        return "400: the path climbs above the root with ..";
    case PATH_BAD_BYTE:
        return "400: the path has a byte that must be escaped (a blank, a control byte, non-ASCII)";
    }
    return "400";
}

bool explain_walk_path(struct explainer *explainer)
{
    struct bytes target = explainer->target;
    struct bytes path = bytes_slice(target, 0, bytes_find(target, '?'));
    char *room = arena_alloc(&explainer->arena, path.len + 1);
    enum path_fault fault;

    explainer->query = bytes_skip(target, path.len);
    if (path.len == 0)
        path = BYTES("/");
    fault = path_normalise(path, room, &explainer->path);
    if (fault != PATH_FINE)
        return explain_refuse(explainer, fault_verdict(fault));
    hints_add_label(explainer->out, "path");
    words_add_text(explainer->out, explainer->path);
    if (!bytes_equal(path, explainer->path))
        text_add_str(explainer->out, " (the normal form, matched and forwarded)");
    text_add_byte(explainer->out, '\n');
    return true;
}

bool explain_walk_request(struct explainer *explainer)
{
    return walk_url(explainer) && walk_method(explainer) && walk_host(explainer);
}
