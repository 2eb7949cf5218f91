/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind.h - one entry for each kind: its name, its struct, how it is read. The entries stand in the
 * files named after the kinds.
 */
#ifndef CONTROLLER_OBJECT_KIND_H
#define CONTROLLER_OBJECT_KIND_H

#include "controller/object/layout.h"
#include "controller/object/node.h"

struct kind {
    const char *name;
    const char *version; /* the apiVersion to recommend */
    bool is_cluster_wide;
    bool is_secret; /* its values are never shown, and wiped when they are freed */
    size_t size;
    const struct layout *layout;
    /*
     * Read the fields of `root` into a zeroed struct of this kind whose metadata is read already.
     * Texts may borrow from the tree; arrays come from the arena of the node.
     */
    void (*decode)(const struct node *root, struct bytes api_version, struct object *loose);
};

extern const struct kind kind_ingress;
extern const struct kind kind_ingress_class;
extern const struct kind kind_service;
extern const struct kind kind_endpoint_slice;
extern const struct kind kind_endpoints;
extern const struct kind kind_secret;
extern const struct kind kind_config_map;
extern const struct kind kind_ingress_route;
extern const struct kind kind_tls_delegation;

const struct kind *kind_of(enum object_kind kind);
/* The kind of that name, whatever its version; STATUS_NOT_FOUND if there is none. */
enum status kind_find(struct bytes name, enum object_kind *kind);
bool kind_has_version(enum object_kind kind, struct bytes api_version);
/* The group of this apiVersion, whatever its version, has kinds that are served. A Service of
 * Knative is no Service of ours. */
bool kind_is_of_our_group(struct bytes api_version);

/* Overwrite the values of a Secret, packed or loose, before its memory goes. */
void data_object_wipe(const struct data_object *secret);
/* Overwrite all texts of a tree. */
void data_object_wipe_tree(const json_t *json);

#endif
