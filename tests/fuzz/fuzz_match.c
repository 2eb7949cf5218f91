/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_match.c - rules and requests of any bytes, against a matcher that tries every rule.
 *
 * Input is lines. "h" and a name begins a host, "e", "p", "s" and "r" and a path add a rule of that
 * kind to it, "d" gives it a default, and any other line is a request "HOST PATH".
 */
#include "core/check.h"
#include "core/mem.h"
#include "route/builder.h"
#include "route/dump.h"
#include "route/explain.h"
#include "route/match.h"

#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool rule_matches(const struct route *route, struct bytes path)
{
    switch (route->path_kind) {
    case PATH_EXACT:
        return bytes_equal(route->path, path);
    case PATH_STRING_PREFIX:
        return bytes_starts_with(path, route->path);
    case PATH_PREFIX:
        if (!bytes_starts_with(path, route->path))
            return false;
        return path.len == route->path.len || path.at[route->path.len] == '/' ||
               path.at[route->path.len - 1] == '/';
    case PATH_REGEX:
        break;
    }
    return false;
}

/* Patterns can not be tried in a plainer way: a vhost that has one is not judged. */
static void check_match(const struct vhost *vhost, struct bytes path, enum match_result result,
                        const struct route *route)
{
    for (uint32_t i = 0; i < vhost->routes_count; i++)
        if (vhost->routes[i].path_kind == PATH_REGEX)
            return;
    for (uint32_t i = 0; i < vhost->routes_count; i++) {
        if (rule_matches(&vhost->routes[i], path)) {
            CHECK(result == MATCH_ROUTE && route == &vhost->routes[i]);
            return;
        }
    }
    if (vhost->default_route != NULL)
        CHECK(result == MATCH_ROUTE && route == vhost->default_route);
    else
        CHECK(result == MATCH_NO_PATH);
}

static void try_request(const struct table *table, struct bytes line)
{
    size_t blank = bytes_find(line, ' ');
    struct bytes host = bytes_slice(line, 0, blank);
    struct bytes path = bytes_skip(line, host.len + 1);
    const struct vhost *vhost = table_vhost(table, SCHEME_HTTP, host);
    const struct route *route = NULL;
    struct explain_request request = {.url = path, .host = host};
    enum match_result result;
    struct text text;

    if (path.len == 0)
        return;
    result = match_route(table, SCHEME_HTTP, host, path, &route);
    if (vhost != NULL)
        check_match(vhost, path, result, route);
    else
        CHECK(result == MATCH_NO_HOST);
    text_init(&text);
    (void)explain(table, &request, NULL, NULL, &text);
    text_fini(&text);
}

struct target {
    struct builder *builder;
    struct vhost_builder *vhost; /* NULL before the first host */
    struct bytes rules[LINES_MAX];
    size_t rules_count; /* of the host begun last */
};

static enum path_kind kind_of(char letter)
{
    switch (letter) {
    case 'e':
        return PATH_EXACT;
    case 's':
        return PATH_STRING_PREFIX;
    case 'r':
        return PATH_REGEX;
    default:
        return PATH_PREFIX;
    }
}

/* The same rule twice is the caller's mistake, so this caller does not make it. */
static bool is_known(const struct target *target, enum path_kind kind, struct bytes path)
{
    for (size_t i = 0; i < target->rules_count; i++) {
        enum path_kind known = kind_of(target->rules[i].at[0]);

        if (known == kind &&
            bytes_equal(route_path_of_rule(known, bytes_skip(target->rules[i], 1)), path))
            return true;
    }
    return false;
}

static void end_host(struct target *target)
{
    if (target->vhost != NULL)
        builder_put_vhost(target->builder, target->vhost);
    target->vhost = NULL;
    target->rules_count = 0;
}

static void add_rule(struct target *target, struct bytes line)
{
    enum path_kind kind = kind_of(line.at[0]);
    struct bytes path = route_path_of_rule(kind, bytes_skip(line, 1));
    struct route route = {.path = path, .path_kind = kind, .action = ROUTE_REDIRECT_HTTPS};
    const char *error;

    if (target->vhost == NULL)
        return;
    if (line.at[0] == 'd')
        vhost_builder_set_default(target->vhost, &route);
    else if (!is_known(target, kind, path) &&
             vhost_builder_add(target->vhost, &route, &error) == STATUS_OK)
        target->rules[target->rules_count++] = line;
}

static bool take_line(struct target *target, struct bytes line)
{
    if (line.len < 2 || bytes_find(BYTES("hepsrd"), line.at[0]) == BYTES_NOT_FOUND)
        return false;
    if (line.at[0] != 'h') {
        add_rule(target, line);
        return true;
    }
    end_host(target);
    if (line.at[1] != '.')
        target->vhost = vhost_builder_create(bytes_skip(line, 1), SCHEME_HTTP);
    return true;
}

static void dump(const struct table *table)
{
    struct text text;

    text_init(&text);
    table_dump_text(table, &text);
    table_dump_json(table, &text);
    text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_from(size > 0 ? (const char *)data : NULL, size);
    struct target target = {.builder = builder_create(NULL)};
    struct bytes requests[LINES_MAX];
    size_t requests_count = 0;
    struct table *table;
    struct bytes line;

    for (size_t lines = 0; lines < LINES_MAX && bytes_next_item(&rest, '\n', &line); lines++)
        if (!take_line(&target, line))
            requests[requests_count++] = line;
    end_host(&target);
    table = builder_finish(target.builder);
    for (size_t i = 0; i < requests_count; i++)
        try_request(table, requests[i]);
    dump(table);
    table_unref(table);
    CHECK(table_live_count() == 0);
    return 0;
}
