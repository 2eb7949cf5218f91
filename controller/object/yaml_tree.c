/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree.c - libyaml's events become a json_t tree.
 *
 *     event -> node -> place_node() -> the open mapping or sequence on top of the stack
 *
 * An alias shares the node it stands for, so it costs no memory here; but whoever walks the tree
 * walks it again each time. So nodes and text count each time too, and both have a limit.
 */
#include "controller/object/decode.h"
#include "controller/object/scalar.h"
#include "controller/object/tree.h"
#include "core/check.h"
#include "core/mem.h"

struct yaml_anchor {
    char *name;   /* owned */
    json_t *node; /* ref */
    size_t nodes; /* how much an alias adds */
    size_t text_bytes;
};

struct yaml_frame {
    json_t *container; /* ref */
    json_t *merge;     /* ref; what << names, or NULL */
    char *anchor;      /* owned, or NULL */
    size_t nodes;      /* of the tree when this frame was opened */
    size_t text_bytes;
    struct text key; /* of the value that is to come */
    bool has_key;
    bool key_is_merge;
};

void yaml_tree_open(struct yaml_tree *tree, struct bytes text, struct lines *lines,
                    struct tree_error *error)
{
    *tree = (struct yaml_tree){.text = text, .lines = lines, .error = error};
    if (bytes_starts_with(text, BYTES("\xEF\xBB\xBF")))
        text = bytes_skip(text, 3);
    tree->frames = mem_new_array(struct yaml_frame, MANIFEST_DEPTH_MAX);
    tree->anchors = mem_new_array(struct yaml_anchor, TREE_ANCHORS_MAX);
    CHECK(yaml_parser_initialize(&tree->parser)); /* it only allocates */
    yaml_parser_set_encoding(&tree->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&tree->parser,
                                 (const unsigned char *)(text.len == 0 ? "" : text.at), text.len);
}

static void frame_fini(struct yaml_frame *frame)
{
    json_decref(frame->container);
    json_decref(frame->merge);
    mem_free(frame->anchor);
    text_fini(&frame->key);
    *frame = (struct yaml_frame){0};
}

static void forget_anchors(struct yaml_tree *tree)
{
    for (size_t i = 0; i < tree->anchors_count; i++) {
        json_decref(tree->anchors[i].node);
        mem_free(tree->anchors[i].name);
    }
    tree->anchors_count = 0;
}

void yaml_tree_close(struct yaml_tree *tree)
{
    while (tree->depth > 0)
        frame_fini(&tree->frames[--tree->depth]);
    forget_anchors(tree);
    json_decref(tree->root);
    mem_free(tree->anchors);
    mem_free(tree->frames);
    yaml_parser_delete(&tree->parser);
}

static uint32_t line_of(const yaml_event_t *event)
{
    return (uint32_t)event->start_mark.line + 1;
}

#define FAIL(tree, event, ...)                                                                     \
    (tree_error_set((tree)->error, line_of(event), (uint32_t)(event)->start_mark.column + 1,       \
                    __VA_ARGS__),                                                                  \
     STATUS_INVALID)

static enum status count(struct yaml_tree *tree, const yaml_event_t *event, size_t nodes,
                         size_t text_bytes)
{
    tree->nodes += nodes;
    tree->text_bytes += text_bytes;
    if (tree->nodes > MANIFEST_NODES_MAX)
        return FAIL(tree, event, "more than %d nodes, aliases expanded", MANIFEST_NODES_MAX);
    if (tree->text_bytes > TREE_TEXT_MAX)
        return FAIL(tree, event, "more than %u bytes of text, aliases expanded", TREE_TEXT_MAX);
    return STATUS_OK;
}

/* A later anchor of the same name takes over, as YAML 1.1 section 3.2.2.2 has it. */
static enum status keep_anchor(struct yaml_tree *tree, const yaml_event_t *event, const char *name,
                               json_t *node, size_t nodes, size_t text_bytes)
{
    struct yaml_anchor *anchor;

    if (name == NULL)
        return STATUS_OK;
    if (tree->anchors_count == TREE_ANCHORS_MAX)
        return FAIL(tree, event, "more than %d anchors in a document", TREE_ANCHORS_MAX);
    anchor = &tree->anchors[tree->anchors_count++];
    anchor->name = mem_string(bytes_of(name));
    anchor->node = json_incref(node);
    anchor->nodes = nodes;
    anchor->text_bytes = text_bytes;
    return STATUS_OK;
}

/* The next scalar is the name of a field. */
static enum status take_key(struct yaml_tree *tree, const yaml_event_t *event, json_t *node,
                            bool is_merge)
{
    struct yaml_frame *frame = &tree->frames[tree->depth - 1];

    text_clear(&frame->key);
    if (scalar_key(node, &frame->key) != STATUS_OK)
        return FAIL(tree, event, "this can not be the name of a field: use a text");
    if (is_merge ? frame->merge != NULL
                 : json_object_getn(frame->container, frame->key.at == NULL ? "" : frame->key.at,
                                    frame->key.len) != NULL)
        return FAIL(tree, event, "a field is given twice: remove one of them");
    frame->has_key = true;
    frame->key_is_merge = is_merge;
    return STATUS_OK;
}

static enum status take_merge(struct yaml_tree *tree, const yaml_event_t *event,
                              struct yaml_frame *frame, json_t *node)
{
    bool is_good = json_is_object(node) || json_is_array(node);
    json_t *item;
    size_t i;

    json_array_foreach(node, i, item) is_good = is_good && json_is_object(item);
    if (!is_good)
        return FAIL(tree, event, "<< takes a mapping, or a list of mappings");
    frame->merge = json_incref(node);
    return STATUS_OK;
}

/* Put a finished node where it belongs. Takes over the reference in every case. */
static enum status place_node(struct yaml_tree *tree, const yaml_event_t *event, json_t *node)
{
    struct yaml_frame *frame = tree->depth == 0 ? NULL : &tree->frames[tree->depth - 1];
    enum status status = STATUS_OK;

    if (frame == NULL) {
        tree->root = node;
        return STATUS_OK;
    }
    if (json_is_array(frame->container)) {
        json_array_append(frame->container, node);
    } else if (!frame->has_key) {
        status = FAIL(tree, event, "a mapping, list or alias can not be the name of a field");
    } else if (frame->key_is_merge) {
        status = take_merge(tree, event, frame, node);
    } else if (json_object_setn(frame->container, frame->key.at == NULL ? "" : frame->key.at,
                                frame->key.len, node) != 0) {
        status = FAIL(tree, event, "this can not be the name of a field");
    }
    frame->has_key = false;
    json_decref(node);
    return status;
}

static enum status on_scalar(struct yaml_tree *tree, const yaml_event_t *event)
{
    struct bytes text =
        bytes_from((const char *)event->data.scalar.value, event->data.scalar.length);
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct yaml_frame *frame = tree->depth == 0 ? NULL : &tree->frames[tree->depth - 1];
    json_t *node;
    enum status status = count(tree, event, 1, text.len);

    if (status != STATUS_OK)
        return status;
    if (bytes_find(text, '\0') != BYTES_NOT_FOUND)
        return FAIL(tree, event, "a NUL byte in a text");
    if (scalar_resolve(text, (const char *)event->data.scalar.tag, is_plain, &node) != STATUS_OK)
        return FAIL(tree, event,
                    "this does not fit its tag, or is no number that JSON can hold: "
                    "put it in quotes and remove the tag");
    if (keep_anchor(tree, event, (const char *)event->data.scalar.anchor, node, 1, text.len) !=
        STATUS_OK) {
        json_decref(node);
        return STATUS_INVALID;
    }
    if (frame != NULL && json_is_object(frame->container) && !frame->has_key) {
        status =
            take_key(tree, event, node,
                     is_plain && event->data.scalar.tag == NULL && bytes_equal(text, BYTES("<<")));
        json_decref(node);
        return status;
    }
    lines_add(tree->lines, node, line_of(event));
    return place_node(tree, event, node);
}

static enum status on_alias(struct yaml_tree *tree, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;

    for (size_t i = tree->anchors_count; i > 0; i--) {
        struct yaml_anchor *anchor = &tree->anchors[i - 1];
        enum status status;

        if (strcmp(anchor->name, name) != 0)
            continue;
        status = count(tree, event, anchor->nodes, anchor->text_bytes);
        return status != STATUS_OK ? status : place_node(tree, event, json_incref(anchor->node));
    }
    return FAIL(tree, event, "an alias of an anchor that is not there, or not complete yet");
}

/* libyaml gives `tag` for !!map, !!seq and what the writer made up. */
static bool may_open(const yaml_char_t *tag, const char *allowed)
{
    return tag == NULL || strcmp((const char *)tag, allowed) == 0 ||
           strcmp((const char *)tag, "!") == 0;
}

static enum status open_frame(struct yaml_tree *tree, const yaml_event_t *event, bool is_mapping)
{
    const yaml_char_t *anchor =
        is_mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    struct yaml_frame *frame;

    if (!(is_mapping ? may_open(event->data.mapping_start.tag, YAML_MAP_TAG)
                     : may_open(event->data.sequence_start.tag, YAML_SEQ_TAG)))
        return FAIL(tree, event, "a tag that Kubernetes does not know: remove it");
    if (tree->depth == MANIFEST_DEPTH_MAX)
        return FAIL(tree, event, "nested deeper than %d", MANIFEST_DEPTH_MAX);
    frame = &tree->frames[tree->depth++];
    *frame = (struct yaml_frame){.nodes = tree->nodes, .text_bytes = tree->text_bytes};
    text_init(&frame->key);
    frame->container = is_mapping ? json_object() : json_array();
    frame->anchor = anchor == NULL ? NULL : mem_string(bytes_of((const char *)anchor));
    lines_add(tree->lines, frame->container, line_of(event));
    return count(tree, event, 1, 0);
}

/* Fields that are written out win over merged ones, and an earlier source over a later one. */
static void merge_into(json_t *container, json_t *source)
{
    json_t *value;
    size_t i;

    if (json_is_object(source))
        json_object_update_missing(container, source);
    json_array_foreach(source, i, value) merge_into(container, value);
}

static enum status close_frame(struct yaml_tree *tree, const yaml_event_t *event)
{
    struct yaml_frame *frame = &tree->frames[tree->depth - 1];
    json_t *container = json_incref(frame->container);
    enum status status;

    if (frame->merge != NULL)
        merge_into(container, frame->merge);
    status = keep_anchor(tree, event, frame->anchor, container, tree->nodes - frame->nodes,
                         tree->text_bytes - frame->text_bytes);
    frame_fini(frame);
    tree->depth--;
    if (status == STATUS_OK)
        return place_node(tree, event, container);
    json_decref(container);
    return status;
}

/* STATUS_AGAIN: go on; STATUS_OK: a document is complete. */
static enum status take_event(struct yaml_tree *tree, const yaml_event_t *event,
                              struct document *document)
{
    enum status status = STATUS_OK;

    if (document->line == 0 && event->type != YAML_STREAM_START_EVENT &&
        event->type != YAML_DOCUMENT_START_EVENT)
        document->line = line_of(event);
    switch (event->type) {
    case YAML_STREAM_END_EVENT:
        return STATUS_END;
    case YAML_DOCUMENT_START_EVENT:
        lines_clear(tree->lines);
        break;
    case YAML_DOCUMENT_END_EVENT:
        document->root = tree->root;
        tree->root = NULL;
        forget_anchors(tree);
        return STATUS_OK;
    case YAML_ALIAS_EVENT:
        status = on_alias(tree, event);
        break;
    case YAML_SCALAR_EVENT:
        status = on_scalar(tree, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        status = open_frame(tree, event, false);
        break;
    case YAML_MAPPING_START_EVENT:
        status = open_frame(tree, event, true);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        status = close_frame(tree, event);
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
        break;
    }
    return status == STATUS_OK ? STATUS_AGAIN : status;
}

/* libyaml's sentences are constant texts; those of its reader come with an offset only. */
static enum status on_syntax_error(struct yaml_tree *tree)
{
    const yaml_parser_t *parser = &tree->parser;
    uint32_t line = (uint32_t)parser->problem_mark.line + 1;
    uint32_t column = (uint32_t)parser->problem_mark.column + 1;

    if (parser->error == YAML_READER_ERROR)
        tree_place_of(tree->text, parser->problem_offset, &line, &column);
    tree_error_set(tree->error, line, column, "%s%s%s",
                   parser->problem == NULL ? "does not parse" : parser->problem,
                   parser->context == NULL ? "" : " ",
                   parser->context == NULL ? "" : parser->context);
    return STATUS_INVALID;
}

enum status yaml_tree_next(struct yaml_tree *tree, struct document *document)
{
    enum status status = STATUS_AGAIN;
    yaml_event_t event;

    document->line = 0;
    while (status == STATUS_AGAIN) {
        if (!yaml_parser_parse(&tree->parser, &event))
            return on_syntax_error(tree);
        status = take_event(tree, &event, document);
        yaml_event_delete(&event);
    }
    return status;
}
