/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the text of a manifest as json_t trees, one document at a time.
 *
 *     text -> yaml_tree | json_tree -> json_t -> node.h -> struct of a kind
 *
 * Both readers count what they build, and refuse before it is built.
 */
#ifndef CONTROLLER_OBJECT_TREE_H
#define CONTROLLER_OBJECT_TREE_H

#include "controller/object/lines.h"
#include "core/status.h"

#include <yaml.h>

#define TREE_ANCHORS_MAX 1000                /* of one document */
#define TREE_TEXT_MAX    (64u * 1024 * 1024) /* bytes of text of one file, aliases expanded */

/* Why a text does not parse. It never quotes the text, which may hold a key. */
struct tree_error {
    uint32_t line;   /* 1-based; 0 unknown */
    uint32_t column; /* 1-based; 0 unknown */
    char text[200];
};

void tree_error_set(struct tree_error *error, uint32_t line, uint32_t column, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));
/* The line and column of a byte, both 1-based. */
void tree_place_of(struct bytes text, size_t at, uint32_t *line, uint32_t *column);
/* STATUS_INVALID when the text is no UTF-8 or holds a NUL. */
enum status tree_check_text(struct bytes text, struct tree_error *error);

struct document {
    json_t *root; /* owned by the caller */
    uint32_t line;
};

struct yaml_anchor;
struct yaml_frame;

struct yaml_tree {
    yaml_parser_t parser;
    struct bytes text;           /* borrowed */
    size_t nodes;                /* of the file so far, aliases expanded */
    size_t text_bytes;           /* likewise */
    struct yaml_anchor *anchors; /* owned; of the current document */
    size_t anchors_count;
    struct yaml_frame *frames; /* owned; the open mappings and sequences */
    size_t depth;
    json_t *root; /* owned until it is handed out */
    struct lines *lines;
    struct tree_error *error;
};

/*
 * *lines and *error are borrowed until the close. next() gives STATUS_OK with a document,
 * STATUS_END, or STATUS_INVALID with *error filled; no more may be asked then. *lines knows the
 * document's nodes until the next call.
 */
void yaml_tree_open(struct yaml_tree *tree, struct bytes text, struct lines *lines,
                    struct tree_error *error);
enum status yaml_tree_next(struct yaml_tree *tree, struct document *document);
void yaml_tree_close(struct yaml_tree *tree);

struct json_tree {
    struct bytes text; /* borrowed */
    size_t at;
    uint32_t line; /* of `at` */
    size_t nodes;
    struct lines *lines;
    struct tree_error *error;
};

void json_tree_open(struct json_tree *tree, struct bytes text, struct lines *lines,
                    struct tree_error *error);
enum status json_tree_next(struct json_tree *tree, struct document *document);

#endif
