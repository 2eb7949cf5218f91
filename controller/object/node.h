/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - reading fields of a json_t tree, with the path back to the root for what is to be told.
 *
 *     struct node spec = node_object(root, "spec");
 *     struct node rules = node_array(&spec, "rules");
 *
 * A field that is absent or null reads as empty. The first field of a wrong type makes a note that
 * names path, value and remedy; the object is left out then, and all later reads give nothing, so a
 * reader need not test for it. A node must not outlive the one it came from.
 */
#ifndef CONTROLLER_OBJECT_NODE_H
#define CONTROLLER_OBJECT_NODE_H

#include "controller/object/decode.h"
#include "controller/object/lines.h"

/* The reading of one object. */
struct decoding {
    struct decoded *decoded; /* borrowed; takes the notes */
    struct lines *lines;     /* borrowed */
    struct arena *arena;     /* borrowed; arrays of the loose object */
    struct bytes object;     /* "Ingress default/web", as far as it is known */
    uint32_t line;           /* where the object begins */
    bool hides_values;       /* a Secret: notes do not show values */
    bool knows_name;         /* and the namespace: both have been read, */
    bool knows_metadata;     /* and all else of the metadata */
    bool has_failed;
    struct bytes fault; /* then: "PATH: text", in the arena */
};

struct node {
    const json_t *json;    /* borrowed; NULL when the field is absent */
    const struct node *up; /* NULL at the root */
    const char *key;       /* NULL for an item of a list */
    size_t index;
    struct decoding *decoding;
};

struct node node_root(struct decoding *decoding, const json_t *json);
struct node node_object(const struct node *up, const char *key);
struct node node_array(const struct node *up, const char *key);
uint32_t node_count(const struct node *array);
struct node node_item(const struct node *array, size_t index); /* that is an object */
struct bytes node_item_text(const struct node *array, size_t index);
/* Visit the members of an object: void *at = NULL; while (node_next(...)). A null is skipped. False
 * at the end and after a failure. */
bool node_next(const struct node *object, void **at, struct node *member);
/* The same, and each must be a text. */
bool node_next_text(const struct node *object, void **at, struct bytes *name, struct bytes *value);

struct bytes node_text(const struct node *up, const char *key);
bool node_bool(const struct node *up, const char *key, bool otherwise);
/* From `min` to `max`; 0 when absent. */
int32_t node_number(const struct node *up, const char *key, int32_t min, int32_t max);
/* The same; `remedy` is told where it is a text and no number: "write whole seconds". */
int32_t node_number_or_say(const struct node *up, const char *key, int32_t min, int32_t max,
                           const char *remedy);
/* An int-or-string of Kubernetes that means a port. */
struct port_ref node_port_ref(const struct node *up, const char *key);

/* "spec.rules[0].host"; nothing for the root. */
void node_add_path(const struct node *node, struct text *out);

/* Zeroed room for `count` items of a loose object. */
void *node_room(const struct node *node, size_t count, size_t size);
#define NODE_ARRAY(node, count, type) ((type *)node_room((node), (count), sizeof(type)))

/* Tell about a field of this node, or about the node itself when key is NULL; "PATH: text". */
void node_fail(const struct node *node, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_warn(const struct node *node, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A note about a whole object or document. Returns it for more fields, or NULL when there are
 * MANIFEST_NOTES_MAX already. */
struct decode_note *decoded_add_note(struct decoded *decoded, bool is_error, uint32_t line,
                                     struct bytes object, struct bytes text);

#endif
