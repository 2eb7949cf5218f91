/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hints.c - near misses.
 */
#include "route/hints.h"

#include "core/mem.h"
#include "core/spelling.h"
#include "route/normal.h"
#include "route/table_parts.h"
#include "route/words.h"

#include <stdlib.h>

#define LABEL_COLUMN 10
#define DISTANCE_MAX 3 /* edits between two hosts that look alike */
#define FAR          (DISTANCE_MAX + 1)

void hints_add_label(struct text *out, const char *label)
{
    size_t line = out->len;

    text_add_str(out, label);
    words_pad(out, line, LABEL_COLUMN);
}

struct host_hint {
    const struct vhost *vhost;
    uint32_t distance; /* 0 is nearest; FAR is no hint */
    const char *why;
};

static bool is_below(struct bytes host, struct bytes parent)
{
    return host.len > parent.len && bytes_ends_with(host, parent) &&
           host.at[host.len - parent.len - 1] == '.';
}

static struct host_hint judge_wildcard(const struct vhost *vhost, struct bytes host)
{
    struct bytes parent = bytes_skip(vhost->name, 2);

    if (is_below(host, parent))
        return (struct host_hint){vhost, 0, "a wildcard covers exactly one label"};
    if (bytes_equal(host, parent))
        return (struct host_hint){vhost, 0, "a wildcard does not cover the name it stands on"};
    return (struct host_hint){
        vhost, spelling_edits(bytes_skip(host, bytes_find(host, '.') + 1), parent, DISTANCE_MAX),
        ""};
}

static struct host_hint judge_host(const struct vhost *vhost, struct bytes host)
{
    if (bytes_equal(vhost->name, BYTES("*")))
        return (struct host_hint){vhost, FAR, ""};
    if (vhost_is_wildcard(vhost->name))
        return judge_wildcard(vhost, host);
    if (is_below(host, vhost->name))
        return (struct host_hint){vhost, 2, "covers no names below it"};
    if (is_below(vhost->name, host))
        return (struct host_hint){vhost, 2, "is below the host asked for"};
    return (struct host_hint){vhost, spelling_edits(host, vhost->name, DISTANCE_MAX),
                              "looks alike"};
}

static int compare_hints(const struct host_hint *a, const struct host_hint *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return bytes_compare(a->vhost->name, b->vhost->name);
}

/* Insert into the sorted best ones, of which there are *count. */
static void keep_best(struct host_hint *best, size_t *count, const struct host_hint *hint)
{
    size_t at = *count;

    while (at > 0 && compare_hints(hint, &best[at - 1]) < 0) {
        if (at < HINTS_HOSTS_MAX)
            best[at] = best[at - 1];
        at--;
    }
    if (at < HINTS_HOSTS_MAX)
        best[at] = *hint;
    if (*count < HINTS_HOSTS_MAX)
        ++*count;
}

void hints_add_hosts(const struct table *table, enum scheme scheme, struct bytes host,
                     struct text *out)
{
    struct name_index_cursor cursor = {0};
    struct host_hint best[HINTS_HOSTS_MAX];
    const struct vhost *vhost;
    size_t count = 0;

    while ((vhost = name_index_next(&table->hosts[scheme], &cursor)) != NULL) {
        struct host_hint hint = judge_host(vhost, host);

        /* Of short names everything is within a few edits. */
        if (hint.distance < FAR && hint.distance * 3 <= host.len)
            keep_best(best, &count, &hint);
    }
    for (size_t i = 0; i < count; i++) {
        hints_add_label(out, "nearest");
        words_add_text(out, best[i].vhost->name);
        if (best[i].why[0] != '\0')
            text_printf(out, " (%s)", best[i].why);
        text_add_byte(out, '\n');
    }
}

/* How many bytes two paths agree in, upper and lower case being the same here. */
static size_t agreement(struct bytes a, struct bytes b)
{
    size_t len = 0;

    while (len < a.len && len < b.len && ascii_lower(a.at[len]) == ascii_lower(b.at[len]))
        len++;
    return len;
}

static bool starts_with_nocase(struct bytes text, struct bytes prefix)
{
    return text.len >= prefix.len && bytes_equal_nocase(bytes_slice(text, 0, prefix.len), prefix);
}

static struct bytes why_not_exact(struct bytes rule, struct bytes path)
{
    struct bytes longer = rule.len > path.len ? rule : path;
    struct bytes shorter = rule.len > path.len ? path : rule;

    if (bytes_equal_nocase(rule, path))
        return BYTES("upper and lower case differ");
    if (longer.len == shorter.len + 1 && longer.at[shorter.len] == '/' &&
        bytes_starts_with(longer, shorter))
        return BYTES("with and without a slash at the end are two paths");
    if (bytes_starts_with(path, rule))
        return BYTES("an exact path covers nothing below it");
    return BYTES_NONE;
}

static struct bytes why_not_prefix(struct bytes rule, struct bytes path)
{
    if (bytes_starts_with(path, rule))
        return BYTES("this prefix covers whole segments only");
    if (starts_with_nocase(path, rule))
        return BYTES("upper and lower case differ");
    if (bytes_starts_with(rule, path))
        return BYTES("the rule is longer than the path");
    return BYTES_NONE;
}

struct bytes hints_why_not(const struct route *route, struct bytes path)
{
    switch (route->path_kind) {
    case PATH_EXACT:
        return why_not_exact(route->path, path);
    case PATH_REGEX:
        return BYTES("a regular expression must match the whole path");
    case PATH_PREFIX:
    case PATH_STRING_PREFIX:
        return why_not_prefix(route->path, path);
    }
    return BYTES_NONE;
}

static void add_path_hint(const struct route *route, struct bytes path, struct text *out)
{
    struct bytes why = hints_why_not(route, path);

    hints_add_label(out, "nearest");
    text_printf(out, "%-6s ", path_kind_word(route->path_kind));
    words_add_text(out, route->path);
    if (why.len > 0)
        text_printf(out, " (%.*s)", BYTES_ARG(why));
    if (route->object.len > 0 || route->field.len > 0)
        text_add_str(out, "  ");
    words_add_origin(out, route);
    text_add_byte(out, '\n');
}

/* qsort_r(): what agrees longest with the path first, then the order of precedence. */
static int compare_routes(const void *a, const void *b, void *context)
{
    const struct route *left = *(const struct route *const *)a;
    const struct route *right = *(const struct route *const *)b;
    const struct bytes *path = context;
    size_t agreed_left = agreement(left->path, *path);
    size_t agreed_right = agreement(right->path, *path);

    if (agreed_left != agreed_right)
        return agreed_left > agreed_right ? -1 : 1;
    return (left > right) - (left < right);
}

void hints_add_paths(const struct vhost *vhost, struct bytes path, struct text *out)
{
    size_t count = vhost->routes_count;
    const struct route **routes = mem_new_array(const struct route *, count + 1);

    for (size_t i = 0; i < count; i++)
        routes[i] = &vhost->routes[i];
    qsort_r(routes, count, sizeof(routes[0]), compare_routes, &path);
    for (size_t i = 0; i < count && i < HINTS_PATHS_MAX; i++)
        add_path_hint(routes[i], path, out);
    mem_free(routes);
    if (count <= HINTS_PATHS_MAX)
        return;
    hints_add_label(out, "nearest");
    words_add_count(out, count - HINTS_PATHS_MAX, "more path");
    text_add_str(out, " of this host, see the table\n");
}
