/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_tree.c - the readers of manifests, for a document of our own choice.
 */
#include "controller/object/config_tree.h"

#include "controller/object/tree.h"

struct config_tree {
    json_t *root; /* owned */
    struct lines lines;
    struct text error;
};

/* The first byte that is no blank tells JSON from YAML, as for manifests. */
static bool is_json(struct bytes text)
{
    size_t at = 0;

    while (at < text.len && memchr(" \t\r\n", text.at[at], 4) != NULL)
        at++;
    return at < text.len && text.at[at] == '{';
}

/* A JSON text is one document: what comes after it is not looked at. */
static enum status read_json(struct bytes text, struct config_tree *tree, struct tree_error *error)
{
    struct document document;
    struct json_tree reader;
    enum status status;

    json_tree_open(&reader, text, &tree->lines, error);
    status = json_tree_next(&reader, &document);
    if (status == STATUS_OK)
        tree->root = document.root;
    return status;
}

static enum status read_yaml(struct bytes text, struct config_tree *tree, struct tree_error *error)
{
    struct document document;
    struct yaml_tree reader;
    enum status status;

    yaml_tree_open(&reader, text, &tree->lines, error);
    status = yaml_tree_next(&reader, &document);
    if (status == STATUS_OK)
        tree->root = document.root;
    else if (status == STATUS_END)
        status = STATUS_OK;
    yaml_tree_close(&reader);
    return status;
}

static enum status read_text(struct bytes text, struct config_tree *tree, struct tree_error *error)
{
    enum status status = tree_check_text(text, error);

    if (status == STATUS_OK)
        status = is_json(text) ? read_json(text, tree, error) : read_yaml(text, tree, error);
    if (status == STATUS_OK && (tree->root == NULL || json_is_null(tree->root)))
        tree->root = json_object();
    if (status == STATUS_OK && !json_is_object(tree->root)) {
        tree_error_set(error, 1, 0, "an object was expected here");
        status = STATUS_INVALID;
    }
    return status;
}

enum status config_tree_read(struct bytes text, struct config_tree **tree, struct text *error)
{
    struct config_tree *fresh = mem_new(struct config_tree);
    struct tree_error fault = {0};

    lines_init(&fresh->lines);
    text_init(&fresh->error);
    if (read_text(text, fresh, &fault) != STATUS_OK) {
        if (fault.line > 0)
            text_printf(error, "line %u: ", fault.line);
        text_add_str(error, fault.text);
        config_tree_destroy(fresh);
        return STATUS_INVALID;
    }
    *tree = fresh;
    return STATUS_OK;
}

void config_tree_destroy(struct config_tree *tree)
{
    json_decref(tree->root);
    lines_fini(&tree->lines);
    text_fini(&tree->error);
    mem_free(tree);
}

struct config_node config_root(const struct config_tree *tree)
{
    return (struct config_node){tree->root};
}

struct bytes config_error(const struct config_tree *tree)
{
    return text_bytes(&tree->error);
}

static void on_wrong_type(struct config_tree *tree, const json_t *json, const char *key,
                          const char *type)
{
    uint32_t line = lines_find(&tree->lines, json);

    if (tree->error.len > 0)
        return;
    if (line > 0)
        text_printf(&tree->error, "line %u: ", line);
    text_printf(&tree->error, "%s must be %s", key, type);
    text_add_byte(&tree->error, '\0');
    tree->error.len--;
}

static const json_t *member(struct config_node up, const char *key)
{
    const json_t *json = json_object_get(up.at, key);

    return json_is_null(json) ? NULL : json;
}

bool config_has(struct config_node up, const char *key)
{
    return member(up, key) != NULL;
}

struct config_node config_object(struct config_tree *tree, struct config_node up, const char *key)
{
    const json_t *json = member(up, key);

    if (json == NULL || json_is_object(json))
        return (struct config_node){json};
    on_wrong_type(tree, json, key, "an object");
    return (struct config_node){NULL};
}

struct config_node config_list(struct config_tree *tree, struct config_node up, const char *key)
{
    const json_t *json = member(up, key);

    if (json == NULL || json_is_array(json))
        return (struct config_node){json};
    on_wrong_type(tree, json, key, "a list");
    return (struct config_node){NULL};
}

size_t config_count(struct config_node list)
{
    return json_array_size(list.at);
}

struct config_node config_item(struct config_tree *tree, struct config_node list, size_t index)
{
    const json_t *json = json_array_get(list.at, index);

    if (json_is_object(json))
        return (struct config_node){json};
    on_wrong_type(tree, json, "an item of a list", "an object");
    return (struct config_node){NULL};
}

static struct bytes text_of(struct config_tree *tree, const json_t *json, const char *key)
{
    if (json == NULL)
        return BYTES_NONE;
    if (json_is_string(json))
        return bytes_from(json_string_value(json), json_string_length(json));
    on_wrong_type(tree, json, key, "a text: put it in quotes");
    return BYTES_NONE;
}

struct bytes config_item_text(struct config_tree *tree, struct config_node list, size_t index)
{
    return text_of(tree, json_array_get(list.at, index), "an item of a list");
}

struct bytes config_text(struct config_tree *tree, struct config_node up, const char *key)
{
    return text_of(tree, member(up, key), key);
}

bool config_bool(struct config_tree *tree, struct config_node up, const char *key)
{
    const json_t *json = member(up, key);

    if (json != NULL && !json_is_boolean(json))
        on_wrong_type(tree, json, key, "true or false");
    return json_is_true(json);
}

static int add_bytes(const char *at, size_t len, void *context)
{
    text_add(context, bytes_from(at, len));
    return 0;
}

void config_add_json(struct config_node node, struct text *out)
{
    (void)json_dump_callback(node.at, add_bytes, out, JSON_COMPACT | JSON_ENCODE_ANY);
}
