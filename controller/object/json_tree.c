/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_tree.c - jansson reads the values, one behind the other; we look ahead for limits and lines.
 */
#include "controller/object/decode.h"
#include "controller/object/tree.h"
#include "core/mem.h"

/* A look at one JSON value before jansson sees it. What it thinks of a broken text does not matter:
 * jansson decides. */
struct scan {
    struct bytes text;
    size_t at;
    size_t depth;
    size_t nodes;
    bool is_too_deep;
    uint32_t line;
    bool in_items;        /* inside the array named "items" of the outermost object */
    uint32_t *item_lines; /* owned */
    size_t items_count;
    size_t items_capacity;
};

void json_tree_open(struct json_tree *tree, struct bytes text, struct lines *lines,
                    struct tree_error *error)
{
    *tree = (struct json_tree){.text = text, .line = 1, .lines = lines, .error = error};
    if (bytes_starts_with(text, BYTES("\xEF\xBB\xBF")))
        tree->at = 3;
}

/* Blanks, and lines of dashes that people put between JSON values too. */
static void skip_blanks(struct json_tree *tree)
{
    for (; tree->at < tree->text.len; tree->at++) {
        char byte = tree->text.at[tree->at];

        if (byte == '\n')
            tree->line++;
        else if (byte == '-' && bytes_starts_with(bytes_skip(tree->text, tree->at), BYTES("---")))
            tree->at += 2;
        else if (byte != ' ' && byte != '\t' && byte != '\r')
            return;
    }
}

static struct bytes scan_string(struct scan *scan)
{
    size_t from = ++scan->at;

    while (scan->at < scan->text.len && scan->text.at[scan->at] != '"' &&
           scan->text.at[scan->at] != '\n')
        scan->at += scan->text.at[scan->at] == '\\' ? 2 : 1;
    return bytes_slice(scan->text, from, scan->at - from);
}

static void scan_item(struct scan *scan)
{
    if (scan->items_count == scan->items_capacity) {
        scan->items_capacity = scan->items_capacity == 0 ? 64 : scan->items_capacity * 2;
        scan->item_lines =
            mem_resize(scan->item_lines, scan->items_capacity * sizeof(scan->item_lines[0]));
    }
    scan->item_lines[scan->items_count++] = scan->line;
}

static void scan_open(struct scan *scan, char byte, struct bytes last_string)
{
    if (byte == '[' && scan->depth == 1 && bytes_equal(last_string, BYTES("items"))) {
        scan->in_items = true;
        scan->items_count = 0;
    } else if (byte == '{' && scan->in_items && scan->depth == 2) {
        scan_item(scan);
    }
    scan->nodes++;
    if (++scan->depth > MANIFEST_DEPTH_MAX)
        scan->is_too_deep = true;
}

/* To the end of the value that begins at scan->at, or of the text. */
static void scan_value(struct scan *scan)
{
    struct bytes last_string = BYTES_NONE;

    for (; scan->at < scan->text.len && scan->nodes <= MANIFEST_NODES_MAX; scan->at++) {
        switch (scan->text.at[scan->at]) {
        case '\n':
            scan->line++;
            break;
        case '"':
            last_string = scan_string(scan);
            break;
        case ',':
            scan->nodes++;
            last_string = BYTES_NONE;
            break;
        case '{':
        case '[':
            scan_open(scan, scan->text.at[scan->at], last_string);
            break;
        case '}':
        case ']':
            if (--scan->depth == 0)
                return;
            if (scan->depth == 1)
                scan->in_items = false;
            break;
        default:
            break;
        }
    }
}

static void keep_item_lines(struct json_tree *tree, const struct scan *scan, const json_t *root)
{
    const json_t *items = json_object_get(root, "items");

    lines_clear(tree->lines);
    for (size_t i = 0; i < json_array_size(items) && i < scan->items_count; i++)
        lines_add(tree->lines, json_array_get(items, i), scan->item_lines[i]);
}

/* jansson quotes the text around the fault, which may be a key: that part is cut off. */
static enum status on_syntax_error(struct json_tree *tree, const json_error_t *error)
{
    const char *quote = strstr(error->text, " near '");
    size_t length = quote == NULL ? strlen(error->text) : (size_t)(quote - error->text);
    uint32_t line = error->line < 1 ? 1 : (uint32_t)error->line;
    uint32_t column = error->column < 0 ? 0 : (uint32_t)error->column;
    uint32_t before_line;
    uint32_t before;

    if (line == 1) {
        tree_place_of(tree->text, tree->at, &before_line, &before);
        column += before - 1;
    }
    if (json_error_code(error) == json_error_duplicate_key)
        tree_error_set(tree->error, tree->line + line - 1, column,
                       "a field is given twice: remove one of them");
    else
        tree_error_set(tree->error, tree->line + line - 1, column, "%.*s", (int)length,
                       error->text);
    return STATUS_INVALID;
}

static enum status check_limits(struct json_tree *tree, const struct scan *scan)
{
    if (scan->is_too_deep)
        tree_error_set(tree->error, tree->line, 0, "nested deeper than %d", MANIFEST_DEPTH_MAX);
    else if (tree->nodes + scan->nodes > MANIFEST_NODES_MAX)
        tree_error_set(tree->error, tree->line, 0, "more than %d nodes", MANIFEST_NODES_MAX);
    else
        return STATUS_OK;
    return STATUS_INVALID;
}

static enum status read_value(struct json_tree *tree, struct scan *scan, struct document *document)
{
    struct bytes rest = bytes_skip(tree->text, tree->at);
    json_error_t error;
    json_t *root;

    if (check_limits(tree, scan) != STATUS_OK)
        return STATUS_INVALID;
    root = json_loadb(rest.at, rest.len, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
    if (root == NULL)
        return on_syntax_error(tree, &error);
    keep_item_lines(tree, scan, root);
    *document = (struct document){root, tree->line};
    for (size_t i = 0; i < (size_t)error.position; i++)
        tree->line += rest.at[i] == '\n';
    tree->at += (size_t)error.position;
    tree->nodes += scan->nodes;
    return STATUS_OK;
}

enum status json_tree_next(struct json_tree *tree, struct document *document)
{
    struct scan scan = {.text = tree->text};
    enum status status;

    skip_blanks(tree);
    if (tree->at == tree->text.len)
        return STATUS_END;
    if (tree->text.at[tree->at] != '{' && tree->text.at[tree->at] != '[') {
        uint32_t column;

        tree_place_of(tree->text, tree->at, &tree->line, &column);
        tree_error_set(tree->error, tree->line, column, "an object was expected here");
        return STATUS_INVALID;
    }
    scan.at = tree->at;
    scan.line = tree->line;
    scan_value(&scan);
    status = read_value(tree, &scan, document);
    mem_free(scan.item_lines);
    return status;
}
