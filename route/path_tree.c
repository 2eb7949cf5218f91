/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_tree.c - built breadth first, so that siblings stand side by side.
 *
 * The routes that end in or below a node are one run of the routes sorted by path. A node's label
 * is what its run has in common beyond its parent; where the run's paths part, children begin.
 */
#include "route/path_tree.h"

#include "core/check.h"
#include "core/mem.h"

#include <stdlib.h>

struct path_tree {
    const char *text;           /* borrowed from the vhost */
    const struct route *routes; /* borrowed from the vhost */
    struct path_node *nodes;    /* in this block; the first is the root */
    uint8_t *first_bytes;       /* in this block: of each node's label, for the search of a child */
    struct regex **regexes;     /* in this block; each owned */
    uint32_t nodes_count;
    uint32_t regexes_count;
    uint32_t first_regex; /* index of the route of regexes[0] */
};

/* A node while the tree is built: its run of paths, and how much of them stands above it. */
struct path_draft {
    struct path_node node;
    uint32_t from, to;
    uint32_t depth;
};

struct path_drafts {
    const struct route *routes;
    const char *text;
    uint32_t *order; /* indexes of the routes of the tree, sorted by path */
    uint32_t order_count;
    struct path_draft *drafts;
    uint32_t count;
};

static int rank_of(enum path_kind kind)
{
    switch (kind) {
    case PATH_EXACT:
        return 0;
    case PATH_REGEX:
        return 1;
    case PATH_PREFIX:
    case PATH_STRING_PREFIX:
        return 2;
    }
    return 3;
}

int route_compare(const struct route *a, const struct route *b)
{
    int rank = rank_of(a->path_kind) - rank_of(b->path_kind);

    if (rank != 0)
        return rank;
    if (a->path_kind != PATH_EXACT && a->path.len != b->path.len)
        return a->path.len > b->path.len ? -1 : 1;
    if (a->path_kind != b->path_kind)
        return a->path_kind == PATH_PREFIX ? -1 : 1;
    return bytes_compare(a->path, b->path);
}

/* qsort_r() */
static int compare_paths(const void *a, const void *b, void *context)
{
    const struct path_drafts *drafts = context;

    return bytes_compare(drafts->routes[*(const uint32_t *)a].path,
                         drafts->routes[*(const uint32_t *)b].path);
}

static struct bytes path_at(const struct path_drafts *drafts, uint32_t position)
{
    return drafts->routes[drafts->order[position]].path;
}

/* How far the first and the last path of a sorted run agree, and so all of the run. */
static uint32_t common_length(const struct path_drafts *drafts, uint32_t from, uint32_t to)
{
    struct bytes first = path_at(drafts, from);
    struct bytes last = path_at(drafts, to - 1);
    uint32_t len = 0;

    while (len < first.len && len < last.len && first.at[len] == last.at[len])
        len++;
    return len;
}

static void draft_add_route(struct path_node *node, enum path_kind kind, uint32_t index)
{
    switch (kind) {
    case PATH_EXACT:
        node->exact = index;
        break;
    case PATH_PREFIX:
        node->prefix = index;
        break;
    case PATH_STRING_PREFIX:
        node->string_prefix = index;
        break;
    case PATH_REGEX:
        CHECK(kind != PATH_REGEX);
    }
}

static void draft_init(struct path_draft *draft, uint32_t from, uint32_t to, uint32_t depth)
{
    *draft = (struct path_draft){
        .node = {.exact = PATH_TREE_NONE,
                 .prefix = PATH_TREE_NONE,
                 .string_prefix = PATH_TREE_NONE},
        .from = from,
        .to = to,
        .depth = depth,
    };
}

/* Give a node its label and routes, and append its children to the drafts. */
static void draft_grow(struct path_drafts *drafts, struct path_draft *draft)
{
    uint32_t end = common_length(drafts, draft->from, draft->to);
    uint32_t at = draft->from;

    draft->node.label = (uint32_t)(path_at(drafts, at).at - drafts->text) + draft->depth;
    draft->node.label_len = (uint16_t)(end - draft->depth);
    for (; at < draft->to && path_at(drafts, at).len == end; at++)
        draft_add_route(&draft->node, drafts->routes[drafts->order[at]].path_kind,
                        drafts->order[at]);
    draft->node.first_child = drafts->count;
    while (at < draft->to) {
        uint32_t from = at;
        char byte = path_at(drafts, from).at[end];

        while (at < draft->to && path_at(drafts, at).at[end] == byte)
            at++;
        draft_init(&drafts->drafts[drafts->count++], from, at, end);
        draft->node.children_count++;
    }
}

static void drafts_init(struct path_drafts *drafts, const struct route *routes, uint32_t count,
                        const char *text)
{
    *drafts = (struct path_drafts){.routes = routes, .text = text};
    drafts->order = mem_new_array(uint32_t, (size_t)count + 1);
    for (uint32_t i = 0; i < count; i++)
        if (routes[i].path_kind != PATH_REGEX)
            drafts->order[drafts->order_count++] = i;
    qsort_r(drafts->order, drafts->order_count, sizeof(uint32_t), compare_paths, drafts);
    /* Every node but the root ends a path or parts two of them. */
    drafts->drafts = mem_new_array(struct path_draft, (size_t)drafts->order_count * 2 + 1);
}

static void drafts_grow(struct path_drafts *drafts)
{
    if (drafts->order_count == 0)
        return;
    draft_init(&drafts->drafts[drafts->count++], 0, drafts->order_count, 0);
    for (uint32_t i = 0; i < drafts->count; i++)
        draft_grow(drafts, &drafts->drafts[i]);
}

static struct path_tree *tree_alloc(uint32_t nodes_count, uint32_t regexes_count)
{
    size_t regexes_size = regexes_count * sizeof(struct regex *);
    size_t nodes_size = nodes_count * sizeof(struct path_node);
    char *block = mem_alloc(sizeof(struct path_tree) + regexes_size + nodes_size + nodes_count);
    struct path_tree *tree = (struct path_tree *)(void *)block;

    tree->nodes_count = nodes_count;
    tree->regexes_count = regexes_count;
    block += sizeof(struct path_tree);
    tree->regexes = (struct regex **)(void *)block;
    block += regexes_size;
    tree->nodes = (struct path_node *)(void *)block;
    tree->first_bytes = (uint8_t *)(block + nodes_size);
    return tree;
}

static void tree_fill(struct path_tree *tree, const struct path_drafts *drafts)
{
    for (uint32_t i = 0; i < drafts->count; i++) {
        tree->nodes[i] = drafts->drafts[i].node;
        if (tree->nodes[i].label_len > 0)
            tree->first_bytes[i] = (uint8_t)drafts->text[tree->nodes[i].label];
    }
}

struct path_tree *path_tree_create(const struct route *routes, uint32_t count, const char *text,
                                   struct regex *const *regexes)
{
    struct path_drafts drafts;
    struct path_tree *tree;

    drafts_init(&drafts, routes, count, text);
    drafts_grow(&drafts);
    tree = tree_alloc(drafts.count, count - drafts.order_count);
    tree->text = text;
    tree->routes = routes;
    tree_fill(tree, &drafts);
    while (tree->first_regex < count && routes[tree->first_regex].path_kind != PATH_REGEX)
        tree->first_regex++;
    if (tree->regexes_count > 0)
        memcpy(tree->regexes, regexes, tree->regexes_count * sizeof(struct regex *));
    mem_free(drafts.order);
    mem_free(drafts.drafts);
    return tree;
}

void path_tree_destroy(struct path_tree *tree)
{
    if (tree == NULL)
        return;
    for (uint32_t i = 0; i < tree->regexes_count; i++)
        regex_destroy(tree->regexes[i]);
    mem_free(tree);
}

/* With a few children a look at each is quicker than halving. */
#define CHILDREN_FEW 6

/* The child whose label begins with the byte; NULL when there is none. */
static const struct path_node *child_of(const struct path_tree *tree, const struct path_node *node,
                                        uint8_t byte)
{
    const uint8_t *first_bytes = tree->first_bytes + node->first_child;
    uint32_t from = 0;
    uint32_t to = node->children_count;

    if (to <= CHILDREN_FEW) {
        for (; from < to; from++)
            if (first_bytes[from] == byte)
                return &tree->nodes[node->first_child + from];
        return NULL;
    }
    while (from < to) {
        uint32_t middle = (from + to) / 2;

        if (first_bytes[middle] < byte)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == node->children_count || first_bytes[from] != byte)
        return NULL;
    return &tree->nodes[node->first_child + from];
}

/* Does a prefix that ends at `at` end a segment of the path? */
static bool is_boundary(struct bytes path, size_t at)
{
    return at == path.len || path.at[at] == '/' || (at > 0 && path.at[at - 1] == '/');
}

/* memcmp() for labels, which are short: calling it would cost more than it does. */
static bool label_matches(const char *label, const char *path, size_t len)
{
    uint64_t of_label, of_path;

    for (; len >= sizeof(of_label); len -= sizeof(of_label)) {
        memcpy(&of_label, label, sizeof(of_label));
        memcpy(&of_path, path, sizeof(of_path));
        if (of_label != of_path)
            return false;
        label += sizeof(of_label);
        path += sizeof(of_path);
    }
    for (size_t i = 0; i < len; i++)
        if (label[i] != path[i])
            return false;
    return true;
}

void path_tree_walk(const struct path_tree *tree, struct bytes path, struct path_walk *walk)
{
    const struct path_node *node = tree->nodes_count > 0 ? &tree->nodes[0] : NULL;
    uint32_t prefix = PATH_TREE_NONE;
    uint32_t nodes = 0;
    size_t at = 0;

    walk->exact = PATH_TREE_NONE;
    for (; node != NULL; node = child_of(tree, node, (uint8_t)path.at[at])) {
        nodes++;
        if (path.len - at < node->label_len ||
            !label_matches(tree->text + node->label, path.at + at, node->label_len))
            break;
        at += node->label_len;
        if (node->prefix != PATH_TREE_NONE && is_boundary(path, at))
            prefix = node->prefix;
        else if (node->string_prefix != PATH_TREE_NONE)
            prefix = node->string_prefix;
        if (at == path.len) {
            walk->exact = node->exact;
            break;
        }
    }
    walk->prefix = prefix;
    walk->nodes = nodes;
}

static enum match_result match_regexes(const struct path_tree *tree, struct bytes path,
                                       const struct route **route)
{
    uint32_t steps_max = regex_steps(path.len, tree->regexes_count);

    for (uint32_t i = 0; i < tree->regexes_count; i++) {
        enum regex_result result = regex_match(tree->regexes[i], path, steps_max);

        if (result == REGEX_DIFFERS)
            continue;
        *route = &tree->routes[tree->first_regex + i];
        return result == REGEX_MATCHES ? MATCH_ROUTE : MATCH_REGEX_LIMIT;
    }
    return MATCH_NO_PATH;
}

enum match_result path_tree_match(const struct path_tree *tree, struct bytes path,
                                  const struct route **route)
{
    enum match_result result = MATCH_NO_PATH;
    struct path_walk walk;

    if (path.len == 0)
        return MATCH_NO_PATH;
    path_tree_walk(tree, path, &walk);
    if (walk.exact == PATH_TREE_NONE && tree->regexes_count > 0)
        result = match_regexes(tree, path, route);
    if (result != MATCH_NO_PATH)
        return result;
    if (walk.exact == PATH_TREE_NONE && walk.prefix == PATH_TREE_NONE)
        return MATCH_NO_PATH;
    *route = &tree->routes[walk.exact != PATH_TREE_NONE ? walk.exact : walk.prefix];
    return MATCH_ROUTE;
}
