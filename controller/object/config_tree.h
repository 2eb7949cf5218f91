/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_tree.h - a YAML or JSON document that is no Kubernetes object: a kubeconfig, what a
 * credential plugin prints.
 *
 *     struct config_node user = config_item(tree, config_list(tree, root, "users"), 0);
 *     struct bytes name = config_text(tree, user, "name");
 *
 * What is absent or null reads as empty. The first field of a wrong type is kept as an error with
 * its line, and all reading may go on: who is done asks config_error() once. No value is ever
 * quoted, as it may be a key.
 */
#ifndef CONTROLLER_OBJECT_CONFIG_TREE_H
#define CONTROLLER_OBJECT_CONFIG_TREE_H

#include "core/status.h"
#include "core/text.h"

struct config_tree;

/* A value in the tree, valid as long as the tree. */
struct config_node {
    const void *at; /* NULL: absent */
};

/* One document. On STATUS_INVALID a sentence has been appended to *error ("line 3: ..."). An empty
 * text is an empty object. */
enum status config_tree_read(struct bytes text, struct config_tree **tree, struct text *error);
void config_tree_destroy(struct config_tree *tree);
struct config_node config_root(const struct config_tree *tree);

struct config_node config_object(struct config_tree *tree, struct config_node up, const char *key);
struct config_node config_list(struct config_tree *tree, struct config_node up, const char *key);
size_t config_count(struct config_node list);
struct config_node config_item(struct config_tree *tree, struct config_node list, size_t index);
struct bytes config_item_text(struct config_tree *tree, struct config_node list, size_t index);
/* Followed by a NUL that is not counted. */
struct bytes config_text(struct config_tree *tree, struct config_node up, const char *key);
bool config_bool(struct config_tree *tree, struct config_node up, const char *key);
/* There, whatever it is, and not null. */
bool config_has(struct config_node up, const char *key);
/* The value as JSON. */
void config_add_json(struct config_node node, struct text *out);

/* The first wrong type met, as a sentence followed by a NUL; empty: none. */
struct bytes config_error(const struct config_tree *tree);

#endif
